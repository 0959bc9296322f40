//! A message as an alert, and the end of one.
//!
//! Limits: <https://docs.opsgenie.com/docs/alert-api#create-alert>, in characters; what is longer is cut there without a
//! word, so it is cut here where that can be seen. Pure; sends nothing.

use serde_json::{Map, Value, json};

use crate::event::Severity;
use crate::event::batch::Batch;
use crate::event::tally::Dimension;
use crate::notify::message::{Message, cut, one_line};
use crate::template::Markup;

const MESSAGE: usize = 130;
const DESCRIPTION: usize = 15_000;
const ENTITY: usize = 512;
const TAG: usize = 50;
const SOURCE: &str = "castai-relay";

/// The body that creates an alert, or counts one up.
pub(super) fn create(message: &Message, batch: &Batch, alias: &str) -> Value {
    let mut alert = json!({
        "message": within(&message.headline, MESSAGE),
        "alias": alias,
        "description": description(message),
        "details": details(message, batch),
        "tags": tags(message, batch),
        "priority": priority(message.severity),
        "source": SOURCE,
    });
    if let Some(cluster) = line(cluster(batch), ENTITY) {
        alert["entity"] = json!(cluster);
    }
    alert
}

/// The body that closes it. A note takes 25,000 characters: more than a headline and a description can have.
pub(super) fn close(message: &Message) -> Value {
    json!({"source": SOURCE, "note": format!("{}\n\n{}", inert(&message.headline), description(message))})
}

/// The text takes the room that links and footer, which are bounded, leave to it.
fn description(message: &Message) -> String {
    const BREAK: &str = "\n\n";
    let links = message.links.iter().map(|link| format!("{}: {}", link.text, link.url)).collect::<Vec<_>>();
    let rest = [links.join("\n"), message.footer.join("\n")].into_iter().filter(|part| !part.is_empty());
    let rest = inert(&rest.collect::<Vec<_>>().join(BREAK));
    let room = DESCRIPTION.saturating_sub(rest.chars().count() + BREAK.len());
    let text = message.text.as_ref().map(|text| within(&text.within(Markup::Plain, room), room));
    text.into_iter().chain([rest]).collect::<Vec<_>>().join(BREAK)
}

/// What can be searched by: at most 8,000 characters, of which ten particulars and the names of event, route and incident
/// cannot fill more than 7,000. Ours come last, for a sender may call a particular as we do.
fn details(message: &Message, batch: &Batch) -> Map<String, Value> {
    let facts = message.facts.iter().map(|fact| (fact.label.as_str(), fact.value.as_str()));
    let event = &batch.lead().event;
    let of_one = [("event", event.id.as_str()), ("source", event.source.as_str())];
    let of_one = of_one.into_iter().filter(|_| batch.many().is_none());
    let incident = batch.incident.as_ref().map(|incident| ("incident", incident.key.as_str()));
    let ours = of_one.chain(incident).chain([("route", batch.route().as_str())]);
    facts.chain(ours).map(|(name, value)| (inert(name), json!(inert(value)))).collect()
}

/// What it is, where all of it is the same, and how bad.
fn tags(message: &Message, batch: &Batch) -> Vec<String> {
    let kind = match batch.many() {
        Some(tally) => tally.common(Dimension::Type),
        None => Some(batch.lead().event.type_name()),
    };
    line(kind, TAG).into_iter().chain([message.severity.to_string()]).collect()
}

/// Where it is, if all of it is there.
fn cluster(batch: &Batch) -> Option<&str> {
    match batch.many() {
        Some(tally) => tally.common(Dimension::Cluster),
        None => batch.lead().event.cluster.label(),
    }
}

/// Opsgenie's priorities from critical to informational.
fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "P1",
        Severity::Error => "P2",
        Severity::Warning => "P3",
        Severity::Info | Severity::Success => "P5",
    }
}

/// `None` for a blank text, which is worth no field.
fn line(text: Option<&str>, max: usize) -> Option<String> {
    Some(within(&one_line(text?), max)).filter(|line| !line.is_empty())
}

fn within(text: &str, max: usize) -> String {
    cut(&inert(text), max)
}

/// The same to read, but no HTML, which the alert's page would obey, <https://docs.opsgenie.com/docs/alerts-and-alert-fields>:
/// a word joiner, which nobody sees, keeps a tag from beginning. An entity would be seen wherever else the text is shown.
fn inert(text: &str) -> String {
    // <https://html.spec.whatwg.org/multipage/parsing.html#tag-open-state>
    let begins_a_tag = |next: char| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?');
    let mut parts = text.split('<');
    let mut inert = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        inert.push('<');
        if part.starts_with(begins_a_tag) {
            inert.push('\u{2060}');
        }
        inert.push_str(part);
    }
    inert
}
