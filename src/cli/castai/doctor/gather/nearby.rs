//! Looks at what is around the relay: its store, and the hosts of its targets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::super::facts::{Pulse, Target};
use super::in_words;
use crate::app::settings::{self, Engine, Settings};
use crate::config::Span;
use crate::http_client::{Endpoint, Method, Request};
use crate::names::{CursorName, SourceName};
use crate::runtime::Clock;
use crate::source::pulse::record::Record;
use crate::store::sqlite::{Peek, is_held};

/// When sources were last heard, by what a relay beside us keeps of it.
pub(super) fn pulse(settings: &Settings) -> Pulse {
    let Engine::Sqlite(config) = &settings.engine else { return Pulse::Memory };
    let kept = Peek::open(&config.path).map_err(|error| error.to_string());
    match kept.and_then(|peek| peek.cursor(&CursorName::pulse()).map_err(|error| error.to_string())) {
        Err(why) => Pulse::Unreadable(why),
        Ok(None) => Pulse::Never,
        Ok(Some(text)) => Record::read(&text).map_or_else(|error| Pulse::Unreadable(error.to_string()), Pulse::Kept),
    }
}

/// Whether a relay holds the database; none where that cannot be known.
pub(super) fn held(settings: &Settings) -> Option<bool> {
    let Engine::Sqlite(config) = &settings.engine else { return None };
    is_held(&config.path).ok()
}

/// How long each source may be silent, where that has a limit.
pub(super) fn silence_limits(settings: &Settings) -> BTreeMap<SourceName, Span> {
    let limits = settings.sources.silence_limits().into_iter();
    limits.map(|(source, limit)| (source, Span::from_secs(limit.as_secs()))).collect()
}

/// Knocks at each target, or asks its host for its own page: that proves the way there, and can post nothing.
pub(super) async fn targets(settings: &Settings, clock: &Arc<dyn Clock>, patience: Duration) -> Vec<Target> {
    join_all(settings.targets.iter().map(|target| doors(target, clock, patience))).await.concat()
}

/// One for each of those it sends to.
async fn doors(target: &settings::Target, clock: &Arc<dyn Clock>, patience: Duration) -> Vec<Target> {
    let (name, kind) = (target.name.to_string(), target.kind);
    let endpoints = target.notifier.endpoints();
    let to = || endpoints.first().map_or(kind.to_owned(), ToString::to_string);
    match tokio::time::timeout(patience, target.notifier.knock()).await {
        Ok(Some((to, opened))) => vec![Target { name, kind, to: Some(to), reached: opened.map(|()| 0), here: None }],
        Err(_) => vec![Target { name, kind, to: Some(to()), reached: Err(too_late(patience)), here: None }],
        Ok(None) if endpoints.is_empty() => {
            vec![Target { name, kind, to: None, reached: Ok(0), here: target.notifier.ready() }]
        }
        Ok(None) => join_all(endpoints.into_iter().map(|endpoint| reach(target, endpoint, clock, patience))).await,
    }
}

async fn reach(target: &settings::Target, endpoint: &Endpoint, clock: &Arc<dyn Clock>, patience: Duration) -> Target {
    let (name, kind) = (target.name.to_string(), target.kind);
    let root = endpoint.root();
    let request = Request { method: Method::Get, to: &root, headers: &[], body: None, limit: 0 };
    let asking = target.http.exchange(request, clock.now());
    let reached = match tokio::time::timeout(patience, asking).await {
        Ok(answer) => answer.map(|reply| reply.status).map_err(|error| in_words(&error)),
        Err(_) => Err(too_late(patience)),
    };
    Target { name, kind, to: Some(endpoint.to_string()), reached, here: None }
}

fn too_late(patience: Duration) -> String {
    format!("no answer within {} ms", patience.as_millis())
}
