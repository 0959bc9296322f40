//! Writes a section out again, as one line of YAML that reads as the section does: to keep what was in force.
//!
//! Keys are sorted, so that the same configuration is the same text wherever its parts were written. Whoever writes out a
//! section sees to it that no secret is in it.

use config::{Value, ValueKind};

use super::section::Section;
use super::tree::{Origin, Style};

impl Section {
    /// This section as text, which [`Section::from_yaml`] reads back.
    pub fn written_out(&self) -> String {
        written(self.node())
    }
}

fn written(node: &Value) -> String {
    match &node.kind {
        ValueKind::Nil => "null".to_owned(),
        ValueKind::Table(table) => {
            let mut entries: Vec<_> = table.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{}: {}", quoted(key), written(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        ValueKind::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        scalar => {
            let text = Value::new(None, scalar.clone()).into_string().unwrap_or_default();
            if is_plain(node, &text) { text } else { quoted(&text) }
        }
    }
}

/// Like a number or boolean and without quotes; what a variable says is whatever it is asked for.
fn is_plain(node: &Value, text: &str) -> bool {
    match Origin::of(node).map(|origin| origin.style) {
        Some(Style::Plain) => true,
        Some(Style::Variable) => text.parse::<f64>().is_ok_and(f64::is_finite) || ["true", "false"].contains(&text),
        Some(Style::Text) | None => false,
    }
}

/// A text in JSON's quotes, which are YAML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
#[path = "tests/rewrite.rs"]
mod tests;
