//! A section: a place in the configuration, and the list on which mistakes in it are noted.
//!
//! The rooms read theirs through this and nothing else, so every mistake in every room is told in one run.
//! Knows no files. Next room: whichever declares the section.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use config::{Value, ValueKind};
use serde::de::DeserializeOwned;

use super::problem::{self, Problem, Problems};
use super::tree::{self, describe, join, place_of, place_of_key};
use super::{read, yaml};

/// The mistakes noted so far, shared by all sections of one configuration.
#[derive(Clone, Default)]
pub(super) struct Notes(Rc<RefCell<Vec<Problem>>>);

impl Notes {
    pub(super) fn of(problems: Vec<Problem>) -> Self {
        Self(Rc::new(RefCell::new(problems)))
    }

    /// Notes a mistake, unless it is noted already.
    fn add(&self, problem: Problem) {
        let mut noted = self.0.borrow_mut();
        if !noted.contains(&problem) {
            noted.push(problem);
        }
    }
}

/// A place in the configuration. Cheap to clone; all clones note mistakes on one list.
#[derive(Clone)]
pub struct Section {
    node: Rc<Value>,
    path: String,
    notes: Notes,
}

impl fmt::Debug for Section {
    // The values below may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Section({})", self.path)
    }
}

impl Section {
    pub(super) fn root(tree: Value, notes: Notes) -> Self {
        Self { node: Rc::new(tree), path: String::new(), notes }
    }

    /// A configuration made of one text alone, without default and environment; `name` stands for the file.
    pub fn from_yaml(name: &str, text: &str) -> Self {
        let mut problems = Vec::new();
        let tree = yaml::Source { layer: 0, name, text }.read(&mut problems);
        Self::root(tree, Notes::of(problems))
    }

    pub(super) fn node(&self) -> &Value {
        &self.node
    }

    /// Every mistake noted so far, anywhere in the configuration this section is part of.
    ///
    /// # Errors
    /// When there is one.
    pub fn problems(&self) -> Result<(), Problems> {
        Problems::check(self.notes.0.borrow().clone())
    }

    /// The keys that lead here: `targets.oncall`. Empty for the whole configuration.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether nothing is written here: no entries, no items, no value.
    pub fn is_empty(&self) -> bool {
        match &self.node.kind {
            ValueKind::Nil => true,
            ValueKind::Table(table) => table.is_empty(),
            ValueKind::Array(items) => items.is_empty(),
            _ => false,
        }
    }

    /// What is written under `key`; `None` when that is nothing or `null`.
    pub fn child(&self, key: &str) -> Option<Self> {
        let node = tree::entry(&self.node, key).filter(|node| node.kind != ValueKind::Nil)?;
        Some(self.below(key, node))
    }

    /// What is written under `key`, or the empty place where it would be, so that what is missing in it is told there.
    pub fn section(&self, key: &str) -> Self {
        let empty = || Value::new(None, ValueKind::Table(Default::default()));
        self.child(key).unwrap_or_else(|| self.below(key, &empty()))
    }

    /// The entries of a map in the order they were written, `null` ones included. Notes when this is not a map.
    pub fn entries(&self) -> Vec<(String, Self)> {
        if !matches!(self.node.kind, ValueKind::Table(_)) {
            self.problem(format!("expected a map, found {}", describe(&self.node.kind)));
        }
        tree::entries(&self.node).into_iter().map(|(key, node)| (key.clone(), self.below(key, node))).collect()
    }

    /// The items of a list. Notes when this is not a list.
    pub fn items(&self) -> Vec<Self> {
        let ValueKind::Array(items) = &self.node.kind else {
            self.problem(format!("expected a list, found {}", describe(&self.node.kind)));
            return Vec::new();
        };
        (0..).zip(items).map(|(index, node): (usize, _)| self.below(&format!("[{index}]"), node)).collect()
    }

    /// This map in two: with only `keys`, and with all others. Both count as written here.
    pub fn split(&self, keys: &[&str]) -> (Self, Self) {
        let part = |wanted: bool| {
            let mut node = (*self.node).clone();
            if let ValueKind::Table(table) = &mut node.kind {
                table.retain(|key, _| keys.contains(&key.as_str()) == wanted);
            }
            Self { node: Rc::new(node), ..self.clone() }
        };
        (part(true), part(false))
    }

    /// What is written here as a `T`; `None` when anything in it is wrong.
    ///
    /// Notes every mistake, not just the first.
    pub fn read<T: DeserializeOwned>(&self) -> Option<T> {
        read::read(&self.node, &self.path)
            .map_err(|problems| problems.into_iter().for_each(|each| self.notes.add(each)))
            .ok()
    }

    /// What `read` makes of what is written under `key`: `Some(None)` when that is nothing, for what is not written is not
    /// wrong; `None` when it is wrong.
    pub fn optional<T>(&self, key: &str, read: impl FnOnce(&Self) -> Option<T>) -> Option<Option<T>> {
        self.child(key).map_or(Some(None), |written| read(&written).map(Some))
    }

    /// Notes each key of this map that is none of `allowed`.
    pub fn only(&self, allowed: &[&str]) {
        let allowed: Vec<String> = allowed.iter().map(|&key| key.to_owned()).collect();
        for (key, node) in tree::entries(&self.node).into_iter().filter(|(key, _)| !allowed.contains(key)) {
            let problem = Problem::new(place_of_key(node), join(&self.path, key), format!("unknown key `{key}`"));
            self.notes.add(problem.with(&allowed, problem::hint_for_key(key, &allowed)));
        }
    }

    /// Notes a mistake at this place.
    pub fn problem(&self, message: impl Into<String>) {
        self.notes.add(Problem::new(place_of(&self.node), &self.path, message));
    }

    /// Notes a mistake at `path` below this place, such as `notify[0]`, or at the last step of it that exists.
    ///
    /// When `allowed` is given without a hint, the nearest of it to what is written there becomes the hint.
    pub fn problem_at(&self, path: &str, message: impl Into<String>, allowed: &[String], hint: Option<String>) {
        let (node, rest) = follow(&self.node, path);
        let hint = hint.or_else(|| match &node.kind {
            ValueKind::String(value) if rest.is_empty() => problem::hint_for_value(value, allowed),
            _ => None,
        });
        self.notes.add(Problem::new(place_of(node), join(&self.path, path), message).with(allowed, hint));
    }

    fn below(&self, step: &str, node: &Value) -> Self {
        Self { node: Rc::new(node.clone()), path: join(&self.path, step), notes: self.notes.clone() }
    }
}

/// The node `path` leads to, or the last one on the way that exists, with what is left of `path`.
/// Keys may hold dots themselves (`data.nodeName`), so the longest key that fits is taken.
fn follow<'a, 'p>(node: &'a Value, path: &'p str) -> (&'a Value, &'p str) {
    let rest = path.trim_start_matches('.');
    match step(node, rest) {
        Some((next, rest)) => follow(next, rest),
        None => (node, rest),
    }
}

fn step<'a, 'p>(node: &'a Value, path: &'p str) -> Option<(&'a Value, &'p str)> {
    match &node.kind {
        ValueKind::Table(table) => {
            let ends = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
            let fits = |key: &String| path.strip_prefix(key.as_str()).is_some_and(ends);
            let (key, next) = table.iter().filter(|(key, _)| fits(key)).max_by_key(|(key, _)| key.len())?;
            Some((next, path.strip_prefix(key.as_str())?))
        }
        ValueKind::Array(items) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            Some((items.get(index.parse::<usize>().ok()?)?, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "tests/section.rs"]
mod tests;
