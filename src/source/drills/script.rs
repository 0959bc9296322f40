//! The event of a drill: a body as CAST AI would send it, read as the webhook source would read it, and marked.
//!
//! Pure. What the body says of its id and time is put right: it is an event of its own, and it happens now.

use bytes::Bytes;
use serde_json::{Map, Value};

use crate::event::relay::BodyProblem;
use crate::event::{Event, Timestamp};
use crate::names::{DrillName, EventId, SourceName};
use crate::source::samples;
use crate::source::verify::{Unverified, Verifier};
use crate::source::wire::{self, Mapping};

/// What is played.
#[derive(Debug, Clone, PartialEq)]
pub enum Script {
    /// This body.
    Event(Map<String, Value>),
    /// The built-in sample of this name.
    Sample(String),
}

/// The webhook source that is played.
#[derive(Debug, Clone)]
pub struct Stage {
    /// What it is called.
    pub source: SourceName,
    /// How it reads its bodies.
    pub mapping: Mapping,
}

/// The id of the drill of this moment: the same, whoever begins it.
pub fn id(drill: &DrillName, moment: Timestamp) -> EventId {
    EventId::from_sender(None, &format!("drill/{drill}/{moment}"))
}

impl Script {
    /// The event under this id, happening now.
    ///
    /// # Errors
    /// When the body cannot be read as an event, or there is no such sample.
    pub fn play(&self, drill: &DrillName, id: EventId, stage: &Stage, now: Timestamp) -> Result<Event, BodyProblem> {
        // The relay itself is the sender, and believes itself.
        let verified = Unverified::new(Default::default(), self.body(&id, now)?).verify(&Verifier::None, now);
        let verified = verified.map_err(|error| problem(error.to_string()))?;
        let read = wire::read(&verified, &stage.source, &stage.mapping, now)?;
        Ok(Event { id, occurred_at: Some(now), ..read.as_drill(drill) })
    }

    fn body(&self, id: &EventId, now: Timestamp) -> Result<Bytes, BodyProblem> {
        match self {
            Self::Event(body) => serde_json::to_vec(body).map(Bytes::from).map_err(|error| problem(error.to_string())),
            Self::Sample(name) => {
                let body = samples::sample(name, id.as_str(), now).map(Bytes::from);
                body.ok_or_else(|| problem(format!("there is no sample `{name}`")))
            }
        }
    }
}

fn problem(message: String) -> BodyProblem {
    BodyProblem { message, line: 1, column: 1, hint: "write the body as CAST AI would send it" }
}

#[cfg(test)]
#[path = "tests/script.rs"]
mod tests;
