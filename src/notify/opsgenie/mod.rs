//! Jira Service Management and Opsgenie, which share one alert API: <https://docs.opsgenie.com/docs/alert-api>,
//! <https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events/>.
//!
//! [`alert`] puts a message into an alert, [`verdict`] reads the answer. Sending twice is harmless: while an alert is open,
//! the same `alias` is the same alert, which counts. An incident at a target is one alert, created, counted up and closed
//! under one alias; any other message is an alert of its own, which people close. 202 says that the request is taken, not
//! that it has been carried out; a close of an alert that is not there is taken, too. Opsgenie itself ends on 5 April 2027.

mod alert;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

pub use verdict::classify;

use super::answer::recorded;
use super::identity::{hashed, of_message};
use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent, noted};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::event::delivery::Phase;
use crate::http_client::{Endpoint, HttpClient};
use crate::template::{Markup, Wording};

/// `jira_service_management: { api_key, url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct JiraServiceManagement {
    api_key: Secret,
    /// Instead of Atlassian's own.
    url: Option<Endpoint>,
}

/// `opsgenie: { api_key, region, url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Opsgenie {
    api_key: Secret,
    #[serde(default)]
    region: Region,
    /// Instead of the region's.
    url: Option<Endpoint>,
}

/// Opsgenie's service regions, <https://docs.opsgenie.com/docs/european-service-region>.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Region {
    #[default]
    Us,
    Eu,
}

impl Region {
    fn url(self) -> &'static str {
        match self {
            Self::Us => "https://api.opsgenie.com",
            Self::Eu => "https://api.eu.opsgenie.com",
        }
    }
}

/// One for all regions.
const OF_JIRA_SERVICE_MANAGEMENT: &str = "https://api.atlassian.com/jsm/ops/integration";

/// Builds the notifier for Jira Service Management; mistakes are noted without the key.
pub fn build_for_jira_service_management(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let JiraServiceManagement { api_key, url } = section.read()?;
    build(section, kit, &api_key, url, OF_JIRA_SERVICE_MANAGEMENT)
}

/// Builds the notifier for Opsgenie; mistakes are noted without the key.
pub fn build_for_opsgenie(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let Opsgenie { api_key, region, url } = section.read()?;
    build(section, kit, &api_key, url, region.url())
}

fn build(
    section: &Section,
    kit: &Kit,
    key: &Secret,
    url: Option<Endpoint>,
    otherwise: &str,
) -> Option<Arc<dyn Notifier>> {
    let key = noted(section, "api_key", integration_key(key.expose()), WHERE_TO_FIND_IT);
    let url = match url {
        Some(url) => noted(section, "url", address(url), WHAT_TO_WRITE),
        None => Endpoint::parse(otherwise).map_err(|error| section.problem(error.to_string())).ok(),
    };
    Some(Arc::new(Alerts { url: url?, key: key?, http: kit.http.clone() }))
}

const WHERE_TO_FIND_IT: &str =
    "it is shown at the team → Operations (Opsgenie: Settings) → Integrations → API, once the integration is turned on";

const WHAT_TO_WRITE: &str = "leave it out, or write what stands before `/v2/alerts`";

/// The key as the API wants it, or what it is instead.
fn integration_key(key: &str) -> Result<Secret, &'static str> {
    /// Those that are given out have 36 characters, which nobody promises.
    const LENGTHS: std::ops::RangeInclusive<usize> = 20..=200;
    let key = key.trim();
    if key.starts_with("ATATT") || key.starts_with("ATCTT") {
        return Err("is an API token of an Atlassian account; the key of an API integration is needed");
    }
    if key.starts_with("GenieKey") {
        return Err("must be the key alone, without `GenieKey`");
    }
    match LENGTHS.contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(Secret::literal(key)),
        false => Err("must have from 20 to 200 letters, digits and signs, without blanks"),
    }
}

/// The address, or why no alert can be sent there.
fn address(url: Endpoint) -> Result<Endpoint, &'static str> {
    let path = url.path().trim_end_matches('/');
    let mistake = if path.ends_with("/v2/alerts") {
        "must not have `/v2/alerts` at its end, which is added"
    } else if path.starts_with("/v1/json") {
        "is version 1 of Opsgenie's API, which is no more"
    } else if url.is_at("atlassian.com") && path.starts_with("/jsm/ops/api") {
        "is the address of Atlassian's REST API, which takes no key of an integration"
    } else if url.is_at("atlassian.net") || (url.is_at("opsgenie.com") && !url.host().starts_with("api.")) {
        "is a page for people"
    } else {
        return Ok(url);
    };
    Err(mistake)
}

struct Alerts {
    url: Endpoint,
    key: Secret,
    http: HttpClient,
}

/// What is asked for one batch.
struct Asked {
    to: Endpoint,
    body: Value,
}

impl Alerts {
    fn ask(&self, batch: &Batch, wording: &Wording) -> Asked {
        let message = Message::compose(batch, wording, Markup::Plain);
        let alias = alias(batch);
        match batch.incident.as_ref().map(|incident| incident.phase) {
            // Without saying what it is, the alias would be taken for an id.
            Some(Phase::Resolve) => {
                let query = [("identifierType", "alias".to_owned())];
                Asked { to: self.url.join(&format!("v2/alerts/{alias}/close"), &query), body: alert::close(&message) }
            }
            Some(Phase::Open) | None => {
                Asked { to: self.url.join("v2/alerts", &[]), body: alert::create(&message, batch, &alias) }
            }
        }
    }
}

/// Which alert. All integrations of an account share its aliases, so the target's name is part of it: else of two teams
/// that are told the same only the first would have an alert, and each would close the other's.
/// <https://github.com/prometheus/alertmanager/issues/3639>
fn alias(batch: &Batch) -> String {
    match &batch.incident {
        Some(incident) => hashed(&json!([batch.target().as_str(), incident.key.as_str()]).to_string()),
        // An alert that is open only counts what comes again: of a batch that has grown it would not show what is new.
        None => of_message(batch),
    }
}

#[async_trait]
impl Notifier for Alerts {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        format!("POST {}\n{:#}", self.url, self.ask(batch, wording).body)
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.url)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let Asked { to, body } = self.ask(batch, wording);
        let (body, key) = (Bytes::from(body.to_string()), format!("GenieKey {}", self.key.expose()));
        let headers = [("authorization", key.as_str())];
        let mut answer = self.http.post(&to, "application/json", body, &headers, batch.claimed_at).await?;
        // An error text may quote the key.
        answer.body = self.key.blotted_out_of(&answer.body);
        recorded(&answer, classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }

    fn keeps_incidents(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
