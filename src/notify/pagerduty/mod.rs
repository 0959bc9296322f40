//! PagerDuty, Events API v2, <https://developer.pagerduty.com/docs/events-api-v2/overview/>.
//!
//! [`event`] puts a message into PagerDuty's form, [`verdict`] reads the answer. Sending twice is harmless: the
//! `dedup_key` makes it one alert. It is the key of the route's incident; else what the target's template makes of the
//! batch's first event, by default a hash of that event's id: so it stays the same when the batch grows between attempts.
//! 202 means accepted, not paged. With `action: change` it sends change events instead, which page nobody: [`change`].

mod change;
mod details;
mod event;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

pub use verdict::classify;

use super::answer::recorded;
use super::{Kit, Notifier, NotifyError, Sent};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::http_client::{Answer, Endpoint, HttpClient};
use crate::template::Template;
use crate::template::Wording;
use event::{Action, Form};

/// `pagerduty: { routing_key, region, url, action, dedup_key }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    routing_key: Secret,
    #[serde(default)]
    region: Region,
    /// Instead of the region's endpoint.
    url: Option<Endpoint>,
    #[serde(default)]
    action: Action,
    dedup_key: Option<Template>,
}

/// PagerDuty's service regions, <https://support.pagerduty.com/main/docs/service-regions>.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Region {
    #[default]
    Us,
    Eu,
}

impl Region {
    fn url(self, action: Action) -> &'static str {
        match (self, action) {
            (Self::Us, Action::Change) => "https://events.pagerduty.com/v2/change/enqueue",
            (Self::Us, _) => "https://events.pagerduty.com/v2/enqueue",
            (Self::Eu, Action::Change) => "https://events.eu.pagerduty.com/v2/change/enqueue",
            (Self::Eu, _) => "https://events.eu.pagerduty.com/v2/enqueue",
        }
    }
}

/// Builds the notifier; notes all mistakes that can be seen without asking PagerDuty.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let key = routing_key(config.routing_key.expose());
    if let Err(mistake) = &key {
        let hint = "it is shown at the service → Integrations → Events API V2 → Integration Key";
        section.problem_at("routing_key", format!("`routing_key` {mistake}"), &[], Some(hint.to_owned()));
    }
    let mistakes = mistakes_of_action(&config);
    for (key, mistake, hint) in &mistakes {
        section.problem_at(key, mistake, &[], Some((*hint).to_owned()));
    }
    let of_region = || {
        let parsed = Endpoint::parse(config.region.url(config.action));
        parsed.map_err(|error| section.problem(error.to_string())).ok()
    };
    let endpoint = config.url.or_else(of_region)?;
    let form = Form { routing_key: key.ok()?, action: config.action, dedup_key: config.dedup_key };
    let pagerduty = PagerDuty { endpoint, form, http: kit.http.clone() };
    mistakes.is_empty().then(|| Arc::new(pagerduty) as Arc<dyn Notifier>)
}

/// What does not go with the action: key, mistake, cure. One endpoint takes what the other drops, or wakes people by it.
fn mistakes_of_action(config: &Config) -> Vec<(&'static str, String, &'static str)> {
    let Config { action, dedup_key, routing_key, url, .. } = config;
    let (changes, has_key) = (*action == Action::Change, dedup_key.is_some());
    let ends_with = |end: &str| url.as_ref().is_some_and(|url| url.path().ends_with(end));
    let (to_changes, to_any) = (ends_with("/change/enqueue"), ends_with("/enqueue"));
    let is_of_ruleset = routing_key.expose().trim().starts_with('R');
    let word = action.as_str();
    let possible = [
        (!changes && *action != Action::Trigger && !has_key).then(|| {
            let hint = "write the same template here and at the target that triggers, so that both mean one alert";
            ("dedup_key", format!("`action: {word}` needs `dedup_key`"), hint)
        }),
        (changes && has_key).then(|| {
            let hint = "leave `dedup_key` out: a change is no alert, so there is nothing to name";
            ("dedup_key", "`action: change` has no `dedup_key`".to_owned(), hint)
        }),
        (changes && is_of_ruleset).then(|| {
            let hint = "take the integration key of a service";
            ("routing_key", "`routing_key` is of a ruleset, which takes no changes".to_owned(), hint)
        }),
        (changes && to_any && !to_changes).then(|| {
            let hint = "end it with `/v2/change/enqueue`, or leave `url` out";
            ("url", "`url` is where alerts go, and `action: change` sends none".to_owned(), hint)
        }),
        (!changes && to_changes).then(|| {
            let hint = "write `action: change`, or end it with `/v2/enqueue`";
            ("url", format!("`url` is where changes go, and with `action: {word}` nobody would be paged"), hint)
        }),
    ];
    possible.into_iter().flatten().collect()
}

/// The key as PagerDuty wants it, or what it is instead.
fn routing_key(key: &str) -> Result<Secret, String> {
    let key = key.trim();
    let letters_and_digits = key.bytes().all(|b| b.is_ascii_alphanumeric());
    match key.len() {
        32 if letters_and_digits => Ok(Secret::literal(key)),
        20 => Err("has 20 characters, as keys of PagerDuty's REST API have; an integration key has 32".into()),
        32 => Err("must have letters and digits only".into()),
        length => Err(format!("has {length} characters; an integration key has 32, letters and digits only")),
    }
}

struct PagerDuty {
    endpoint: Endpoint,
    form: Form,
    http: HttpClient,
}

impl PagerDuty {
    async fn post(&self, body: Bytes, batch: &Batch) -> Result<Answer, NotifyError> {
        let sent = self.http.post(&self.endpoint, "application/json", body, &[], batch.claimed_at).await;
        let mut answer = sent?;
        // An error text may quote what was wrong with the event, key and all.
        answer.body = self.form.routing_key.blotted_out_of(&answer.body);
        Ok(answer)
    }
}

#[async_trait]
impl Notifier for PagerDuty {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        match self.form.fill(batch, wording) {
            Ok(event) => format!("POST {}\n{:#}", self.endpoint, event.shown()),
            Err(error) => error.to_string(),
        }
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.endpoint)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let event = self.form.fill(batch, wording)?;
        let answer = self.post(event.body(), batch).await?;
        let answer = match event.without_details().filter(|_| answer.status == 413) {
            Some(smaller) => self.post(smaller.body(), batch).await?,
            None => answer,
        };
        // The key is ours, so what PagerDuty gives back tells us nothing new.
        recorded(&answer, classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }

    fn keeps_incidents(&self) -> bool {
        self.form.action != Action::Change
    }

    fn tells_many(&self) -> bool {
        matches!(self.form.action, Action::Trigger | Action::Change)
    }
}

#[cfg(test)]
mod tests;
