//! What there is to say about a batch, before any target's form: a title, a text, facts, links, a footer.
//!
//! One event is told in the route's [`Wording`], and the defaults of [`telling`] fill the rest, so that a message always
//! says what happened, where, when and how late. Many are told as a [`digest`], the end of an incident as its [`closing`]:
//! both in our own words, because the route's are made for one event and what it began. Text is plain here, except what a template wrote in the target's markup; each
//! notifier escapes and cuts for its own target. Knows no target. Next: [`super::answer`].

pub mod amounts;
mod audit;
mod closing;
mod digest;
mod list;
mod particulars;
pub mod room;
pub mod savings;
mod telling;

pub use list::List;

use crate::event::batch::Batch;
use crate::event::delivery::{Again, Delivery, Phase};
use crate::event::{Event, Severity};
use crate::names::DrillName;
use crate::template::{LinkTemplate, Markup, Subject, Template, Wording};

/// What there is to say. Every part is bounded except `text`, which each target cuts to its own limit; none holds what
/// a screen obeys, but for the line breaks and tabs of `text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// One line of plain text, never blank.
    pub title: String,
    /// The title with the cluster named, for places that show nothing else (a phone's lock screen).
    pub headline: String,
    /// A few sentences.
    pub text: Option<Text>,
    /// The particulars, most important first; at most ten.
    pub facts: Vec<Fact>,
    /// Links to follow.
    pub links: Vec<Link>,
    /// Where it came from and what was odd about it, one plain line each; at most six.
    pub footer: Vec<String>,
    /// How bad it is, as the route sees it.
    pub severity: Severity,
}

/// A text, and whether it is in the target's markup already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// To be escaped for the target.
    Plain(String),
    /// Written by a template in the markup the message was composed for, its values escaped.
    Marked(String),
    /// Several things, one line each, to be escaped for the target.
    List(List),
}

/// One particular.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What it is, at most 60 characters.
    pub label: String,
    /// Its value, at most 200 characters, never blank.
    pub value: String,
    /// What the value is made of.
    pub form: Form,
}

/// What a fact's value is made of, so that a target can set it in fitting type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A name, an id or a value as received: to be shown letter by letter.
    Verbatim,
    /// Our own words.
    Words,
}

/// A link. `url` starts with `http://` or `https://` and has no blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is called; one line, never blank.
    pub text: String,
    /// Where it leads.
    pub url: String,
}

impl Text {
    /// The text as the target must get it. `markup` is the one the message was composed for.
    pub fn in_markup(&self, markup: Markup) -> String {
        self.within(markup, usize::MAX)
    }

    /// The same; of a list, as many whole lines as have room in `max` characters. Other texts are for the target to cut.
    pub fn within(&self, markup: Markup, max: usize) -> String {
        match self {
            Self::Plain(text) => markup.escape(text),
            Self::Marked(text) => text.clone(),
            Self::List(list) => list.within(markup, max),
        }
    }
}

impl Fact {
    const MAX_LABEL: usize = 60;
    const MAX_VALUE: usize = 200;

    fn verbatim(label: &str, value: &str) -> Option<Self> {
        Self::new(label, value, Form::Verbatim)
    }

    fn words(label: &str, value: &str) -> Option<Self> {
        Self::new(label, value, Form::Words)
    }

    fn new(label: &str, value: &str, form: Form) -> Option<Self> {
        let (label, value) = (cut(&one_line(label), Self::MAX_LABEL), cut(&one_line(value), Self::MAX_VALUE));
        (!label.is_empty() && !value.is_empty()).then_some(Self { label, value, form })
    }
}

impl Message {
    const MAX_LINKS: usize = 5;
    const MAX_URL: usize = 1000;
    const MAX_TITLE: usize = 1000;
    const MAX_NOTES: usize = 2;

