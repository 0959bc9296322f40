//! The tree of the configuration: values of the `config` crate whose every node says where it was written.
//!
//! `config` carries one text per value as its origin; [`Origin`] is what we write into it. Scalars are kept as the
//! text that was written: a version `1.10` and a postcode `0123` are not numbers until somebody asks for a number.
//! Knows nothing of files or of what the keys mean.

use std::fmt;

use config::{Value, ValueKind};

use super::problem::Place;

/// How a scalar was written, which decides what it may be read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Quoted, or plain and unlike a number: a text and nothing else.
    Text,
    /// Plain and like a number or boolean: a text too, for who asks for a text.
    Plain,
    /// From the environment, which knows only texts: whatever it is asked for.
    Variable,
}

/// Where a node was written and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    /// Of the key; of the item itself in a list.
    pub key: Place,
    /// Of the value.
    pub value: Place,
    pub style: Style,
}

impl Origin {
    /// What an environment variable says.
    pub(super) fn variable(name: &str) -> Self {
        let place = Place::Variable(name.to_owned());
        Self { key: place.clone(), value: place, style: Style::Variable }
    }

    /// Where `value` came from, when it was written at all: the root and maps implied by nothing were not.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let (style, rest) = value.origin()?.split_once(' ')?;
        let style = match style {
            "variable" => return Some(Self::variable(rest)),
            "plain" => Style::Plain,
            _ => Style::Text,
        };
        let mut parts = rest.splitn(6, ' ');
        let mut number = || parts.next()?.parse().ok();
        let layer = usize::try_from(number()?).ok()?;
        let (key, value): ([u64; 2], [u64; 2]) = ([number()?, number()?], [number()?, number()?]);
        let name = parts.next()?;
        let place = |[line, column]: [u64; 2]| Place::File { layer, name: name.to_owned(), line, column };
        Some(Self { key: place(key), value: place(value), style })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let style = match self.style {
            Style::Text => "text",
            Style::Plain => "plain",
            Style::Variable => "variable",
        };
        match (&self.key, &self.value) {
            (Place::File { layer, name, line, column }, Place::File { line: down, column: across, .. }) => {
                write!(f, "{style} {layer} {line} {column} {down} {across} {name}")
            }
            (Place::Variable(name), _) | (_, Place::Variable(name)) => write!(f, "variable {name}"),
        }
    }
}

/// The place to name when the node is wrong: the value of a scalar, the key of a map or list.
pub(super) fn place_of(node: &Value) -> Option<Place> {
    let origin = Origin::of(node)?;
    match node.kind {
        ValueKind::Table(_) | ValueKind::Array(_) | ValueKind::Nil => Some(origin.key),
        _ => Some(origin.value),
    }
}

/// The place to name when the node's key is wrong.
pub(super) fn place_of_key(node: &Value) -> Option<Place> {
    Origin::of(node).map(|origin| origin.key)
}

/// What a person calls this kind of node.
pub(super) fn describe(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Nil => "nothing",
        ValueKind::Table(_) => "a map",
        ValueKind::Array(_) => "a list",
        _ => "a single value",
    }
}

/// The entries of a map in the order they were written; none for everything else.
pub(super) fn entries(node: &Value) -> Vec<(&String, &Value)> {
    let ValueKind::Table(table) = &node.kind else {
        return Vec::new();
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_cached_key(|(key, value)| (place_of_key(value), *key));
    entries
}

/// What a map holds under `key`.
pub(super) fn entry<'a>(node: &'a Value, key: &str) -> Option<&'a Value> {
    match &node.kind {
        ValueKind::Table(table) => table.get(key),
        _ => None,
    }
}

/// The steps from one node down to another: `routes[2].notify[0]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    /// One step further down, into a map.
    pub(super) fn key(&self, key: &str) -> Self {
        self.then(Step::Key(key.to_owned()))
    }

    /// One step further down, into a list.
    pub(super) fn index(&self, index: usize) -> Self {
        self.then(Step::Index(index))
    }

    fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// One step back up; `None` at the start.
    pub(super) fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The key of the last step, when that went into the map at `parent`.
    pub(super) fn key_below(&self, parent: &Self) -> Option<&str> {
        match self.0.split_last()? {
            (Step::Key(key), above) if above == parent.0 => Some(key),
            _ => None,
        }
    }

    /// Whether one of the two leads through the other.
    pub(super) fn is_in_line_with(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a == b)
    }

    /// The node these steps lead to from `root`, or the last one on the way that exists.
    pub(super) fn walk<'a>(&self, root: &'a Value) -> Walk<'a> {
        let mut node = root;
        for step in &self.0 {
            let next = match (step, &node.kind) {
                (Step::Key(key), ValueKind::Table(table)) => table.get(key),
                (Step::Index(index), ValueKind::Array(items)) => items.get(*index),
                _ => None,
            };
            match next {
                Some(next) => node = next,
                None => return Walk::Stopped(node),
            }
        }
        Walk::Arrived(node)
    }
}

/// How far a path led.
pub(super) enum Walk<'a> {
    Arrived(&'a Value),
    Stopped(&'a Value),
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.iter().fold(String::new(), |path, step| match step {
            Step::Key(key) => join(&path, key),
            Step::Index(index) => format!("{path}[{index}]"),
        });
        f.write_str(&text)
    }
}

/// `path.rest`, without the dot where it would be odd: at the root, and before `[0]`.
pub(super) fn join(path: &str, rest: &str) -> String {
    match path.is_empty() || rest.is_empty() || rest.starts_with('[') {
        true => format!("{path}{rest}"),
        false => format!("{path}.{rest}"),
    }
}
