//! The mark of a drill: an event that did not happen, made to see whether it would be told.
//!
//! It is a label, so that it is kept with the event, and routes, silences and templates can see it. No sender can set it:
//! labels come from the configuration, which may not use this one. Who makes such events is for [`crate::source`] to know.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Event;
use crate::names::DrillName;

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    /// Everybody was told in time.
    Passed,
    /// Somebody was not, or nobody was to be told.
    Failed,
    /// Nobody was to be told at that hour, on purpose: neither passed nor failed.
    Silenced,
}

impl DrillOutcome {
    /// All of them, for metrics that start at zero.
    pub const ALL: [Self; 3] = [Self::Passed, Self::Failed, Self::Silenced];

    /// The closed word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Silenced => "silenced",
        }
    }
}

impl fmt::Display for DrillOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Event {
    /// The label that marks a drill. It belongs to the relay.
    pub const DRILL_LABEL: &str = "drill";

    /// The drill that this event is a part of; `None` for what really happened.
    pub fn drill(&self) -> Option<DrillName> {
        self.labels.get(Self::DRILL_LABEL).and_then(|name| DrillName::parse(name).ok())
    }

    /// The same event, as a part of this drill.
    pub fn as_drill(mut self, name: &DrillName) -> Self {
        self.labels.insert(Self::DRILL_LABEL.to_owned(), name.to_string());
        self
    }
}
