//! A cluster in all the forms templates give it: an object in snake, camel or Pascal case, its name or id alone,
//! or the object inside a string.
//!
//! The key case of `{{ toJSON .Cluster }}` is not documented, so all are read,
//! <https://docs.cast.ai/docs/setup-notification-webhook>.

use serde_json::{Map, Value};

use super::body::embedded;
use crate::event::Cluster;
use crate::event::fields::{is_absent, scalar_text};

/// Where the cluster stands as one value.
pub(super) const WORDS: &[&str] = &["cluster", "Cluster", "clusterMetadata"];

const ID: &[&str] = &["id", "ID", "Id", "cluster_id", "clusterId"];
const NAME: &[&str] = &["name", "Name", "cluster_name", "clusterName"];
const PROVIDER: &[&str] = &["provider_type", "ProviderType", "providerType", "provider", "Provider"];
/// The last pair is the older name of the same value.
const PROJECT: &[&str] = &[
    "project_name",
    "ProjectName",
    "projectName",
    "project",
    "Project",
    "project_namespace_id",
    "ProjectNamespaceID",
    "projectNamespaceId",
];

/// What a value says about the cluster.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) cluster: Cluster,
    /// Nothing of the value is left over.
    pub(super) complete: bool,
}

/// Reads the cluster; `None` when the value can be none.
pub(super) fn read(value: &Value) -> Option<Reading> {
    match value {
        Value::Object(object) => Some(from_object(object)),
        Value::String(text) => Some(from_text(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn from_object(object: &Map<String, Value>) -> Reading {
    let text = |words: &[&str]| words.iter().find_map(|word| scalar_text(object.get(*word)?));
    let cluster = Cluster { id: text(ID), name: text(NAME), provider: text(PROVIDER), project: text(PROJECT) };
    let places = [(ID, &cluster.id), (NAME, &cluster.name), (PROVIDER, &cluster.provider), (PROJECT, &cluster.project)];
    // Two names of one fact may stand side by side, as the older and the newer name of the project do.
    let told = |key: &str, value: &Value| {
        places.iter().any(|(words, text)| text.is_some() && words.contains(&key) && scalar_text(value) == **text)
    };
    let complete = object.iter().all(|(key, value)| is_absent(value) || told(key, value));
    Reading { cluster, complete }
}

fn from_text(text: &str) -> Reading {
    if let Some(Value::Object(object)) = embedded(text) {
        return from_object(&object);
    }
    let text = Some(text.trim().to_owned());
    let cluster = match text.as_deref().is_some_and(Cluster::is_id) {
        true => Cluster { id: text, ..Cluster::default() },
        false => Cluster { name: text, ..Cluster::default() },
    };
    Reading { cluster, complete: true }
}