    /// Says it: the route's wording where there is one and it renders, the defaults for the rest. Of many, and of what is
    /// over, only the route's links are taken, and its title to name what is over.
    /// Total: a template that fails costs its own words, never the message; the footer then says why.
    pub fn compose(batch: &Batch, wording: &Wording, markup: Markup) -> Self {
        let ended = batch.incident.as_ref().filter(|incident| incident.phase == Phase::Resolve);
        let message = match (ended, batch.story()) {
            (Some(incident), _) => closing::compose(batch, incident, wording),
            (None, Some(tally)) => digest::compose(batch, &tally, wording),
            (None, None) => Self::of_one(batch.lead(), wording, markup),
        };
        // A drill never leaves together with anything else, and what is told again never with what is not.
        let message = match batch.lead().event.drill() {
            Some(drill) => message.only_a_drill(&drill),
            None => message,
        };
        match batch.lead().again {
            Some(again) => message.told_again(again),
            None => message,
        }
    }

    /// Nobody may act on it.
    fn only_a_drill(self, drill: &DrillName) -> Self {
        self.marked("Drill", format!("drill {drill}: this did not happen, and nothing is to be done"))
    }

    /// Nobody may take it for news.
    fn told_again(self, again: Again) -> Self {
        self.marked("Replay", format!("replay {}: this was told before, or should have been", again.replay))
    }

    fn marked(self, word: &str, mark: String) -> Self {
        let marked = |title: &str| cut(&format!("{word}: {title}"), Self::MAX_TITLE);
        let (first, rest) =
            self.footer.split_first().map_or((None, [].as_slice()), |(first, rest)| (Some(first), rest));
        let footer = first.into_iter().cloned().chain([mark]).chain(rest.iter().cloned());
        Self { title: marked(&self.title), headline: marked(&self.headline), footer: bounded_footer(footer), ..self }
    }

    fn of_one(delivery: &Delivery, wording: &Wording, markup: Markup) -> Self {
        let mut rendering = Rendering::of(&delivery.event);
        let told = telling::tell(delivery);
        let own_title = rendering.title(wording);
        let default_title = || cut(&one_line(&told.title), Self::MAX_TITLE);
        let text = rendering.text(wording, markup);
        let links = rendering.links(wording);
        Self {
            headline: own_title.clone().unwrap_or_else(|| name_cluster(&default_title(), &delivery.event)),
            title: own_title.unwrap_or_else(default_title),
            text: text.unwrap_or_else(|| told.text.as_deref().and_then(readable).map(Text::Plain)),
            facts: told.facts,
            links,
            footer: footer(delivery, rendering.remarks),
            severity: delivery.severity,
        }
    }
}

fn name_cluster(title: &str, event: &Event) -> String {
    match event.cluster.label() {
        Some(cluster) if !title.contains(cluster) => format!("{title} ({})", cut(&one_line(cluster), Fact::MAX_VALUE)),
        _ => title.to_owned(),
    }
}

/// The route's templates at work. What goes wrong becomes a remark.
struct Rendering {
    subject: Subject,
    remarks: Vec<String>,
}

impl Rendering {
    fn of(event: &Event) -> Self {
        Self { subject: Subject::of(event), remarks: Vec::new() }
    }

    fn title(&mut self, wording: &Wording) -> Option<String> {
        let title = one_line(&self.render("title", wording.title.as_ref()?, Markup::Plain)?);
        if title.is_empty() {
            self.remarks.push("The route's template for `title` came out empty; this is the default.".into());
            return None;
        }
        Some(cut(&title, Message::MAX_TITLE))
    }

    /// `None` for "use the default", `Some(None)` for "no text".
    fn text(&mut self, wording: &Wording, markup: Markup) -> Option<Option<Text>> {
        let text = self.render("text", wording.text.as_ref()?, markup)?;
        Some(readable(&text).map(Text::Marked))
    }

    fn links(&mut self, wording: &Wording) -> Vec<Link> {
        let links = wording.links.iter().take(Message::MAX_LINKS);
        links.filter_map(|link| self.link(link)).collect()
    }

    fn link(&mut self, wording: &LinkTemplate) -> Option<Link> {
        let url = self.render("links.url", &wording.url, Markup::Plain)?.trim().to_owned();
        let text = one_line(&self.render("links.text", &wording.text, Markup::Plain)?);
        if !is_web_url(&url) {
            self.remarks.push("A link of the route is left out: it does not come out as an http or https URL.".into());
            return None;
        }
        let text = if text.is_empty() { "Open".to_owned() } else { cut(&text, Fact::MAX_LABEL) };
        Some(Link { text, url })
    }

