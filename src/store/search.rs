//! The words of an event: what it can be found by.
//!
//! Pure. An index keeps for each event its words, and marks, which stand for a whole value: its type, its cluster. What an
//! index finds is looked at once more ([`super::query::EventFilter::fits`]), so an index may find too much, never too little.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::query::EventFilter;
use crate::event::{Event, Severity};
use crate::names::{EventId, hex};

/// Words that are kept of one event: of a longer one, the first.
const MOST_WORDS: usize = 300;
/// Longer words are cut.
const LONGEST_WORD: usize = 64;
/// Marks begin so, and no word that people write does.
const MARK: &str = "zqz";

/// The words of a text: what lies between all that is neither letter nor digit, in small letters.
pub fn words(text: &str) -> Vec<String> {
    let parts = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    parts.map(|part| part.chars().flat_map(char::to_lowercase).take(LONGEST_WORD).collect()).collect()
}

/// All words that occur in an event, but not in its raw body.
pub fn words_of(event: &Event) -> BTreeSet<String> {
    let Event { id, organization, cluster, category, labels, data, notes, kind, .. } = event;
    let named = [cluster.name.as_deref(), cluster.id.as_deref(), kind.name(), kind.message(), category.as_deref()];
    let plain =
        [Some(id.as_str()), Some(event.type_name()), organization.as_deref()].into_iter().chain(named).flatten();
    let mut found = Found::default();
    plain.for_each(|text| found.add(text));
    labels.values().for_each(|text| found.add(text));
    data.iter().for_each(|(key, value)| found.add_value(key, value));
    notes.iter().for_each(|text| found.add(text));
    found.0
}

#[derive(Default)]
struct Found(BTreeSet<String>);

impl Found {
    fn add(&mut self, text: &str) {
        for word in words(text) {
            if self.0.len() < MOST_WORDS {
                self.0.insert(word);
            }
        }
    }

    fn add_value(&mut self, key: &str, value: &Value) {
        self.add(key);
        match value {
            Value::String(text) => self.add(text),
            Value::Number(number) => self.add(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add_value("", item)),
            Value::Object(fields) => fields.iter().for_each(|(key, value)| self.add_value(key, value)),
            Value::Null | Value::Bool(_) => {}
        }
    }
}

/// All that an event is put into an index by.
pub fn terms_of(event: &Event) -> String {
    let mut terms = words_of(event);
    let type_name = event.type_name();
    terms.insert(mark("type", type_name));
    terms.extend(type_name.match_indices('.').map(|(end, _)| mark("type", &format!("{}.*", &type_name[..end]))));
    terms.extend([&event.cluster.name, &event.cluster.id].into_iter().flatten().map(|name| mark("cluster", name)));
    terms.insert(mark("severity", event.severity.as_str()));
    terms.insert(mark("source", event.source.as_str()));
    terms.into_iter().map(|term| plain(&term)).collect::<Vec<_>>().join(" ")
}

/// A word as an index is given it: of letters and digits that every index takes for one word.
fn plain(word: &str) -> String {
    if word.is_ascii() { word.to_owned() } else { mark("word", word) }
}

/// What an event that fits has: of each group at least one. Empty where an index is of no help.
pub fn wanted(filter: &EventFilter) -> Vec<Vec<String>> {
    let one = |name: &str, value: &str| vec![mark(name, value)];
    let at_least = |least: Severity| Severity::ALL.into_iter().filter(move |severity| *severity >= least);
    let severities = filter.severity.filter(|least| *least > Severity::Info);
    let groups = [
        filter.event_type.as_deref().map(|value| one("type", value)),
        filter.cluster.as_deref().map(|value| one("cluster", value)),
        filter.source.as_ref().map(|source| one("source", source.as_str())),
        severities.map(|least| at_least(least).map(|severity| mark("severity", severity.as_str())).collect()),
    ];
    let text = filter.text.iter().flat_map(|text| words(text)).map(|word| vec![plain(&word)]);
    groups.into_iter().flatten().chain(text).collect()
}

/// What an event of this id has, all of it, as an index is asked; `None` for an id without words.
pub fn wanted_of_id(id: &EventId) -> Option<String> {
    let words: Vec<String> = words(id.as_str()).iter().map(|word| plain(word)).collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

fn mark(name: &str, value: &str) -> String {
    let digest = Sha256::digest(format!("{name} {value}").as_bytes());
    format!("{MARK}{}", hex(&digest[..8]))
}

#[cfg(test)]
#[path = "tests/search.rs"]
mod tests;
