//! Microsoft Teams, by a workflow that was made for a channel,
//! <https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498>.
//!
//! [`card`] puts a message into an Adaptive Card, [`verdict`] reads the answer. 202 says that the workflow has begun, not that
//! anything was posted: a card that is too large or broken fails inside it and nobody hears of it, so the limits are kept here. There
//! is no idempotency, no change of what was posted, and no thread. The URL is the only key, so it never shows.

mod card;
mod verdict;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

use super::answer::recorded;
use super::message::Message;
use super::{Kit, Notifier, NotifyError, Sent, noted};
use crate::config::{Secret, Section};
use crate::event::batch::Batch;
use crate::http_client::{Endpoint, HttpClient};
use crate::template::{Markup, Wording};

/// `teams: { url }`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    url: Secret,
}

/// Builds the notifier; mistakes in the URL are noted with their cure, never with the URL.
pub fn build(section: &Section, kit: &Kit) -> Option<Arc<dyn Notifier>> {
    let config: Config = section.read()?;
    let workflow = noted(section, "url", workflow(config.url.expose()), WHERE_TO_FIND_IT)?;
    Some(Arc::new(Teams { workflow, http: kit.http.clone() }))
}

const WHERE_TO_FIND_IT: &str = "a workflow's URL has a host that ends with `.environment.api.powerplatform.com`; it is shown at \
    the channel → ⋯ → Workflows → `Send webhook alerts to a channel`, where `Anyone` may trigger it";

/// Hosts that answer nobody any more, with what they were and since when.
const RETIRED: &[(&str, &str)] = &[
    ("webhook.office.com", "is the URL of an Office 365 connector, which Microsoft switched off in May 2026"),
    ("outlook.office.com", "is the URL of an Office 365 connector, which Microsoft switched off in May 2026"),
    ("outlook.office365.com", "is the URL of an Office 365 connector, which Microsoft switched off in May 2026"),
    ("logic.azure.com", "is an old URL of a workflow, which Microsoft switched off in November 2025: copy the new one"),
];

/// The endpoint, or what is wrong with the URL. Its query is kept byte by byte: it holds the signature.
fn workflow(url: &str) -> Result<Endpoint, String> {
    let endpoint = Endpoint::parse(url.trim()).map_err(|error| error.to_string())?;
    if let Some((_, mistake)) = RETIRED.iter().find(|(domain, _)| endpoint.is_at(domain)) {
        return Err((*mistake).to_owned());
    }
    if endpoint.is_at("teams.microsoft.com") || endpoint.is_at("make.powerautomate.com") {
        return Err("is a page for people, not the URL that triggers a workflow".to_owned());
    }
    match endpoint.is_at("api.powerplatform.com") && !endpoint.has_parameter("sig") {
        true => Err("has no `sig=…`: a part is missing, or only people of the tenant may trigger it".to_owned()),
        false => Ok(endpoint),
    }
}

struct Teams {
    workflow: Endpoint,
    http: HttpClient,
}

fn payload(batch: &Batch, wording: &Wording) -> Value {
    card::payload(&Message::compose(batch, wording, Markup::AdaptiveCard))
}

#[async_trait]
impl Notifier for Teams {
    fn preview(&self, batch: &Batch, wording: &Wording) -> String {
        format!("POST {}\n{:#}", self.workflow, payload(batch, wording))
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        Some(&self.workflow)
    }

    async fn notify(&self, batch: &Batch, wording: &Wording) -> Result<Sent, NotifyError> {
        let body = Bytes::from(payload(batch, wording).to_string());
        let answer = self.http.post(&self.workflow, "application/json", body, &[], batch.claimed_at).await?;
        recorded(&answer, verdict::classify(answer.status, &answer.body, answer.retry_after).map(|()| None))
    }
}

#[cfg(test)]
mod tests;
