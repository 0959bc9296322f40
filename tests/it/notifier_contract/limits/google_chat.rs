//! What Google Chat refuses of a message by webhook.

use serde_json::Value;

use super::slack::check_markup;
use super::{Faults, Received};

/// Google Chat: <https://developers.google.com/workspace/chat/api/reference/rest/v1/spaces.messages>.
pub fn of_google_chat(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.body.len() <= 32_000, || format!("{} bytes", received.body.len()));
    let (_, query) = received.path.split_once('?').unwrap_or_default();
    let value = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    faults.check(value("key").is_some() && value("token").is_some(), || "without its key".to_owned());
    faults.check(value("requestId").is_some_and(|id| id.len() == 64), || "without an id of its own".to_owned());
    let message = faults.json(received);
    faults.keys("the message", &message, &["fallbackText", "cardsV2", "thread"]);
    let is_in_thread = message["thread"]["threadKey"].is_string();
    faults.check(is_in_thread == value("messageReplyOption").is_some(), || "the thread's key is ignored".to_owned());
    faults.text("`fallbackText`", &message["fallbackText"], 200);
    let card = &message["cardsV2"][0]["card"];
    faults.text("a card's id", &message["cardsV2"][0]["cardId"], 64);
    faults.keys("the card", card, &["header", "sections"]);
    faults.text("the title", &card["header"]["title"], 200);
    let sections = card["sections"].as_array().cloned().unwrap_or_default();
    faults.check(!sections.is_empty(), || "a card without sections".to_owned());
    let widgets = sections.iter().flat_map(|section| section["widgets"].as_array().cloned().unwrap_or_default());
    widgets.for_each(|widget| check_widget(&mut faults, &widget));
    faults.0
}

fn check_widget(faults: &mut Faults, widget: &Value) {
    let escaped = |faults: &mut Faults, what: &str, text: &Value| {
        let text = faults.text(what, text, 100_000);
        check_markup(faults, what, &text);
    };
    match widget.as_object().and_then(|fields| fields.iter().next()).map(|(name, value)| (name.as_str(), value)) {
        Some(("textParagraph", paragraph)) => escaped(faults, "a paragraph", &paragraph["text"]),
        Some(("decoratedText", fact)) => {
            escaped(faults, "a label", &fact["topLabel"]);
            escaped(faults, "a value", &fact["text"]);
        }
        Some(("buttonList", list)) => {
            for button in list["buttons"].as_array().into_iter().flatten() {
                faults.text("a button", &button["text"], 100);
                let url = faults.text("a button's URL", &button["onClick"]["openLink"]["url"], 1000);
                faults.check(url.starts_with("https://") || url.starts_with("http://"), || format!("URL {url}"));
            }
        }
        _ => faults.0.push(format!("an unknown widget: {widget}")),
    }
}
