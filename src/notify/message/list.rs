//! Several things to say, one line each, of which a target shows as many whole lines as it has room for.
//!
//! Nothing is left out silently: what does not fit is counted.

use super::amounts::number;
use super::{cut, one_line};
use crate::template::Markup;

/// Lines, and how many more things there are than lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    lines: Vec<String>,
    more: usize,
}

impl List {
    const MAX_LINE: usize = 240;

    /// Of these lines, made plain and short, and so many more things.
    pub(super) fn new(lines: impl Iterator<Item = String>, more: usize) -> Self {
        Self { lines: lines.map(|line| cut(&one_line(&line), Self::MAX_LINE)).collect(), more }
    }

    /// One plain line for each, the last one says how many more there are.
    pub fn lines(&self) -> Vec<String> {
        let more = (self.more > 0).then(|| and_more(self.more));
        self.lines.iter().cloned().chain(more).collect()
    }

    /// As many whole lines as have room in `max` characters of this markup, then how many more there are.
    pub fn within(&self, markup: Markup, max: usize) -> String {
        let mut kept: Vec<String> = Vec::new();
        let (mut used, mut left) = (0, self.lines.len() + self.more);
        for line in &self.lines {
            let line = format!("• {}", markup.escape(line));
            let needed = used + line.chars().count();
            let rest = if left > 1 { "\n".len() + and_more(left - 1).chars().count() } else { 0 };
            if needed.saturating_add(rest) > max {
                break;
            }
            (used, left) = (needed + "\n".len(), left - 1);
            kept.push(line);
        }
        kept.extend((left > 0).then(|| and_more(left)));
        kept.join("\n")
    }
}

/// `and 412 more`
pub(super) fn and_more(count: usize) -> String {
    format!("and {} more", number(count))
}

#[cfg(test)]
mod tests;
