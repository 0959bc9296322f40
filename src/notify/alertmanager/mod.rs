//! Alertmanager, API v2, <https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml>.
//!
//! [`alert`] makes alerts of a batch, [`labels`] what names them, [`replicas`] one verdict of what several replicas answered.
//! Replicas tell each other of notifications and silences, never of alerts, so each is told by itself:
//! <https://prometheus.io/docs/alerting/latest/alertmanager/#high-availability>. Sending twice is harmless: the labels are the
//! alert. How long an alert lasts is said with it, because one without an end is taken for over after five minutes.

mod alert;
mod labels;
mod replicas;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

pub use replicas::classify;

use super::{Kit, Notifier, NotifyError, Sent};
use crate::config::{Secret, Section, Span};
use crate::event::batch::Batch;
use crate::http_client::{Endpoint, HttpClient};
use crate::template::Wording;
use alert::Form;
use replicas::Replica;

/// More replicas than any cluster has.
const MOST_REPLICAS: usize = 16;

/// How long several replicas may take to answer: longer than a connection takes to stand, and shorter than an attempt, so that one
/// that hangs does not hide what the others said.
const PATIENCE: Duration = Duration::from_secs(8);

/// `alertmanager: { urls, labels, event_lasts, incident_lasts }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Of every replica, up to where `/api/v2` begins.
    urls: Vec<Secret>,
    /// On every alert, before the relay's own of the same name.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// How long the alert of an event without an incident lasts.
    #[serde(default = "an_hour")]
    event_lasts: Span,
    /// How long the alert of an incident lasts where nobody is told of its end.
    #[serde(default = "thirty_days")]
    incident_lasts: Span,
}

fn an_hour() -> Span {
    Span::from_secs(3600)
}

/// The longest `resolve_after` of an incident.
fn thirty_days() -> Span {
    Span::from_secs(30 * 24 * 3600)
}

/// Builds the notifier; mistakes are noted with their cure, never with a URL.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let replicas = replicas_at(section, &config.urls);
    let labels_are_good = check_labels(section, &config.labels);
    let lasts = [("event_lasts", config.event_lasts), ("incident_lasts", config.incident_lasts)];
    // All of them, so that all mistakes are noted at once.
    let spans_are_good = lasts.map(|(key, span)| check_lasts(section, key, span)).iter().all(|good| *good);
    let replicas = replicas.filter(|_| labels_are_good && spans_are_good)?;
    let form = Form {
        labels: config.labels,
        event_lasts: config.event_lasts.get(),
        incident_lasts: config.incident_lasts.get(),
    };
    Some(Arc::new(Alertmanager { replicas, form, patience: PATIENCE, http: kit.http.clone() }))
}

fn replicas_at(section: &Section, urls: &[Secret]) -> Option<Vec<Replica>> {
    let mut replicas: Vec<Replica> = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let read = Replica::parse(url.expose());
        let twice = |replica: &Replica| replicas.contains(replica).then(|| "is written twice".to_owned());
        match read.and_then(|replica| twice(&replica).map_or(Ok(replica), Err)) {
            Ok(replica) => replicas.push(replica),
            Err(mistake) => {
                let hint = "write what the web page of that one replica begins with, such as `https://alertmanager-0.example.com:9093`";
                let message = format!("this address {mistake}");
                section.problem_at(&format!("urls[{index}]"), message, &[], Some(hint.to_owned()));
            }
        }
    }
    if urls.is_empty() || urls.len() > MOST_REPLICAS {
        let message = format!("`urls` must name 1 to {MOST_REPLICAS} replicas");
        section.problem_at(
            "urls",
            message,
            &[],
            Some("each by its own address, none of them a load balancer's".to_owned()),
        );
        return None;
    }
    (replicas.len() == urls.len()).then_some(replicas)
}

fn check_labels(section: &Section, labels: &BTreeMap<String, String>) -> bool {
    let mistakes: Vec<_> =
        labels.iter().filter_map(|(name, value)| Some((name, labels::mistake(name, value)?))).collect();
    for (name, (mistake, hint)) in &mistakes {
        section.section("labels").problem_at(name, format!("label `{name}` {mistake}"), &[], Some((*hint).to_owned()));
    }
    mistakes.is_empty()
}

/// Less than a minute may be over before anybody is notified, more than a year is for ever.
fn check_lasts(section: &Section, key: &str, span: Span) -> bool {
    let (least, most) = (Span::from_secs(60), Span::from_secs(366 * 24 * 3600));
    let good = (least..=most).contains(&span);
    if !good {
        section.problem_at(key, format!("`{key}` must lie between {least} and {most}"), &[], None);
    }
    good
}

struct Alertmanager {
    replicas: Vec<Replica>,
    form: Form,
    patience: Duration,
    http: HttpClient,
}

impl Alertmanager {
    /// Whoever is alone has all the time there is.
    async fn tell(&self, replica: &Replica, body: Bytes, batch: &Batch) -> Result<Sent, NotifyError> {
        let telling = replica.tell(&self.http, body, batch.claimed_at);
        if self.replicas.len() == 1 {
            return telling.await;
        }
        let late = |_| NotifyError::ambiguous(None, format!("no answer within {}s", self.patience.as_secs()));
        tokio::time::timeout(self.patience, telling).await.unwrap_or_else(|elapsed| Err(late(elapsed)))
    }
}

#[async_trait]
impl Notifier for Alertmanager {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        let posts: Vec<String> = self.replicas.iter().map(|replica| format!("POST {}\n", replica.endpoint())).collect();
        format!("{}{:#}", posts.concat(), json!(self.form.alerts(batch, wording)))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        self.replicas.first().map(Replica::endpoint)
    }

    fn endpoints(&self) -> Vec<&Endpoint> {
        self.replicas.iter().map(Replica::endpoint).collect()
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let alerts = self.form.alerts(batch, wording);
        let body = Bytes::from(json!(alerts).to_string());
        let told = join_all(self.replicas.iter().map(|replica| self.tell(replica, body.clone(), batch))).await;
        let sent = replicas::together(self.replicas.iter().zip(told).collect())?;
        Ok(Sent { receipt: alert::receipt(batch, &alerts), ..sent })
    }

    fn keeps_incidents(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
