//! What operators ask of a target: that it be left alone, that it be told again, that it be tried.
//!
//! A pause is an operator's word and nothing else: it neither closes the target nor opens it, and what falls back does so
//! as if there were none. Pure; the state is [`super::TargetState`].

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::TargetState;
use super::limit::RateLimit;
use crate::event::Timestamp;
use crate::event::act::{Deed, Signature, What};

/// Nothing leaves for the target, by an operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default = "Pause::of_which_nothing_is_known")]
pub struct Pause {
    /// Since when.
    pub since: Timestamp,
    /// Until when; until somebody resumes it, when there is none.
    pub until: Option<Timestamp>,
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Pause {
    /// Whoever paused it meant it, whatever else a newer relay wrote.
    fn of_which_nothing_is_known() -> Self {
        Self { since: Timestamp::EPOCH, until: None, by: String::new(), why: String::new() }
    }

    /// Whether it is in force.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Nothing leaves any more. Instead of the pause that is in force, if there is one.
    Pause {
        /// Until when; until somebody resumes it, when there is none.
        until: Option<Timestamp>,
        /// Why.
        why: String,
    },
    /// What waits may leave again.
    Resume,
    /// Messages leave beside the queue and count against the rate.
    Test {
        /// The rate.
        rate: Option<RateLimit>,
        /// How many.
        messages: u32,
    },
}

/// What became of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Obeyed {
    /// It was carried out.
    Done,
    /// There was nothing to do.
    Already,
    /// The rate has nothing left, not even in advance.
    TooSoon {
        /// When it has.
        until: Timestamp,
    },
}

impl Order {
    /// The act that this order is, when it was carried out for the target of this name.
    pub fn deed(&self, target: &str, signature: Signature) -> Deed {
        let (what, detail) = match self {
            Self::Pause { until, why } => (What::TargetPaused, vec![("until", json!(until)), ("why", json!(why))]),
            Self::Resume => (What::TargetResumed, vec![]),
            Self::Test { .. } => (What::TargetTested, vec![]),
        };
        let detail = detail.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        Deed { signature, what, subject: target.to_owned(), detail }
    }
}

impl TargetState {
    /// The pause in force.
    pub fn pause(&self, now: Timestamp) -> Option<&Pause> {
        self.pause.as_ref().filter(|pause| pause.holds(now))
    }

    /// Carries out an order.
    pub fn obey(&mut self, order: &Order, by: &Signature) -> Obeyed {
        match order {
            Order::Pause { until, why } => {
                let (since, author) = (by.at, by.author().to_owned());
                self.pause = Some(Pause { since, until: *until, by: author, why: why.clone() });
                Obeyed::Done
            }
            Order::Resume => match self.pause.take() {
                Some(pause) if pause.holds(by.at) => Obeyed::Done,
                _ => Obeyed::Already,
            },
            Order::Test { rate, messages } => rate.map_or(Obeyed::Done, |rate| self.take_turns(rate, *messages, by.at)),
        }
    }

    /// The next turn may be taken in advance, but not the one after it: whoever tests while much waits gets through, and
    /// nobody can test a target beyond its rate.
    fn take_turns(&mut self, rate: RateLimit, messages: u32, now: Timestamp) -> Obeyed {
        let opens = self.rate.opens_at(rate, now);
        let until = opens.saturating_sub(rate.every);
        if until > now {
            return Obeyed::TooSoon { until };
        }
        (0..messages).for_each(|_| self.rate.take(rate, now));
        Obeyed::Done
    }
}
