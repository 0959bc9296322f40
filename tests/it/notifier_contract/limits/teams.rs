//! What Teams drops without a word of what a workflow is sent.

use super::{Faults, Received};

/// Teams, by a workflow: an Adaptive Card, <https://adaptivecards.io/explorer/AdaptiveCard.html>, of less than 28 KB.
pub fn of_teams(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.body.len() <= 27_000, || format!("{} bytes", received.body.len()));
    faults.check(received.path.ends_with("?sp=%2Ftriggers&sig=s1gnatureOfTheFlow"), || {
        "the signature is broken".to_owned()
    });
    let message = faults.json(received);
    faults.keys("the message", &message, &["type", "attachments"]);
    faults.check(message["type"] == "message", || format!("type {}", message["type"]));
    let attachment = &message["attachments"][0];
    let kind = &attachment["contentType"];
    faults.check(kind == "application/vnd.microsoft.card.adaptive", || format!("content type {kind}"));
    let card = &attachment["content"];
    faults.keys("the card", card, &["$schema", "type", "version", "msteams", "body", "actions"]);
    faults.check(card["type"] == "AdaptiveCard" && card["version"] == "1.4", || format!("{}", card["version"]));
    for element in card["body"].as_array().into_iter().flatten() {
        match element["type"].as_str() {
            Some("TextBlock") => {
                faults.keys("a block", element, &["type", "text", "wrap", "weight", "size", "color", "isSubtle"]);
                let text = faults.text("a block", &element["text"], 100_000);
                check_card_text(&mut faults, &text);
            }
            Some("FactSet") => {
                for fact in element["facts"].as_array().into_iter().flatten() {
                    for part in ["title", "value"] {
                        let text = faults.text(part, &fact[part], 1000);
                        check_card_text(&mut faults, &text);
                    }
                }
            }
            _ => faults.0.push(format!("an unknown element: {element}")),
        }
    }
    let actions = card["actions"].as_array().cloned().unwrap_or_default();
    faults.check(actions.len() <= 6, || format!("{} actions", actions.len()));
    for action in &actions {
        faults.check(action["type"] == "Action.OpenUrl", || format!("{action}"));
        faults.text("an action", &action["title"], 100);
        let url = faults.text("an action's URL", &action["url"], 1000);
        faults.check(url.starts_with("https://") || url.starts_with("http://"), || format!("URL {url}"));
    }
    faults.0
}

/// What an Adaptive Card takes of Markdown is escaped. An asterisk may be the template's.
fn check_card_text(faults: &mut Faults, text: &str) {
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\\' => faults.check(rest.next().is_some(), || format!("half an escape: {text:.80}")),
            '[' | ']' | '`' | '_' => faults.0.push(format!("open: {text:.200}")),
            _ => {}
        }
    }
}
