//! Templates and expressions over an event: one strict, fuel-limited language for routes and messages.
//!
//! Everything is compiled once, when the configuration is read; rendering can fail but never hang, and never reaches
//! outside the event it is given. Values are escaped for the target's markup, the template's own text is not.
//! Knows events; knows no routes, no targets, no time. Used by [`crate::route`] and [`crate::notify`].

mod key;
mod wording;

use std::fmt;
use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context};
use serde::{Deserialize, Deserializer, Serialize, de};

pub use key::{KeyTemplate, PresentSubject};
pub use wording::{LinkTemplate, Wording};

use crate::event::Event;

/// Instructions one rendering may take: a message needs hundreds, a loop over a thousand nodes some ten thousand.
const FUEL: u64 = 100_000;

/// Longest text a template may produce, in bytes, before the target's own limits cut further.
const MAX_RENDERED_BYTES: usize = 64 * 1024;

/// How values must be escaped, so that what a sender wrote cannot become markup or a mention at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Markup {
    /// Nothing is special.
    Plain,
    /// Slack's mrkdwn: `&`, `<` and `>`, <https://docs.slack.dev/messaging/formatting-message-text>.
    Slack,
    /// Discord's Markdown: what begins a style, a quote, a heading, a link or a mention,
    /// <https://support.discord.com/hc/en-us/articles/210298617>.
    Discord,
    /// What an Adaptive Card takes of Markdown: emphasis, code and links,
    /// <https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features>.
    AdaptiveCard,
    /// The few tags of Google Chat's cards, <https://developers.google.com/workspace/chat/format-messages#card-formatting>.
    GoogleChat,
    /// HTML, in text and in quoted attributes: `&`, `<`, `>` and both quotes,
    /// <https://html.spec.whatwg.org/multipage/syntax.html#syntax-charref>.
    Html,
    /// Telegram's HTML, and what it takes for a mention, <https://core.telegram.org/bots/api#html-style>.
    Telegram,
}

impl Markup {
    const ALL: [Self; 7] =
        [Self::Plain, Self::Slack, Self::Discord, Self::AdaptiveCard, Self::GoogleChat, Self::Html, Self::Telegram];

    fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::AdaptiveCard => "adaptive_card",
            Self::GoogleChat => "google_chat",
            Self::Html => "html",
            Self::Telegram => "telegram",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|markup| markup.name() == name)
    }

    /// `text` as literal text in this markup.
    pub fn escape(self, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Slack | Self::GoogleChat => with_entities(text),
            Self::Telegram => with_entities(&without_mentions(text)).replace('"', "&quot;"),
            Self::Discord => with_backslashes(text, r"\*_~`|<>#[]"),
            Self::AdaptiveCard => with_backslashes(text, r"\*_`[]"),
            Self::Html => Self::Slack.escape(text).replace('"', "&quot;").replace('\'', "&#39;"),
        }
    }
}

fn with_entities(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// With something invisible after each `@` that could begin a name: Telegram has no escape for it. That of an address of mail
/// has a letter before it.
fn without_mentions(text: &str) -> String {
    const JOINER: char = '\u{2060}';
    let before = [' '].into_iter().chain(text.chars());
    let parted = |(c, before): (char, char)| {
        let begins = c == '@' && !before.is_alphanumeric() && before != '_';
        [c].into_iter().chain(begins.then_some(JOINER))
    };
    text.chars().zip(before).flat_map(parted).collect()
}

/// With a backslash before each of these.
fn with_backslashes(text: &str, special: &str) -> String {
    let escaped = |c: char| special.contains(c).then_some('\\').into_iter().chain([c]);
    text.chars().flat_map(escaped).collect()
}

/// A template or expression that cannot be compiled or rendered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(String);

impl From<Error> for TemplateError {
    fn from(error: Error) -> Self {
        let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
        let hint = match error.kind() {
            ErrorKind::UndefinedError => "; use `| default(\"…\")` for fields that may be missing",
            ErrorKind::OutOfFuel => "; it does too much work",
            _ => "",
        };
        let detail = error.detail().map(str::to_owned).unwrap_or_else(|| error.kind().to_string());
        Self(format!("{detail}{line}{hint}"))
    }
}

/// A text with values of the event in it, `{{ event.cluster.name }}`: minijinja, strict about undefined values.
#[derive(Clone)]
pub struct Template {
    source: String,
    compiled: Environment<'static>,
}

impl Template {
    /// Compiles `source` once for every markup.
    ///
    /// # Errors
    /// When the syntax is wrong, with the line.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let mut compiled = environment();
        for markup in Markup::ALL {
            compiled.add_template_owned(markup.name(), source.to_owned())?;
        }
        refuse_unknown_names(lenient().render_str(source, ()))?;
        Ok(Self { source: source.to_owned(), compiled })
    }

    /// The text with the event's values in it, escaped for `markup`.
    ///
    /// # Errors
    /// When a value is missing, the work too much or the text too long.
    pub fn render(&self, subject: &Subject, markup: Markup) -> Result<String, TemplateError> {
        let text = self.compiled.get_template(markup.name())?.render(&subject.0)?;
        match text.len() <= MAX_RENDERED_BYTES {
            true => Ok(text),
            false => {
                Err(TemplateError(format!("produced {} bytes; at most {MAX_RENDERED_BYTES} are allowed", text.len())))
            }
        }
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({:?})", self.source)
    }
}

