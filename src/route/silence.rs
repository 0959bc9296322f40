//! A silence that is ready to be asked: what somebody wants to be quiet, checked, and its matcher compiled.
//!
//! Pure: `now` is given. A silence must say what it is about, until when, who wants it and why. Where there is doubt it
//! does not hold, because telling too much is better than losing it. Who holds the silences in force is
//! [`crate::deliver::quiet`].

use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Matcher;
use super::matcher::Facts;
use crate::event::silence::{Silence, Standing, Terms};
use crate::event::{Event, Severity, Timestamp};
use crate::names::{RouteName, TargetName};

/// A delivery that is about to leave, as hours and silences look at it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// What happened.
    pub event: &'a Event,
    /// Which route owes it.
    pub route: &'a RouteName,
    /// To whom.
    pub target: &'a TargetName,
    /// The severity it would be told with; what a silence says of `severity` is about this one.
    pub severity: Severity,
}

/// What somebody wants to be quiet, as it came in.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// Which events.
    pub matching: Map<String, Value>,
    /// Owed by which routes.
    pub routes: Vec<RouteName>,
    /// Owed to which targets.
    pub targets: Vec<TargetName>,
    /// That nothing at all is to be told: must be said where nothing else is.
    pub everything: bool,
    /// From when on; at once when left out.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Timestamp,
    /// Who wants it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// A silence that cannot be meant: what is wrong, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}\nhint: {hint}")]
pub struct Refused {
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: String,
}

impl Refused {
    /// In these words.
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl Draft {
    /// How far ahead a silence may end: who is still needed after that will have to be asked again.
    pub const LONGEST: Duration = Duration::from_secs(90 * 24 * 3600);
    /// How long `by` and `why` may be, in characters.
    pub const MAX_CHARS: usize = 500;
    /// How long `match` may be, as JSON.
    pub const MAX_MATCH_BYTES: usize = 4096;
    /// How many routes and how many targets may be named.
    pub const MAX_NAMES: usize = 100;

    /// What is to be kept. A beginning that is past becomes now.
    ///
    /// # Errors
    /// When it silences everything without saying so, or nothing, or for too long, or does not say who and why.
    pub fn accept(self, now: Timestamp) -> Result<Terms, Refused> {
        let Self { matching, routes, targets, everything, from, until, by, why } = self;
        let says_nothing = matching.is_empty() && routes.is_empty() && targets.is_empty();
        if says_nothing != everything {
            return Err(match everything {
                true => Refused::new("`everything` stands beside conditions", "leave out one of the two"),
                false => Refused::new(
                    "this would silence everything",
                    "write `match`, `routes` or `targets`; if everything is meant, write `everything: true`",
                ),
            });
        }
        check_sizes(&matching, routes.len(), targets.len())?;
        compile(&matching)?;
        let (by, why) = (author(by)?, reason(why)?);
        let from = from.map_or(now, |from| from.max(now));
        if until <= from {
            let hint = "write a time after now, and after `from` where that is written";
            return Err(Refused::new(format!("a silence until {until} would be over before it begins ({from})"), hint));
        }
        if until > now.saturating_add(Self::LONGEST) {
            let hint = "at most 90 days ahead are allowed; what is to be quiet for ever belongs into the routes";
            return Err(Refused::new(format!("a silence until {until} is too long"), hint));
        }
        Ok(Terms { matching, routes, targets, from, until, by, why })
    }
}

fn check_sizes(matching: &Map<String, Value>, routes: usize, targets: usize) -> Result<(), Refused> {
    let bytes = serde_json::to_vec(matching).map_or(usize::MAX, |json| json.len());
    let too_many = |what: &str, limit: String| Refused::new(format!("{what} is too long"), format!("at most {limit}"));
    if bytes > Draft::MAX_MATCH_BYTES {
        return Err(too_many("`match`", format!("{} bytes of JSON are allowed", Draft::MAX_MATCH_BYTES)));
    }
    if routes.max(targets) > Draft::MAX_NAMES {
        return Err(too_many("`routes` or `targets`", format!("{} names each are allowed", Draft::MAX_NAMES)));
    }
    Ok(())
}

/// The name of whoever wants or ends a silence, on one line.
///
/// # Errors
/// When it is blank or longer than [`Draft::MAX_CHARS`].
pub fn author(by: String) -> Result<String, Refused> {
    text("by", by, "who wants it")
}

/// Why somebody wants something, on one line.
///
/// # Errors
/// When it is blank or longer than [`Draft::MAX_CHARS`].
pub fn reason(why: String) -> Result<String, Refused> {
    text("why", why, "the reason, for those who miss the message")
}

/// A text of one line that says something.
fn text(key: &str, text: String, what: &str) -> Result<String, Refused> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = format!("write {what}, in at most {} characters", Draft::MAX_CHARS);
    match text.chars().count() {
        _ if line.is_empty() => Err(Refused::new(format!("`{key}` is missing or blank"), hint)),
        length if length > Draft::MAX_CHARS => Err(Refused::new(format!("`{key}` has {length} characters"), hint)),
        _ if line.chars().any(char::is_control) => Err(Refused::new(format!("`{key}` has control characters"), hint)),
        _ => Ok(line),
    }
}

