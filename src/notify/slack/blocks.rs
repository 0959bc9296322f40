//! A message as Slack blocks: every text escaped, then cut to Slack's limits, never inside an entity or a link.
//!
//! The title is the one top-level block, because Slack repeats `text` above the attachments when there is none; the rest
//! is one attachment, because only attachments have a colour. Limits: <https://docs.slack.dev/reference/block-kit/blocks>.

use serde_json::{Value, json};

use crate::notify::message::{Fact, Form, Link, Message, Text, colour, cut, links_within, one_line};
use crate::template::Markup;

// Characters. Slack's own limits for a header, a section's text and the fallback text (above 4040 it is split up).
const HEADER: usize = 150;
const SECTION: usize = 3000;
const FALLBACK: usize = 3000;
// Ours are lower than Slack's 10 fields of 2000 and 10 context elements, because there is a limit over all blocks:
// undocumented, 9597 characters were seen to pass and 11341 to fail (`msg_blocks_too_long`).
const ALL_BLOCKS: usize = 9000;
const FIELDS: usize = 10;
const FIELD: usize = 280;
const LABEL: usize = 70;
const CONTEXT: usize = 6;
const CONTEXT_LINE: usize = 270;
const LINKS: usize = 1300;
const _: () = assert!(HEADER + SECTION + FIELDS * FIELD + CONTEXT * CONTEXT_LINE + LINKS <= ALL_BLOCKS);

/// The body to post.
pub(super) fn payload(message: &Message) -> Value {
    let text = message.text.as_ref().map(|text| text.within(Markup::Slack, SECTION));
    let mut story = [text.as_deref().and_then(section), fields(&message.facts)];
    // Slack folds up what is long, and the counts of many say more than some of them by name.
    if matches!(message.text, Some(Text::List(_))) {
        story.reverse();
    }
    let details = [links(&message.links).as_deref().and_then(section), context(&message.footer)];
    json!({
        "text": fallback(message),
        "unfurl_links": false,
        "unfurl_media": false,
        "blocks": [{"type": "header", "text": plain(&cut(&message.title, HEADER))}],
        "attachments": [{
            "color": format!("#{:06X}", colour(message.severity)),
            "blocks": story.into_iter().chain(details).flatten().collect::<Vec<_>>(),
        }],
    })
}

/// What shows where blocks do not: in notifications, and to who has the screen read out.
fn fallback(message: &Message) -> String {
    let headline = Markup::Slack.escape(&message.headline);
    let room = FALLBACK.saturating_sub(headline.chars().count() + "\n".len());
    let text = message.text.as_ref().map(|text| text.within(Markup::Slack, room)).unwrap_or_default();
    cut_markup(format!("{headline}\n{text}").trim(), FALLBACK)
}

/// Text that Slack shows as it is, without looking for markup or mentions in it.
fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": true})
}

/// `None` for a blank text, which Slack refuses.
fn section(text: &str) -> Option<Value> {
    let text = cut_markup(text.trim(), SECTION);
    (!text.is_empty()).then(|| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}}))
}

fn fields(facts: &[Fact]) -> Option<Value> {
    let fields: Vec<Value> = facts.iter().take(FIELDS).map(field).collect();
    (!fields.is_empty()).then(|| json!({"type": "section", "fields": fields}))
}

fn field(fact: &Fact) -> Value {
    let label = cut_markup(&Markup::Slack.escape(&fact.label.replace('*', "∗")), LABEL);
    let room = FIELD - LABEL - "**\n``".len();
    // Slack knows no escape for a backtick, in code or out of it.
    let value = cut_markup(&Markup::Slack.escape(&fact.value.replace('`', "'")), room);
    let value = match fact.form {
        Form::Verbatim => format!("`{value}`"),
        Form::Words => value,
    };
    json!({"type": "mrkdwn", "text": format!("*{label}*\n{value}")})
}

/// Links as text, not buttons: a button reports its click to the app, and Slack warns the clicker that the app
/// does not listen.
fn links(links: &[Link]) -> Option<String> {
    let link = |link: &Link| {
        let url = link.url.replace('|', "%7C").replace('<', "%3C").replace('>', "%3E").replace('&', "&amp;");
        format!("<{url}|{}>", Markup::Slack.escape(&one_line(&link.text)))
    };
    let line = links_within(links.iter().map(link), LINKS, |text| text.chars().count());
    (!line.is_empty()).then_some(line)
}

fn context(footer: &[String]) -> Option<Value> {
    let lines = footer.iter().filter(|line| !line.is_empty()).take(CONTEXT);
    let elements: Vec<Value> =
        lines.map(|line| json!({"type": "plain_text", "text": cut(line, CONTEXT_LINE), "emoji": false})).collect();
    (!elements.is_empty()).then(|| json!({"type": "context", "elements": elements}))
}

/// At most `max` characters of text that is in Slack's markup, the last one `…` if some had to go.
fn cut_markup(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    let rest = &text[kept.len()..];
    let kept = without_half_link(&kept, rest);
    format!("{}…", without_half_entity(kept))
}

fn without_half_entity(kept: &str) -> &str {
    let half = |start: &usize| {
        let tail = &kept[*start..];
        ["&amp;", "&lt;", "&gt;"].iter().any(|entity| entity.starts_with(tail) && *entity != tail)
    };
    kept.rfind('&').filter(half).map_or(kept, |start| &kept[..start])
}

/// A `<` that closes after the cut opened a link or a mention, whose half would read as something else.
/// One that never closes is only a character.
fn without_half_link<'a>(kept: &'a str, rest: &str) -> &'a str {
    let open = kept.rfind('<').filter(|start| !kept[*start..].contains('>') && rest.contains('>'));
    open.map_or(kept, |start| &kept[..start])
}

#[cfg(test)]
mod tests;
