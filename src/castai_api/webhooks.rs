//! `/v1/notifications/webhook-configurations`: which webhooks CAST AI calls, for what, and how it fares with them.
//!
//! In CAST AI's console these are the alerts with the delivery method *Webhook*. The values of their headers are secrets
//! and are never printed. Written after the generated client in <https://github.com/castai/terraform-provider-castai>
//! (`castai/sdk/api.gen.go` as of its last full version), with what was added since from CAST AI's OpenAPI file,
//! <https://api.cast.ai/v1/spec/openapi.json>. What a configuration covers is pure: [`WebhookConfig::covers`].

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::error::{ApiError, ErrorKind};
use super::notifications::Notification;
use super::page::{Listed, Page, Pages};
use super::{CastAi, proto_json};
use crate::config::Secret;
use crate::event::Timestamp;
use crate::http_client::Method;

const PATH: &str = "/v1/notifications/webhook-configurations";
const PAGE: u32 = 50;

/// One webhook configuration. What it reads is fit to be shown, but for [`WebhookConfig::callback_url`].
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(remote = "Self", default, rename_all = "camelCase")]
pub struct WebhookConfig {
    /// CAST AI's id.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub id: Option<String>,
    /// Whose it is.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub organization_id: Option<String>,
    /// As users know it.
    #[serde(deserialize_with = "proto_json::text")]
    pub name: String,
    /// What CAST AI posts to. May hold a secret; people are shown [`WebhookConfig::printable_url`].
    #[serde(deserialize_with = "proto_json::text")]
    pub callback_url: String,
    /// The one category it is for, `Security`; none for all of them.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub category: Option<String>,
    /// The one operation within the category, `Anomalies`; none for all of them.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub subcategory: Option<String>,
    /// The severities it is for, in CAST AI's words.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub severity_triggers: Vec<String>,
    /// The clusters it is for.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub cluster_triggers: ClusterTriggers,
    /// Whether it is for notifications that concern no cluster, too.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub include_clusterless: bool,
    /// Headers of every call, by name.
    #[serde(deserialize_with = "secrets")]
    pub auth_keys: BTreeMap<String, Secret>,
    /// What CAST AI posts: a template of its own, which must come out as JSON.
    #[serde(deserialize_with = "proto_json::text")]
    pub request_template: String,
    /// How the last call went: `CanConnect`, `FailedToConnect`; an open set. None before the first call.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub status: Option<String>,
    /// What was answered to the last call, when that was no success; [`without_secrets`] of the callback URL.
    #[serde(deserialize_with = "proto_json::optional_text")]
    pub error: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "proto_json::time")]
    pub created_at: Option<Timestamp>,
    /// When it was last changed.
    #[serde(deserialize_with = "proto_json::time")]
    pub updated_at: Option<Timestamp>,
    /// When it was deleted.
    #[serde(deserialize_with = "proto_json::time")]
    pub deleted_at: Option<Timestamp>,
    /// What else CAST AI says of it, to be said back when it is changed.
    #[serde(skip)]
    pub others: Others,
}

/// Fields we do not know, as CAST AI wrote them. One of them may be secret, so `Debug` shows their names only.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Others(Map<String, Value>);

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// What of a configuration is CAST AI's own to say, or stands in a field of its own.
const KNOWN: &[&str] = &[
    "id",
    "organizationId",
    "name",
    "callbackUrl",
    "category",
    "subcategory",
    "severityTriggers",
    "clusterTriggers",
    "includeClusterless",
    "authKeys",
    "requestTemplate",
    "status",
    "error",
    "createdAt",
    "updatedAt",
    "deletedAt",
];

/// The clusters a webhook is for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ClusterTriggers {
    /// CAST AI's ids; empty for all clusters.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub cluster_ids: Vec<String>,
}

/// What can be said about a webhook: what it is created with, or changed to.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WebhookDraft {
    /// As users will know it.
    pub name: String,
    /// What CAST AI is to post to.
    pub callback_url: String,
    /// The one category it is for; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The one operation within the category; none for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subcategory: Option<String>,
    /// The severities it is for, in CAST AI's words.
    pub severity_triggers: Vec<String>,
    /// The clusters it is for.
    pub cluster_triggers: ClusterTriggers,
    /// Whether it is for notifications that concern no cluster, too.
    pub include_clusterless: bool,
    /// Headers of every call, by name. Serialising tells CAST AI their values; nothing else does.
    #[serde(serialize_with = "exposed")]
    pub auth_keys: BTreeMap<String, Secret>,
    /// What CAST AI is to post.
    pub request_template: String,
    /// What else it said before, unchanged.
    #[serde(flatten)]
    pub others: Others,
}

fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let values: BTreeMap<String, Option<String>> = proto_json::or_default(deserializer)?;
    Ok(values.into_iter().map(|(name, value)| (name, Secret::literal(value.unwrap_or_default()))).collect())
}

fn exposed<S: Serializer>(keys: &BTreeMap<String, Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(keys.len()))?;
    keys.iter().try_for_each(|(name, value)| map.serialize_entry(name, value.expose()))?;
    map.end()
}

impl Listed for WebhookConfig {
    const ENVELOPE: &'static str = "items";

    fn keep(&mut self, raw: Bytes) {
        let mut others: Map<String, Value> = serde_json::from_slice(&raw).unwrap_or_default();
        others.retain(|field, _| !KNOWN.contains(&field.as_str()));
        self.others = Others(others);
    }
}

impl<'de> Deserialize<'de> for WebhookConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The derived function, which `remote` keeps from being the trait's.
        let mut read = Self::deserialize(deserializer)?;
        read.error = read.error.map(|error| without_secrets(&error, &read.callback_url));
        Ok(read)
    }
}

impl WebhookConfig {
    /// The callback URL without user, password, query and fragment.
    pub fn bare_url(&self) -> String {
        bare_url(&self.callback_url)
    }

    /// The same for people: it says where something is left out.
    pub fn printable_url(&self) -> String {
        printable_url(&self.callback_url)
    }

    /// What it says now, to be changed and sent back.
    pub fn draft(&self) -> WebhookDraft {
        WebhookDraft {
            name: self.name.clone(),
            callback_url: self.callback_url.clone(),
            category: self.category.clone(),
            subcategory: self.subcategory.clone(),
            severity_triggers: self.severity_triggers.clone(),
            cluster_triggers: self.cluster_triggers.clone(),
            include_clusterless: self.include_clusterless,
            auth_keys: self.auth_keys.clone(),
            request_template: self.request_template.clone(),
            others: self.others.clone(),
        }
    }

    /// Whether it posts to a URL that ends with this path. What stands before the path is the ingress's affair: it may
    /// be called by any name, and may add a prefix of its own.
    pub fn calls(&self, path: &str) -> bool {
        let url = self.callback_url.split(['?', '#']).next().unwrap_or_default();
        let (_, after_scheme) = url.split_once("://").unwrap_or(("", url));
        let (_, own) = after_scheme.split_once('/').unwrap_or((after_scheme, ""));
        format!("/{}", own.trim_end_matches('/')).ends_with(path.trim_end_matches('/'))
    }

    /// Whether CAST AI calls it for this notification, as far as can be told: where a condition cannot be judged, such as
    /// a category that the notification does not carry, the answer is no.
    pub fn covers(&self, notification: &Notification) -> bool {
        self.deleted_at.is_none()
            && self.existed_at(notification.created_at.or(notification.timestamp))
            && self.covers_severity(notification.severity.as_deref())
            && self.covers_cluster(notification.cluster.id.as_deref())
            && is_or_any(&self.category, &notification.operation.category)
            && is_or_any(&self.subcategory, &notification.operation.kind)
    }

    fn existed_at(&self, time: Option<Timestamp>) -> bool {
        self.created_at.zip(time).is_none_or(|(created, time)| created <= time)
    }

    fn covers_severity(&self, severity: Option<&str>) -> bool {
        let same = |trigger: &String| severity.is_some_and(|severity| trigger.eq_ignore_ascii_case(severity));
        self.severity_triggers.iter().any(same)
    }

    fn covers_cluster(&self, cluster: Option<&str>) -> bool {
        let chosen = &self.cluster_triggers.cluster_ids;
        match cluster {
            Some(cluster) => chosen.is_empty() || chosen.iter().any(|id| id == cluster),
            None => self.include_clusterless,
        }
    }
}

/// Whether two URLs lead to one place: case of scheme and host, and a slash at the end, aside.
pub fn is_same_url(one: &str, other: &str) -> bool {
    let parts = |url: &str| {
        let (scheme, rest) = url.trim().split_once("://").unwrap_or(("", url.trim()));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        (scheme.to_ascii_lowercase(), host.to_ascii_lowercase(), path.trim_end_matches('/').to_owned())
    };
    parts(one) == parts(other)
}

