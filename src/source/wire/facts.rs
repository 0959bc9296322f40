//! What a body may say about an event, and every word senders use to say it.
//!
//! A fact that is found in a usable form moves into its typed place; one that is not stays in `data`, with a note.
//! The words come from CAST AI's template variables and its published templates for Slack and PagerDuty,
//! <https://docs.cast.ai/docs/setup-notification-webhook>, and from what people type instead.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::{body, cluster};
use crate::event::fields::{is_absent, scalar_text, type_of};
use crate::event::{Cluster, Severity, Timestamp};
use crate::source::field_path::FieldPath;

/// Something a body may say about an event: what `fields` of a source can point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    /// The type; a body that has one speaks the brief's language.
    Type,
    /// What makes two events the same.
    Id,
    /// CAST AI's organisation id.
    Organization,
    /// One of the five severities, in any case.
    Severity,
    /// The notification's short name.
    Name,
    /// The notification's summary in one line.
    Message,
    /// When it happened.
    Timestamp,
    /// CAST AI's notification category.
    Category,
    /// The cluster's id.
    ClusterId,
    /// The cluster's name.
    ClusterName,
    /// The particulars.
    Details,
}

/// Words that only a notification carries: CAST AI's template variable, and the place its PagerDuty template puts it.
const NOTIFICATION_IDS: &[&str] = &["notification_id", "notificationId", "NotificationID", "dedup_key"];

impl Fact {
    const ALL: [Self; 11] = [
        Self::Type,
        Self::Id,
        Self::Organization,
        Self::Severity,
        Self::Name,
        Self::Message,
        Self::Timestamp,
        Self::Category,
        Self::ClusterId,
        Self::ClusterName,
        Self::Details,
    ];

    /// Where the fact may stand; the first that holds something usable counts. `payload.…` leads into
    /// the inner object of PagerDuty's form; CAST AI's template for it puts the notification's name into `group`.
    fn words(self) -> &'static [&'static str] {
        match self {
            Self::Type => &["eventType", "event_type"],
            Self::Id => {
                &["notification_id", "notificationId", "NotificationID", "dedup_key", "id", "eventId", "event_id"]
            }
            Self::Organization => &["organization_id", "organizationId", "OrganizationID", "organization", "org"],
            Self::Severity => &["severity", "Severity", "payload.severity"],
            Self::Name => &["name", "Name", "title", "payload.group"],
            Self::Message => &["message", "Message", "description", "text", "payload.summary"],
            Self::Timestamp => &["timestamp", "Timestamp", "time", "created_at", "createdAt", "payload.timestamp"],
            Self::Category => &["category", "Category"],
            Self::ClusterId => &["clusterId", "cluster_id", "ClusterID"],
            Self::ClusterName => &["clusterName", "cluster_name", "ClusterName"],
            Self::Details => &["data", "details", "Details", "payload.custom_details"],
        }
    }

    /// The key under `fields`.
    fn key(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Id => "id",
            Self::Organization => "organization",
            Self::Severity => "severity",
            Self::Name => "name",
            Self::Message => "message",
            Self::Timestamp => "timestamp",
            Self::Category => "category",
            Self::ClusterId => "cluster_id",
            Self::ClusterName => "cluster_name",
            Self::Details => "details",
        }
    }
}

/// Where a fact was found: at a word of ours, or (`None`) where the operator said.
type Place = Option<&'static str>;

/// One body on its way into an event. Facts are read first; then it is taken apart.
pub(super) struct Form<'a> {
    body: Map<String, Value>,
    fields: &'a BTreeMap<Fact, FieldPath>,
    /// Words whose values have reached a typed place.
    used: Vec<&'static str>,
    notes: Vec<String>,
}

impl<'a> Form<'a> {
    pub(super) fn new(body: Map<String, Value>, fields: &'a BTreeMap<Fact, FieldPath>) -> Self {
        let missing = fields.iter().filter(|(_, path)| path.find(&body).is_none());
        let notes =
            missing.map(|(fact, path)| format!("fields.{}: there is nothing at `{path}`", fact.key())).collect();
        Self { body, fields, used: Vec::new(), notes }
    }

