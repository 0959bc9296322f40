//! `webhook: { url, method, headers, sign, auth, body }`: what can be written, and what cannot be meant.
//!
//! Mistakes are noted with their cure and never with a secret. Next: [`super`], which sends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};
use hyper::header::{HeaderName, HeaderValue};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

use super::body::Body;
use super::{Webhook, authorization};
use crate::config::{Secret, Section};
use crate::http_client::{Endpoint, Method};
use crate::notify::{Kit, Notifier};
use crate::signing::{Secrets, SigningKeys};

/// What is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    /// May hold a key, so it is a secret.
    url: Secret,
    #[serde(default)]
    method: Verb,
    #[serde(default)]
    headers: BTreeMap<String, Secret>,
    sign: Option<Sign>,
    auth: Option<Auth>,
    #[serde(default)]
    body: Body,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Verb {
    #[default]
    Post,
    Put,
    Patch,
}

/// How the receiver can tell that the body is ours and unchanged.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Sign {
    StandardWebhooks(Secrets),
    Hmac {
        #[serde(deserialize_with = "header_name")]
        header: HeaderName,
        #[serde(default)]
        prefix: String,
        #[serde(default)]
        encoding: Encoding,
        secret: Secret,
    },
}

/// How a signature is written.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Encoding {
    #[default]
    Hex,
    Base64,
}

/// A credential that is the same in every request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Auth {
    Bearer(Secret),
    Basic {
        username: String,
        password: Secret,
    },
    Header {
        #[serde(deserialize_with = "header_name")]
        name: HeaderName,
        value: Secret,
    },
}

/// Signs, with the keys ready for use.
pub(super) enum Signer {
    StandardWebhooks(SigningKeys),
    Hmac { header: HeaderName, prefix: String, encoding: Encoding, key: SigningKeys },
}

impl Verb {
    fn method(self) -> Method {
        match self {
            Self::Post => Method::Post,
            Self::Put => Method::Put,
            Self::Patch => Method::Patch,
        }
    }
}

/// Builds the notifier; notes all mistakes that can be seen without asking the receiver.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let secrets = secrets_of(&config);
    let Config { url, method, headers, sign, auth, body } = config;
    let endpoint = endpoint(section, url.expose());
    let signer = sign.map(|sign| signer(section, sign));
    let credential = auth.map(|auth| credential(section, auth));
    let credential_name = credential.iter().flatten().map(|(name, _)| name);
    let hmac_name = signer.iter().flatten().filter_map(|signer| match signer {
        Signer::Hmac { header, .. } => Some(header),
        Signer::StandardWebhooks(_) => None,
    });
    let ours: Vec<&HeaderName> = credential_name.chain(hmac_name).collect();
    let own = own_headers(section, headers, &ours);
    // What was written and is wrong must not be left out.
    let (signer, credential) = (all_or_none(signer)?, all_or_none(credential)?);
    let headers = own?.into_iter().chain(credential).collect();
    let http = kit.http.clone();
    Some(Arc::new(Webhook { endpoint: endpoint?, method: method.method(), headers, signer, body, secrets, http }))
}

