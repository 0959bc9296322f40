//! A batch as alerts: what names each, what is to be read of it, when it began and when it ends.
//!
//! Pure. Alertmanager takes an alert for over at its `endsAt`, by its own clock, and keeps the later one of two that lie ahead
//! of it: <https://github.com/prometheus/alertmanager/blob/main/types/types.go>. So what goes on ends far ahead, and what is
//! over must lie behind it for certain.

use std::time::Duration;

use serde::Serialize;

use super::labels::{self, Labels};
use crate::event::Timestamp;
use crate::event::batch::{Batch, Incident, Receipt};
use crate::event::delivery::{Delivery, Phase};
use crate::notify::message::{Message, cut};
use crate::template::{Markup, Wording};

/// By how much Alertmanager's clock may be behind ours: an end that lies ahead of it would end nothing.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// Characters of the annotations. Nothing limits them there; who is notified shows far less.
const SUMMARY: usize = 1024;
const TEXT: usize = 4096;
const DESCRIPTION: usize = 16_384;

/// One alert, as Alertmanager takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    pub(super) labels: Labels,
    annotations: Annotations,
    starts_at: Timestamp,
    ends_at: Timestamp,
    #[serde(rename = "generatorURL", skip_serializing_if = "Option::is_none")]
    generator_url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Annotations {
    summary: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    about: String,
}

/// What is the same in all alerts of one target.
pub(super) struct Form {
    pub(super) labels: Labels,
    pub(super) event_lasts: Duration,
    pub(super) incident_lasts: Duration,
}

/// From when to when.
struct Lasting {
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl Form {
    /// Never empty. An incident is one alert, and so is any other event. Of more than are shown, the worst have alerts of their
    /// own, and one more tells of all.
    pub(super) fn alerts(&self, batch: &Batch, wording: &Wording) -> Vec<Alert> {
        if let Some(incident) = &batch.incident {
            return vec![self.of_incident(batch, incident, wording)];
        }
        if batch.many().is_none() {
            return vec![self.of_event(batch.lead(), batch, wording)];
        }
        let first = &batch.first_event().id;
        let (begins, rest): (Vec<_>, Vec<_>) = batch.shown.iter().partition(|delivery| delivery.event.id == *first);
        let each = begins.into_iter().chain(rest).map(|delivery| {
            let alone = Batch::of_one(delivery.clone(), batch.lease);
            self.of_event(delivery, &alone, wording)
        });
        let all = (batch.shown.len() < batch.deliveries.len()).then(|| self.of_many(batch, wording));
        each.chain(all).collect()
    }

    fn of_event(&self, delivery: &Delivery, batch: &Batch, wording: &Wording) -> Alert {
        let event = &delivery.event;
        let began = event.occurred_at.unwrap_or(event.received_at);
        self.alert(labels::of_event(delivery), batch, wording, self.for_a_while(began, batch))
    }

    fn of_many(&self, batch: &Batch, wording: &Wording) -> Alert {
        let began = batch.many().and_then(|tally| tally.first_at()).unwrap_or(batch.claimed_at);
        self.alert(labels::of_many(batch), batch, wording, self.for_a_while(began, batch))
    }

    /// From now on, however late it comes: an alert that is born old would tell nobody.
    fn for_a_while(&self, began: Timestamp, batch: &Batch) -> Lasting {
        let ends_at = batch.claimed_at.saturating_add(self.event_lasts);
        Lasting { starts_at: began.min(batch.claimed_at), ends_at }
    }

    fn of_incident(&self, batch: &Batch, incident: &Incident, wording: &Wording) -> Alert {
        let now = batch.claimed_at;
        let ended_at = if incident.timed_out { now } else { batch.lead().event.received_at };
        let starts_at = incident.opened_at.min(now);
        let ends_at = match incident.phase {
            Phase::Open => now.saturating_add(self.incident_lasts),
            Phase::Resolve => ended_at.min(now.saturating_sub(CLOCKS_DIFFER)).max(starts_at),
        };
        let mut alert =
            self.alert(labels::of_incident(batch, incident), batch, wording, Lasting { starts_at, ends_at });
        // What was told of it names it, whatever would name it today.
        alert.labels = named_before(batch).unwrap_or(alert.labels);
        alert
    }

    fn alert(&self, labels: Labels, batch: &Batch, wording: &Wording, lasting: Lasting) -> Alert {
        let message = Message::compose(batch, wording, Markup::Plain);
        Alert {
            labels: labels.into_iter().chain(self.labels.clone()).collect(),
            annotations: Annotations {
                summary: cut(&message.headline, SUMMARY),
                description: description(&message),
                about: message.footer.join("\n"),
            },
            starts_at: lasting.starts_at,
            ends_at: lasting.ends_at,
            generator_url: message.links.iter().map(|link| &link.url).find(|url| is_plain_url(url)).cloned(),
        }
    }
}

/// What a later step of the incident needs to name it again.
pub(super) fn receipt(batch: &Batch, alerts: &[Alert]) -> Option<Receipt> {
    let opened = batch.incident.as_ref().filter(|incident| incident.phase == Phase::Open);
    let [alert] = alerts else { return None };
    opened.and_then(|_| Receipt::new(&serde_json::to_string(&alert.labels).ok()?))
}

fn named_before(batch: &Batch) -> Option<Labels> {
    serde_json::from_str(batch.earlier.as_ref()?.as_str()).ok()
}

/// Everything there is to read, one thing a line.
fn description(message: &Message) -> String {
    let text = message.text.as_ref().map(|text| cut(&text.within(Markup::Plain, TEXT), TEXT));
    let facts = message.facts.iter().map(|fact| format!("{}: {}", fact.label, fact.value));
    let links = message.links.iter().map(|link| format!("{}: {}", link.text, link.url));
    let lines: Vec<String> = text.into_iter().chain(facts).chain(links).collect();
    cut(&lines.join("\n"), DESCRIPTION)
}

/// A URL that no parser can find fault with: a batch with one that Alertmanager cannot read is refused as a whole.
fn is_plain_url(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else { return false };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (name, port) = host.split_once(':').unwrap_or((host, "0"));
    let is_host = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'));
    let mut escapes = path.split('%').skip(1);
    let escaped = |rest: &str| rest.bytes().take(2).filter(u8::is_ascii_hexdigit).count() == 2;
    let known = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?#@!$&'()*+,;=%".contains(&b);
    is_host && port.parse::<u16>().is_ok() && path.bytes().all(known) && escapes.all(escaped)
}

#[cfg(test)]
#[path = "tests/alert.rs"]
mod tests;