    /// The body in the one form that all its spellings share: keys sorted, no spaces.
    pub(super) fn canonical(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.body).ok()
    }

    /// A fact as text. Numbers and booleans are taken as their text.
    pub(super) fn text(&mut self, fact: Fact) -> Option<String> {
        let (place, text) = self.scalar(fact)?;
        self.used.extend(place);
        Some(text)
    }

    /// The type the body gives itself; only a string can be one.
    pub(super) fn event_type(&mut self) -> Option<String> {
        let (place, text) = self.candidates(Fact::Type).find_map(|(place, value)| Some((place, value.as_str()?)))?;
        let text = text.trim().to_owned();
        self.used.extend(place);
        Some(text)
    }

    /// Whether `word` holds exactly `constant`; it then has no more to say.
    pub(super) fn takes_constant(&mut self, word: &'static str, constant: &str) -> bool {
        let holds = self.body.get(word).is_some_and(|value| value == constant);
        self.used.extend(holds.then_some(word));
        holds
    }

    /// Whether the body carries a notification: by its id, by what it says and how bad it is, or by the form that
    /// PagerDuty's or Slack's API asks for.
    pub(super) fn is_notification(&self) -> bool {
        let has = |word: &&str| look_up(&self.body, word).is_some_and(|value| scalar_text(value).is_some());
        let carries = |fact| self.candidates(fact).any(|(_, value)| scalar_text(value).is_some());
        let says_how_bad = || carries(Fact::Severity) && (carries(Fact::Name) || carries(Fact::Message));
        let is_pagerduty = || has(&"payload.summary");
        let is_slack = || {
            let has_list = |word: &str| self.body.get(word).is_some_and(Value::is_array);
            has(&"text") && (self.body.len() == 1 || has_list("blocks") || has_list("attachments"))
        };
        NOTIFICATION_IDS.iter().any(has) || says_how_bad() || is_pagerduty() || is_slack()
    }

    /// When it happened: RFC 3339, Go's form, or seconds or milliseconds since 1970.
    pub(super) fn timestamp(&mut self) -> Option<Timestamp> {
        /// Go's zero time, `0001-01-01T00:00:00Z`: how a template prints a time that was never set.
        const GO_ZERO: i64 = -62_135_596_800_000;
        let (place, text) = self.scalar(Fact::Timestamp)?;
        let epoch = || Timestamp::from_epoch_number(text.parse().ok()?);
        let Some(time) = Timestamp::parse(&text).or_else(epoch) else {
            self.notes.push(format!("`{}` is not a time; the event has none", excerpt(&text)));
            return None;
        };
        self.used.extend(place);
        Some(time).filter(|time| time.as_millis() != GO_ZERO)
    }

    /// How bad it is, as the sender says; `None` leaves it to the default of the kind.
    pub(super) fn severity(&mut self) -> Option<Severity> {
        /// CAST AI's own word for none, <https://docs.cast.ai/docs/notifications>.
        const NONE: &str = "unspecified";
        let (place, text) = self.scalar(Fact::Severity)?;
        match text.parse() {
            Ok(severity) => {
                self.used.extend(place);
                Some(severity)
            }
            Err(_) if text.eq_ignore_ascii_case(NONE) => {
                self.used.extend(place);
                None
            }
            Err(unknown) => {
                self.notes.push(format!("{unknown}; the default of the kind is taken"));
                None
            }
        }
    }

    /// The cluster; what the operator's paths and the flat words say goes before what the cluster's own value says.
    pub(super) fn cluster(&mut self) -> Cluster {
        let (id, name) = (self.text(Fact::ClusterId), self.text(Fact::ClusterName));
        let Some((word, reading)) = self.cluster_value() else { return Cluster { id, name, ..Cluster::default() } };
        let said = reading.cluster;
        let overruled = |flat: &Option<String>, said: &Option<String>| flat.is_some() && said.is_some() && flat != said;
        if reading.complete && !overruled(&id, &said.id) && !overruled(&name, &said.name) {
            self.used.push(word);
        }
        Cluster { id: id.or(said.id), name: name.or(said.name), ..said }
    }

    fn cluster_value(&mut self) -> Option<(&'static str, cluster::Reading)> {
        let mut values = cluster::WORDS.iter().filter_map(|word| Some((*word, self.body.get(*word)?)));
        let (word, value) = values.find(|(_, value)| !is_absent(value))?;
        let reading = cluster::read(value);
        if reading.is_none() {
            self.notes.push(format!("{word}: expected an object or a string, got {}", type_of(value)));
        }
        Some((word, reading?))
    }

    /// Notes that there are no particulars, for the shape that always has some.
    pub(super) fn note_missing_particulars(&mut self) {
        if self.candidates(Fact::Details).next().is_none() {
            self.notes.push("data: missing".to_owned());
        }
    }

    /// Leaves a credential out of what templates and the pages show; the body as received still holds it.
    pub(super) fn drop_credential(&mut self, word: &'static str) {
        if self.body.remove(word).is_some() {
            self.notes.push(format!("{word}: left out of `data`, it is a credential"));
        }
    }

    /// The whole body, for an event of which nothing is understood.
    pub(super) fn into_whole(self) -> (Map<String, Value>, Vec<String>) {
        (self.body, self.notes)
    }

    /// The particulars, joined by every field that has not reached a typed place.
    pub(super) fn into_particulars(mut self) -> (Map<String, Value>, Vec<String>) {
        let mut data = self.details();
        for word in std::mem::take(&mut self.used) {
            take(&mut self.body, word);
        }
        for (key, value) in self.body {
            if is_absent(&value) && is_known(&key) {
                continue;
            }
            match data.entry(key) {
                Entry::Vacant(free) => {
                    free.insert(value);
                }
                Entry::Occupied(taken) => {
                    let key = excerpt(taken.key());
                    self.notes
                        .push(format!("`{key}` stands beside and inside the particulars; `data` has the inner one"));
                }
            }
        }
        (data, self.notes)
    }

    /// Moves the particulars out: an object, or one inside a string; anything else is kept under `value`.
    fn details(&mut self) -> Map<String, Value> {
        let Some((place, value)) = self.candidates(Fact::Details).next() else { return Map::new() };
        let value = match place {
            None => value.clone(),
            Some(word) => take(&mut self.body, word).unwrap_or_default(),
        };
        let value = value.as_str().and_then(body::embedded).unwrap_or(value);
        match value {
            Value::Object(object) => object,
            other => {
                let place = place.unwrap_or(Fact::Details.key());
                self.notes.push(format!("{place}: {} instead of an object, kept as `data.value`", type_of(&other)));
                Map::from_iter([("value".to_owned(), other)])
            }
        }
    }

    /// Everything that is said about `fact`, where the operator said first.
    fn candidates(&self, fact: Fact) -> impl Iterator<Item = (Place, &Value)> {
        let mapped = self.fields.get(&fact).and_then(|path| path.find(&self.body)).map(|value| (None, value));
        let spelled = fact.words().iter().filter_map(|word| Some((Some(*word), look_up(&self.body, word)?)));
        mapped.into_iter().chain(spelled).filter(|(_, value)| !is_absent(value))
    }

    /// The first scalar said about `fact`; a note when there are only objects and lists.
    fn scalar(&mut self, fact: Fact) -> Option<(Place, String)> {
        let mut misfit = None;
        for (place, value) in self.candidates(fact) {
            match scalar_text(value) {
                Some(text) => return Some((place, text)),
                None => misfit = misfit.or(Some((place, type_of(value)))),
            }
        }
        let (place, got) = misfit?;
        self.notes.push(format!("{}: expected a string, got {got}", place.unwrap_or(fact.key())));
        None
    }
}

/// The one object a word of ours may lead into: PagerDuty's.
const INNER: &str = "payload";

fn inner_word(word: &str) -> Option<&str> {
    word.strip_prefix(INNER)?.strip_prefix('.')
}

fn look_up<'v>(body: &'v Map<String, Value>, word: &str) -> Option<&'v Value> {
    match inner_word(word) {
        None => body.get(word),
        Some(inner) => body.get(INNER)?.get(inner),
    }
}

/// Moves a value out, and the object around it when that was its last one.
fn take(body: &mut Map<String, Value>, word: &str) -> Option<Value> {
    let Some(inner) = inner_word(word) else { return body.remove(word) };
    let around = body.get_mut(INNER)?.as_object_mut()?;
    let value = around.remove(inner);
    if around.is_empty() {
        body.remove(INNER);
    }
    value
}

/// Whether `key` is a word of ours, so that its absence says nothing.
fn is_known(key: &str) -> bool {
    cluster::WORDS.contains(&key) || Fact::ALL.iter().any(|fact| fact.words().contains(&key))
}

/// The beginning of a text that may be long, for notes.
fn excerpt(text: &str) -> String {
    text.chars().take(40).collect()
}
