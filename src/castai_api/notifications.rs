//! `GET /v1/notifications`: what CAST AI would have told by webhook, and for how long it remembers.
//!
//! The list has no filter by time and is not promised to be in order: who pages through it looks at every item's own time
//! and id. `id` is the webhook's `NotificationID`, so both bring the same event. Written after the generated client in
//! <https://github.com/castai/terraform-provider-castai> (`castai/sdk/api.gen.go` as of its last full version).

use bytes::Bytes;
use serde::Deserialize;

use super::page::{Listed, Pages};
use super::{CastAi, proto_json};
use crate::event::Timestamp;

const PATH: &str = "/v1/notifications";

/// One notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Notification {
    /// The webhook's `NotificationID`.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub id: Option<String>,
    /// Whose it is.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub organization_id: Option<String>,
    /// `CRITICAL`, `ERROR`, `WARNING`, `INFO`, `SUCCESS`, `UNSPECIFIED`, or a word not yet known.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub severity: Option<String>,
    /// What kind of news it is, in words that drift from year to year.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub name: Option<String>,
    /// When it was detected.
    #[serde(deserialize_with = "proto_json::time")]
    pub timestamp: Option<Timestamp>,
    /// When CAST AI wrote it down.
    #[serde(deserialize_with = "proto_json::time")]
    pub created_at: Option<Timestamp>,
    /// The cluster concerned; empty for notifications that concern none.
    #[serde(rename = "clusterMetadata", deserialize_with = "proto_json::or_default")]
    pub cluster: NotificationCluster,
    /// What CAST AI was doing; its category is what the webhook's variables lack.
    #[serde(rename = "operationMetadata", deserialize_with = "proto_json::or_default")]
    pub operation: NotificationOperation,
    /// The item exactly as received.
    #[serde(skip)]
    pub raw: Bytes,
}

/// The cluster of a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NotificationCluster {
    /// CAST AI's id.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub id: Option<String>,
    /// As users know it.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub name: Option<String>,
    /// AWS account, GCP project or Azure subscription.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub project: Option<String>,
    /// `eks`, `gke`, `aks`, …
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub provider_type: Option<String>,
}

/// The operation of a notification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NotificationOperation {
    /// CAST AI's id.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub id: Option<String>,
    /// Its kind; an open set.
    #[serde(rename = "type", deserialize_with = "proto_json::optional_text")]
    pub kind: Option<String>,
    /// `Security`, `Workload Autoscaler`, …; an open set.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub category: Option<String>,
}

impl Listed for Notification {
    const ENVELOPE: &'static str = "items";

    fn keep(&mut self, raw: Bytes) {
        self.raw = raw;
    }
}

impl CastAi {
    /// The organisation's notifications, newest first as far as CAST AI keeps to it, `limit` on a page.
    pub fn notifications(&self, limit: u32) -> Pages<'_, Notification> {
        // The members of the enum in lower case have muddled descriptions; the ones in capitals do as they say.
        let query = vec![("sort.field", "timestamp".to_owned()), ("sort.order", "DESC".to_owned())];
        Pages::new(self, PATH, query, limit)
    }
}
