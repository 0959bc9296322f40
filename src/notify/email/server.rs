//! The mail server: where it is, how its connection is made private, as whom we log in. Safe to print.
//!
//! Knows the rules of `url`, nothing of the dialogue. Next file: [`super::tls`], which vouches for it.

use std::fmt;

use percent_encoding::percent_decode_str;
use rustls::pki_types::ServerName;
use url::Url;

use crate::http_client::is_loopback;

/// What is wrong with a setting, without the setting itself, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mistake {
    pub(super) message: String,
    pub(super) cure: &'static str,
}

impl Mistake {
    pub(super) fn new(message: impl Into<String>, cure: &'static str) -> Self {
        Self { message: message.into(), cure }
    }
}

/// How the connection is made private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// TLS from the first byte, <https://www.rfc-editor.org/rfc/rfc8314#section-3.3>.
    Implicit,
    /// In the clear until the server has agreed to TLS, and not a command further without,
    /// <https://www.rfc-editor.org/rfc/rfc3207>.
    StartTls,
    /// Not at all: it does not leave this machine.
    None,
}

/// A mail server that may be sent to. Neither `Debug` nor `Display` shows whom we log in as.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) security: Security,
    pub(super) user: Option<String>,
}

const FORM: &str = "write `smtps://USER@HOST:465` (TLS from the first byte) or `smtp://USER@HOST:587` (STARTTLS); without \
                    `USER@` for a server that wants no login";

impl Server {
    /// The only way in. `has_ca` says that an authority is named: then a loopback address must show a certificate as well.
    pub(super) fn parse(text: &str, has_ca: bool) -> Result<Self, Mistake> {
        let url = Url::parse(text.trim()).map_err(|error| Mistake::new(format!("is not a URL: {error}"), FORM))?;
        if url.password().is_some() {
            let cure = "write it beside the URL, from the environment: `password: { env: SMTP_PASSWORD }`";
            return Err(Mistake::new("holds a password", cure));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(Mistake::new("has something after the host and the port", FORM));
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(Mistake::new("has no host that mail can be sent to", FORM));
        }
        let (security, usual_port) = match url.scheme() {
            "smtps" => (Security::Implicit, 465),
            "smtp" if is_loopback(&host) && !has_ca => (Security::None, 587),
            "smtp" => (Security::StartTls, 587),
            _ => return Err(Mistake::new("starts with neither `smtps://` nor `smtp://`", FORM)),
        };
        Ok(Self { port: url.port().unwrap_or(usual_port), user: user(url.username())?, host, security })
    }
}

/// Whom to log in as: the part before the last `@`, with its percent signs read.
fn user(written: &str) -> Result<Option<String>, Mistake> {
    let cure = "write `@` in the user's name as it is or as `%40`, and other odd characters with a percent sign";
    let Ok(decoded) = percent_decode_str(written).decode_utf8() else {
        return Err(Mistake::new("has a user's name that is not UTF-8", cure));
    };
    match decoded.chars().any(char::is_control) {
        true => Err(Mistake::new("has a user's name with control characters in it", cure)),
        false => Ok(Some(decoded.into_owned()).filter(|user| !user.is_empty())),
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.security == Security::Implicit { "smtps" } else { "smtp" };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({self}, {:?})", self.security)
    }
}

#[cfg(test)]
#[path = "tests/server.rs"]
mod tests;
