//! Asks a relay that runs, at its admin listener, with a token of the same configuration.
//!
//! Says what its answers mean for whoever typed the command. Knows no path of the API; next: [`super::silences`].

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ConfigArgs, Failure};
use crate::admin::access::Token;
use crate::app::settings::Settings;
use crate::config::Secret;
use crate::event::Timestamp;
use crate::http_client::{Ending, Endpoint, EndpointError, HttpClient, Method, Request, SendError, Streamed};
use crate::runtime::{Clock, SystemClock};

/// How long the relay may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of an answer is read: a thousand silences of the largest size.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

/// Where the relay is, and how to print.
#[derive(Debug, Args)]
pub struct AskArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Base URL of the relay's admin listener; without it, where the configuration says it listens, on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// How to print what the relay answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Table,
    Json,
}

impl AskArgs {
    /// The relay that is meant.
    ///
    /// # Errors
    /// As [`RunningRelay::of`], and when the configuration cannot be read.
    pub fn relay(&self) -> Result<RunningRelay, Failure> {
        RunningRelay::of(&self.config.read()?, self.url.as_deref())
    }
}

/// Who is asking: as said, else as the system knows them.
///
/// # Errors
/// Misuse, when neither is known.
pub fn author(by: Option<&str>) -> Result<String, Failure> {
    let logged_in = || ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    let author = by.map(str::to_owned).or_else(logged_in).filter(|name| !name.trim().is_empty());
    author.ok_or_else(|| {
        Failure::Misuse(anyhow!("nobody is logged in under a name\nhint: say who wants it with `--by NAME`"))
    })
}

/// Reads a time that was typed.
///
/// # Errors
/// When it is none.
pub fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| {
        format!("`{text}` is not a time; write it as `2026-11-21T06:00:00Z` or `2026-11-21T07:00:00+01:00`")
    })
}

/// A relay that is expected to run.
pub struct RunningRelay {
    http: HttpClient,
    base: Endpoint,
    url: String,
    token: Secret,
}

impl RunningRelay {
    /// The relay at `url`; without one, where the configuration says that its admin listener is, on this machine.
    ///
    /// # Errors
    /// Misuse, when there is no token to show or nothing may be sent to this address.
    pub fn of(settings: &Settings, url: Option<&str>) -> Result<Self, Failure> {
        let token = best(&settings.admin.all_tokens()).ok_or_else(|| {
            Failure::Misuse(anyhow!(
                "the configuration has no token for the admin API\nhint: write `admin: {{ token: {{ env: RELAY_ADMIN_TOKEN }} }}` into \
                 it, for the relay and for this command"
            ))
        })?;
        let url = url.map_or_else(|| here(settings.admin.listen), |url| url.trim_end_matches('/').to_owned());
        let base = Endpoint::parse(&url).map_err(|error| cannot_ask(&url, error));
        Ok(Self { http: settings.http.clone(), base: base.map_err(Failure::Misuse)?, url, token })
    }

    /// Asks, and reads the answer.
    ///
    /// # Errors
    /// Misuse, when the relay says that this cannot be meant; else when it does not answer, or not with what was asked for.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        self.send(method, &self.base.join(path, query), body).await
    }

    /// Looks at what is called `name` below `path`, whatever the name is made of.
    ///
    /// # Errors
    /// As [`RunningRelay::ask`].
    pub async fn ask_of<T: DeserializeOwned>(&self, path: &str, name: &str) -> Result<T, Failure> {
        self.send(Method::Get, &self.base.join(path, &[]).below(name), None).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        to: &Endpoint,
        body: Option<&Value>,
    ) -> Result<T, Failure> {
        let authorization = self.authorization();
        let headers = [("authorization", authorization.as_str())];
        let body = body.map(|body| Bytes::from(body.to_string()));
        let body = body.as_ref().map(|body| ("application/json", body));
        let request = Request { method, to, headers: &headers, body, limit: MAX_ANSWER_BYTES };
        let reply = self.answered(self.http.exchange(request, SystemClock.now())).await?;
        let json = serde_json::from_slice::<Value>(&reply.body).ok().filter(|_| reply.ending == Ending::Complete);
        let (status, json) = (reply.status, json.unwrap_or_default());
        if (200..300).contains(&status) {
            let read =
                T::deserialize(json).with_context(|| format!("{} answers {status} with something else", self.url));
            return Ok(read.context("is it the admin listener of a castai-relay of this version?")?);
        }
        Err(self.refusal(status, &json))
    }

    /// Opens the stream at `path`.
    ///
    /// # Errors
    /// As [`RunningRelay::ask`].
    pub async fn watch(&self, path: &str, query: &[(&str, String)]) -> Result<Streamed, Failure> {
        let authorization = self.authorization();
        let headers = [("authorization", authorization.as_str())];
        let to = self.base.join(path, query);
        let request = Request { method: Method::Get, to: &to, headers: &headers, body: None, limit: MAX_ANSWER_BYTES };
        let stream = self.answered(self.http.open(request)).await?;
        match stream.status {
            200 => Ok(stream),
            status => {
                let said = stream.rest(MAX_ANSWER_BYTES).await;
                Err(self.refusal(status, &serde_json::from_slice(&said).unwrap_or_default()))
            }
        }
    }

    fn authorization(&self) -> String {
        format!("Bearer {}", self.token.expose())
    }

    async fn answered<T>(&self, answer: impl Future<Output = Result<T, SendError>>) -> Result<T, Failure> {
        match tokio::time::timeout(PATIENCE, answer).await {
            Err(_elapsed) => Err(anyhow!("no answer from {} within {PATIENCE:?}", self.url).into()),
            Ok(Err(SendError::Unreachable(detail))) => {
                let hint = "hint: is `castai-relay serve` running, with the same configuration?";
                Err(anyhow!("nothing answers at {}: {detail}\n{hint}", self.url).into())
            }
            Ok(answered) => Ok(answered?),
        }
    }

    fn refusal(&self, status: u16, json: &Value) -> Failure {
        let said = |key: &str| json["error"][key].as_str().map(str::to_owned);
        let refusal = match (said("message"), said("hint")) {
            (Some(message), Some(hint)) => anyhow!("{message}\nhint: {hint}"),
            _ => anyhow!("{} answers {status}; is it the admin listener of a castai-relay?", self.url),
        };
        if status == 400 { Failure::Misuse(refusal) } else { Failure::Other(refusal) }
    }
}

/// The first of the tokens that are good for most.
fn best(tokens: &[Token]) -> Option<Secret> {
    let role = tokens.iter().map(|token| token.role).max()?;
    tokens.iter().find(|token| token.role == role).map(|token| token.token.clone())
}

fn cannot_ask(url: &str, error: EndpointError) -> anyhow::Error {
    let hint = match error {
        EndpointError::NotAUrl(_) => "`--url` says where the relay's admin listener is",
        EndpointError::Insecure => {
            "the token would go over the network in the clear; ask on the relay's own machine, with `admin.listen` at a loopback \
             address or at 0.0.0.0, or say with `--url` an https address that leads to the admin listener"
        }
    };
    anyhow::Error::new(error).context(format!("cannot ask `{url}`\nhint: {hint}"))
}

fn here(listen: SocketAddr) -> String {
    // A wildcard address is for listening; asking needs a real one.
    let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}