/// `text`, such as an error that quotes a URL, without what is secret in `callback_url`: no URL in it keeps its user,
/// password, query or fragment, and those of `callback_url` stand nowhere in it.
pub fn without_secrets(text: &str, callback_url: &str) -> String {
    let (mut shown, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find("://") {
        let start = rest[..at].rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
        // A character before the scheme may be more than a byte long.
        let start = (start..=at).find(|start| rest.is_char_boundary(*start)).unwrap_or(at);
        let ends = |c: char| c.is_whitespace() || "\"'`<>\\".contains(c);
        let end = rest[at..].find(ends).map_or(rest.len(), |length| at + length);
        shown.push_str(&rest[..start]);
        shown.push_str(&printable_url(&rest[start..end]));
        rest = &rest[end..];
    }
    shown.push_str(rest);
    secrets_of(callback_url).into_iter().fold(shown, |shown, secret| shown.replace(secret, "…"))
}

/// What may be secret in a URL, the longest first. Shorter words are no secrets, and stand in many a text.
fn secrets_of(url: &str) -> Vec<&str> {
    const SHORTEST: usize = 4;
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let user = place.split('/').next().and_then(|host| host.rsplit_once('@')).map_or("", |(user, _)| user);
    let password = user.split_once(':').map_or("", |(_, password)| password);
    let values = query.split(['?', '&', '#', ';']).map(|pair| pair.split_once('=').map_or(pair, |(_, value)| value));
    let all = [user, password, query.trim_start_matches(['?', '#'])].into_iter().chain(values);
    let mut secrets: Vec<&str> = all.filter(|secret| secret.len() >= SHORTEST).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets
}

fn bare_url(url: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// A URL with `…` for its user and password, and for its query and fragment.
pub fn printable_url(url: &str) -> String {
    let bare = bare_url(url);
    let place = url.split(['?', '#']).next().unwrap_or_default();
    let shown = match (place == bare, bare.split_once("://")) {
        (false, Some((scheme, rest))) => format!("{scheme}://…@{rest}"),
        _ => bare,
    };
    let more = url.find(['?', '#']).and_then(|at| url.get(at..=at)).map(|mark| format!("{mark}…"));
    shown + &more.unwrap_or_default()
}

/// Whether both mean one category: `Node Autoscaler` and `NODE_AUTOSCALER` are the same.
pub fn is_same_category(one: &str, other: &str) -> bool {
    let letters = |text: &str| text.replace([' ', '_', '-'], "").to_ascii_lowercase();
    letters(one) == letters(other)
}

/// Whether what is wanted, if anything is, is what is there.
fn is_or_any(wanted: &Option<String>, there: &Option<String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| there.as_ref().is_some_and(|there| is_same_category(there, wanted)))
}

impl CastAi {
    /// Every webhook configuration of the organisation, on one page.
    ///
    /// # Errors
    /// When CAST AI does not tell; the key needs to be allowed to read notifications' settings.
    pub async fn webhooks(&self) -> Result<Page<WebhookConfig>, ApiError> {
        let mut pages = Pages::<WebhookConfig>::new(self, PATH, vec![], PAGE);
        let mut all = Page { items: vec![], unreadable: vec![], next_cursor: None };
        while let Some(page) = pages.next().await? {
            all.items.extend(page.items);
            all.unreadable.extend(page.unreadable);
        }
        Ok(all)
    }

    /// One webhook configuration.
    ///
    /// # Errors
    /// When there is none with this id, or CAST AI does not tell.
    pub async fn webhook(&self, id: &str) -> Result<WebhookConfig, ApiError> {
        let received = self.get_raw(&one(id), &[]).await?;
        let unlike = |error: serde_json::Error| self.error(ErrorKind::Malformed, &one(id), &error.to_string());
        let mut webhook: WebhookConfig = serde_json::from_slice(&received.body).map_err(unlike)?;
        webhook.keep(received.body);
        Ok(webhook)
    }

    /// Makes a webhook; CAST AI calls it at once to try it, and the answer tells how that went. With `dry_run` it is only
    /// checked.
    ///
    /// # Errors
    /// When CAST AI refuses, or does not answer: then it may have been made all the same.
    pub async fn create_webhook(&self, draft: &WebhookDraft, dry_run: bool) -> Result<WebhookConfig, ApiError> {
        if !dry_run {
            return self.send(Method::Post, PATH, &[], draft).await;
        }
        // It is not documented which of the two places counts, and a dry run must not be a real one.
        let mut body = serde_json::to_value(draft).unwrap_or_default();
        if let Value::Object(fields) = &mut body {
            fields.insert("dryRun".to_owned(), Value::Bool(true));
        }
        self.send(Method::Post, PATH, &[("dryRun", "true".to_owned())], &body).await
    }

    /// Changes a webhook to what the draft says.
    ///
    /// # Errors
    /// When CAST AI refuses, or does not answer: then it may have been changed all the same.
    pub async fn update_webhook(&self, id: &str, draft: &WebhookDraft) -> Result<WebhookConfig, ApiError> {
        self.send(Method::Put, &one(id), &[], draft).await
    }
}

fn one(id: &str) -> String {
    format!("{PATH}/{id}")
}

#[cfg(test)]
#[path = "tests/webhooks.rs"]
mod tests;
