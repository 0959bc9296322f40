//! The cluster behind the stand-in API server: objects, their history, and what shall go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use hyper::Request;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::support::http::PATIENCE;

/// The token that is let in, at first.
pub const TOKEN: &str = "first-token";

/// How a watch from a forgotten version is refused; API servers do it both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gone {
    /// As the status of the answer.
    Status,
    /// As an `ERROR` line in an answer with status 200.
    Line,
}

/// One request, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    pub method: String,
    pub resource: String,
    pub namespace: Option<String>,
    pub token: Option<String>,
    query: BTreeMap<String, String>,
}

impl Asked {
    pub(super) fn read<B>(request: &Request<B>) -> Self {
        let url = reqwest::Url::parse(&format!("http://api{}", request.uri())).unwrap();
        let path: Vec<&str> = url.path().trim_start_matches("/api/v1/").split('/').collect();
        let (namespace, resource) = match path.as_slice() {
            ["namespaces", namespace, resource] => (Some((*namespace).to_owned()), *resource),
            [resource] => (None, *resource),
            other => panic!("{other:?} was asked for"),
        };
        let header = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        Self {
            method: request.method().to_string(),
            resource: resource.to_owned(),
            namespace,
            token: header.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned),
            query: url.query_pairs().into_owned().collect(),
        }
    }

    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.parameter(name)?.parse().ok()
    }

    pub fn watches(&self) -> bool {
        self.parameter("watch") == Some("true")
    }

    /// As rules of RBAC call it.
    pub fn verb(&self) -> &'static str {
        assert_eq!(self.method, "GET");
        if self.watches() { "watch" } else { "list" }
    }
}

/// What a request selects.
#[derive(Debug, Clone)]
pub(super) struct Selection {
    resource: String,
    namespace: Option<String>,
    field: Option<(String, String)>,
    label: Option<String>,
}

impl Selection {
    fn of(asked: &Asked) -> Self {
        let field = asked.parameter("fieldSelector").map(|selector| selector.split_once('=').unwrap());
        Self {
            resource: asked.resource.clone(),
            namespace: asked.namespace.clone(),
            field: field.map(|(name, value)| (name.to_owned(), value.to_owned())),
            label: asked.parameter("labelSelector").map(str::to_owned),
        }
    }

    fn takes(&self, resource: &str, object: &Value) -> bool {
        let metadata = &object["metadata"];
        let in_namespace = self.namespace.as_ref().is_none_or(|namespace| metadata["namespace"] == **namespace);
        let has_field = self.field.as_ref().is_none_or(|(name, value)| object[name] == **value);
        let has_label = self.label.as_ref().is_none_or(|label| metadata["labels"].get(label).is_some());
        self.resource == resource && in_namespace && has_field && has_label
    }
}

/// A change of one object; absent before it was made, absent after it was deleted.
#[derive(Debug, Clone)]
struct Change {
    version: u64,
    resource: &'static str,
    before: Option<Value>,
    after: Option<Value>,
}

impl Change {
    /// As a watch with this selection sees it: what begins to fit is added, what ceases to fit is deleted.
    fn seen_by(&self, selection: &Selection) -> Option<Value> {
        let fits = |object: &Option<Value>| object.clone().filter(|object| selection.takes(self.resource, object));
        let (word, object) = match (fits(&self.before), fits(&self.after)) {
            (None, None) => return None,
            (None, Some(object)) => ("ADDED", object),
            (Some(_), Some(object)) => ("MODIFIED", object),
            (Some(mut object), None) => {
                object["metadata"]["resourceVersion"] = self.version.to_string().into();
                ("DELETED", object)
            }
        };
        Some(json!({"type": word, "object": object}))
    }
}

