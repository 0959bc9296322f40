//! Whether a cluster could be watched: asks for a little of everything that is watched, and keeps nothing.
//!
//! For `castai doctor`. Knows no store.

use std::future::Future;
use std::time::Duration;

use kube::Client;
use kube::api::{ListParams, WatchParams};

use super::client::settings;
use super::config::Config;
use super::subject::Subject;
use super::trouble::{Trouble, TroubleKind};

/// The longest to wait for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What one of the watches would meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// What is watched, for people.
    pub watched: &'static str,
    /// Whether the API server lets it be listed and watched, or what is in the way, with the cure.
    pub allowed: Result<(), Trouble>,
}

/// Asks the API server for one object of each kind that is watched, and for a watch that is dropped at once.
///
/// # Errors
/// When nothing can be asked at all: the settings cannot be read, or nobody answers, or nobody knows us.
pub async fn reach(config: &Config) -> Result<Vec<Reach>, Trouble> {
    let client = Client::try_from(settings(config).await?).map_err(|error| Trouble::from(&error))?;
    let mut reached = Vec::with_capacity(Subject::ALL.len());
    for subject in Subject::ALL {
        let allowed = ask(subject, client.clone(), config).await;
        match allowed {
            Err(trouble) if trouble.kind != TroubleKind::Forbidden => return Err(trouble),
            allowed => reached.push(Reach { watched: subject.name(), allowed }),
        }
    }
    Ok(reached)
}

async fn ask(subject: Subject, client: Client, config: &Config) -> Result<(), Trouble> {
    let (api, asked) = (subject.api(client, config), subject.watcher(config));
    let (label_selector, field_selector) = (asked.label_selector, asked.field_selector);
    let one = ListParams {
        label_selector: label_selector.clone(),
        field_selector: field_selector.clone(),
        limit: Some(1),
        ..ListParams::default()
    };
    let listed = in_time(api.list(&one)).await?;
    let watch = WatchParams { label_selector, field_selector, timeout: Some(1), ..WatchParams::default() };
    let from = listed.metadata.resource_version.unwrap_or_default();
    in_time(api.watch(&watch, &from)).await.map(drop)
}

async fn in_time<T>(asked: impl Future<Output = kube::Result<T>>) -> Result<T, Trouble> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map_err(|error| Trouble::from(&error)),
        Err(_) => Err(Trouble::new(TroubleKind::Unreachable, format!("no answer within {} s", PATIENCE.as_secs()))),
    }
}
