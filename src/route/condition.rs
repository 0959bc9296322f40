//! One condition of a matcher: a field of the event, and the patterns of which any must fit it.
//!
//! Knows where in an event each field is; knows nothing of how patterns are written. Next: [`super::pattern`].

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use super::pattern::{Grammar, Observed, Pattern};
use crate::event::Event;
use crate::event::fields::is_absent;

/// A field of an event that can be matched, in the order people look at them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Field {
    Type,
    Source,
    Cluster,
    Organization,
    Severity,
    Name,
    Category,
    Label(String),
    Data(String),
}

impl Field {
    /// How they are written.
    pub(super) const KEYS: [&str; 9] =
        ["type", "source", "cluster", "organization", "severity", "name", "category", "labels.<name>", "data.<path>"];

    /// The field a key of the configuration means; `None` when there is no such field.
    pub(super) fn parse(key: &str) -> Option<Self> {
        Some(match key {
            "type" => Self::Type,
            "source" => Self::Source,
            "cluster" => Self::Cluster,
            "organization" => Self::Organization,
            "severity" => Self::Severity,
            "name" => Self::Name,
            "category" => Self::Category,
            _ => match key.split_once('.')? {
                ("labels", name) if !name.is_empty() => Self::Label(name.to_owned()),
                ("data", path) if path.split('.').all(|step| !step.is_empty()) => Self::Data(path.to_owned()),
                _ => return None,
            },
        })
    }

    /// How patterns for this field are written.
    pub(super) fn grammar(&self) -> Grammar {
        match self {
            Self::Severity => Grammar::Severity,
            Self::Name | Self::Category => Grammar::TextInAnyCase,
            Self::Data(_) => Grammar::Data,
            Self::Type | Self::Source | Self::Cluster | Self::Organization | Self::Label(_) => Grammar::Text,
        }
    }

    /// What the event has there: nothing, one value, or (a cluster's name and id) two.
    pub(super) fn observe<'a>(&self, event: &'a Event) -> [Option<Observed<'a>>; 2] {
        fn text(text: Option<&str>) -> Option<Observed<'_>> {
            text.map(Observed::Text)
        }
        match self {
            Self::Type => [text(Some(event.type_name())), None],
            Self::Source => [text(Some(event.source.as_str())), None],
            Self::Cluster => [text(event.cluster.name.as_deref()), text(event.cluster.id.as_deref())],
            Self::Organization => [text(event.organization.as_deref()), None],
            Self::Severity => [Some(Observed::Severity(event.severity)), None],
            Self::Name => [text(event.kind.name()), None],
            Self::Category => [text(event.category.as_deref()), None],
            Self::Label(name) => [text(event.labels.get(name).map(String::as_str)), None],
            Self::Data(path) => [find(&event.data, path).filter(|value| !is_absent(value)).map(Observed::Json), None],
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type => f.write_str("type"),
            Self::Source => f.write_str("source"),
            Self::Cluster => f.write_str("cluster"),
            Self::Organization => f.write_str("organization"),
            Self::Severity => f.write_str("severity"),
            Self::Name => f.write_str("name"),
            Self::Category => f.write_str("category"),
            Self::Label(name) => write!(f, "labels.{name}"),
            Self::Data(path) => write!(f, "data.{path}"),
        }
    }
}

/// For lists of fields, such as `by:` of a group.
impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = String::deserialize(deserializer)?;
        Self::parse(&key).ok_or_else(|| {
            let known = Field::KEYS.map(|key| format!("`{key}`")).join(", ");
            de::Error::custom(format!("`{key}` is no field of an event; write one of {known}"))
        })
    }
}

/// Follows `path` into `map`. Keys of Kubernetes labels have dots themselves, so the longest key that exists is taken.
fn find<'a>(map: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    let ends = std::iter::once(path.len()).chain(path.rmatch_indices('.').map(|(dot, _)| dot));
    let (value, end) = ends.into_iter().find_map(|end| map.get(&path[..end]).map(|value| (value, end)))?;
    match path.get(end + 1..) {
        Some(rest) => find_below(value, rest),
        None => Some(value),
    }
}

fn find_below<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    match value {
        Value::Object(map) => find(map, path),
        Value::Array(list) => {
            let (index, rest) = path.split_once('.').map_or((path, None), |(index, rest)| (index, Some(rest)));
            let item = list.get(index.parse::<usize>().ok()?)?;
            rest.map_or(Some(item), |rest| find_below(item, rest))
        }
        _ => None,
    }
}

/// A field and what is wanted there: any of the patterns.
#[derive(Debug)]
pub(super) struct Condition {
    field: Field,
    wanted: Vec<Pattern>,
}

impl Condition {
    pub(super) fn new(field: Field, wanted: Vec<Pattern>) -> Self {
        Self { field, wanted }
    }

    /// The field it is about.
    pub(super) fn field(&self) -> &Field {
        &self.field
    }

    /// Whether any value the event has there fits any of the patterns.
    pub(super) fn holds(&self, event: &Event) -> bool {
        let fits = |seen: Observed<'_>| self.wanted.iter().any(|pattern| pattern.fits(seen));
        self.field.observe(event).into_iter().flatten().any(fits)
    }

    /// What stands against the event, in words; `None` when the condition holds.
    pub(super) fn objection(&self, event: &Event) -> Option<String> {
        (!self.holds(event)).then(|| {
            let seen = match self.field.observe(event) {
                [None, None] => "missing".to_owned(),
                [Some(only), None] | [None, Some(only)] => only.to_string(),
                [Some(name), Some(id)] => format!("{name} ({id})"),
            };
            format!("{} is {seen}, wanted {}", self.field, self.alternatives())
        })
    }

    fn alternatives(&self) -> String {
        self.wanted.iter().map(Pattern::to_string).collect::<Vec<_>>().join(" or ")
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.alternatives())
    }
}
