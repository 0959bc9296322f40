//! Times as people read them at night: short, in UTC, with the day only where it is another one.

use crate::config::Span;
use crate::event::Timestamp;

/// `2026-11-20 08:15:31`.
pub fn full(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {}", text.get(..10).unwrap_or(&text), clock(&text))
}

/// `08:15:31`; with its day where that is not the day of `of`.
pub fn short(at: Timestamp, of: Timestamp) -> String {
    let (text, day) = (at.to_string(), of.to_string());
    if text.get(..10) == day.get(..10) { clock(&text).to_owned() } else { full(at) }
}

fn clock(text: &str) -> &str {
    text.get(11..19).unwrap_or(text)
}

/// A sentence with every time in it made [`short`].
pub fn shortened(sentence: &str, of: Timestamp) -> String {
    let (mut out, mut rest) = (String::with_capacity(sentence.len()), sentence);
    while let Some((before, time, after)) = first_time(rest) {
        out.push_str(before);
        out.push_str(&short(time, of));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// The first time in a text, with what is before and after it.
fn first_time(text: &str) -> Option<(&str, Timestamp, &str)> {
    /// From the `T` to the `Z`, with nine decimals.
    const LONGEST: usize = 19;
    text.match_indices('T').find_map(|(at, _)| {
        let start = at.checked_sub(10)?;
        let length = text.get(at..)?.find('Z').filter(|length| *length <= LONGEST)?;
        let time = Timestamp::parse(text.get(start..=at + length)?)?;
        Some((text.get(..start)?, time, text.get(at + length + 1..)?))
    })
}

/// `1d 2h`, `1h 29m`, `1m 29s`, `29s`: the two largest units.
pub fn lasting(seconds: u64) -> String {
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let mut left = seconds;
    let parts = units.map(|(unit, size)| {
        let count = left / size;
        left %= size;
        (count, unit)
    });
    let parts: Vec<String> = parts
        .into_iter()
        .skip_while(|(count, _)| *count == 0)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// Reads a time that was typed, or how long ago it was.
///
/// # Errors
/// When it is neither.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let ago = || text.parse::<Span>().ok().map(|span| now.saturating_sub(span.get()));
    Timestamp::parse(text).or_else(ago).ok_or_else(|| {
        format!("`{text}` is not a time; write `2026-11-21T06:00:00Z`, or how long ago it was, such as `2h`")
    })
}

#[cfg(test)]
#[path = "tests/times.rs"]
mod tests;