fn compile(matching: &Map<String, Value>) -> Result<Matcher, Refused> {
    let hint = "it is written as `match` of a route, such as `{\"type\": \"node.added\", \"cluster\": \"prod-*\"}`";
    Matcher::deserialize(Value::Object(matching.clone()))
        .map_err(|error| Refused::new(format!("`match` cannot be read: {error}"), hint))
}

/// A silence with its matcher.
#[derive(Debug)]
pub struct Compiled {
    silence: Silence,
    matcher: Matcher,
}

impl Compiled {
    /// Makes a kept silence ready to be asked.
    ///
    /// # Errors
    /// When its matcher cannot be read (any more).
    pub fn new(silence: Silence) -> Result<Self, Refused> {
        Ok(Self { matcher: compile(&silence.terms.matching)?, silence })
    }

    /// As it is kept.
    pub fn silence(&self) -> &Silence {
        &self.silence
    }

    /// Whether it is about deliveries of this route to this target at this moment.
    fn concerns(&self, candidate: &Candidate<'_>, now: Timestamp) -> bool {
        let Terms { routes, targets, .. } = &self.silence.terms;
        self.silence.standing(now) == Standing::Active
            && (routes.is_empty() || routes.contains(candidate.route))
            && (targets.is_empty() || targets.contains(candidate.target))
    }

    /// Whether it is about this event. An exception that cannot be evaluated may be meant, so it does not hold then.
    fn takes(&self, facts: &Facts<'_>) -> bool {
        self.matcher.matches(facts) && self.matcher.doubt(facts).is_none()
    }

    /// Why a delivery is silent, in words.
    pub fn in_words(&self) -> String {
        let Silence { id, terms: Terms { until, by, why, .. }, .. } = &self.silence;
        format!("silenced by {id} until {until}: {why} ({by})")
    }
}

/// The first of these silences that holds for this delivery at this moment.
pub fn holding<'a>(
    silences: impl Iterator<Item = &'a Compiled>,
    candidate: &Candidate<'_>,
    now: Timestamp,
) -> Option<&'a Compiled> {
    let mut concerned = silences.filter(|silence| silence.concerns(candidate, now)).peekable();
    concerned.peek()?;
    let event = match candidate.event.severity == candidate.severity {
        true => Cow::Borrowed(candidate.event),
        false => Cow::Owned(Event { severity: candidate.severity, ..candidate.event.clone() }),
    };
    let facts = Facts::of(&event);
    concerned.find(|silence| silence.takes(&facts))
}

#[cfg(test)]
#[path = "tests/silence.rs"]
mod tests;
