//! How hosts are connected to: the section `connection`, and what it comes to together with the environment.
//!
//! Files are read when the section is. [`super::proxy`] is the way out, [`super::pem`] who is trusted and who we are, [`super::guard`] who
//! may be reached. Next file: [`super`], which makes a client of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::{fmt, io};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use serde::{Deserialize, Deserializer, de};

use super::endpoint::Endpoint;
use super::guard::Guard;
use super::host::{Allowed, Past};
use super::lookup;
use super::pem;
use super::proxy::{self, Choice, Proxied, Way};

/// The section `connection`, as written: of everybody, or of one target.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Written {
    proxy: Option<Choice>,
    no_proxy: Option<Vec<Past>>,
    ca: Option<Authorities>,
    client_certificate: Option<Chain>,
    client_key: Option<Key>,
    allow: Option<Vec<Allowed>>,
}

/// What cannot be meant: the key, what is wrong with it, and the cure.
pub type Impossible = (&'static str, String, String);

impl Written {
    /// What cannot be meant, though each value for itself could.
    pub fn impossible(&self) -> Vec<Impossible> {
        let pair = match (&self.client_certificate, &self.client_key) {
            (Some(Chain(chain)), Some(Key(key))) => does_not_fit(chain, key).then(|| {
                let cure = "name the key that the certificate was made for; `openssl x509 -noout -pubkey -in CERTIFICATE` and `openssl \
                            pkey -pubout -in KEY` then print the same";
                ("client_key", "`client_key` is not the key of `client_certificate`".to_owned(), cure.to_owned())
            }),
            (Some(_), None) => Some(alone("client_certificate", "client_key")),
            (None, Some(_)) => Some(alone("client_key", "client_certificate")),
            (None, None) => None,
        };
        let is_empty = self.allow.as_ref().is_some_and(Vec::is_empty);
        let nobody = is_empty.then(|| {
            let mistake = "`allow` is empty, so that nothing could be reached".to_owned();
            ("allow", mistake, "list what may be reached, or leave it out".to_owned())
        });
        pair.into_iter().chain(nobody).collect()
    }

    /// With what `common` says where this says nothing.
    #[must_use]
    pub fn over(self, common: &Self) -> Self {
        let common = common.clone();
        Self {
            proxy: self.proxy.or(common.proxy),
            no_proxy: self.no_proxy.or(common.no_proxy),
            ca: self.ca.or(common.ca),
            client_certificate: self.client_certificate.or(common.client_certificate),
            client_key: self.client_key.or(common.client_key),
            allow: self.allow.or(common.allow),
        }
    }
}

fn alone(key: &'static str, missing: &str) -> Impossible {
    (key, format!("`{key}` is nothing without `{missing}`"), format!("write `{missing}: PATH` beside it"))
}

/// Whether the key is of another certificate, or of a kind that nothing can be signed with.
fn does_not_fit(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> bool {
    CertifiedKey::from_der(chain.to_vec(), key.clone_key(), &rustls::crypto::ring::default_provider()).is_err()
}

/// Who is trusted beside the system's certificate authorities.
#[derive(Clone, Default, PartialEq, Eq)]
struct Authorities(Vec<CertificateDer<'static>>);

/// Our certificate, with those between it and an authority.
#[derive(Clone)]
struct Chain(Vec<CertificateDer<'static>>);

/// What proves that it is ours.
#[derive(Clone)]
struct Key(Arc<PrivateKeyDer<'static>>);

macro_rules! read_from_pem {
    ($type:ident, $read:expr) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let path = String::deserialize(deserializer)?;
                $read(&path).map(|read| Self(read.into())).map_err(de::Error::custom)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($type))
            }
        }
    };
}

read_from_pem!(Authorities, pem::authorities);
read_from_pem!(Chain, pem::certificates);
read_from_pem!(Key, pem::private_key);

/// Our certificate with its key, in the one form in which the client takes them.
#[derive(Clone, PartialEq, Eq)]
struct Identity(Arc<[u8]>);

impl Identity {
    fn of(chain: &[CertificateDer<'static>], key: &PrivateKeyDer<'static>) -> Self {
        let section =
            |kind, der: &[u8]| format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", STANDARD.encode(der));
        let kind = match key {
            PrivateKeyDer::Pkcs1(_) => "RSA PRIVATE KEY",
            PrivateKeyDer::Sec1(_) => "EC PRIVATE KEY",
            _ => "PRIVATE KEY",
        };
        let chain = chain.iter().map(|certificate| section("CERTIFICATE", certificate));
        let pem: String = chain.chain([section(kind, key.secret_der())]).collect();
        Self(pem.into_bytes().into())
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity")
    }
}

/// All settings of a client. Two that are equal make clients that do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    pub(super) way: Way,
    authorities: Authorities,
    identity: Option<Identity>,
    pub(super) guard: Guard,
}

impl Connection {
    /// As the environment has it, with nothing written.
    pub fn of_environment() -> Self {
        let way = proxy::of_environment(|name| std::env::var(name).ok());
        Self { way, authorities: Authorities::default(), identity: None, guard: Guard::default() }
    }

    /// Why this host (as there) may not be connected to, as far as that is known without looking it up; in words.
    pub fn refusal_at(&self, host: &str) -> Option<String> {
        self.guard.at_sight(host).err().map(|refused| refused.to_string())
    }

    /// The addresses of `host` (a name or an address without brackets) that may be connected to, for whoever speaks something
    /// else there than HTTP. No proxy is asked, and none leads there.
    ///
    /// # Errors
    /// When the host has no address, or none that may be reached.
    pub async fn addresses(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.guard.at_sight(host).map_err(io::Error::other)?;
        lookup::addresses(&self.guard, host, port).await.map_err(io::Error::other)
    }

    /// With what is written. A written proxy stands alone: then neither the environment's proxy nor its exceptions count.
    #[must_use]
    pub fn with(&self, written: Written) -> Self {
        let Written { proxy, no_proxy, ca, client_certificate, client_key, allow } = written;
        let way = match (proxy, &self.way) {
            (Some(Choice::None), _) => Way::Direct,
            (Some(Choice::Through(url)), _) => {
                Way::Through(Proxied { url, past: no_proxy.unwrap_or_default(), named_by: "`connection.proxy`" })
            }
            (None, Way::Through(proxied)) => {
                Way::Through(Proxied { past: no_proxy.unwrap_or_else(|| proxied.past.clone()), ..proxied.clone() })
            }
            (None, other) => other.clone(),
        };
        let identity = client_certificate.zip(client_key).map(|(Chain(chain), Key(key))| Identity::of(&chain, &key));
        Self { way, authorities: ca.unwrap_or_default(), identity, guard: Guard { allow } }
    }

    /// The same without a list of what may be reached: for what is no target.
    #[must_use]
    pub fn unlisted(&self) -> Self {
        Self { guard: Guard::default(), ..self.clone() }
    }

    /// Whether it is as a client is that was told nothing.
    pub fn is_plain(&self) -> bool {
        let Self { way, authorities, identity, guard } = self;
        *way == Way::Direct && authorities.0.is_empty() && identity.is_none() && guard.allow.is_none()
    }

    /// Why nothing can go out, where the environment leads nowhere.
    pub fn blocked(&self) -> Option<&str> {
        match &self.way {
            Way::Blocked(why) => Some(why),
            Way::Direct | Way::Through(_) => None,
        }
    }

    /// The proxy on the way there, if one is. None is for addresses of this machine: what may go there in the clear, keys
    /// included, must not leave it.
    ///
    /// # Errors
    /// In words, when nothing may be sent there.
    pub(super) fn proxy_to(&self, to: &Endpoint) -> Result<Option<&Proxied>, String> {
        let host = to.host();
        let judged = |judged: Result<(), _>| judged.map_err(|refused: super::guard::Refused| refused.to_string());
        match &self.way {
            _ if to.is_loopback() => judged(self.guard.at_sight(host)).map(|()| None),
            Way::Direct => judged(self.guard.at_sight(host)).map(|()| None),
            Way::Through(proxied) if proxied.past.iter().any(|past| past.has(host)) => {
                judged(self.guard.at_sight(host)).map(|()| None)
            }
            Way::Through(proxied) => judged(self.guard.behind_proxy(host)).map(|()| Some(proxied)),
            Way::Blocked(why) => Err(why.clone()),
        }
    }

    /// What is the same on every way.
    pub(super) fn begin(&self) -> reqwest::Result<reqwest::ClientBuilder> {
        let authorities: reqwest::Result<Vec<_>> =
            self.authorities.0.iter().map(|der| reqwest::Certificate::from_der(der)).collect();
        let client = reqwest::Client::builder().tls_certs_merge(authorities?);
        Ok(match &self.identity {
            Some(Identity(pem)) => client.identity(reqwest::Identity::from_pem(pem)?),
            None => client,
        })
    }
}

/// In words, without passwords.
impl fmt::Display for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.way {
            Way::Direct => f.write_str("directly")?,
            Way::Blocked(why) => write!(f, "not at all, because {why}")?,
            Way::Through(Proxied { url, past, named_by }) => {
                write!(f, "by the proxy {url} ({named_by})")?;
                if !past.is_empty() {
                    write!(f, ", directly to {}", listed(past))?;
                }
            }
        }
        match self.authorities.0.len() {
            0 => {}
            1 => f.write_str(", trusting 1 certificate beside the system's")?,
            many => write!(f, ", trusting {many} certificates beside the system's")?,
        }
        if self.identity.is_some() {
            f.write_str(", showing a client certificate")?;
        }
        self.guard.allow.iter().try_for_each(|allow| write!(f, ", only to {}", listed(allow)))
    }
}

fn listed(entries: &[impl fmt::Display]) -> String {
    entries.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
#[path = "tests/connection.rs"]
mod tests;
