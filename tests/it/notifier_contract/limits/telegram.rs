//! What Telegram refuses, and what it would show otherwise than meant: <https://core.telegram.org/bots/api#html-style>.

use serde_json::{Value, json};

use super::Faults;
use crate::support::receivers::Received;

/// Tags that take no attribute, but for `a`.
const TAGS: [&str; 13] =
    ["b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "code", "pre", "blockquote", "tg-spoiler"];

/// Telegram: <https://core.telegram.org/bots/api#sendmessage>; the limit of bytes before parsing was observed.
pub fn of_telegram(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let message = faults.json(received);
    let known = ["chat_id", "message_id", "message_thread_id", "text", "parse_mode", "link_preview_options"];
    faults.keys("the message", &message, &known);
    let is_chat = message["chat_id"].is_i64() || message["chat_id"].as_str().is_some_and(|name| name.starts_with('@'));
    faults.check(is_chat, || format!("chat {}", message["chat_id"]));
    let is_change = received.path.ends_with("/editMessageText");
    faults.check(is_change || received.path.ends_with("/sendMessage"), || format!("path {}", received.path));
    faults.check(is_change == message["message_id"].is_i64(), || format!("message {}", message["message_id"]));
    faults.check(message["parse_mode"] == "HTML", || format!("parse mode {}", message["parse_mode"]));
    let no_preview = json!({"is_disabled": true});
    faults.check(message["link_preview_options"] == no_preview, || "links are fetched".to_owned());
    check_text(&mut faults, &message["text"]);
    faults.0
}

fn check_text(faults: &mut Faults, text: &Value) {
    let html = faults.text("the text", text, 32_768);
    faults.check(html.len() <= 32_768, || format!("{} bytes", html.len()));
    let (shown, outside_of_code) = parse(faults, &html);
    let units = shown.encode_utf16().count();
    faults.check(units <= 4096, || format!("{units} units are shown, 4096 are allowed"));
    faults.check(!shown.trim().is_empty(), || format!("nothing is shown of {html}"));
    let mut before = ' ';
    for (c, next) in outside_of_code.chars().zip(outside_of_code.chars().skip(1)) {
        let mentions = c == '@' && !before.is_alphanumeric() && (next.is_ascii_alphanumeric() || next == '_');
        faults.check(!mentions, || format!("somebody is mentioned: {outside_of_code:.200}"));
        before = c;
    }
}

/// What is shown, and what of it is looked through for mentions: all but code. Notes what the parser would refuse.
fn parse(faults: &mut Faults, html: &str) -> (String, String) {
    let (mut shown, mut outside, mut open) = (String::new(), String::new(), Vec::new());
    let mut rest = html;
    while let Some(c) = rest.chars().next() {
        let (text, after) = match c {
            '<' => {
                let (tag, after) = rest[1..].split_once('>').unwrap_or((rest, ""));
                check_tag(faults, tag, &mut open);
                (String::new(), after)
            }
            '&' => {
                let (entity, after) = rest.split_once(';').unwrap_or((rest, ""));
                (entity_of(faults, entity), after)
            }
            _ => {
                faults.check(c != '>', || format!("a bare `>`: {html:.200}"));
                (c.to_string(), &rest[c.len_utf8()..])
            }
        };
        shown += &text;
        outside += if open.iter().any(|tag| tag == "code" || tag == "pre") { " " } else { &text };
        rest = after;
    }
    faults.check(open.is_empty(), || format!("left open: {open:?}"));
    (shown, outside)
}

fn check_tag(faults: &mut Faults, tag: &str, open: &mut Vec<String>) {
    if let Some(name) = tag.strip_prefix('/') {
        let opened = open.pop();
        faults.check(opened.as_deref() == Some(name), || format!("</{name}> closes {opened:?}"));
        return;
    }
    let url = tag.strip_prefix("a href=\"").and_then(|url| url.strip_suffix('"'));
    let web = url.is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"));
    let whole = web && url.is_some_and(|url| !url.contains(['"', '<']) && url.split('&').skip(1).all(is_entity));
    faults.check(whole || TAGS.contains(&tag), || format!("the tag `{tag:.100}`"));
    open.push(if url.is_some() { "a".to_owned() } else { tag.to_owned() });
}

fn is_entity(after_ampersand: &str) -> bool {
    ["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| after_ampersand.starts_with(entity))
}

fn entity_of(faults: &mut Faults, entity: &str) -> String {
    let known = [("&amp", "&"), ("&lt", "<"), ("&gt", ">"), ("&quot", "\"")];
    let found = known.into_iter().find(|(name, _)| *name == entity);
    faults.check(found.is_some(), || format!("the entity `{entity:.40}`"));
    found.map(|(_, shown)| shown.to_owned()).unwrap_or_default()
}
