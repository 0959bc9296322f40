//! Keys made of an event: a template that gives a name to one thing, or none at all.
//!
//! A message may say "n/a" where a value is missing; a key may not, for then all events without that value would have
//! one key and be taken for one thing. So everything that says "nothing" (absent, `null`, blank, `<no value>`) is undefined
//! here, and undefined values are errors. Used by [`crate::route`] for incidents.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, context};
use serde::{Deserialize, Deserializer, de};

use super::{Shown, TemplateError, environment, lenient, refuse_unknown_names};
use crate::event::Event;
use crate::event::fields::is_absent;

/// What the only template of its environment is called.
const NAME: &str = "key";

/// Filters that make a text of what is missing, strict as the rest may be: they are unknown here.
const FORGIVING: [&str; 3] = ["join", "pprint", "tojson"];

/// A template whose values must all be there: `spot/{{ event.cluster.id }}`.
#[derive(Clone)]
pub struct KeyTemplate {
    source: String,
    compiled: Environment<'static>,
}

impl KeyTemplate {
    /// Compiles `source`.
    ///
    /// # Errors
    /// When the syntax is wrong, with the line; when it is blank, for that names nothing. The filters `join`, `pprint` and
    /// `tojson` are unknown, for they make a text of what is missing.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        if source.trim().is_empty() {
            return Err(TemplateError("it is blank, which names nothing".to_owned()));
        }
        let (mut compiled, mut trial) = (environment(), lenient().clone());
        compiled.set_formatter(write_present);
        for filter in FORGIVING {
            compiled.remove_filter(filter);
            trial.remove_filter(filter);
        }
        compiled.add_template_owned(NAME, source.to_owned())?;
        refuse_unknown_names(trial.render_str(source, ()))?;
        Ok(Self { source: source.to_owned(), compiled })
    }

    /// The key, in plain text; never blank. Values are trimmed, as they are for matchers.
    ///
    /// # Errors
    /// When a value it uses is not there or is no plain value; when nothing is left; when it takes too much work.
    pub fn render(&self, subject: &PresentSubject) -> Result<String, TemplateError> {
        let rendered = self.compiled.get_template(NAME).and_then(|template| template.render(&subject.0));
        let text = rendered.map_err(|error| match error.kind() {
            ErrorKind::UndefinedError => TemplateError("the event lacks a value that is in it".to_owned()),
            _ => error.into(),
        })?;
        match text.trim().is_empty() {
            false => Ok(text),
            true => Err(TemplateError("nothing is left of it".to_owned())),
        }
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl fmt::Debug for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyTemplate({:?})", self.source)
    }
}

impl<'de> Deserialize<'de> for KeyTemplate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::compile(&source).map_err(|error| de::Error::custom(format!("not a valid template: {error}")))
    }
}

/// What keys may look at: the same as [`super::Subject`], without what says "nothing".
#[derive(Debug, Clone)]
pub struct PresentSubject(Value);

impl PresentSubject {
    /// Shows `event` to keys.
    pub fn of(event: &Event) -> Self {
        let shown = serde_json::to_value(Shown::of(event)).unwrap_or_default();
        Self(context! { event => present(&shown) })
    }
}

/// The value as templates see it; undefined where it says "nothing".
fn present(value: &serde_json::Value) -> Value {
    match value {
        absent if is_absent(absent) => Value::UNDEFINED,
        serde_json::Value::String(text) => Value::from(text.trim()),
        serde_json::Value::Array(list) => list.iter().map(present).collect(),
        serde_json::Value::Object(map) => {
            Value::from(map.iter().map(|(key, value)| (key.clone(), present(value))).collect::<BTreeMap<_, _>>())
        }
        scalar => Value::from(Serde(scalar)),
    }
}

/// Filters and literals make values too, so what is written is looked at once more.
fn write_present(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let refuse = |what: &str| Err(Error::new(ErrorKind::InvalidOperation, what.to_owned()));
    match value.kind() {
        ValueKind::Bool | ValueKind::Number => write!(out, "{value}").map_err(Error::from),
        ValueKind::String => match is_absent(&value.to_string().into()) {
            false => out.write_str(&value.to_string()).map_err(Error::from),
            true => refuse("a value in it is blank"),
        },
        ValueKind::None | ValueKind::Undefined => refuse("a value in it is none"),
        _ => refuse("a list or an object in it is no name"),
    }
}

#[cfg(test)]
#[path = "tests/key.rs"]
mod tests;
