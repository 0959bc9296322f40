//! Which events a route takes: fields that must fit, an exception, and an expression.
//!
//! Everything given must hold. The cheap tests come first, and the view for expressions is made only when one is
//! reached, once per event. Knows events and templates; knows no routes. Next: [`super::condition`], one field.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use super::condition::{Condition, Field};
use crate::event::Event;
use crate::template::{Expression, PresentSubject, Subject};

/// One event under examination. What expressions see of it is made at the first expression.
#[derive(Debug)]
pub struct Facts<'a> {
    event: &'a Event,
    subject: OnceCell<Subject>,
    present: OnceCell<PresentSubject>,
}

impl<'a> Facts<'a> {
    /// Examines `event`.
    pub fn of(event: &'a Event) -> Self {
        Self { event, subject: OnceCell::new(), present: OnceCell::new() }
    }

    /// The event itself.
    pub fn event(&self) -> &'a Event {
        self.event
    }

    fn subject(&self) -> &Subject {
        self.subject.get_or_init(|| Subject::of(self.event))
    }

    /// What keys see of it.
    pub(super) fn present(&self) -> &PresentSubject {
        self.present.get_or_init(|| PresentSubject::of(self.event))
    }
}

/// `match:` of a route. Every field given must fit; an empty one takes everything. Compiled when it is read.
///
/// | key | compared with |
/// |---|---|
/// | `type`, `source`, `organization` | the event's, exact case |
/// | `cluster` | the cluster's id or its name, exact case |
/// | `name`, `category` | the notification's, in any case, because CAST AI's spellings drift; `name` also a Kubernetes Event's reason |
/// | `severity` | `warning`, or `>= warning` and the like |
/// | `labels.<name>` | the label of the source |
/// | `data.<path>` | a scalar in the particulars: keys joined by dots, lists by number; where a key has dots itself, the longest key that exists is meant |
/// | `not` | the same fields: an event that fits all of them is not taken |
/// | `when` | an expression over `event` |
///
/// A field takes a value, or a list of which any may fit. A value is a text, a glob (it has `*`, `?`, `[` or `{a,b}`),
/// a `/regex/` or `/regex/i` that may fit anywhere in the text, or, for `data`, a comparison such as `> 30`.
/// A number written without quotes fits `5`, `5.0` and `"5"`. What the event does not have (absent, null, empty)
/// fits nothing, so `not: { data.x: "*" }` asks for its absence.
#[derive(Debug, Default)]
pub struct Matcher {
    conditions: Vec<Condition>,
    not: Option<Box<Exclusion>>,
    when: Option<Expression>,
}

impl Matcher {
    const FIELDS: &[&str] = &[
        "type",
        "source",
        "cluster",
        "organization",
        "severity",
        "name",
        "category",
        "labels.<name>",
        "data.<path>",
        "not",
        "when",
    ];

    /// Whether the event is taken. An expression that cannot be evaluated does not hold.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        let excluded = || self.not.as_ref().is_some_and(|not| not.0.matches(facts));
        self.conditions.iter().all(|condition| condition.holds(facts.event))
            && !excluded()
            && self.when.as_ref().is_none_or(|when| when.holds(facts.subject()) == Ok(true))
    }

    /// Every reason why the event is not taken, in words; none when it is.
    pub fn reasons_against(&self, facts: &Facts<'_>) -> Vec<String> {
        let unmet = self.conditions.iter().filter_map(|condition| condition.objection(facts.event));
        let excluded =
            self.not.iter().filter(|not| not.0.matches(facts)).map(|not| format!("excluded by not: {}", not.0));
        let unfulfilled = self.when.iter().filter_map(|when| match when.holds(facts.subject()) {
            Ok(true) => None,
            Ok(false) => Some(format!("when: {when} is false")),
            Err(error) => Some(format!("when: {when} cannot be evaluated: {error}")),
        });
        unmet.chain(excluded).chain(unfulfilled).collect()
    }

    /// What people should know of an exception that failed to apply because its expression cannot be evaluated:
    /// the event is taken then, for telling too much is better than losing it.
    pub fn doubt(&self, facts: &Facts<'_>) -> Option<String> {
        let not = &self.not.as_ref()?.0;
        let when = not.when.as_ref()?;
        let decisive = not.conditions.iter().all(|condition| condition.holds(facts.event));
        let error = when.holds(facts.subject()).err().filter(|_| decisive)?;
        Some(format!("not excluded, because not: when: {when} cannot be evaluated: {error}"))
    }

    /// True when it takes every event there can be.
    pub fn is_everything(&self) -> bool {
        self.conditions.is_empty() && self.not.is_none() && self.when.is_none()
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_everything() {
            return f.write_str("everything");
        }
        let conditions = self.conditions.iter().map(Condition::to_string);
        let not = self.not.iter().map(|not| format!("not ({})", not.0));
        let when = self.when.iter().map(|when| format!("when {when}"));
        f.write_str(&conditions.chain(not).chain(when).collect::<Vec<_>>().join(", "))
    }
}

impl<'de> Deserialize<'de> for Matcher {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MatcherVisitor)
    }
}

/// Wider than what is read: whether a text is a good glob or regular expression no schema can say.
impl JsonSchema for Matcher {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Matcher".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let value = json!({"type": ["string", "number", "boolean"]});
        let value = json!({"anyOf": [value, {"type": "array", "items": value, "minItems": 1}]});
        let plain = Field::KEYS.into_iter().filter(|key| !key.contains('.'));
        let mut fields: Map<String, Value> = plain.map(|key| (key.to_owned(), value.clone())).collect();
        fields.insert("when".to_owned(), json!({"type": "string"}));
        fields.insert("not".to_owned(), json!({"type": "object", "minProperties": 1}));
        json_schema!({
            "type": "object",
            "properties": fields,
            "patternProperties": {r"^labels\.[\s\S]+$": value, r"^data(\.[^.]+)+$": value},
            "additionalProperties": false,
        })
    }
}

struct MatcherVisitor;

impl<'de> Visitor<'de> for MatcherVisitor {
    type Value = Matcher;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fields to match, such as `{ type: node.added, cluster: \"prod-*\" }`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Matcher, A::Error> {
        let mut matcher = Matcher::default();
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), Field::parse(&key)) {
                ("not", _) => matcher.not = Some(map.next_value()?),
                ("when", _) => matcher.when = Some(map.next_value()?),
                (_, Some(field)) => {
                    let wanted = map.next_value_seed(field.grammar())?;
                    matcher.conditions.push(Condition::new(field, wanted));
                }
                (unknown, None) => return Err(de::Error::unknown_field(unknown, Matcher::FIELDS)),
            }
        }
        // However it was written, it prints and explains in one order.
        matcher.conditions.sort_by(|a, b| a.field().cmp(b.field()));
        Ok(matcher)
    }
}

/// `not:`, a matcher that must say something.
#[derive(Debug)]
struct Exclusion(Matcher);

impl<'de> Deserialize<'de> for Exclusion {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let matcher = Matcher::deserialize(deserializer)?;
        match matcher.is_everything() {
            true => Err(de::Error::custom("an empty `not` excludes every event; say what to exclude, or remove it")),
            false => Ok(Self(matcher)),
        }
    }
}

#[cfg(test)]
#[path = "tests/matcher.rs"]
mod tests;
