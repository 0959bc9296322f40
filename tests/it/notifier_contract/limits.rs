//! What a target refuses, and what it would show otherwise than meant: the rules of each, read from what was sent.
//!
//! Written from the targets' documentation and from what was observed of them, not from our code. Every function yields
//! the faults in words, so that all of a message's are seen at once.

mod webhook;

use serde_json::Value;
pub use webhook::of_webhook;

use crate::support::receivers::Received;

/// Whatever a list of checks has to say.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.0.push(fault());
        }
    }

    /// A text of so many characters that says something and holds nothing that a screen obeys.
    fn text(&mut self, what: &str, value: &Value, at_most: usize) -> String {
        let text = value.as_str().unwrap_or_default();
        let length = text.chars().count();
        self.check(!text.trim().is_empty(), || format!("{what} is blank: {value}"));
        self.check(length <= at_most, || format!("{what} has {length} characters, {at_most} are allowed"));
        let obeyed = text.chars().find(|c| is_obeyed(*c));
        self.check(obeyed.is_none(), || format!("{what} has {obeyed:?}: {text:.60}"));
        text.to_owned()
    }

    /// The same, counted in UTF-16 units, of which no text has fewer than characters.
    fn units(&mut self, what: &str, value: &Value, at_most: usize) -> String {
        let text = self.text(what, value, at_most);
        let units = text.encode_utf16().count();
        self.check(units <= at_most, || format!("{what} has {units} units, {at_most} are allowed"));
        text
    }

    fn keys(&mut self, what: &str, value: &Value, allowed: &[&str]) {
        let keys = value.as_object().into_iter().flat_map(|fields| fields.keys());
        let unknown: Vec<_> = keys.filter(|key| !allowed.contains(&key.as_str())).collect();
        self.check(value.is_object() && unknown.is_empty(), || format!("{what} has {unknown:?}"));
    }

    fn json(&mut self, received: &Received) -> Value {
        let header = |name: &str| received.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let content_type = header("content-type");
        self.check(content_type.is_some_and(|it| it.starts_with("application/json")), || format!("{content_type:?}"));
        received.json()
    }
}