/// `None` for what is wrong.
fn all_or_none<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    match read {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

fn endpoint(section: &Section, url: &str) -> Option<Endpoint> {
    let url = url.trim();
    let note = |mistake: String, cure: &str| {
        section.problem_at("url", format!("`url` {mistake}"), &[], Some(cure.to_owned()));
    };
    let host = url.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    if host.is_some_and(|host| host.contains('@')) {
        note("has a user in it".to_owned(), "write `auth: { basic: { username: …, password: … } }` instead");
        return None;
    }
    let parsed = Endpoint::parse(url);
    parsed.map_err(|error| note(error.to_string(), "write the whole address: `https://hooks.example.com/castai`")).ok()
}

fn signer(section: &Section, sign: Sign) -> Option<Signer> {
    match sign {
        Sign::StandardWebhooks(secrets) => {
            let hint = "make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver, too";
            let note = |mistake: String| {
                section.problem_at("sign.standard_webhooks", mistake, &[], Some(hint.to_owned()));
            };
            SigningKeys::of_standard_webhooks(&secrets).map_err(note).map(Signer::StandardWebhooks).ok()
        }
        Sign::Hmac { header, prefix, encoding, secret } => {
            let whole = check_name(section, "sign.hmac.header", &header, &[])
                & check_value(section, "sign.hmac.prefix", &prefix);
            let keys = Secrets::try_from(vec![secret]).map_err(str::to_owned).and_then(SigningKeys::try_from);
            let note = |mistake: String| section.problem_at("sign.hmac.secret", mistake, &[], None);
            let key = keys.map_err(note).ok()?;
            whole.then_some(Signer::Hmac { header, prefix, encoding, key })
        }
    }
}

fn credential(section: &Section, auth: Auth) -> Option<(HeaderName, Secret)> {
    match auth {
        Auth::Bearer(token) => {
            let good = check_value(section, "auth.bearer", token.expose());
            good.then(|| authorization("Bearer", token.expose()))
        }
        Auth::Basic { username, password } => {
            let has_colon = username.contains(':');
            if has_colon {
                let mistake = "`username` has a colon, which ends the name";
                section.problem_at("auth.basic.username", mistake, &[], Some("leave it out".to_owned()));
            }
            (!has_colon).then(|| authorization("Basic", &pair(&username, &password)))
        }
        Auth::Header { name, value } => {
            let good = check_name(section, "auth.header.name", &name, &[])
                & check_value(section, "auth.header.value", value.expose());
            good.then_some((name, value))
        }
    }
}

fn pair(username: &str, password: &Secret) -> String {
    BASE64_STANDARD.encode(format!("{username}:{}", password.expose()))
}

/// The operator's headers, without any that the relay sets.
fn own_headers(
    section: &Section,
    headers: BTreeMap<String, Secret>,
    ours: &[&HeaderName],
) -> Option<Vec<(HeaderName, Secret)>> {
    let mut seen = BTreeSet::new();
    let read = |(written, value): (String, Secret)| {
        let place = format!("headers.{written}");
        let named = HeaderName::try_from(&written);
        let note = |_| section.problem_at(&place, no_header(&written), &[], None);
        let name = named.map_err(note).ok()?;
        let twice = !seen.insert(name.to_string());
        if twice {
            let cure = "the case of the letters makes no difference; leave one out".to_owned();
            section.problem_at(&place, format!("header `{name}` is written twice"), &[], Some(cure));
        }
        let good = check_name(section, &place, &name, ours) & check_value(section, &place, value.expose());
        (good && !twice).then_some((name, value))
    };
    // All are read, so that all mistakes are noted.
    let read: Vec<_> = headers.into_iter().map(read).collect();
    read.into_iter().collect()
}

/// What a request sets by itself or must not say otherwise.
const RESERVED: &[&str] = &[
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// Whether the header may be set; notes it where the relay sets it itself, for every request or because of `ours`.
fn check_name(section: &Section, place: &str, name: &HeaderName, ours: &[&HeaderName]) -> bool {
    let is_ours = RESERVED.contains(&name.as_str()) || name.as_str().starts_with("ce-") || ours.contains(&name);
    if is_ours {
        let cure = "leave it out; the content type is the body's, credentials and signatures are `auth` and `sign`";
        let mistake = format!("header `{name}` is set by the relay");
        section.problem_at(place, mistake, &[], Some(cure.to_owned()));
    }
    !is_ours
}

/// Whether it can stand in a header; notes it without showing it.
fn check_value(section: &Section, place: &str, value: &str) -> bool {
    let good = HeaderValue::from_str(value).is_ok_and(|value| value.to_str().is_ok());
    if !good {
        let cure = "use visible ASCII characters and blanks; look for a line break at the end".to_owned();
        section.problem_at(place, "it cannot stand in a header", &[], Some(cure));
    }
    good
}

fn header_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderName, D::Error> {
    let text = String::deserialize(deserializer)?;
    HeaderName::try_from(&text).map_err(|_| de::Error::custom(no_header(&text)))
}

fn no_header(text: &str) -> String {
    format!("`{text}` is not the name of a header: use letters, digits and `-`, such as `X-Webhook-Token`")
}

/// Everything that an answer could give away, longest first. What is shorter than four bytes is no secret, and taking it out
/// would spoil every answer.
pub(super) fn secrets_of(config: &Config) -> Vec<Secret> {
    const SHORTEST: usize = 4;
    let mut all: Vec<String> = config.headers.values().map(|value| value.expose().to_owned()).collect();
    match &config.sign {
        None => {}
        Some(Sign::StandardWebhooks(secrets)) => {
            let text = |secret: &Secret| secret.expose().trim().to_owned();
            let texts: Vec<String> = secrets.iter().map(text).collect();
            all.extend(texts.iter().filter_map(|text| Some(text.strip_prefix("whsec_")?.to_owned())));
            all.extend(texts);
        }
        Some(Sign::Hmac { secret, .. }) => all.push(secret.expose().to_owned()),
    }
    match &config.auth {
        None => {}
        Some(Auth::Bearer(value) | Auth::Header { value, .. }) => all.push(value.expose().to_owned()),
        Some(Auth::Basic { username, password }) => {
            all.extend([pair(username, password), password.expose().to_owned()]);
        }
    }
    // As JSON may write them: with escapes, and in PHP's with one before each slash.
    let quoted = all.iter().map(|text| Value::from(text.as_str()).to_string());
    let escaped = quoted.filter_map(|text| Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned()));
    let written: Vec<String> = escaped.flat_map(|text| [text.replace('/', "\\/"), text]).collect();
    all.extend(written);
    all.retain(|text| text.len() >= SHORTEST);
    all.sort_by_key(|text| std::cmp::Reverse(text.len()));
    all.into_iter().map(Secret::literal).collect()
}
