//! The channel a batch goes to: the target's own, or the one that its route's message names; made of the event where it
//! is a template.
//!
//! Pure. What is made of an event is put into the form of a channel's name, so that it names a channel and nothing else.
//! The rules of names: <https://slack.com/help/articles/201402297>.

use crate::event::Event;
use crate::event::batch::Batch;
use crate::notify::NotifyError;
use crate::notify::message::{cut, one_line};
use crate::template::{KeyTemplate, PresentSubject, TemplateError, Wording};

/// What people may write.
pub(super) const WHAT_IT_IS: &str = "write a name in quotes, `\"#ops\"`, an id, `C0123ABCDE` (the channel's name → About → \
    Channel ID), or a template, `\"#k8s-{{ event.cluster.name | default('other') }}\"`";

/// The longest name a channel can have, in characters.
const LONGEST: usize = 80;

/// As configured: a name, an id, or a template.
pub(super) struct Channel(KeyTemplate);

/// Where one batch goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) struct Place {
    /// `#ops`, or an id.
    pub name: String,
    /// Whether everything for this target goes there.
    pub is_everybodys: bool,
}

impl Channel {
    /// Refuses what can be no channel, whatever the event.
    pub(super) fn checked(template: KeyTemplate) -> Result<Self, String> {
        let text = template.to_string();
        let text = text.trim();
        let mistake = match in_form(text) {
            _ if is_made(&template) => return Ok(Self(template)),
            Some(name) if name == text || name.strip_prefix('#') == Some(text) => return Ok(Self(template)),
            _ if text.starts_with('@') => "names a person: take the member's id instead, or a channel",
            _ if text.contains("://") => "is an address; the name or the id is needed",
            _ => "is no channel's name: those have small letters, digits, `-` and `_`, at most 80",
        };
        Err(mistake.to_owned())
    }

    /// Where `batch` goes: the route's own channel before the target's. What leaves together goes where the first of it
    /// goes, and the end of an incident where its beginning went.
    ///
    /// # Errors
    /// When nothing is left of a template; it concerns this message alone.
    pub(super) fn of(&self, batch: &Batch, wording: &Wording) -> Result<Place, NotifyError> {
        let template = wording.channel.as_ref().unwrap_or(&self.0);
        let of_first = || render(template, batch.first_event());
        let opening = batch.incident.as_ref().and_then(|incident| incident.opening.as_deref());
        let rendered = match opening {
            Some(opening) => render(template, opening).or_else(|_| of_first()),
            None => of_first(),
        };
        let is_everybodys = wording.channel.is_none() && !is_made(template);
        let name = rendered.and_then(|text| in_form(&text).ok_or_else(|| format!("`{}` is no name", shown(&text))));
        name.map(|name| Place { name, is_everybodys }).map_err(|problem| {
            let whose = match wording.channel {
                Some(_) => format!("the message of route `{}`", batch.route()),
                None => format!("target `{}`", batch.target()),
            };
            let template = shown(&template.to_string());
            NotifyError::misconfigured(format!(
                "`channel: {template}` of {whose} names no channel for this event: {problem}; give what may be missing \
                 a `| default('…')`, or route elsewhere what has no channel"
            ))
        })
    }
}

/// Whether it is made of the event.
fn is_made(template: &KeyTemplate) -> bool {
    template.to_string().contains('{')
}

fn render(template: &KeyTemplate, event: &Event) -> Result<String, String> {
    template.render(&PresentSubject::of(event)).map_err(|error: TemplateError| error.to_string())
}

/// For people: one line, without what could be taken for markup.
fn shown(text: &str) -> String {
    cut(&one_line(text), 100).replace(['<', '>'], "·")
}

/// An id as it is; else the text as a channel is named: small letters, a `-` for what no name can have. `None` where
/// that leaves nothing to read.
fn in_form(text: &str) -> Option<String> {
    let text = text.trim();
    if is_id(text) {
        return Some(text.to_owned());
    }
    let name = text.strip_prefix('#').unwrap_or(text).to_lowercase();
    let allowed = |c: char| if c.is_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let name: String = name.chars().map(allowed).take(LONGEST).collect();
    name.contains(char::is_alphanumeric).then(|| format!("#{name}"))
}

/// What Slack calls a channel or a conversation with a member: `C0123ABCDE`.
fn is_id(text: &str) -> bool {
    let is_of_id = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
    let has_length = (9..=20).contains(&text.len());
    let has_digits = text.bytes().any(|b| b.is_ascii_digit());
    has_length && has_digits && text.starts_with(['C', 'G', 'D', 'U', 'W']) && text.bytes().all(is_of_id)
}

#[cfg(test)]
mod tests;
