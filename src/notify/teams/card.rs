//! A message as an Adaptive Card, <https://adaptivecards.io/explorer/AdaptiveCard.html>, in the envelope that the workflow takes.
//!
//! Every text is escaped, because a card's text is a part of Markdown. Teams takes 28 KB of message and says nothing where it
//! drops a larger one, so the card is made smaller until it has less.

use serde_json::{Value, json};

use crate::event::Severity;
use crate::notify::message::room::{Room, fitting};
use crate::notify::message::{Fact, Message, Text, cut, without_half_escape};
use crate::template::Markup;

/// Bytes of JSON; Teams' own limit is 28 KB of what it makes of them,
/// <https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using>.
const MOST: usize = 27_000;
const TITLE: usize = 300;

/// The body to post.
pub(super) fn payload(message: &Message) -> Value {
    fitting(MOST, |room| envelope(card(message, room)))
}

fn envelope(card: Value) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": card,
        }],
    })
}

fn card(message: &Message, room: Room) -> Value {
    let text = message.text.as_ref().map(|text| in_markup(text, room.text));
    let facts: Vec<Value> = message.facts.iter().take(room.facts).map(fact).collect();
    let footer: Vec<String> =
        message.footer.iter().take(room.footer).map(|line| Markup::AdaptiveCard.escape(line)).collect();
    let mut body = vec![json!({
        "type": "TextBlock", "text": title(message), "wrap": true, "weight": "Bolder", "size": "Medium",
        "color": colour(message.severity),
    })];
    body.extend(
        text.filter(|text| !text.is_empty()).map(|text| json!({"type": "TextBlock", "text": text, "wrap": true})),
    );
    body.extend((!facts.is_empty()).then(|| json!({"type": "FactSet", "facts": facts})));
    body.extend((!footer.is_empty()).then(
        || json!({"type": "TextBlock", "text": footer.join(NEW_LINE), "wrap": true, "size": "Small", "isSubtle": true}),
    ));
    let links = message.links.iter().take(room.links);
    let actions: Vec<Value> =
        links.map(|link| json!({"type": "Action.OpenUrl", "title": link.text, "url": link.url})).collect();
    let mut card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": body,
    });
    if !actions.is_empty() {
        card["actions"] = json!(actions);
    }
    card
}

/// A single line break is none in Markdown.
const NEW_LINE: &str = "\n\n";

fn title(message: &Message) -> String {
    Markup::AdaptiveCard.escape(&cut(&message.headline, TITLE))
}

/// A text in the card's markup, cut before it is escaped; what a template wrote is cut where no escape is split.
fn in_markup(text: &Text, room: usize) -> String {
    match text {
        Text::List(list) => list.within(Markup::AdaptiveCard, room).replace('\n', NEW_LINE),
        Text::Plain(text) => Markup::AdaptiveCard.escape(&cut(text, room)).replace('\n', NEW_LINE),
        Text::Marked(text) => cut_markup(text, room),
    }
}

/// A backslash stays with what it escapes.
fn cut_markup(text: &str, max: usize) -> String {
    let cut = cut(text, max);
    match cut.strip_suffix('…').filter(|_| cut != text) {
        Some(kept) => format!("{}…", without_half_escape(kept)),
        None => cut,
    }
}

fn fact(fact: &Fact) -> Value {
    json!({"title": Markup::AdaptiveCard.escape(&fact.label), "value": Markup::AdaptiveCard.escape(&fact.value)})
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "Accent",
        Severity::Success => "Good",
        Severity::Warning => "Warning",
        Severity::Error | Severity::Critical => "Attention",
    }
}

#[cfg(test)]
mod tests;
