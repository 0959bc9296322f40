//! One YAML file into the tree, each node with its line and column, each scalar as it was written.
//!
//! Guarantees: bounded (depth, nodes, aliases), never panics, never reads a key twice silently. Knows nothing of
//! layers or of what the keys mean. Next room: [`super::layers`].

use std::collections::HashMap;
use std::fmt;

use config::{Value, ValueKind};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{AliasLimits, DuplicateKeyPolicy};
use serde_saphyr::{Budget, Location, MessageFormatter, NonFiniteFloatPolicy, Options, Spanned, UserMessageFormatter};

use super::problem::{Place, Problem};
use super::tree::{Origin, Path, Style};

/// Nodes a file may hold, written or repeated by aliases: a thousand routes need some twenty thousand.
const MAX_NODES: usize = 200_000;

/// How deep a file may nest. Ours nest to about eight; each level takes stack.
const MAX_DEPTH: usize = 24;

/// A text to be read as YAML, and which layer of the configuration it is.
pub(super) struct Source<'a> {
    pub layer: usize,
    pub name: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// The map at the root of this file; an empty file is an empty map. What is wrong goes to `problems`, and the
    /// rest is still read as far as the syntax allows.
    pub(super) fn read(&self, problems: &mut Vec<Problem>) -> Value {
        let node = match serde_saphyr::from_str_with_options::<Spanned<Node>>(self.text, options()) {
            Ok(node) => node,
            Err(error) => {
                problems.push(self.syntax_error(&error));
                return empty();
            }
        };
        match &node.value {
            Node::Map(_) => self.value(node, None, &Path::default(), problems),
            Node::Null => empty(),
            _ => {
                let message = "the file must hold a map of sections, such as `server: { … }`";
                problems.push(Problem::new(Some(self.place(node.defined)), "", message));
                empty()
            }
        }
    }

    fn syntax_error(&self, error: &serde_saphyr::Error) -> Problem {
        let what = UserMessageFormatter.format_message(error);
        let at = error.location().map_or_else(|| self.whole(), |location| self.place(location));
        let hint =
            "indent with spaces, and put texts that hold any of `: # , [ ] { } * &`, such as patterns, in quotes";
        Problem::new(Some(at), "", format!("not valid YAML: {}", without_control(&what)))
            .with(&[], Some(hint.to_owned()))
    }

    fn whole(&self) -> Place {
        Place::File { layer: self.layer, name: self.name.to_owned(), line: 0, column: 0 }
    }

    fn place(&self, location: Location) -> Place {
        let (line, column) = (location.line(), location.column());
        Place::File { layer: self.layer, name: self.name.to_owned(), line, column }
    }

    fn value(&self, node: Spanned<Node>, key: Option<Location>, path: &Path, problems: &mut Vec<Problem>) -> Value {
        let at = node.defined;
        let style = if matches!(node.value, Node::Plain) { Style::Plain } else { Style::Text };
        let origin = Origin { key: self.place(key.unwrap_or(at)), value: self.place(at), style };
        let kind = match node.value {
            Node::Null => ValueKind::Nil,
            Node::Plain => ValueKind::String(self.written(at).to_owned()),
            Node::Text(text) => ValueKind::String(text),
            Node::List(items) => ValueKind::Array(
                (0..).zip(items).map(|(index, item)| self.value(item, None, &path.index(index), problems)).collect(),
            ),
            Node::Map(entries) => ValueKind::Table(self.table(entries, path, problems)),
        };
        Value::new(Some(&origin.to_string()), kind)
    }

    fn table(&self, entries: Vec<Entry>, path: &Path, problems: &mut Vec<Problem>) -> HashMap<String, Value> {
        let mut lines = HashMap::new();
        let mut table = HashMap::new();
        for (key, node) in entries {
            let path = path.key(&key.value);
            if let Some(line) = lines.insert(key.value.clone(), key.defined.line()) {
                let message = format!("`{}` is written twice, first in line {line}", key.value);
                let hint = Some("keep one of the two".to_owned());
                problems.push(Problem::new(Some(self.place(key.defined)), path.to_string(), message).with(&[], hint));
            }
            let value = self.value(node, Some(key.defined), &path, problems);
            table.insert(key.value, value);
        }
        table
    }

    fn written(&self, at: Location) -> &str {
        let range = || {
            let start = usize::try_from(at.span().byte_offset()?).ok()?;
            let length = usize::try_from(at.span().byte_len()?).ok()?;
            self.text.get(start..start.checked_add(length)?)
        };
        range().unwrap_or_default().trim()
    }
}

/// `text` as it is safe to print: what it quotes from the file may hold line breaks and escape sequences.
fn without_control(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_debug().to_string() } else { c.to_string() };
    text.chars().map(shown).collect()
}

/// A map with nothing in it, written nowhere.
pub(super) fn empty() -> Value {
    Value::new(None, ValueKind::Table(HashMap::new()))
}

fn options() -> Options {
    let mut budget = Budget::default();
    budget.max_nodes = MAX_NODES;
    budget.max_depth = MAX_DEPTH;
    budget.max_documents = 1;
    let mut aliases = AliasLimits::default();
    aliases.max_total_replayed_events = MAX_NODES;
    let mut options = Options::default();
    options.budget = Some(budget);
    options.alias_limits = aliases;
    // Repeated keys reach us, so that we can name both lines.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    options.strict_booleans = true;
    options.non_finite_float_policy = NonFiniteFloatPolicy::PassThrough;
    options.reject_unsupported_tags = true;
    options.with_snippet = false;
    options
}

type Entry = (Spanned<String>, Spanned<Node>);

/// YAML as it was written. Read by hand: serde's own buffering (untagged, flatten) would lose the positions.
enum Node {
    Null,
    /// Like a number or boolean, without quotes. The text is in the source.
    Plain,
    Text(String),
    List(Vec<Spanned<Node>>),
    Map(Vec<Entry>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value, a list or a map")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
        Ok(Node::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Map(entries))
    }
}

#[cfg(test)]
#[path = "tests/yaml.rs"]
mod tests;
