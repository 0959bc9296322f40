//! The request template of a CAST AI webhook: ours, and what another one lacks.
//!
//! CAST AI has no payload of its own: it sends what a Go template typed into its console renders to,
//! <https://docs.cast.ai/docs/setup-notification-webhook>. Ours comes in two [`Form`]s that say the same. A template is
//! judged without rendering it: each action becomes a value that stands for it, and what is left must be JSON.
//! Pure. How the bodies are read is for [`crate::source::wire`] to know.

use std::fmt;

use serde_json::{Map, Value};

/// What stands in our templates where the category goes.
const CATEGORY_LINE: &str = "  \"category\": \"CATEGORY\",\n";

/// Which functions of the console's template language are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `toJSON`: everything arrives as it is, whatever quotes and line breaks it holds.
    Json,
    /// Every value inside quotes, for consoles that refuse the other form. A text that holds quotes or line breaks makes
    /// a body that is no JSON; the relay keeps and reports it.
    Strings,
}

impl Form {
    /// Both, the better one first.
    pub const ALL: [Self; 2] = [Self::Json, Self::Strings];

    fn source(self) -> &'static str {
        match self {
            Self::Json => include_str!("templates/json.tmpl"),
            Self::Strings => include_str!("templates/strings.tmpl"),
        }
    }

    /// The text to enter. The template language cannot tell the category, so it is typed in or left out.
    pub fn text(self, category: Option<&Category>) -> String {
        let line = category.map(|Category(category)| CATEGORY_LINE.replace("CATEGORY", category)).unwrap_or_default();
        self.source().replace(CATEGORY_LINE, &line)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Json => "json",
            Self::Strings => "strings",
        })
    }
}

/// One of CAST AI's categories of notifications, such as `Node Autoscaler`; an open set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category(String);

impl Category {
    /// Letters, digits, blanks and a few signs, so that it can be typed into a template as it is.
    ///
    /// # Errors
    /// With what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let allowed = |c: char| c.is_alphanumeric() || " -_.,:/()&+".contains(c);
        match !text.is_empty() && text.chars().count() <= 100 && text.chars().all(allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err("write it as the console does, such as `Security` or `Node Autoscaler`".to_owned()),
        }
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the relay can make of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// It says what ours says; space and fields of its own aside.
    Ours {
        /// The form, where all fields are of one.
        form: Option<Form>,
        /// The category that is typed in.
        category: Option<String>,
    },
    /// It began as ours.
    Altered {
        /// Fields that are gone.
        missing: Vec<String>,
        /// Fields that say something else.
        changed: Vec<String>,
    },
    /// Another template; these facts are not in it, named as in ours.
    Foreign {
        /// In the order of ours.
        missing: Vec<&'static str>,
    },
    /// What it renders to is not JSON.
    Broken(String),
}

/// The facts of a notification: our name, CAST AI's variable.
const FACTS: &[(&str, &str)] = &[
    ("notification_id", ".NotificationID"),
    ("organization_id", ".OrganizationID"),
    ("severity", ".Severity"),
    ("name", ".Name"),
    ("message", ".Message"),
    ("timestamp", ".Timestamp"),
    ("details", ".Details"),
    ("cluster", ".Cluster"),
];

/// Judges a template as it stands in the console.
pub fn compare(theirs: &str) -> Comparison {
    let parts = split(theirs);
    let theirs = match judged(&parts) {
        // What conditions and loops leave out is not known before rendering.
        Err(_) if parts.iter().any(Part::is_control) => return foreign(&parts),
        Err(why) => return Comparison::Broken(why),
        Ok(fields) => fields,
    };
    let ours = Form::ALL.map(|form| (form, judged(&split(form.source())).unwrap_or_default()));
    if theirs.get("schema") != ours[0].1.get("schema") {
        return foreign(&parts);
    }
    let names: Vec<&String> = ours[0].1.keys().filter(|name| *name != "category").collect();
    let fits = |form: &Map<String, Value>, name: &String| theirs.get(name) == form.get(name);
    let missing: Vec<String> =
        names.iter().filter(|name| !theirs.contains_key(**name)).map(ToString::to_string).collect();
    let strange = |name: &&&String| theirs.contains_key(**name) && !ours.iter().any(|(_, form)| fits(form, name));
    let changed: Vec<String> = names.iter().filter(strange).map(ToString::to_string).collect();
    if !missing.is_empty() || !changed.is_empty() {
        return Comparison::Altered { missing, changed };
    }
    let form = ours.iter().find(|(_, form)| names.iter().all(|name| fits(form, name))).map(|(form, _)| *form);
    Comparison::Ours { form, category: theirs.get("category").and_then(Value::as_str).map(str::to_owned) }
}

