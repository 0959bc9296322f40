//! The default words for every kind of event, such that who is woken by them knows what happened.
//!
//! Titles name the thing and what became of it; the facts carry cluster, node, time and lateness. Plain text only.
//! Total: whatever is missing is left out of the sentence. What the relay says of itself is in [`reports`].

mod reports;

use std::time::Duration;

use serde_json::{Map, Value};

use super::particulars::particulars;
use super::{Fact, Form, Message, amounts, audit, cut, one_line, savings};
use crate::event::castai::{KubernetesEvent, Node, Notification};
use crate::event::delivery::Delivery;
use crate::event::{CastAIEvent, Event};

/// The most facts a message has: the cluster, the particulars, the time.
const MAX_FACTS: usize = 10;

/// What is said when the route says nothing.
pub(super) struct Told {
    pub(super) title: String,
    pub(super) text: Option<String>,
    pub(super) facts: Vec<Fact>,
}

/// What the kind of event adds to what every message has.
pub(super) struct Story {
    pub(super) title: String,
    pub(super) text: Option<String>,
    pub(super) facts: Vec<Fact>,
}

pub(super) fn tell(delivery: &Delivery) -> Told {
    let event = &delivery.event;
    let story = story(event);
    let cluster = event.cluster.label().and_then(|label| Fact::verbatim("Cluster", label));
    let mut facts: Vec<Fact> = cluster.into_iter().chain(story.facts).take(MAX_FACTS - 1).collect();
    facts.extend(when(delivery));
    Told { title: story.title, text: story.text, facts }
}

/// The event in one line, never blank.
pub(super) fn title(event: &Event) -> String {
    cut(&one_line(&story(event).title), Message::MAX_TITLE)
}

fn story(event: &Event) -> Story {
    match &event.kind {
        CastAIEvent::NodeAdded(node) => node_added(node, event),
        CastAIEvent::NodeRemoved(node) => node_removed(node, event),
        CastAIEvent::NodeSpotInterrupted(node) => spot_interruption(node, event),
        CastAIEvent::SavingsThreshold(crossed) => savings::threshold(crossed, event),
        CastAIEvent::SavingsSummary(summary) => savings::summary(summary),
        CastAIEvent::Notification(notification) => castai_notification(notification, event),
        CastAIEvent::Kubernetes(told) => kubernetes_event(told, event),
        CastAIEvent::Audit(record) => audit::record(record, event),
        CastAIEvent::Relay(report) => reports::tell(*report, &event.data),
        CastAIEvent::Unrecognized { event_type } => unrecognized(event_type, &event.data),
    }
}

fn node_added(node: &Node, event: &Event) -> Story {
    let what = match node.lifecycle.as_deref() {
        Some(lifecycle) if lifecycle.eq_ignore_ascii_case("spot") => "New spot node",
        _ => "New node",
    };
    Story {
        title: with_subject(what, node.instance_type.as_ref().or(node.name.as_ref())),
        text: Some(format!("{} joined {}.", the_node(node), the_cluster(event))),
        facts: node_facts(node, &event.data),
    }
}

fn node_removed(node: &Node, event: &Event) -> Story {
    let title = with_subject("Node removed", node.name.as_ref().or(node.instance_type.as_ref()));
    let why = node.action.as_ref().map(|action| format!(" ({action})")).unwrap_or_default();
    Story {
        title: format!("{title}{why}"),
        text: Some(format!("{} left {}.", the_node(node), the_cluster(event))),
        facts: node_facts(node, &event.data),
    }
}

fn spot_interruption(node: &Node, event: &Event) -> Story {
    let title = with_subject("Spot interruption", node.instance_type.as_ref().or(node.name.as_ref()));
    let takes_back = match node.action.as_deref() {
        Some("spot-prediction") => "CAST AI expects the cloud provider to take back",
        _ => "The cloud provider takes back",
    };
    let text = format!(
        "{takes_back} {} in {}. Its pods have to move; look whether they find room.",
        node.name.as_deref().unwrap_or("a spot node"),
        the_cluster(event)
    );
    Story { title: in_cluster(title, event), text: Some(text), facts: node_facts(node, &event.data) }
}

