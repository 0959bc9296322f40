//! Bytes → JSON object, or a [`BodyProblem`] that tells the sender where and why.
//!
//! Knows nothing of events. The Content-Type plays no part: CAST AI sends none unless the user adds the header.

use serde_json::error::Category;
use serde_json::{Map, Value};

use crate::event::fields::type_of;
use crate::event::relay::BodyProblem;

/// Levels of objects and lists a body may have. The stored record adds two, and must stay below the 128 levels
/// that the JSON parser reads back.
pub(super) const MAX_DEPTH: usize = 64;

/// What some editors put in front of UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

const SEND_AN_OBJECT: &str =
    "send one JSON object per request; `castai-relay castai template` prints what to enter in CAST AI's console";
const ESCAPE_TEXT: &str = "a text of the template is not escaped: write `\"message\": {{ toJSON .Message }}`, \
                           without quotes around it, and likewise for every text that may hold quotes or line breaks";

/// What to do about a fault, by words of the parser's message.
const HINTS: &[(&str, &str)] = &[
    ("control character", ESCAPE_TEXT),
    ("invalid escape", ESCAPE_TEXT),
    ("expected `,` or `}`", ESCAPE_TEXT),
    ("expected `,` or `]`", ESCAPE_TEXT),
    ("EOF", "the body ends too early: was it cut, or is a quote or a brace of the template not closed?"),
    ("trailing comma", "remove the comma before the closing brace or bracket"),
    ("trailing characters", "send one JSON object per request and nothing after it"),
    ("key must be a string", "put the names of the fields in double quotes"),
    ("number out of range", "send the number as a string"),
];

/// The object that `bytes` hold.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, BodyProblem> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let hint = "send the body as UTF-8";
        problem("the body is not valid UTF-8".to_owned(), position(bytes, error.valid_up_to()), hint)
    })?;
    let start = text.len() - text.trim_ascii_start().len();
    if start == text.len() {
        return Err(problem("the body is empty".to_owned(), (1, 1), SEND_AN_OBJECT));
    }
    if let Some(at) = too_deep(text) {
        let message = format!("the body is nested deeper than {MAX_DEPTH} levels");
        return Err(problem(message, position(bytes, at), "send fewer levels, or the inner ones as a string"));
    }
    match serde_json::from_str(text).map_err(|error| not_json(&error))? {
        Value::Object(object) => Ok(object),
        other => {
            let message = format!("the body is {}, not an object", type_of(&other));
            Err(problem(message, position(bytes, start), SEND_AN_OBJECT))
        }
    }
}

/// The object or list that stands inside a string, as `toEscapedString` puts it there. Anything else is just text.
pub(super) fn embedded(text: &str) -> Option<Value> {
    let text = text.trim();
    let looks_like_json = text.starts_with(['{', '[']);
    if !looks_like_json || too_deep(text).is_some() {
        return None;
    }
    serde_json::from_str(text).ok()
}

fn not_json(error: &serde_json::Error) -> BodyProblem {
    let full = error.to_string();
    // The position is told separately.
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    let hint = HINTS.iter().find(|(words, _)| message.contains(words)).map_or(SEND_AN_OBJECT, |(_, hint)| hint);
    let verdict = match error.classify() {
        Category::Eof => "the body is not complete JSON",
        Category::Io | Category::Syntax | Category::Data => "the body is not JSON",
    };
    problem(format!("{verdict}: {message}"), (error.line(), error.column().max(1)), hint)
}

fn problem(message: String, (line, column): (usize, usize), hint: &'static str) -> BodyProblem {
    BodyProblem { message, line, column, hint }
}

/// Line and column of a byte, both from 1; columns count bytes, as the parser's do.
fn position(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = &bytes[..at.min(bytes.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    (line, 1 + before.len() - line_start)
}

/// Where the text first goes deeper than [`MAX_DEPTH`]. Brackets inside strings do not count.
fn too_deep(text: &str) -> Option<usize> {
    // Nearly every body has few brackets of any kind, and counting is much faster than following.
    if text.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count() <= MAX_DEPTH {
        return None;
    }
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}
