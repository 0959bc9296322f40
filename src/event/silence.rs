//! A silence: who is not told of what, for how long, who wanted that and why.
//!
//! Plain values. What may be written is checked by [`crate::route::silence`], the rows are kept by [`crate::store`],
//! and whether a delivery is silent is asked of [`crate::deliver::quiet`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Timestamp;
use crate::names::{RouteName, SilenceId, TargetName};

/// A silence as kept. It ends by itself, or when somebody ends it, and is remembered for a while after that.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Silence {
    /// What to call it.
    pub id: SilenceId,
    /// What it says.
    #[serde(flatten)]
    pub terms: Terms,
    /// When it was ended before its time, and by whom.
    #[serde(default)]
    pub ended: Option<Ended>,
}

/// What a silence says. Everything given must hold for a delivery; of each list, any item. What is left empty holds for
/// every delivery, so terms without any silence everything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// Which events, written as `match` of a route is.
    #[serde(rename = "match")]
    pub matching: Map<String, Value>,
    /// Owed by which routes.
    pub routes: Vec<RouteName>,
    /// Owed to which targets.
    pub targets: Vec<TargetName>,
    /// From when on.
    pub from: Timestamp,
    /// Until before this.
    pub until: Timestamp,
    /// Who wanted it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// The early end of a silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: String,
}

/// Where a silence stands at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It has not begun yet.
    Planned,
    /// It holds.
    Active,
    /// Its time ran out.
    Expired,
    /// Somebody ended it before its time.
    Ended,
}

impl Silence {
    /// Where it stands at this moment.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match &self.ended {
            // For good, also where the clock is set back to before.
            Some(_) => Standing::Ended,
            _ if now < self.terms.from => Standing::Planned,
            _ if now < self.terms.until => Standing::Active,
            _ => Standing::Expired,
        }
    }

    /// When it is over: at its end, or when somebody ended it before.
    pub fn over_at(&self) -> Timestamp {
        self.ended.as_ref().map_or(self.terms.until, |ended| ended.at.min(self.terms.until))
    }

    /// Ends it at this moment, unless it is over by then: the first end stands.
    pub fn end(&mut self, at: Timestamp, by: &str) {
        if self.over_at() > at {
            self.ended = Some(Ended { at, by: by.to_owned() });
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Ended => "ended",
        })
    }
}
