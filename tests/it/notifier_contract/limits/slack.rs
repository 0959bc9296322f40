//! What Slack refuses of a message by webhook.

use serde_json::Value;

use super::{Faults, Received};

/// Slack: <https://docs.slack.dev/reference/block-kit/blocks>, and for the sum over all blocks what was observed.
pub fn of_slack(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let message = faults.json(received);
    faults.keys("the message", &message, &["text", "blocks", "attachments", "unfurl_links", "unfurl_media"]);
    check_message(&mut faults, &message);
    faults.0
}

/// What a webhook and the Web API take alike.
pub fn check_message(faults: &mut Faults, message: &Value) {
    let text = faults.text("`text`", &message["text"], 4000);
    check_markup(faults, "`text`", &text);
    let attachments = message["attachments"].as_array().cloned().unwrap_or_default();
    let mut blocks = message["blocks"].as_array().cloned().unwrap_or_default();
    for attachment in &attachments {
        faults.keys("the attachment", attachment, &["color", "blocks"]);
        let colour = attachment["color"].as_str().unwrap_or_default();
        let is_hex = colour.len() == 7 && colour.starts_with('#') && u32::from_str_radix(&colour[1..], 16).is_ok();
        faults.check(is_hex, || format!("`{colour}` is no colour"));
        blocks.extend(attachment["blocks"].as_array().cloned().unwrap_or_default());
    }
    faults.check(attachments.len() <= 100 && (1..=50).contains(&blocks.len()), || format!("{} blocks", blocks.len()));
    let sum: usize = blocks.iter().map(|block| check_block(faults, block)).sum();
    faults.check(sum <= 9000, || format!("{sum} characters over all blocks"));
}

/// Yields how many characters the block has.
fn check_block(faults: &mut Faults, block: &Value) -> usize {
    let list = |key: &str| block[key].as_array().cloned().unwrap_or_default();
    match block["type"].as_str() {
        Some("header") => {
            faults.keys("a header", block, &["type", "text"]);
            faults.check(block["text"]["type"] == "plain_text", || format!("a header takes plain text only: {block}"));
            check_text(faults, "a header", &block["text"], 150)
        }
        Some("section") if block.get("fields").is_some() => {
            faults.keys("a section", block, &["type", "fields"]);
            let fields = list("fields");
            faults.check((1..=10).contains(&fields.len()), || format!("{} fields", fields.len()));
            fields.iter().map(|field| check_field(faults, field)).sum()
        }
        Some("section") => {
            faults.keys("a section", block, &["type", "text"]);
            check_text(faults, "a section", &block["text"], 3000)
        }
        Some("context") => {
            faults.keys("a context", block, &["type", "elements"]);
            let elements = list("elements");
            faults.check((1..=10).contains(&elements.len()), || format!("{} elements", elements.len()));
            elements.iter().map(|element| check_text(faults, "an element", element, 2000)).sum()
        }
        _ => {
            faults.0.push(format!("an unknown block: {block}"));
            0
        }
    }
}

/// A fact: its label in bold, its value below, in code or without any.
fn check_field(faults: &mut Faults, field: &Value) -> usize {
    let text = field["text"].as_str().unwrap_or_default();
    let (label, value) = text.split_once('\n').unwrap_or_default();
    let bold = label.len() > 2 && label.starts_with('*') && label.ends_with('*') && label.matches('*').count() == 2;
    let in_code = value.starts_with('`') && value.ends_with('`') && value.matches('`').count() == 2;
    faults.check(bold && (in_code || !value.contains('`')) && !value.contains('\n'), || format!("broken out: {text}"));
    check_text(faults, "a field", field, 2000)
}

fn check_text(faults: &mut Faults, what: &str, object: &Value, at_most: usize) -> usize {
    faults.keys(what, object, &["type", "text", "emoji"]);
    let text = faults.text(what, &object["text"], at_most);
    match object["type"].as_str() {
        Some("plain_text") => {}
        Some("mrkdwn") => check_markup(faults, what, &text),
        _ => faults.0.push(format!("{what} is neither plain nor markup: {object}")),
    }
    text.chars().count()
}

/// Slack's markup as we may write it: a `<` opens a link to the web, whole and labelled; a `&` opens an entity.
/// <https://docs.slack.dev/messaging/formatting-message-text>
pub fn check_markup(faults: &mut Faults, what: &str, text: &str) {
    let (mut outside, mut rest) = (String::new(), text);
    while let Some((before, after)) = rest.split_once('<') {
        let (link, after) = after.split_once('>').unwrap_or((after, ""));
        let is_link = link.split_once('|').is_some_and(|(url, label)| {
            let web = url.starts_with("https://") || url.starts_with("http://");
            web && !label.trim().is_empty() && !label.contains('<')
        });
        faults.check(is_link, || format!("{what} has `<{link:.60}>`"));
        outside.push_str(before);
        outside.push_str(link);
        rest = after;
    }
    outside.push_str(rest);
    let entity = |rest: &str| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity));
    let escaped = !outside.contains('>') && outside.split('&').skip(1).all(entity);
    faults.check(escaped, || format!("{what} is not escaped: {text:.200}"));
}
