//! A message as plain text and as HTML, both saying the same: for a phone first.
//!
//! HTML for mail is a small and old language: one column, a greatest width, inline styles, tables for what must not run into each
//! other. Every text is escaped, nothing is fetched from anywhere, links are links. What a template wrote stays within its
//! cell, whatever it left open. Pure. Next file: [`super::mail`], which wraps both for the post.

use std::fmt::Write;

use crate::event::Severity;
use crate::notify::message::{Fact, Form, Link, Message, Text, cut};
use crate::template::Markup;

/// Characters of text. Gmail shows 102 KB of a mail and folds up the rest.
pub(super) const LONGEST_TEXT: usize = 10_000;

const FONT: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif";

/// Plain text, lines ended by `\n`.
pub(super) fn plain(message: &Message) -> String {
    let text = message.text.as_ref().map(|text| within_bounds(text, Markup::Plain));
    let mut story = [text, facts_in_lines(&message.facts)];
    if is_list(message) {
        story.reverse();
    }
    let head = format!("{}\n[{}]", message.title, message.severity);
    let links = message.links.iter().map(|link| format!("{}: {}", link.text, link.url)).collect::<Vec<_>>().join("\n");
    let parts = [Some(head)].into_iter().chain(story).flatten().chain([links, message.footer.join("\n")]);
    let mut whole = parts.filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join("\n\n");
    whole.push('\n');
    whole
}

fn facts_in_lines(facts: &[Fact]) -> Option<String> {
    let lines: Vec<String> = facts.iter().map(|fact| format!("{}: {}", fact.label, fact.value)).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Many are told by their counts first: what is at the end of a long list is rarely read.
fn is_list(message: &Message) -> bool {
    matches!(message.text, Some(Text::List(_)))
}

fn within_bounds(text: &Text, markup: Markup) -> String {
    match text {
        Text::Plain(text) => markup.escape(&cut(text, LONGEST_TEXT)),
        Text::List(list) => list.within(markup, LONGEST_TEXT),
        // Bounded by the template; cut, it would be other markup.
        Text::Marked(text) => text.clone(),
    }
}

/// A whole document.
pub(super) fn html(message: &Message) -> String {
    let text = message.text.as_ref().map(|text| paragraph(&within_bounds(text, Markup::Html)));
    let mut story = [text, facts_in_rows(&message.facts)];
    if is_list(message) {
        story.reverse();
    }
    let (colour, severity) = (colour(message.severity), message.severity);
    let title = Markup::Html.escape(&message.title);
    let head = format!(
        "<div style=\"font-size:13px;font-weight:bold;color:{colour};text-transform:uppercase\">{severity}</div>\n\
         <h1 dir=\"auto\" style=\"margin:4px 0 0;font-size:20px;line-height:1.3\">{title}</h1>"
    );
    let cells = [Some(head)].into_iter().chain(story).chain([buttons(&message.links), small_print(&message.footer)]);
    let rows: String =
        cells.flatten().map(|cell| format!("<tr><td style=\"padding:8px 16px\">\n{cell}\n</td></tr>\n")).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n</head>\n\
         <body style=\"margin:0;padding:8px;background:#ffffff;color:#1d1c1d;{FONT};font-size:16px;line-height:1.5\">\n\
         <table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" style=\"width:100%;max-width:600px;margin:0 auto;\
         border-left:4px solid {colour};word-break:break-word;overflow-wrap:anywhere\">\n{rows}</table>\n</body></html>\n"
    )
}

fn colour(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "#1264a3",
        Severity::Success => "#007a5a",
        Severity::Warning => "#8a5a00",
        Severity::Error => "#c01343",
        Severity::Critical => "#8b0000",
    }
}

fn paragraph(escaped: &str) -> String {
    format!("<div dir=\"auto\">{}</div>", escaped.replace('\n', "<br>\n"))
}

/// Label above value, because two columns are too narrow on a phone.
fn facts_in_rows(facts: &[Fact]) -> Option<String> {
    let rows = facts.iter().fold(String::new(), |mut rows, fact| {
        let (label, value) = (Markup::Html.escape(&fact.label), Markup::Html.escape(&fact.value));
        let font = match fact.form {
            Form::Verbatim => ";font-family:Menlo,Consolas,monospace;font-size:15px",
            Form::Words => "",
        };
        let _ = write!(
            rows,
            "<div dir=\"auto\" style=\"font-size:13px;color:#616061\">{label}</div>\n\
             <div dir=\"auto\" style=\"margin:0 0 8px{font}\">{value}</div>\n"
        );
        rows
    });
    (!rows.is_empty()).then_some(rows)
}

fn buttons(links: &[Link]) -> Option<String> {
    let all = links.iter().fold(String::new(), |mut all, link| {
        let (url, text) = (Markup::Html.escape(&link.url), Markup::Html.escape(&link.text));
        let _ = writeln!(
            all,
            "<a href=\"{url}\" style=\"display:inline-block;margin:0 8px 8px 0;padding:10px 16px;border:1px solid #868686;\
             border-radius:4px;color:#1264a3;text-decoration:none\">{text}</a>"
        );
        all
    });
    (!all.is_empty()).then_some(all)
}

fn small_print(footer: &[String]) -> Option<String> {
    let lines: Vec<String> = footer.iter().map(|line| Markup::Html.escape(line)).collect();
    let all = lines.join("<br>\n");
    (!all.is_empty()).then(|| format!("<div dir=\"auto\" style=\"font-size:13px;color:#616061\">{all}</div>"))
}

#[cfg(test)]
#[path = "tests/words.rs"]
mod tests;