impl<'de> Deserialize<'de> for Template {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::compile(&source).map_err(|error| de::Error::custom(format!("not a valid template: {error}")))
    }
}

/// A condition over an event, `event.data.savingsImpact > 30 and event.cluster.name != "test"`.
/// Lenient about undefined values: a field an event does not have compares as nothing.
pub struct Expression {
    source: String,
    compiled: minijinja::Expression<'static, 'static>,
}

impl Expression {
    /// Compiles `source`.
    ///
    /// # Errors
    /// When the syntax is wrong.
    pub fn compile(source: &str) -> Result<Self, TemplateError> {
        let compiled = lenient().compile_expression_owned(source.to_owned())?;
        refuse_unknown_names(compiled.eval(()))?;
        Ok(Self { source: source.to_owned(), compiled })
    }

    /// Whether the condition holds for this event.
    ///
    /// # Errors
    /// When it cannot be evaluated, such as a comparison of a number with a list.
    pub fn holds(&self, subject: &Subject) -> Result<bool, TemplateError> {
        Ok(self.compiled.eval(&subject.0)?.is_true())
    }
}

/// Takes what an event does not have for nothing.
fn lenient() -> &'static Environment<'static> {
    static LENIENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
        let mut environment = environment();
        environment.set_undefined_behavior(UndefinedBehavior::Chainable);
        environment
    });
    &LENIENT
}

/// The compiler leaves the names of filters, tests and functions to the run; a run without an event finds them before
/// an event has to. Whatever else goes wrong in it is for want of an event.
fn refuse_unknown_names<T>(trial: Result<T, Error>) -> Result<(), TemplateError> {
    use ErrorKind::{UnknownFilter, UnknownFunction, UnknownTest};
    match trial {
        Err(error) if matches!(error.kind(), UnknownFilter | UnknownFunction | UnknownTest) => Err(error.into()),
        _ => Ok(()),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.source)
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl<'de> Deserialize<'de> for Expression {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let source = String::deserialize(deserializer)?;
        Self::compile(&source).map_err(|error| de::Error::custom(format!("not a valid expression: {error}")))
    }
}

/// What templates and expressions may look at: the record of one event as `event`, with the parsed raw body
/// as `event.body` (undefined when it is not JSON) and the lateness in seconds as `event.late_by`.
#[derive(Debug, Clone)]
pub struct Subject(Value);

impl Subject {
    /// Shows `event` to templates.
    pub fn of(event: &Event) -> Self {
        Self(context! { event => Value::from(minijinja::value::Serde(&Shown::of(event))) })
    }

    /// The same, with `data` beside it.
    pub fn with_data(event: &Event, data: &serde_json::Value) -> Self {
        let Self(event) = Self::of(event);
        Self(context! { data => Value::from(minijinja::value::Serde(data)), ..event })
    }
}

/// One event as templates see it.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    record: &'a Event,
    body: Option<serde_json::Value>,
    late_by: Option<f64>,
}

impl<'a> Shown<'a> {
    fn of(event: &'a Event) -> Self {
        Self {
            record: event,
            body: serde_json::from_slice(&event.body).ok(),
            late_by: event.late_by().map(|late| late.as_secs_f64()),
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_auto_escape_callback(|name| match Markup::named(name) {
        Some(Markup::Plain) | None => AutoEscape::None,
        Some(markup) => AutoEscape::Custom(markup.name().into()),
    });
    environment.set_formatter(escape);
    environment
}

fn escape(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let markup = match state.auto_escape() {
        AutoEscape::Custom(name) if !value.is_safe() => Markup::named(name),
        _ => None,
    };
    match markup {
        Some(markup) => out.write_str(&markup.escape(&value.to_string())).map_err(Error::from),
        None => write!(out, "{value}").map_err(Error::from),
    }
}

#[cfg(test)]
mod tests;
