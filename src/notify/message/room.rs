//! How much of a message is shown where a target counts the bytes of all of it: everything, or less until it fits.
//!
//! What goes first is the end of a long text, then, with more of it, the last particulars, links and lines of the footer. The title
//! and the event's id stay. Knows no target's form.

use serde_json::Value;

/// How much of each part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Characters of the text.
    pub text: usize,
    /// Particulars.
    pub facts: usize,
    /// Links.
    pub links: usize,
    /// Lines of the footer.
    pub footer: usize,
}

impl Room {
    /// From all of it to next to nothing. The last one has under 8 KiB however many bytes its characters have.
    const STEPS: [Self; 5] = [
        Self { text: 8000, facts: 10, links: 5, footer: 6 },
        Self { text: 4000, facts: 10, links: 5, footer: 6 },
        Self { text: 1500, facts: 8, links: 3, footer: 4 },
        Self { text: 500, facts: 5, links: 1, footer: 2 },
        Self { text: 150, facts: 1, links: 0, footer: 1 },
    ];
}

/// The fullest form of at most `max` bytes of JSON; the shortest one where none is that small.
pub fn fitting(max: usize, form: impl Fn(Room) -> Value) -> Value {
    let [fuller @ .., least] = Room::STEPS;
    let fits = |form: &Value| form.to_string().len() <= max;
    fuller.into_iter().map(&form).find(fits).unwrap_or_else(|| form(least))
}

#[cfg(test)]
mod tests;