#[derive(Default)]
struct State {
    version: u64,
    objects: BTreeMap<(&'static str, String), Value>,
    changes: Vec<Change>,
    forgotten: u64,
    gone: Option<Gone>,
    page: Option<usize>,
    token: Option<String>,
    forbidden: BTreeSet<String>,
    broken: bool,
    cut: bool,
    hasty: bool,
    asked: Vec<Asked>,
    /// Raised to end all watches that are under way.
    generation: u64,
    /// How many watches there were, and up to which one the way is lost.
    watches: u64,
    lost: u64,
}

/// Where a watch stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// What was told last.
    version: u64,
    /// It ends when another one begins.
    generation: u64,
    /// How many watches there had been.
    ordinal: u64,
}

/// Why a watch does not begin.
pub(super) enum Watched {
    Refused(Value),
    Told(Value),
}

#[derive(Default)]
pub struct Cluster {
    state: Mutex<State>,
    touched: watch::Sender<u64>,
}

impl Cluster {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn touch<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.touched.send_modify(|touched| *touched += 1);
        result
    }

    /// Creates the object, or replaces the one of its name.
    pub fn apply(&self, mut object: Value) {
        let resource = if object["kind"] == "Node" { "nodes" } else { "events" };
        let name = format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
        self.touch(|state| {
            state.version += 1;
            object["metadata"]["resourceVersion"] = state.version.to_string().into();
            let before = state.objects.insert((resource, name), object.clone());
            state.changes.push(Change { version: state.version, resource, before, after: Some(object) });
        });
    }

    pub fn delete(&self, object: &Value) {
        let resource = if object["kind"] == "Node" { "nodes" } else { "events" };
        let name = format!("{}/{}", object["metadata"]["namespace"], object["metadata"]["name"]);
        self.touch(|state| {
            state.version += 1;
            let before = state.objects.remove(&(resource, name));
            assert!(before.is_some(), "there is no such object");
            state.changes.push(Change { version: state.version, resource, before, after: None });
        });
    }

    /// Forgets its history, as etcd does every few minutes, and ends all watches. Who asks for a watch from before is
    /// refused in this way.
    pub fn forget_history(&self, gone: Gone) {
        self.touch(|state| {
            // So that nobody has seen the latest.
            state.version += 1;
            (state.forgotten, state.gone) = (state.version, Some(gone));
            state.changes.clear();
            state.generation += 1;
        });
    }

    /// From now on every watch ends as soon as it has begun, in good order.
    pub fn ends_watches_at_once(&self) {
        self.touch(|state| state.hasty = true);
    }

    /// Whatever is watched now, nothing of it arrives any more, not even its end: as behind a router that forgot.
    pub fn lose_the_way(&self) {
        self.touch(|state| state.lost = state.watches);
    }

    /// Whether nothing of this watch arrives.
    pub(super) fn is_lost(&self, at: Position) -> bool {
        at.ordinal <= self.state().lost
    }

    /// The next line of a watch breaks off in the middle, with its connection.
    pub fn cut_next_line(&self) {
        self.state().cut = true;
    }

    /// Gives at most so many objects in one page.
    pub fn pages_of(&self, objects: usize) {
        self.state().page = Some(objects);
    }

    pub fn forbid(&self, resource: &str) {
        self.state().forbidden.insert(resource.to_owned());
    }

    pub fn permit_all(&self) {
        self.state().forbidden.clear();
    }

    /// Answers 503 to everything, or no longer does.
    pub fn is_broken(&self, broken: bool) {
        self.touch(|state| {
            state.broken = broken;
            state.generation += 1;
        });
    }

    /// From now on only this token is let in. Ends all watches.
    pub fn expect_token(&self, token: &str) {
        self.touch(|state| {
            state.token = Some(token.to_owned());
            state.generation += 1;
        });
    }

    /// Everything that was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// Waits until this many requests fit.
    pub async fn until_asked(&self, count: usize, fits: impl Fn(&Asked) -> bool) {
        let mut touched = self.touched.subscribe();
        let enough = touched.wait_for(|_| self.asked().iter().filter(|asked| fits(asked)).count() >= count);
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        assert!(waited.is_ok(), "waited for {count} requests; these came: {:#?}", self.asked());
    }

    /// Whether the request is let in at all; else the answer as a Status.
    pub(super) fn admit(&self, asked: &Asked) -> Result<Selection, Value> {
        self.touch(|state| {
            state.asked.push(asked.clone());
            let resource = &asked.resource;
            if asked.token.as_deref() != Some(state.token.as_deref().unwrap_or(TOKEN)) {
                return Err(refusal(401, "Unauthorized", "Unauthorized"));
            }
            if state.broken {
                return Err(refusal(503, "ServiceUnavailable", "the server is currently unable to handle the request"));
            }
            if state.forbidden.contains(resource) {
                let (who, verb) = ("system:serviceaccount:castai-relay:default", asked.verb());
                let message = format!("{resource} is forbidden: User \"{who}\" cannot {verb} resource \"{resource}\"");
                return Err(refusal(403, "Forbidden", &message));
            }
            Ok(Selection::of(asked))
        })
    }

    /// A page of what there is. Items of a list do not say of what kind they are.
    pub(super) fn list(&self, selection: &Selection, asked: &Asked) -> Result<Value, Value> {
        let state = self.state();
        let (version, from) = match asked.parameter("continue").map(|token| token.split_once(':').unwrap()) {
            Some((version, from)) => (version.parse().unwrap(), from.parse().unwrap()),
            None => (state.version, 0),
        };
        if version < state.forgotten {
            return Err(refusal(410, "Expired", "The provided continue parameter is too old"));
        }
        let fitting = state.objects.iter().filter(|((resource, _), object)| selection.takes(resource, object));
        let mut items: Vec<Value> = fitting.map(|(_, object)| object.clone()).skip(from).collect();
        let limit = asked.number("limit").map_or(usize::MAX, |limit| usize::try_from(limit).unwrap());
        let limit = limit.min(state.page.unwrap_or(usize::MAX));
        let more = (items.len() > limit).then(|| format!("{version}:{}", from + limit));
        items.truncate(limit);
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.retain(|key, _| key != "kind" && key != "apiVersion");
        }
        let kind = if selection.resource == "nodes" { "NodeList" } else { "EventList" };
        let metadata = json!({"resourceVersion": version.to_string(), "continue": more.unwrap_or_default()});
        Ok(json!({"apiVersion": "v1", "kind": kind, "metadata": metadata, "items": items}))
    }

    /// From which version on the watch tells changes.
    pub(super) fn watch(&self, asked: &Asked) -> Result<Position, Watched> {
        let mut state = self.state();
        state.watches += 1;
        let since = asked.number("resourceVersion").unwrap_or(state.version);
        let gone = || refusal(410, "Expired", "The resourceVersion for the provided watch is too old.");
        match state.gone.filter(|_| since < state.forgotten) {
            Some(Gone::Status) => Err(Watched::Refused(gone())),
            Some(Gone::Line) => Err(Watched::Told(gone())),
            None => Ok(Position { version: since, generation: state.generation, ordinal: state.watches }),
        }
    }

    /// The next change that the selection sees, once there is one, and whether it shall break off. `None` when the
    /// watch is to end.
    pub(super) async fn next_change(&self, selection: &Selection, at: Position) -> Option<(Position, Value, bool)> {
        let mut touched = self.touched.subscribe();
        loop {
            touched.mark_unchanged();
            {
                let mut state = self.state();
                if state.hasty || state.generation != at.generation {
                    return None;
                }
                let seen = |change: &Change| Some((change.version, change.seen_by(selection)?));
                let new = state.changes.iter().filter(|change| change.version > at.version).find_map(seen);
                if let Some((version, event)) = new {
                    return Some((Position { version, ..at }, event, std::mem::take(&mut state.cut)));
                }
            }
            touched.changed().await.ok()?;
        }
    }
}

fn refusal(code: u16, reason: &str, message: &str) -> Value {
    let (kind, version) = ("Status", "v1");
    json!({"kind": kind, "apiVersion": version, "metadata": {}, "status": "Failure", "message": message, "reason": reason, "code": code})
}
