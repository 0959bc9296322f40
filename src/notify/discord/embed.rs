//! A message as Discord shows it: one line that notifications show, and below it one embed with the colour of the severity.
//!
//! Every text is escaped, then cut to Discord's limits, never inside an escape; nobody is mentioned, whatever a text says.
//! Limits: <https://docs.discord.com/developers/resources/message#embed-object-embed-limits>.

use serde_json::{Value, json};

use crate::notify::message::{Fact, Form, Link, Message, colour, links_within, one_line, without_half_escape};
use crate::template::Markup;

// What Discord counts is not said, so all of it is counted in UTF-16 units, of which no text has fewer than characters.
const CONTENT: usize = 2000;
const DESCRIPTION: usize = 4096;
const FIELDS: usize = 25;
const FIELD_NAME: usize = 256;
const FIELD_VALUE: usize = 1024;
const FOOTER: usize = 2048;
/// Over all texts of all embeds.
const EMBED: usize = 6000;
// Ours are lower, so that the text keeps some room.
const OUR_FIELDS: usize = 10;
const OUR_LABEL: usize = 80;
const OUR_VALUE: usize = 210;
const OUR_FOOTER: usize = 1200;
const LINKS: usize = 800;
const _: () = assert!(OUR_FIELDS <= FIELDS && OUR_LABEL <= FIELD_NAME && OUR_VALUE <= FIELD_VALUE);
const _: () = assert!(OUR_FOOTER <= FOOTER && OUR_FIELDS * (OUR_LABEL + OUR_VALUE) + OUR_FOOTER + LINKS < EMBED);

/// The body to post.
pub(super) fn payload(message: &Message) -> Value {
    json!({
        "content": content(message),
        "embeds": [embed(message)],
        "allowed_mentions": {"parse": []},
    })
}

fn content(message: &Message) -> String {
    let headline = Markup::Discord.escape(&one_line(&message.headline));
    format!("**{}**", cut_markup(&headline, CONTENT - "****".len()))
}

fn embed(message: &Message) -> Value {
    let fields: Vec<Value> = message.facts.iter().take(OUR_FIELDS).map(field).collect();
    let footer = cut_units(&message.footer.join("\n"), OUR_FOOTER);
    let of = |value: &Value, key: &str| units(value[key].as_str().unwrap_or_default());
    let used: usize = fields.iter().map(|field| of(field, "name") + of(field, "value")).sum::<usize>() + units(&footer);
    let links = links_within(message.links.iter().map(link), LINKS, units);
    let room = EMBED.saturating_sub(used).min(DESCRIPTION).saturating_sub(units(&links) + "\n".len());
    let text = message
        .text
        .as_ref()
        .map(|text| cut_markup(text.within(Markup::Discord, room).trim(), room))
        .unwrap_or_default();
    let description: Vec<&str> = [text.as_str(), links.as_str()].into_iter().filter(|part| !part.is_empty()).collect();
    let mut embed = json!({"color": colour(message.severity)});
    if !description.is_empty() {
        embed["description"] = json!(description.join("\n"));
    }
    if !fields.is_empty() {
        embed["fields"] = json!(fields);
    }
    if !footer.is_empty() {
        embed["footer"] = json!({"text": footer});
    }
    embed
}

fn field(fact: &Fact) -> Value {
    let label = cut_markup(&Markup::Discord.escape(&fact.label), OUR_LABEL);
    let value = match fact.form {
        // In code nothing is escaped, and nothing ends it but a backtick.
        Form::Verbatim => format!("`{}`", cut_units(&fact.value.replace('`', "'"), OUR_VALUE - "``".len())),
        Form::Words => cut_markup(&Markup::Discord.escape(&fact.value), OUR_VALUE),
    };
    json!({"name": label, "value": value, "inline": true})
}

fn link(link: &Link) -> String {
    format!("[{}]({})", Markup::Discord.escape(&one_line(&link.text)), in_brackets(&link.url))
}

/// Without what would end the address, or escape its end.
fn in_brackets(url: &str) -> String {
    let encoded = |url: String, (c, code): (char, &str)| url.replace(c, code);
    [('(', "%28"), (')', "%29"), ('<', "%3C"), ('>', "%3E"), ('\\', "%5C")].into_iter().fold(url.to_owned(), encoded)
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// At most `max` units of plain text, the last one `…` if some had to go.
fn cut_units(text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(1);
    let fits = |c: &char| left.checked_sub(c.len_utf16()).inspect(|rest| left = *rest).is_some();
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The same of text that is in Discord's markup: a backslash stays with what it escapes.
fn cut_markup(text: &str, max: usize) -> String {
    if units(text) <= max {
        return text.to_owned();
    }
    let cut = cut_units(text, max);
    format!("{}…", without_half_escape(cut.strip_suffix('…').unwrap_or(&cut)))
}

#[cfg(test)]
mod tests;