/// Control characters, and those that turn round the direction of what follows them.
fn is_obeyed(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Slack: <https://docs.slack.dev/reference/block-kit/blocks>, and for the sum over all blocks what was observed.
pub fn of_slack(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let message = faults.json(received);
    faults.keys("the message", &message, &["text", "blocks", "attachments", "unfurl_links", "unfurl_media"]);
    let text = faults.text("`text`", &message["text"], 4000);
    check_markup(&mut faults, "`text`", &text);
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
    let sum: usize = blocks.iter().map(|block| check_block(&mut faults, block)).sum();
    faults.check(sum <= 9000, || format!("{sum} characters over all blocks"));
    faults.0
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
fn check_markup(faults: &mut Faults, what: &str, text: &str) {
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

/// Discord: <https://docs.discord.com/developers/resources/webhook#execute-webhook> and what follows from it.
pub fn of_discord(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let waits = received.method == "PATCH" || received.path.split(['?', '&']).any(|part| part == "wait=true");
    faults.check(waits, || "without `wait=true` nobody hears of what is lost".to_owned());
    let message = faults.json(received);
    faults.keys("the message", &message, &["content", "embeds", "allowed_mentions"]);
    let nobody = serde_json::json!({"parse": []});
    faults.check(message["allowed_mentions"] == nobody, || "somebody may be mentioned".to_owned());
    let content = faults.units("`content`", &message["content"], 2000);
    let bold = content.strip_prefix("**").and_then(|content| content.strip_suffix("**"));
    faults.check(bold.is_some(), || format!("`content` is not bold: {content}"));
    check_markdown(&mut faults, "`content`", bold.unwrap_or_default());
    let embeds = message["embeds"].as_array().cloned().unwrap_or_default();
    faults.check((1..=10).contains(&embeds.len()), || format!("{} embeds", embeds.len()));
    let sum: usize = embeds.iter().map(|embed| check_embed(&mut faults, embed)).sum();
    faults.check(sum <= 6000, || format!("{sum} units over all embeds"));
    faults.0
}

/// Yields how many units its texts have.
fn check_embed(faults: &mut Faults, embed: &Value) -> usize {
    faults.keys("an embed", embed, &["color", "description", "fields", "footer"]);
    faults.check(embed["color"].as_u64().is_some_and(|it| it <= 0xFF_FF_FF), || format!("colour {}", embed["color"]));
    let mut texts = Vec::new();
    if embed.get("description").is_some() {
        let text = faults.units("the description", &embed["description"], 4096);
        check_markdown(faults, "the description", &text);
        texts.push(text);
    }
    let fields = embed["fields"].as_array().cloned().unwrap_or_default();
    faults.check(fields.len() <= 25, || format!("{} fields", fields.len()));
    for field in &fields {
        faults.keys("a field", field, &["name", "value", "inline"]);
        let (name, value) =
            (faults.units("a name", &field["name"], 256), faults.units("a value", &field["value"], 1024));
        check_markdown(faults, "a name", &name);
        match value.strip_prefix('`') {
            Some(code) => faults.check(code.find('`') == Some(code.len() - 1), || format!("broken out: {value}")),
            None => check_markdown(faults, "a value", &value),
        }
        texts.extend([name, value]);
    }
    if embed.get("footer").is_some() {
        texts.push(faults.units("the footer", &embed["footer"]["text"], 2048));
    }
    texts.iter().map(|text| text.encode_utf16().count()).sum()
}

/// Discord's Markdown as we may write it: whole links to the web; all else that begins a style, a quote, a heading or a mention
/// is escaped. An asterisk may be the template's.
fn check_markdown(faults: &mut Faults, what: &str, text: &str) {
    let mut rest = text.chars().peekable();
    let mut bare = String::new();
    while let Some(c) = rest.next() {
        match c {
            '\\' => {
                faults.check(rest.next().is_some(), || format!("{what} ends in half an escape: {text:.80}"));
                bare.push('x');
            }
            _ => bare.push(c),
        }
    }
    while let Some((before, link)) = bare.split_once('[') {
        let (label, after) = link.split_once("](").unwrap_or_default();
        let (url, after) = after.split_once(')').unwrap_or_default();
        let is_link = !label.is_empty() && (url.starts_with("https://") || url.starts_with("http://"));
        faults.check(is_link, || format!("{what} has a bracket: {text:.200}"));
        bare = format!("{before}{after}");
    }
    faults.check(!bare.contains(['<', '>', '`', '|', '~', '_', '#', ']']), || format!("{what} is open: {text:.200}"));
}

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

/// PagerDuty: <https://developer.pagerduty.com/docs/events-api-v2/trigger-events/>.
pub fn of_pagerduty(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    faults.check(received.body.len() <= 512_000, || format!("{} bytes", received.body.len()));
    let event = faults.json(received);
    faults.keys("the event", &event, &["routing_key", "event_action", "dedup_key", "payload", "client", "links"]);
    let key = event["routing_key"].as_str().unwrap_or_default();
    let is_key = key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    faults.check(is_key, || "`routing_key` is not 32 letters and digits".to_owned());
    faults.text("dedup_key", &event["dedup_key"], 255);
    if event["event_action"] == "resolve" {
        faults.keys("the end of an alert", &event, &["routing_key", "event_action", "dedup_key"]);
        return faults.0;
    }
    faults.check(event["event_action"] == "trigger", || format!("event_action {}", event["event_action"]));
    for link in event["links"].as_array().into_iter().flatten() {
        faults.keys("a link", link, &["href", "text"]);
        let href = faults.text("href", &link["href"], 2000);
        faults.check(href.starts_with("http://") || href.starts_with("https://"), || format!("href {href}"));
        faults.text("a link's text", &link["text"], 1000);
    }
    check_payload(&mut faults, &event["payload"]);
    faults.0
}

fn check_payload(faults: &mut Faults, payload: &Value) {
    const OPTIONAL: [&str; 3] = ["component", "group", "class"];
    let known = ["summary", "source", "severity", "timestamp", "custom_details"];
    faults.keys("the payload", payload, &[&known[..], &OPTIONAL].concat());
    let summary = faults.text("summary", &payload["summary"], 1024);
    faults.check(!summary.contains('\n'), || format!("summary has lines: {summary}"));
    faults.text("source", &payload["source"], 1024);
    for key in OPTIONAL.iter().filter(|key| payload.get(**key).is_some()) {
        faults.text(key, &payload[*key], 1024);
    }
    let severity = payload["severity"].as_str().unwrap_or_default();
    faults.check(["critical", "error", "warning", "info"].contains(&severity), || format!("severity {severity}"));
    let time = payload["timestamp"].as_str().unwrap_or_default();
    faults.check(castai_relay::event::Timestamp::parse(time).is_some(), || format!("timestamp {time}"));
    let details = &payload["custom_details"];
    faults.check(details.is_object(), || format!("custom_details {details}"));
    // `data` is the sender's, letter by letter; the rest is ours.
    for (key, value) in details.as_object().into_iter().flatten().filter(|(key, _)| *key != "data") {
        match value.as_object() {
            Some(counts) if key == "counts" => counts.iter().for_each(|(key, lines)| check_lines(faults, key, lines)),
            _ => check_lines(faults, key, value),
        }
    }
}

/// A text, or a list of texts.
fn check_lines(faults: &mut Faults, key: &str, value: &Value) {
    let lines = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
    lines.iter().for_each(|line| drop(faults.text(key, line, 100_000)));
}
