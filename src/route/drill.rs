//! What is different about a drill: it owes what its event would owe, and touches nothing that is real.
//!
//! It leaves by itself, counts for no storm, opens an incident of its own that is soon over, and ends none. Pure.

use std::time::Duration;

use crate::event::Event;
use crate::event::delivery::{Grouped, IncidentStep, Owed, Phase};
use crate::names::{GroupKey, IncidentKey};

/// How long the incident of a drill goes on after it was told: for as long as somebody needs to see it.
const OVER_AFTER: Duration = Duration::from_secs(60);

/// What is owed for `event` where it is a drill; as it is where it is not. A drill waits for as long as the rest of its
/// group would, and for nobody.
pub(super) fn apart(owed: Owed, event: &Event) -> Owed {
    if event.drill().is_none() {
        return owed;
    }
    let id = event.id.as_str();
    let group = owed.group.and_then(|Grouped { wait, .. }| Some(Grouped { key: GroupKey::from_rendered(id)?, wait }));
    let incident = IncidentKey::from_rendered(id);
    let incident = incident.map(|key| IncidentStep { key, phase: Phase::Open, resolve_after: Some(OVER_AFTER) });
    Owed { group, storm: None, incident, ..owed }
}

#[cfg(test)]
#[path = "tests/drill.rs"]
mod tests;
