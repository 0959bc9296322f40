//! `send`: an event to a running relay, as CAST AI would send it.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Context;
use bytes::Bytes;
use clap::Args;

use super::route_test::find_source;
use super::{BodyArgs, ConfigArgs, Failure, Verdict, fresh_id};
use crate::app::settings::{Settings, WebhookSettings};
use crate::http_client::{Answer, Endpoint, SendError};
use crate::runtime::{Clock, SystemClock};

/// What `send` takes.
#[derive(Debug, Args)]
pub struct SendArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    body: BodyArgs,
    /// The webhook source to send to; without it, the first one
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Base URL of the relay; without it, where the configuration says it listens, on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The id to put into a sample; without it, a fresh one
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    id: Option<String>,
}

/// Sends it and prints the answer.
pub async fn run(args: &SendArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let source = find_source(&settings, args.source.as_deref()).map_err(Failure::Misuse)?;
    let body = Bytes::from(args.body.read(args.id.as_deref()).map_err(Failure::Misuse)?);
    let answer = post(&settings, source, args.url.as_deref(), body).await?;
    writeln!(out, "{} {}", answer.status, answer.body.trim_end())?;
    Ok(if answer.status == 200 { Verdict::Good } else { Verdict::FoundWrong })
}

/// Posts `body` to `source` of the relay at `base`, with the source's own credentials.
pub(super) async fn post(
    settings: &Settings,
    source: &WebhookSettings,
    base: Option<&str>,
    body: Bytes,
) -> Result<Answer, Failure> {
    let url = url(settings, source, base);
    let endpoint = Endpoint::parse(&url).with_context(|| format!("cannot send to `{url}`")).map_err(Failure::Misuse)?;
    let now = SystemClock.now();
    let credentials = source.verifier.credentials(&body, &fresh_id(now), now);
    let headers: Vec<_> = credentials.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match settings.http.post(&endpoint, "application/json", body, &headers, now).await {
        Err(SendError::Unreachable(detail)) => Err(anyhow::anyhow!(
            "nothing answers at {url}: {detail}\nhint: is `castai-relay serve` running, with the same configuration?"
        )
        .into()),
        answered => Ok(answered?),
    }
}

fn url(settings: &Settings, source: &WebhookSettings, base: Option<&str>) -> String {
    let here = || {
        let listen = settings.server.listen;
        // A wildcard address is for listening; sending needs a real one.
        let ip = if listen.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { listen.ip() };
        format!("http://{}", SocketAddr::new(ip, listen.port()))
    };
    let base = base.map_or_else(here, |base| base.trim_end_matches('/').to_owned());
    format!("{base}{}", source.path.as_str())
}
