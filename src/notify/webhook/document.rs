//! Our own body: what there is to say about a batch, for programs. The format is a promise, written down in
//! `deploy/WEBHOOK.md`.
//!
//! Pure. `{"type", "timestamp", "data"}` as Standard Webhooks recommends it, under 20 kB: what is too much is left out in a
//! fixed order, and said to be.

use serde_json::{Map, Value, json};

use crate::event::batch::{Batch, Incident};
use crate::event::delivery::Phase;
use crate::event::tally::{Dimension, Tally};
use crate::event::{Event, Severity, Timestamp};
use crate::names::RouteName;
use crate::notify::message::{Message, Text, cut, one_line};
use crate::template::{Markup, Wording};

/// Standard Webhooks wants payloads under 20 kB.
pub(super) const MAX_BYTES: usize = 20_000;

/// Characters of each short value that a sender may choose.
const MAX_VALUE: usize = 200;

/// Characters of the text, which is for people; who wants it all has the particulars.
const MAX_TEXT: usize = 4000;

/// The type of what tells of many events: each has its own in `data.batch.events`.
const BATCH: &str = "batch";

/// What is left out of a body that is too large, in this order, until it fits. Of the list of events as many as need be, the
/// least severe ones first. What then remains is bounded.
pub(super) const LEFT_OUT: &[[&str; 2]] = &[
    ["event", "data"],
    ["message", "text"],
    ["message", "facts"],
    ["message", "links"],
    ["message", "about"],
    ["message", "headline"],
];

/// What is said.
pub(super) struct Document {
    /// What happened: the event's type, or `batch`.
    pub(super) kind: String,
    /// When it happened: of many, when the first of them did.
    pub(super) timestamp: Timestamp,
    /// The cluster concerned, when it is one.
    pub(super) subject: Option<String>,
    pub(super) severity: Severity,
    pub(super) route: RouteName,
    data: Map<String, Value>,
    /// Bytes of the whole.
    limit: usize,
}

impl Document {
    /// All there is to say, however long.
    pub(super) fn of(batch: &Batch, wording: &Wording, id: &str) -> Self {
        let event = &batch.lead().event;
        let own_time = event.occurred_at.unwrap_or(event.received_at);
        let many = batch.many();
        let message = Message::compose(batch, wording, Markup::Plain);
        let mut data = Map::from_iter([
            ("id".to_owned(), json!(id)),
            ("severity".to_owned(), json!(batch.severity())),
            ("route".to_owned(), json!(batch.route())),
            ("target".to_owned(), json!(batch.target())),
            ("message".to_owned(), of_message(&message)),
        ]);
        match many {
            None => data.insert("event".to_owned(), with_particulars(event)),
            Some(tally) => data.insert("batch".to_owned(), of_batch(batch, tally)),
        };
        data.extend(batch.incident.as_ref().map(|incident| ("incident".to_owned(), of_incident(incident))));
        data.extend(event.drill().map(|drill| ("drill".to_owned(), json!(drill.as_str()))));
        data.extend(batch.lead().again.map(|again| ("replay".to_owned(), json!(again.replay.to_string()))));
        Self {
            kind: many.map_or_else(|| type_of(event), |_| BATCH.to_owned()),
            timestamp: many.and_then(Tally::first_at).unwrap_or(own_time),
            subject: subject(event, many),
            severity: batch.severity(),
            route: batch.route().clone(),
            data,
            limit: MAX_BYTES,
        }
    }

    /// The body.
    pub(super) fn whole(&self) -> Value {
        json!({"type": self.kind, "timestamp": self.timestamp, "data": self.data})
    }

    /// What is under `data`.
    pub(super) fn data(&self) -> Value {
        Value::Object(self.data.clone())
    }

    /// The same, without what would make it too large.
    pub(super) fn within(mut self, limit: usize) -> Self {
        self.limit = limit;
        let mut left_out = Vec::new();
        self.leave_out_of_events(&mut left_out);
        for [outer, inner] in LEFT_OUT {
            if self.fits() {
                break;
            }
            let taken = self.data.get_mut(*outer).and_then(|part| part.as_object_mut()?.remove(*inner));
            if taken.is_some() {
                self.say(&mut left_out, format!("{outer}.{inner}"));
            }
        }
        self
    }

    /// First the particulars of all, then the last events one by one.
    fn leave_out_of_events(&mut self, left_out: &mut Vec<String>) {
        if self.fits() || !self.data.contains_key("batch") {
            return;
        }
        for event in self.events().into_iter().flatten() {
            event.as_object_mut().map(|event| event.remove("data"));
        }
        self.say(left_out, "batch.events.data".to_owned());
        while !self.fits() && self.events().is_some_and(|events| events.pop().is_some()) {}
    }

