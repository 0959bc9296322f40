//! What Discord refuses of a message by webhook, and whom it would mention.

use serde_json::Value;

use super::{Faults, Received};

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
