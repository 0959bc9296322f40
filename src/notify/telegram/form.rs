//! A message as Telegram shows it: the headline in bold, which is what a notification shows, then text, particulars, links
//! and footer, in Telegram's HTML.
//!
//! What a message may hold is counted after its entities are parsed, <https://core.telegram.org/bots/api#sendmessage>.
//! Nobody is mentioned, whatever a text says. [`super::html`] knows the markup.

use super::html::{Room, literal, measure, within};
use crate::notify::message::{Fact, Form, Link, Message, links_within, one_line};
use crate::template::Markup;

/// 4096 characters; whether that means code points is not said, so UTF-16 units are counted, of which no text has fewer. The
/// bytes before parsing have a limit, too, which is not published; 32 KiB was seen.
const MOST: Room = Room { units: 4096, bytes: 30_000 };
// Ours, so that the text keeps some room. Units, but for the links, whose URLs are not shown and count as bytes only.
const HEADLINE: usize = 500;
const FACTS: usize = 1500;
const LABEL: usize = 80;
const VALUE: usize = 210;
const FOOTER: usize = 900;
const LINKS_BYTES: usize = 6000;
/// At most five, of sixty characters.
const LINKS: usize = 5 * 120 + 4 * 5;
/// Around the text; those among the details are a part of them.
const SEPARATORS: Room = Room { units: 3, bytes: 3 };
const LEFT: usize = MOST.units - HEADLINE - FACTS - LINKS - FOOTER - 2 * SEPARATORS.units;
const _: () = assert!(LEFT >= 500);
// No unit has more than six bytes, as `&quot;`; a fact has twenty of tags.
const _: () = assert!(6 * (HEADLINE + FACTS + FOOTER) + LINKS_BYTES + 300 + LEFT * 6 <= MOST.bytes);

/// The text to send.
pub(super) fn text(message: &Message) -> String {
    let headline = format!("<b>{}</b>", escaped(&one_line(&message.headline), HEADLINE));
    let links = links_within(message.links.iter().map(link), LINKS_BYTES, |links| links.len());
    let details = joined([facts(&message.facts), links, footer(&message.footer)], "\n\n");
    let room = MOST.less(measure(&headline)).less(measure(&details)).less(SEPARATORS);
    let in_markup = message.text.as_ref().map(|text| text.within(Markup::Telegram, room.units));
    let text = in_markup.map(|text| within(text.trim(), room)).unwrap_or_default();
    joined([joined([headline, text], "\n"), details], "\n\n")
}

fn joined<const N: usize>(parts: [String; N], separator: &str) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(separator)
}

fn escaped(text: &str, units: usize) -> String {
    within(&Markup::Telegram.escape(text), Room::of_units(units))
}

/// As many whole lines as have room.
fn facts(facts: &[Fact]) -> String {
    let mut left = FACTS;
    let fits = |line: &String| left.checked_sub(measure(line).units + 1).inspect(|rest| left = *rest).is_some();
    facts.iter().map(fact).take_while(fits).collect::<Vec<_>>().join("\n")
}

fn fact(fact: &Fact) -> String {
    let value = match fact.form {
        // In code nothing is looked for, and a touch copies it.
        Form::Verbatim => code(&fact.value, VALUE),
        Form::Words => escaped(&fact.value, VALUE),
    };
    format!("<b>{}:</b> {value}", escaped(&fact.label, LABEL))
}

fn link(link: &Link) -> String {
    format!("<a href=\"{}\">{}</a>", literal(&link.url), Markup::Telegram.escape(&one_line(&link.text)))
}

/// In code, because people paste the event's id into commands.
fn footer(lines: &[String]) -> String {
    if lines.is_empty() { String::new() } else { code(&lines.join("\n"), FOOTER) }
}

fn code(text: &str, units: usize) -> String {
    format!("<code>{}</code>", within(&literal(text), Room::of_units(units)))
}

#[cfg(test)]
mod tests;