    fn events(&mut self) -> Option<&mut Vec<Value>> {
        self.data.get_mut("batch")?.get_mut("events")?.as_array_mut()
    }

    fn say(&mut self, left_out: &mut Vec<String>, what: String) {
        left_out.push(what);
        self.data.insert("left_out".to_owned(), json!(left_out));
    }

    fn fits(&self) -> bool {
        self.whole().to_string().len() <= self.limit
    }
}

/// One line of bounded length.
fn short(text: &str) -> String {
    cut(&one_line(text), MAX_VALUE)
}

/// The type as routes match it; a sender may give one that is blank, and a receiver may not want that.
fn type_of(event: &Event) -> String {
    let named = short(event.type_name());
    if named.is_empty() { "unrecognized".to_owned() } else { named }
}

/// The cluster of the only event, or of all of them.
fn subject(event: &Event, many: Option<&Tally>) -> Option<String> {
    let cluster = match many {
        None => event.cluster.label().map(short),
        Some(tally) => match tally.most(Dimension::Cluster)[..] {
            [(only, count)] if count == tally.events() => Some(short(only)),
            _ => None,
        },
    };
    cluster.filter(|cluster| !cluster.is_empty())
}

fn of_message(message: &Message) -> Value {
    let fact = |label: &str, value: &str| json!({"label": label, "value": value});
    let facts: Vec<Value> = message.facts.iter().map(|each| fact(&each.label, &each.value)).collect();
    let links: Vec<Value> =
        message.links.iter().map(|link| json!({"text": short(&link.text), "url": link.url})).collect();
    let mut told = json!({
        "title": message.title,
        "headline": message.headline,
        "facts": facts,
        "links": links,
        "about": message.footer,
    });
    if let Some(text) = &message.text {
        let text = match text {
            Text::List(list) => list.within(Markup::Plain, MAX_TEXT),
            Text::Plain(_) | Text::Marked(_) => cut(&text.in_markup(Markup::Plain), MAX_TEXT),
        };
        told["text"] = json!(text);
    }
    told
}

/// What an event is, without what is particular to it.
fn of_event(event: &Event, severity: Severity) -> Map<String, Value> {
    let cluster = &event.cluster;
    let fields =
        [("id", &cluster.id), ("name", &cluster.name), ("provider", &cluster.provider), ("project", &cluster.project)];
    let cluster: Map<String, Value> = present(fields).collect();
    let of_sender = present([("organization", &event.organization), ("category", &event.category)]);
    let mut told = Map::from_iter([
        ("id".to_owned(), json!(event.id)),
        ("type".to_owned(), json!(type_of(event))),
        ("source".to_owned(), json!(event.source)),
        ("severity".to_owned(), json!(severity)),
        ("received_at".to_owned(), json!(event.received_at)),
    ]);
    told.extend(of_sender);
    told.extend(event.occurred_at.map(|at| ("occurred_at".to_owned(), json!(at))));
    told.extend((!cluster.is_empty()).then_some(("cluster".to_owned(), Value::Object(cluster))));
    told
}

/// Those that say something.
fn present<'a, const N: usize>(
    fields: [(&'a str, &'a Option<String>); N],
) -> impl Iterator<Item = (String, Value)> + 'a {
    let fields = fields.into_iter().filter_map(|(name, value)| Some((name, short(value.as_deref()?))));
    fields.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), json!(value)))
}

fn with_particulars(event: &Event) -> Value {
    let particulars = std::iter::once(("data".to_owned(), json!(event.data)));
    Value::Object(of_event(event, event.severity).into_iter().chain(particulars).collect())
}

fn of_batch(batch: &Batch, tally: &Tally) -> Value {
    let shown = batch.shown.iter().map(|delivery| {
        let particulars = std::iter::once(("data".to_owned(), json!(delivery.event.data)));
        let told = of_event(&delivery.event, delivery.severity);
        Value::Object(told.into_iter().chain(particulars).collect())
    });
    json!({
        "count": batch.deliveries.len(),
        "resolved": tally.resolved(),
        "first_at": tally.first_at(),
        "last_at": tally.last_at(),
        "storm": batch.is_storm,
        "events": shown.collect::<Vec<_>>(),
    })
}

fn of_incident(incident: &Incident) -> Value {
    let mut told = json!({
        "key": incident.key.as_str(),
        "phase": match incident.phase {
            Phase::Open => "open",
            Phase::Resolve => "resolve",
        },
        "opened_at": incident.opened_at,
        "timed_out": incident.timed_out,
    });
    if let Some(opening) = &incident.opening {
        told["opened_by"] = json!(opening.id.as_str());
    }
    told
}
