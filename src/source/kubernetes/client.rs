//! The connection to an API server: the client library's own, with bounds on how long and how often it may ask.
//!
//! The library waits for ever for the head of an answer, and takes a watch that ends at once up again at once. Both are
//! bounded here, and every answer is reported to the [`Contact`], because a quiet watch says nothing of itself.
//! Next: [`super::watch`], which uses it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kube::Client;
use kube::client::ClientBuilder;
use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::time::Instant;
use tower::BoxError;
use tower::util::MapFutureLayer;

use super::config::{ApiServer, Config};
use super::trouble::{Trouble, TroubleKind};

/// The longest to wait for the head of an answer.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How much longer than a watch a connection may be silent: the API server ends the watch first, if it is there.
const SILENCE_MARGIN: Duration = Duration::from_secs(10);

/// Reads where the API server is and who we are, anew each time: files change.
pub(super) async fn settings(config: &Config) -> Result<kube::Config, Trouble> {
    let wrong = |error: &dyn std::error::Error| Trouble::caused_by(TroubleKind::Settings, error);
    let mut settings = match &config.api_server {
        ApiServer::InCluster => kube::Config::incluster().map_err(|error| wrong(&error))?,
        ApiServer::Kubeconfig { path, context } => {
            let file = Kubeconfig::read_from(path).map_err(|error| wrong(&error))?;
            let options = KubeConfigOptions { context: context.clone(), ..KubeConfigOptions::default() };
            let proxied = names_a_proxy(&file, context.as_deref());
            let read = kube::Config::from_custom_kubeconfig(file, &options).await;
            let mut settings = read.map_err(|error| wrong(&error))?;
            settings.proxy_url = settings.proxy_url.filter(|_| proxied);
            settings
        }
    };
    settings.read_timeout = Some(config.watch_timeout.max(HEAD_TIMEOUT) + SILENCE_MARGIN);
    settings.reset_reader_on_write = true;
    // Trying again is the watch's own business.
    settings.default_retry = false;
    Ok(settings)
}

/// Whether the kubeconfig itself leads through a proxy (`proxy-url`). One in the environment is for the world outside:
/// the client library would take it for the cluster too, whatever `NO_PROXY` says of the cluster.
fn names_a_proxy(file: &Kubeconfig, context: Option<&str>) -> bool {
    let context = context.or(file.current_context.as_deref());
    let context = file.contexts.iter().find(|named| Some(named.name.as_str()) == context);
    let name = context.and_then(|named| Some(named.context.as_ref()?.cluster.as_str()));
    let cluster = file.clusters.iter().find(|named| Some(named.name.as_str()) == name);
    cluster.is_some_and(|named| named.cluster.as_ref().is_some_and(|cluster| cluster.proxy_url.is_some()))
}

/// A client that reports to `contact` and is paced.
pub(super) fn client(settings: kube::Config, contact: Arc<dyn Contact>) -> Result<Client, Trouble> {
    let pace = Arc::new(Pace::default());
    let builder = ClientBuilder::try_from(settings).map_err(|error| Trouble::from(&error))?;
    let layer = MapFutureLayer::new(move |answer| {
        let (contact, pace) = (contact.clone(), pace.clone());
        async move {
            tokio::time::sleep(pace.wait(Instant::now())).await;
            let answer = tokio::time::timeout(HEAD_TIMEOUT, answer).await;
            let answer: Result<hyper::Response<_>, BoxError> = answer.unwrap_or_else(|_| Err(too_late()));
            if answer.as_ref().is_ok_and(|answer| answer.status().is_success()) {
                contact.answered();
            }
            answer
        }
    });
    Ok(builder.with_layer(&layer).build())
}

fn too_late() -> BoxError {
    format!("no answer within {} s", HEAD_TIMEOUT.as_secs()).into()
}

/// Who wants to know that the API server answers.
pub(super) trait Contact: Send + Sync {
    /// It answered a request with success.
    fn answered(&self);
}

/// Lets a burst of requests pass at once, enough for the pages of a long list, and then one a second.
#[derive(Debug, Default)]
struct Pace(Mutex<Option<Instant>>);

impl Pace {
    const BURST: u32 = 20;
    const GAP: Duration = Duration::from_secs(1);

    /// How long a request that comes `now` must wait. Each one uses up a gap; unused gaps are saved, up to a burst.
    fn wait(&self, now: Instant) -> Duration {
        let mut booked_until = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = booked_until.unwrap_or(now).max(now) + Self::GAP;
        *booked_until = Some(until);
        until.duration_since(now).saturating_sub(Self::GAP * Self::BURST)
    }
}

#[cfg(test)]
#[path = "tests/client.rs"]
mod tests;
