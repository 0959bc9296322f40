//! A message as a card of Google Chat, <https://developers.google.com/workspace/chat/api/reference/rest/v1/cards>.
//!
//! Every text is escaped, because a card's text knows a few tags. A message has at most 32,000 bytes, so the card is made smaller
//! until it has less.

use serde_json::{Value, json};

use crate::notify::message::room::{Room, fitting};
use crate::notify::message::{Fact, Link, Message, Text, cut};
use crate::template::Markup;

/// Bytes of the message, <https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages>.
const MOST: usize = 32_000;
const TITLE: usize = 200;

/// The body to post, in this thread.
pub(super) fn payload(message: &Message, thread: Option<&str>) -> Value {
    fitting(MOST, |room| {
        let card = json!({"cardId": "event", "card": card(message, room)});
        // What shows where cards do not, as on a phone's lock screen: plain, so that nothing in it is markup.
        let mut body = json!({"fallbackText": cut(&message.headline, TITLE), "cardsV2": [card]});
        if let Some(key) = thread {
            body["thread"] = json!({"threadKey": key});
        }
        body
    })
}

fn card(message: &Message, room: Room) -> Value {
    let text = message.text.as_ref().map(|text| in_markup(text, room.text)).filter(|text| !text.is_empty());
    let text = text.map(|text| json!({"textParagraph": {"text": text}}));
    let facts = message.facts.iter().take(room.facts).map(fact);
    let links: Vec<Value> = message.links.iter().take(room.links).map(button).collect();
    let buttons = (!links.is_empty()).then(|| json!({"buttonList": {"buttons": links}}));
    let footer: Vec<String> =
        message.footer.iter().take(room.footer).map(|line| Markup::GoogleChat.escape(line)).collect();
    let footer = (!footer.is_empty()).then(|| json!({"textParagraph": {"text": footer.join("\n")}}));
    let story: Vec<Value> = text.into_iter().chain(facts).chain(buttons).collect();
    let sections = [story, footer.into_iter().collect()];
    let sections: Vec<Value> =
        sections.into_iter().filter(|widgets| !widgets.is_empty()).map(|widgets| json!({"widgets": widgets})).collect();
    json!({
        "header": {"title": cut(&message.title, TITLE), "subtitle": message.severity.as_str()},
        "sections": sections,
    })
}

/// A text in the card's markup: cut before it is escaped. What a template wrote is left out where it is too long, because half a tag
/// would take the rest of the card with it.
fn in_markup(text: &Text, room: usize) -> String {
    match text {
        Text::List(list) => list.within(Markup::GoogleChat, room),
        Text::Plain(text) => Markup::GoogleChat.escape(&cut(text, room)),
        Text::Marked(text) if text.chars().count() <= room => text.clone(),
        Text::Marked(_) => "The route's text is too long for this target.".to_owned(),
    }
}

fn fact(fact: &Fact) -> Value {
    let escaped = |text: &str| Markup::GoogleChat.escape(text);
    json!({"decoratedText": {"topLabel": escaped(&fact.label), "text": escaped(&fact.value), "wrapText": true}})
}

fn button(link: &Link) -> Value {
    json!({"text": link.text, "onClick": {"openLink": {"url": link.url}}})
}

#[cfg(test)]
mod tests;
