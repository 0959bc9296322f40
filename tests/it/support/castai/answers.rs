//! The endpoints that do not list: webhook configurations one by one, and answers that are stored as they are.

use serde_json::{Value, json};

use super::lists::List;
use super::{Asked, World, refusal};

const WEBHOOKS: &str = "/v1/notifications/webhook-configurations";

/// An answer that is given as it is.
pub struct Stored {
    pub path: String,
    /// Given only to queries that say all of this.
    pub query: Vec<(&'static str, String)>,
    pub body: Value,
}

impl Stored {
    /// Given to every query.
    pub fn at(path: &str, body: Value) -> Self {
        Self { path: path.to_owned(), query: vec![], body }
    }

    /// Given only to queries that say this.
    pub fn when(mut self, name: &'static str, value: &str) -> Self {
        self.query.push((name, value.to_owned()));
        self
    }

    fn fits(&self, asked: &Asked) -> bool {
        let says = |(name, value): &(&'static str, String)| asked.query_all(name).any(|said| said == value);
        self.path == asked.path && self.query.iter().all(says)
    }
}

impl World {
    pub(super) fn single(&mut self, asked: &Asked) -> (u16, Value) {
        if let Some(rest) = asked.path.strip_prefix(WEBHOOKS) {
            return self.webhook(asked, rest.trim_start_matches('/'));
        }
        let of_cluster = asked.path.strip_prefix("/v1/cost-reports/clusters/").and_then(|rest| rest.split('/').next());
        if of_cluster.is_some_and(|id| self.read_only.contains(id)) {
            return refusal(400, "cluster is read-only");
        }
        let lacks = |name: &str| asked.query(name).is_none();
        if of_cluster.is_some() && asked.path.ends_with("/savings") && (lacks("startTime") || lacks("endTime")) {
            return refusal(400, "startTime and endTime are required");
        }
        match self.stored.iter().rev().find(|stored| stored.fits(asked)) {
            Some(stored) => (200, stored.body.clone()),
            None => refusal(404, "not found"),
        }
    }

    fn webhook(&mut self, asked: &Asked, id: &str) -> (u16, Value) {
        let all = self.lists.entry(List::WebhookConfigurations).or_default();
        let at = all.iter().position(|own| own["id"] == id);
        match (asked.method.as_str(), at) {
            ("POST", _) if id.is_empty() => self.write_webhook(asked, None),
            ("GET", Some(at)) => (200, all[at].clone()),
            ("PUT", Some(at)) => self.write_webhook(asked, Some(at)),
            _ => refusal(404, "webhook configuration not found"),
        }
    }

    fn write_webhook(&mut self, asked: &Asked, at: Option<usize>) -> (u16, Value) {
        let mut webhook = asked.json();
        let missing = ["name", "callbackUrl", "requestTemplate"].into_iter().filter(|field| webhook[field].is_null());
        let violations: Vec<Value> =
            missing.map(|field| json!({ "field": field, "description": "required" })).collect();
        if !violations.is_empty() {
            return (400, json!({ "message": "invalid request", "fieldViolations": violations }));
        }
        let (status, error) = &self.webhook_verdict;
        webhook["status"] = json!(status);
        webhook["error"] = json!(error);
        let all = self.lists.entry(List::WebhookConfigurations).or_default();
        webhook["id"] = at.map_or_else(|| json!(format!("webhook-{}", all.len() + 1)), |at| all[at]["id"].clone());
        if asked.query("dryRun") == Some("true") || webhook["dryRun"] == true {
            return (200, webhook);
        }
        match at {
            Some(at) => all[at] = webhook.clone(),
            None => all.push(webhook.clone()),
        }
        (200, webhook)
    }
}
