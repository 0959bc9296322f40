//! E-mail, handed to a mail server for submission, <https://www.rfc-editor.org/rfc/rfc6409>.
//!
//! One target is one recipient, because a delivery has one state; why that is so stands in ARCHITECTURE.md. [`mail`] writes it in the
//! [`words`] of the message, [`session`] hands it over on a [`wire`] of its own, [`verdict`] reads the answers. Mail is not
//! idempotent: what may have arrived is sent again with the same Message-ID, by which some servers and clients know it.

mod address;
mod mail;
mod server;
mod session;
mod tls;
mod verdict;
mod wire;
mod words;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use tokio_rustls::TlsConnector;

use super::{Kit, Notifier, NotifyError, Sent};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::event::ledger::Answered;
use crate::http_client::{Connection, Endpoint};
use crate::template::Wording;
use address::{Recipients, list_id, mailbox};
use mail::{Correspondents, Mail};
use server::{Mistake, Security, Server};
use session::{Envelope, Login, Patience, Session};

/// `email: { url, password, from, to, reply_to, list_id, ca }`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: String,
    password: Option<Secret>,
    from: String,
    to: Recipients,
    reply_to: Option<String>,
    list_id: Option<String>,
    /// A PEM file: the authorities that vouch for the server, instead of the system's.
    ca: Option<String>,
}

/// Builds the notifier; notes all mistakes that can be seen without asking the server, never with the password.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let server = noted(section, "url", Server::parse(&config.url, config.ca.is_some()));
    let login = server.as_ref().and_then(|server| noted(section, "password", login(server, config.password)));
    let tls = server.as_ref().and_then(|server| noted(section, "ca", connector(server, config.ca.as_deref())));
    let correspondents = correspondents(section, &config.from, &config.to, config.reply_to, config.list_id);
    let connection = kit.http.connection().clone();
    let server = server.and_then(|server| noted(section, "url", reachable(server, &connection)));
    let session = Session { server: server?, tls: tls?, login: login?, patience: Patience::USUAL, connection };
    Some(Arc::new(Email { correspondents: correspondents?, session }))
}

/// As far as that is known without looking it up.
fn reachable(server: Server, connection: &Connection) -> Result<Server, Mistake> {
    let cure = "correct the host, or add it to `connection.allow`, of this target or at the top level";
    match connection.refusal_at(&server.host) {
        Some(why) => Err(Mistake::new(format!("cannot be reached: {why}"), cure)),
        None => Ok(server),
    }
}

fn correspondents(
    section: &Section,
    from: &str,
    to: &Recipients,
    reply_to: Option<String>,
    list: Option<String>,
) -> Option<Correspondents> {
    let (from, to) = (noted(section, "from", mailbox(from)), noted(section, "to", to.only()));
    let reply_to = noted(section, "reply_to", reply_to.map(|reply_to| mailbox(&reply_to)).transpose());
    let list = noted(section, "list_id", list.map(|list| list_id(&list)).transpose());
    let from = from?;
    let list_id = list?.unwrap_or_else(|| format!("<castai-relay.{}>", from.email.domain()));
    Some(Correspondents { to: to?, reply_to: reply_to?, list_id, from })
}

fn noted<T>(section: &Section, key: &str, result: Result<T, Mistake>) -> Option<T> {
    let note = |Mistake { message, cure }| {
        section.problem_at(key, format!("`{key}` {message}"), &[], Some(cure.to_owned()));
    };
    result.map_err(note).ok()
}

/// A user goes with a password, and a password with a user.
fn login(server: &Server, password: Option<Secret>) -> Result<Option<Login>, Mistake> {
    match (server.user.clone(), password) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) if !password.expose().chars().any(char::is_control) => {
            Ok(Some(Login { user, password }))
        }
        (Some(_), Some(_)) => {
            Err(Mistake::new("has control characters in it", "look for a line break at the end of what was copied"))
        }
        (Some(_), None) => {
            let cure = "write it beside `url`: `password: { env: SMTP_PASSWORD }`; or take the user out of `url`";
            Err(Mistake::new("is missing for the user in `url`", cure))
        }
        (None, Some(_)) => {
            let cure = "name the user in `url`: `smtps://USER@HOST:465`; or leave `password` out";
            Err(Mistake::new("is of nobody: `url` names no user", cure))
        }
    }
}

fn connector(server: &Server, ca: Option<&str>) -> Result<Option<TlsConnector>, Mistake> {
    match server.security {
        Security::None => Ok(None),
        Security::Implicit | Security::StartTls => tls::connector(ca).map(Some),
    }
}

struct Email {
    correspondents: Correspondents,
    session: Session,
}

impl Email {
    /// A text of the server without the password in it, in any form in which we sent it.
    fn redacted(&self, text: &str) -> String {
        let Some(Login { user, password }) = &self.session.login else { return text.to_owned() };
        let password = password.expose();
        let sent = [STANDARD.encode(format!("\0{user}\0{password}")), STANDARD.encode(password), password.to_owned()];
        sent.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    fn refused(&self, mut failure: session::Failure) -> NotifyError {
        let mut answer = None;
        if let session::Failure::Refused(_, reply) = &mut failure {
            // Before anything is cut: half a password is one, too.
            reply.lines = vec![self.redacted(&reply.text())];
            answer = Some(Answered::new(reply.code, &reply.text()));
        }
        let error = verdict::of(&failure, &self.session.server.to_string());
        NotifyError { detail: self.redacted(&error.detail), answer, ..error }
    }
}

#[async_trait]
impl Notifier for Email {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        match Mail::write(&self.correspondents, batch, wording) {
            Ok(mail) => {
                let (headers, Mail { plain, html, .. }) = (mail.headers(), &mail);
                format!("{}\n{headers}\n\n{plain}\n{html}", self.session.server)
            }
            Err(error) => error.to_string(),
        }
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let mail = Mail::write(&self.correspondents, batch, wording)?;
        let Correspondents { from, to, .. } = &self.correspondents;
        let envelope = Envelope { from: from.email.as_ref(), to: to.email.as_ref(), mail: &mail.bytes };
        let reply = self.session.send(envelope).await.map_err(|failure| self.refused(failure))?;
        let answer = Answered::new(reply.code, &self.redacted(&reply.text()));
        Ok(Sent { receipt: mail.receipt, answer: Some(answer) })
    }

    fn connects_within(&self) -> Option<Duration> {
        // Whoever breaks off before the final dot has sent no mail.
        Some(self.session.patience.hand_over)
    }

    fn patience(&self) -> Option<Duration> {
        Some(self.session.patience.total())
    }

    async fn knock(&self) -> Option<(String, Result<(), String>)> {
        let knocked = self.session.knock().await;
        Some((self.session.server.to_string(), knocked.map_err(|failure| self.refused(failure).detail)))
    }
}

#[cfg(test)]
mod tests;
