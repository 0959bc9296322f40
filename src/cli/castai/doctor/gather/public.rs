//! Knocks at our own public URL, as a stranger and as a friend, with probes that can never become events.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use serde::Deserialize;

use super::super::facts::{self, Answered, Public, Webhook};
use super::{believes_all, in_words};
use crate::app::settings::{Settings, WebhookSettings};
use crate::http_client::{Endpoint, Method, Reply, Request};
use crate::runtime::Clock;
use crate::source::webhook::PROBE;

/// Enough for a refusal of ours.
const LIMIT: usize = 16 * 1024;

/// Every webhook source with what answers at its URL, and the clock there.
pub(super) async fn webhooks(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    patience: Duration,
) -> Vec<(Webhook, Option<facts::ClockReading>)> {
    let knocking = settings.sources.webhooks.iter().map(|source| async move {
        let url = settings.callback_url(source);
        let knocked = match &url {
            Some(url) => Some(knock(settings, source, url, clock, patience).await),
            None => None,
        };
        let (public, time) = knocked.unzip();
        let webhook = Webhook {
            name: source.name.to_string(),
            path: source.path.as_str().to_owned(),
            url,
            category: source.labels.get("category").cloned(),
            verifier: source.verifier.clone(),
            public,
        };
        (webhook, time.flatten())
    });
    join_all(knocking).await
}

async fn knock(
    settings: &Settings,
    source: &WebhookSettings,
    url: &str,
    clock: &Arc<dyn Clock>,
    patience: Duration,
) -> (Public, Option<facts::ClockReading>) {
    let to = match Endpoint::parse(url) {
        Ok(to) => to,
        Err(error) => return (Public { stranger: Answered::Nothing(error.to_string()), friend: None }, None),
    };
    let door = Door { settings, to, clock, patience };
    // A stranger shows nothing: wrong credentials sent again and again could lock out somebody.
    let (stranger, time) = door.probe("stranger", &[]).await;
    let friend = match stranger {
        Answered::Nothing(_) => None,
        Answered::With { .. } if believes_all(&source.verifier) => Some(stranger.clone()),
        Answered::With { .. } => {
            let now = clock.now();
            let nonce = format!("probe-{}", now.as_millis());
            let credentials = source.verifier.credentials(b"", &nonce, now);
            Some(door.probe(&nonce, &credentials).await.0)
        }
    };
    (Public { stranger, friend }, time)
}

struct Door<'a> {
    settings: &'a Settings,
    to: Endpoint,
    clock: &'a Arc<dyn Clock>,
    patience: Duration,
}

impl Door<'_> {
    /// A POST as CAST AI would send it, but without a body, which is why it can never become an event.
    async fn probe(&self, nonce: &str, credentials: &[(String, String)]) -> (Answered, Option<facts::ClockReading>) {
        let known = [(PROBE, nonce)].into_iter();
        let headers: Vec<(&str, &str)> =
            known.chain(credentials.iter().map(|(n, v)| (n.as_str(), v.as_str()))).collect();
        let body = Bytes::new();
        let request = Request {
            method: Method::Post,
            to: &self.to,
            headers: &headers,
            body: Some(("application/json", &body)),
            limit: LIMIT,
        };
        let asking = self.settings.http.exchange(request, self.clock.now());
        let reply = match tokio::time::timeout(self.patience, asking).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => return (Answered::Nothing(in_words(&error)), None),
            Err(_) => {
                let why = format!("no answer within {} ms", self.patience.as_millis());
                return (Answered::Nothing(why), None);
            }
        };
        let whose = "public URL".to_owned();
        let time = reply.date.map(|theirs| facts::ClockReading { whose, theirs, ours: self.clock.now() });
        (answered(&reply, nonce), time)
    }
}

fn answered(reply: &Reply, nonce: &str) -> Answered {
    let believed = reply.status == 204 && reply.headers.get(PROBE) == Some(nonce);
    let location = reply.headers.get("location").map(str::to_owned);
    Answered::With { status: reply.status, refusal: refusal(&reply.body), believed, location }
}

/// `{"error": {"code": …, "message": …, "hint": …}}`, as castai-relay words every refusal.
fn refusal(body: &[u8]) -> Option<(String, String)> {
    #[derive(Deserialize)]
    struct Refusal {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        code: String,
        message: String,
        #[serde(rename = "hint")]
        _hint: String,
    }
    let Refusal { error } = serde_json::from_slice(body).ok()?;
    Some((error.code, error.message))
}
