//! How far a round reads, what of it is due, and where the next round begins.
//!
//! The list has no filter by time, and its order is not trusted: a round ends early only as long as the list comes in
//! order, newest first. Pure.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// How much of what was read before is read again, for what CAST AI lists late.
pub(super) const OVERLAP: Duration = Duration::from_secs(600);
/// How far the list may be out of order without anybody wondering.
const DISORDER: Duration = OVERLAP;
/// The same from the first to the last item of one page: a list that is turned round would show it there.
const DISORDER_OF_A_PAGE: Duration = Duration::from_secs(60);
/// How far CAST AI's clock may be ahead of ours. A notification from beyond that is taken at once: its time is wrong.
const AHEAD: Duration = Duration::from_secs(3600);

/// What is remembered between rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Every notification that CAST AI had written down until then, and listed, is known.
    pub(super) complete_until: Timestamp,
}

impl Position {
    pub(super) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

/// When a notification came to be. Either may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Times {
    /// When it was detected: what the list is ordered by.
    pub(super) happened_at: Option<Timestamp>,
    /// When CAST AI wrote it down, and called the webhook.
    pub(super) written_at: Option<Timestamp>,
}

impl Times {
    /// Its place in the list.
    pub(super) fn place(self) -> Option<Timestamp> {
        self.happened_at.or(self.written_at)
    }

    /// When it became news.
    pub(super) fn news_at(self) -> Option<Timestamp> {
        self.happened_at.max(self.written_at)
    }
}

/// Whose turn a notification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Ours, if it is not known yet.
    Due,
    /// The webhook's, for now.
    Webhooks,
    /// Nobody's any more: it is older than what was looked for, now and in earlier rounds.
    Over,
}

/// One round. Is told of each item in the order of the list, page by page.
#[derive(Debug)]
pub(super) struct Plan {
    /// Down to here the list is read.
    floor: Timestamp,
    /// From here on what the list shows is told, if it is not known. Lower than the floor where it can be: what CAST AI
    /// lists late is not lost when it happens to be seen.
    oldest: Timestamp,
    /// What became news after this is left to the webhook.
    leave_after: Option<Timestamp>,
    position: Position,
    now: Timestamp,
    /// The lowest place so far, on any page.
    lowest: Option<Timestamp>,
    is_in_order: bool,
    page: PageSoFar,
}

#[derive(Debug, Default)]
struct PageSoFar {
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    has_news: bool,
}

impl Plan {
    /// From where the last round ended, or `look_back` for the first one; what is younger than `grace` is the webhook's.
    /// Whatever is younger than `look_back` must still be known if it ever was.
    pub(super) fn new(position: Option<Position>, look_back: Duration, grace: Duration, now: Timestamp) -> Self {
        let until = now.saturating_sub(grace);
        let looked_back = now.saturating_sub(look_back);
        let floor = match position {
            // After the clock was set back it may lie in the future.
            Some(position) => position.complete_until.min(until).saturating_sub(OVERLAP),
            None => looked_back,
        };
        Self {
            floor,
            oldest: floor.min(looked_back),
            leave_after: (!grace.is_zero()).then_some(until),
            position: Position { complete_until: until },
            now,
            lowest: None,
            is_in_order: true,
            page: PageSoFar::default(),
        }
    }

    /// Leaves out what earlier rounds told and the store, which keeps events for `retention`, may have forgotten since.
    /// What they did not come to is told, however old.
    pub(super) fn remembering(self, position: Option<Position>, retention: Duration) -> Self {
        let Some(position) = position else { return self };
        let remembered = self.now.saturating_sub(retention).min(position.complete_until);
        Self { floor: self.floor.max(remembered), oldest: self.oldest.max(remembered), ..self }
    }

    /// Reads on down to the oldest that would be told, past what was read before: a notification stands where it happened,
    /// and where it was written down late that is below all that is newer.
    pub(super) fn read_all_that_is_told(&mut self) {
        self.floor = self.oldest;
    }

    /// Whose turn an item is.
    pub(super) fn turn_of(&mut self, times: Times) -> Turn {
        times.place().into_iter().for_each(|place| self.passes(place));
        let Some(news_at) = times.news_at() else { return Turn::Due };
        let is_plausible = news_at <= self.now.saturating_add(AHEAD);
        match self.leave_after {
            Some(leave_after) if news_at > leave_after && is_plausible => Turn::Webhooks,
            _ if news_at < self.oldest => Turn::Over,
            _ => Turn::Due,
        }
    }

    fn passes(&mut self, place: Timestamp) {
        let rises = self.lowest.is_some_and(|lowest| place > lowest.saturating_add(DISORDER));
        self.is_in_order &= !rises;
        self.lowest = Some(self.lowest.map_or(place, |lowest| lowest.min(place)));
        self.page.first.get_or_insert(place);
        self.page.last = Some(place);
    }

    /// An item of this page was due and not known.
    pub(super) fn found_news(&mut self) {
        self.page.has_news = true;
    }

    /// Whether nothing new can come after the page whose items were just told. Where a page had news, the next one is
    /// read in any case.
    pub(super) fn ends_with_this_page(&mut self) -> bool {
        let page = std::mem::take(&mut self.page);
        self.is_in_order &= page.last <= page.first.map(|first| first.saturating_add(DISORDER_OF_A_PAGE));
        let is_low_enough = page.last.is_some() && self.lowest < Some(self.floor);
        self.is_in_order && is_low_enough && !page.has_news
    }

    /// Whether the list came newest first so far.
    pub(super) fn is_in_order(&self) -> bool {
        self.is_in_order
    }

    /// Where the next round begins when this one has come to its end.
    pub(super) fn position(&self) -> Position {
        self.position
    }
}

#[cfg(test)]
mod tests;