fn foreign(parts: &[Part]) -> Comparison {
    let missing = FACTS.iter().filter(|(_, variable)| !parts.iter().any(|part| part.names(variable)));
    Comparison::Foreign { missing: missing.map(|(name, _)| *name).collect() }
}

/// A piece of a template.
enum Part {
    /// Sent as it is.
    Text(String),
    /// `{{ … }}`, without the braces, with single blanks.
    Action { does: String, in_quotes: bool },
}

impl Part {
    const CONTROL: [&str; 9] = ["if", "else", "end", "range", "with", "define", "template", "block", "/*"];

    /// Whether it renders to nothing itself.
    fn is_control(&self) -> bool {
        let Self::Action { does, .. } = self else { return false };
        let first = does.split(' ').next().unwrap_or_default();
        Self::CONTROL.iter().any(|word| first == *word || (*word == "/*" && first.starts_with(word)))
    }

    /// Whether it uses this variable or a field of it.
    fn names(&self, variable: &str) -> bool {
        let Self::Action { does, .. } = self else { return false };
        let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        does.match_indices(variable).any(|(at, found)| ends(&does[at + found.len()..]))
    }
}

/// Text and actions, in order. An action that is not closed is text.
fn split(template: &str) -> Vec<Part> {
    let (mut parts, mut rest, mut in_quotes) = (Vec::new(), template, false);
    while let Some((text, after)) = rest.split_once("{{") {
        let Some((action, after)) = after.split_once("}}") else { break };
        in_quotes = quotes_after(text, in_quotes);
        parts.push(Part::Text(text.to_owned()));
        let trimmed = action.trim_matches(|c: char| c == '-' || c.is_whitespace());
        let does = trimmed.split_whitespace().collect::<Vec<_>>().join(" ");
        parts.push(Part::Action { does, in_quotes });
        rest = after;
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

/// Whether a string is open behind `text`, if one was open before it.
fn quotes_after(text: &str, in_quotes: bool) -> bool {
    let (mut open, mut escaped) = (in_quotes, false);
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if open => escaped = true,
            '"' => open = !open,
            _ => {}
        }
    }
    open
}

/// The fields of what the template renders to, each action standing for itself.
fn judged(parts: &[Part]) -> Result<Map<String, Value>, String> {
    let mut json = String::new();
    for part in parts {
        match part {
            Part::Text(text) if text.contains("{{") => return Err("`{{` without `}}`".to_owned()),
            Part::Text(text) => json.push_str(text),
            Part::Action { .. } if part.is_control() => {}
            Part::Action { does, in_quotes: true } if does.starts_with("toJSON") => {
                return Err(format!("`{{{{ {does} }}}}` stands inside quotes, which `toJSON` brings itself"));
            }
            Part::Action { does, in_quotes: true } => json.push_str(inner(&quoted(does))),
            Part::Action { does, in_quotes: false } if does.starts_with("toJSON") => json.push_str(&quoted(does)),
            Part::Action { does, in_quotes: false } => {
                return Err(format!("`{{{{ {does} }}}}` needs quotes around it, or `toJSON`"));
            }
        }
    }
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// A JSON string that stands for an action and for nothing a template would hold as text.
fn quoted(does: &str) -> String {
    Value::String(format!("\u{1}{does}\u{1}")).to_string()
}

fn inner(quoted: &str) -> &str {
    quoted.trim_matches('"')
}

#[cfg(test)]
#[path = "tests/console_template.rs"]
mod tests;
