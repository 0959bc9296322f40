//! Those who are told: each has its own weather on that day, and answers accordingly; what it answers to one attempt depends on
//! nothing but the seed and that attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use castai_relay::event::Timestamp;
use castai_relay::event::batch::{Batch, Receipt};
use castai_relay::http_client::Endpoint;
use castai_relay::notify::{Notifier, NotifyError, Scope, Sent};
use castai_relay::runtime::Clock;
use castai_relay::template::Wording;

use super::dice::{Dice, number_of};
use super::ledger::{Answer, Ledger};
use super::time::Time;

/// How it is on this day, by and by.
#[derive(Debug, Clone)]
pub struct Weather {
    start: Timestamp,
    /// From which second to which.
    phases: Vec<(u64, u64, Mood)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// A little of everything.
    Mixed,
    Refusing,
    Failing,
    Busy,
    Doubtful,
    Fussy,
    Broken,
    /// Nobody answers, every time.
    Down,
    /// Takes no message, every time.
    Deaf,
    /// No answer, every time: it may have it.
    Mute,
}

impl Weather {
    pub fn of(seed: u64, index: u64, start: Timestamp, seconds: u64) -> Self {
        let mut dice = Dice::of(number_of(&[seed, index, 77]));
        let moods = [Mood::Refusing, Mood::Failing, Mood::Busy, Mood::Doubtful, Mood::Fussy, Mood::Mixed, Mood::Broken];
        let mut phases: Vec<_> = (0..dice.below(5))
            .map(|_| {
                let from = dice.below(seconds);
                (from, from + dice.pick(&[20, 300, 3000, 15_000]), dice.pick(&moods))
            })
            .collect();
        if dice.chance(40) {
            phases.push((0, seconds, Mood::Mixed));
        }
        Self { start, phases }
    }

    pub fn written(start: Timestamp, phases: Vec<(u64, u64, Mood)>) -> Self {
        Self { start, phases }
    }

    fn mood(&self, now: Timestamp) -> Mood {
        let at = now.saturating_since(self.start).as_secs();
        let phase = self.phases.iter().find(|(from, to, _)| (*from..*to).contains(&at));
        phase.map_or(Mood::Well, |(.., mood)| *mood)
    }
}

impl Mood {
    fn answer(self, dice: &mut Dice) -> Answer {
        let seconds = |secs| Some(Duration::from_secs(secs));
        match self {
            Self::Well => Answer::Taken,
            Self::Refusing => Answer::TargetRefused,
            Self::Down => Answer::Unreachable,
            Self::Deaf => Answer::MessageRefused,
            Self::Mute => Answer::Doubt,
            Self::Failing => dice.pick(&[
                Answer::Unreachable,
                Answer::Failed(None, true),
                Answer::Failed(seconds(30), true),
                Answer::Failed(None, false),
            ]),
            Self::Busy => Answer::Busy(dice.pick(&[None, seconds(0), seconds(1), seconds(45), seconds(3600)])),
            Self::Doubtful => dice.pick(&[Answer::Doubt, Answer::Doubt, Answer::Taken]),
            Self::Fussy => dice.pick(&[Answer::MessageRefused, Answer::Taken]),
            Self::Broken => dice.pick(&[Answer::Panic, Answer::Taken]),
            Self::Mixed => {
                let moods = [Self::Refusing, Self::Failing, Self::Busy, Self::Doubtful, Self::Fussy, Self::Broken];
                let mood = if dice.chance(75) { Self::Well } else { dice.pick(&moods) };
                mood.answer(dice)
            }
        }
    }
}

/// Whether an addressee's messages can be changed: those of every second one that keeps no incidents.
pub fn rewrites_storms(keeps_incidents: bool, index: u64) -> bool {
    !keeps_incidents && index.is_multiple_of(2)
}