fn castai_notification<'a>(notification: &'a Notification, event: &Event) -> Story {
    let said = |text: &'a Option<String>| text.as_deref().filter(|text| !one_line(text).is_empty());
    let (name, message) = (said(&notification.name), said(&notification.message));
    let title = name.or(message).unwrap_or("CAST AI notification");
    let category = event.category.as_deref().and_then(|category| Fact::words("Category", category));
    Story {
        title: title.to_owned(),
        text: message.filter(|message| *message != title).map(str::to_owned),
        facts: category.into_iter().chain(particulars(&event.data, &[])).collect(),
    }
}

fn kubernetes_event(told: &KubernetesEvent, event: &Event) -> Story {
    let object = [told.object_kind.as_deref(), told.object_name.as_deref()].into_iter().flatten();
    let object = Some(object.collect::<Vec<_>>().join(" ")).filter(|object| !object.is_empty());
    let count = told.count.filter(|count| *count > 1).map(|count| count.to_string());
    let known = [
        ("Namespace", told.object_namespace.as_deref()),
        ("Reported by", told.component.as_deref()),
        ("Times", count.as_deref()),
    ];
    let title = with_subject(told.reason.as_deref().unwrap_or("Kubernetes event"), object.as_ref());
    Story {
        title: in_cluster(title, event),
        text: told.message.clone(),
        facts: known.into_iter().filter_map(|(label, value)| Fact::verbatim(label, value?)).collect(),
    }
}

fn unrecognized(event_type: &str, data: &Map<String, Value>) -> Story {
    let named = Some(event_type.to_owned()).filter(|name| name != CastAIEvent::UNRECOGNIZED);
    Story { title: with_subject("Unrecognized event", named.as_ref()), text: None, facts: particulars(data, &[]) }
}

fn node_facts(node: &Node, data: &Map<String, Value>) -> Vec<Fact> {
    let known = [
        ("Node", node.name.as_deref()),
        ("Instance type", node.instance_type.as_deref()),
        ("Lifecycle", node.lifecycle.as_deref()),
        ("Action", node.action.as_deref()),
        ("Zone", node.zone.as_deref()),
    ];
    let known = known.into_iter().filter_map(|(label, value)| Fact::verbatim(label, value?));
    let said = [&["nodeName", "instanceType", "lifecycle", "action", "zone"], audit::said(data)].concat();
    known.chain(audit::by(data)).chain(particulars(data, &said)).collect()
}

fn the_node(node: &Node) -> String {
    node.name.as_ref().map_or_else(|| "A node".to_owned(), |name| format!("Node {name}"))
}

fn the_cluster(event: &Event) -> String {
    event.cluster.label().map_or_else(|| "the cluster".to_owned(), |label| format!("cluster {label}"))
}

/// The words with one full stop at the end, whoever wrote them.
fn sentence(words: &str) -> String {
    format!("{}.", words.trim_end_matches('.'))
}

pub(super) fn with_subject(what: &str, subject: Option<&String>) -> String {
    subject.map_or_else(|| what.to_owned(), |subject| format!("{what}: {subject}"))
}

pub(super) fn in_cluster(title: String, event: &Event) -> String {
    event.cluster.label().map_or_else(|| title.clone(), |label| format!("{title} in {label}"))
}

/// When it happened, else when we heard of it, and how long ago that was if it is worth a word.
fn when(delivery: &Delivery) -> Option<Fact> {
    let event = &delivery.event;
    let (label, time) = event.occurred_at.map_or(("Received", event.received_at), |time| ("Happened", time));
    let late = late(delivery.lateness()).map(|late| format!(" ({late})")).unwrap_or_default();
    Fact::new(label, &format!("{time}{late}"), Form::Words)
}

/// `4 min late`; `None` below a minute, which is how long a good day takes.
pub(super) fn late(lateness: Duration) -> Option<String> {
    (lateness >= Event::LATE).then(|| format!("{} late", amounts::lasting(lateness)))
}