    fn render(&mut self, part: &str, template: &Template, markup: Markup) -> Option<String> {
        let rendered = template.render(&self.subject, markup);
        rendered.map_err(|error| self.remarks.push(format!("The route's template for `{part}` failed: {error}."))).ok()
    }
}

fn is_web_url(url: &str) -> bool {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let clean = !url.chars().any(|c| c.is_whitespace() || is_obeyed(c));
    clean && url.len() <= Message::MAX_URL && rest.is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
}

/// Where it came from, whose it is, what was odd. The id comes first and whole: people paste it into commands.
fn footer(delivery: &Delivery, remarks: Vec<String>) -> Vec<String> {
    let event = &delivery.event;
    let about = format!("{} · {} from {}", delivery.severity, event.type_name(), event.source);
    let organization = event.organization.as_ref().map(|organization| format!("organisation {organization}"));
    let notes = (!event.notes.is_empty()).then(|| {
        let more = event.notes.len().saturating_sub(Message::MAX_NOTES);
        let first = event.notes.iter().take(Message::MAX_NOTES).map(String::as_str).collect::<Vec<_>>().join("; ");
        if more > 0 { format!("As received: {first}; and {more} more") } else { format!("As received: {first}") }
    });
    let lines = [format!("event {}", event.id), about].into_iter().chain(organization).chain(notes).chain(remarks);
    bounded_footer(lines)
}

fn bounded_footer(lines: impl Iterator<Item = String>) -> Vec<String> {
    lines.map(|line| cut(&one_line(&line), MAX_FOOTER_LINE)).take(MAX_FOOTER_LINES).collect()
}

/// An event id has up to 255 bytes and must not be cut.
const MAX_FOOTER_LINE: usize = 270;
const MAX_FOOTER_LINES: usize = 6;

/// The colour of a severity, `0xRRGGBB`, where a target shows any colour.
pub fn colour(severity: Severity) -> u32 {
    match severity {
        Severity::Info => 0x1D_9B_D1,
        Severity::Success => 0x2E_B6_7D,
        Severity::Warning => 0xEC_B2_2E,
        Severity::Error => 0xE0_1E_5A,
        Severity::Critical => 0x8B_00_00,
    }
}

/// Links, in the target's markup already, on one line: only whole ones, as many as fit into `max`, as `length` counts.
pub fn links_within(links: impl Iterator<Item = String>, max: usize, length: fn(&str) -> usize) -> String {
    let mut line = String::new();
    for link in links {
        let separator = if line.is_empty() { "" } else { "  ·  " };
        if length(&line) + length(separator) + length(&link) <= max {
            line.push_str(separator);
            line.push_str(&link);
        }
    }
    line
}

/// At most `max` characters, the last one `…` if some had to go.
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// Text that was cut, without a backslash whose other half is gone.
pub fn without_half_escape(kept: &str) -> &str {
    let backslashes = kept.chars().rev().take_while(|c| *c == '\\').count();
    if backslashes % 2 == 1 { kept.strip_suffix('\\').unwrap_or(kept) } else { kept }
}

/// The four words that PagerDuty takes and most alerts of Prometheus use; good news is news.
pub fn in_four_words(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Success => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Critical => "critical",
    }
}

/// The same words on one line: blanks of every kind become single spaces, what a screen obeys goes.
pub fn one_line(text: &str) -> String {
    let words = text.split_whitespace().map(|word| word.replace(is_obeyed, ""));
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The same lines, without what a screen obeys; `None` when nothing to read is left.
fn readable(text: &str) -> Option<String> {
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    let kept = lines.replace(|c| is_obeyed(c) && !matches!(c, '\n' | '\t'), "");
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}

/// What a screen obeys instead of showing it: control characters, and those that turn round the direction of what
/// follows, so that it reads as something else (<https://trojansource.codes>).
pub fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests;