pub struct Fake {
    pub seed: u64,
    pub index: u64,
    pub keeps_incidents: bool,
    pub tells_many: bool,
    pub places: (usize, usize),
    pub timeout: Duration,
    pub weather: Weather,
    pub all_is_well: Arc<AtomicBool>,
    /// Who would call is dead.
    pub is_stopped: Arc<AtomicBool>,
    pub ledger: Arc<Ledger>,
    pub time: Time,
}

/// What one attempt will come to.
struct Fate {
    answer: Answer,
    takes: Duration,
    /// It has the message from the beginning, at the end, or never.
    arrives: Option<bool>,
}

impl Fake {
    fn fate(&self, batch: &Batch) -> Fate {
        let lease = u64::try_from(batch.lease.0).unwrap();
        let mut dice = Dice::of(number_of(&[self.seed, self.index, lease, 99]));
        let is_well = self.all_is_well.load(Ordering::Relaxed);
        let mood = if is_well { Mood::Well } else { self.weather.mood(self.time.now()) };
        let answer = mood.answer(&mut dice);
        let limit = u64::try_from(self.timeout.as_millis()).unwrap();
        let quick = dice.between(1, 300).min(limit);
        let is_slow = dice.chance(10) || answer == Answer::Doubt;
        let takes = Duration::from_millis(if is_slow { dice.between(quick, limit) } else { quick });
        let arrives = match answer {
            Answer::Taken => Some(dice.chance(50)),
            Answer::Doubt | Answer::Panic => dice.pick(&[Some(true), None]),
            _ => None,
        };
        Fate { answer, takes, arrives }
    }
}

/// Notes the end of an attempt even where nobody waits for it any more.
struct Attempt<'a> {
    ledger: &'a Ledger,
    time: &'a Time,
    batch: &'a Batch,
    answer: Option<Answer>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        self.ledger.notes().ends(self.batch, self.answer, self.time.now());
    }
}

#[async_trait]
impl Notifier for Fake {
    fn preview(&self, _: &Batch, _: &Wording) -> String {
        String::new()
    }

    fn endpoint(&self) -> Option<&Endpoint> {
        None
    }

    async fn notify(&self, batch: &Batch, _: &Wording) -> Result<Sent, NotifyError> {
        if self.is_stopped.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        let (places, old_places) = self.places;
        self.ledger.notes().begins(batch, places, old_places, self.time.now());
        let mut attempt = Attempt { ledger: &self.ledger, time: &self.time, batch, answer: None };
        let Fate { answer, takes, arrives } = self.fate(batch);
        if arrives == Some(true) {
            self.ledger.notes().arrives(batch);
        }
        self.time.sleep_for(takes).await;
        if arrives == Some(false) {
            self.ledger.notes().arrives(batch);
        }
        attempt.answer = Some(answer);
        drop(attempt);
        match answer {
            Answer::Taken => {
                Ok(Sent { receipt: Receipt::new(&format!("{}-{}", self.index, batch.lease.0)), answer: None })
            }
            Answer::MessageRefused => Err(NotifyError::message_refused("I do not like it")),
            Answer::TargetRefused => Err(NotifyError::target_refused("nobody lives here")),
            Answer::Busy(after) => Err(NotifyError::rate_limited(after, "slowly")),
            Answer::Failed(after, all) => {
                let scope = if all { Scope::Target } else { Scope::Message };
                Err(NotifyError::target_failed(scope, after, "I am ill"))
            }
            Answer::Unreachable => Err(NotifyError::unreachable("nobody answers")),
            Answer::Doubt => Err(NotifyError::ambiguous(None, "no answer")),
            // Without the hook that prints where: it is meant.
            Answer::Panic => std::panic::resume_unwind(Box::new("on purpose")),
        }
    }

    fn keeps_incidents(&self) -> bool {
        self.keeps_incidents
    }

    fn tells_many(&self) -> bool {
        self.tells_many
    }

    fn rewrites_storms(&self) -> bool {
        rewrites_storms(self.keeps_incidents, self.index)
    }
}
