//! What leaves together, as SQL and as the name of its slot.

use crate::event::delivery::Phase;
use crate::store::queue::{Among, SlotName, Which};

/// SQL for those that leave together: its condition, and what to bind beside target and route.
pub fn together(of: &SlotName) -> (String, Option<&str>, Option<&str>) {
    const BOTH: &str = "target = ?1 AND route = ?2 AND state = 0";
    match &of.which {
        Which::Group(group, Among::All) => {
            (format!("{BOTH} AND group_key = ?3 AND ?4 IS NULL"), Some(group.as_str()), None)
        }
        Which::Group(group, Among::WithoutIncident) => {
            (format!("{BOTH} AND group_key = ?3 AND incident IS ?4"), Some(group.as_str()), None)
        }
        Which::Group(group, Among::Step(key, phase)) => {
            let resolves = i64::from(*phase == Phase::Resolve);
            let condition = format!("{BOTH} AND group_key = ?3 AND incident = ?4 AND resolves = {resolves}");
            (condition, Some(group.as_str()), Some(key.as_str()))
        }
        Which::Storm { with_incidents: true } => (format!("{BOTH} AND swept > 0 AND ?3 IS ?4"), None, None),
        Which::Storm { with_incidents: false } => {
            (format!("{BOTH} AND swept > 0 AND incident IS NULL AND ?3 IS ?4"), None, None)
        }
    }
}

/// The index that finds them. The planner would rather walk through all that a target is owed.
pub fn index(of: &SlotName) -> &'static str {
    match of.which {
        Which::Group(..) => "deliveries_group",
        Which::Storm { .. } => "deliveries_swept",
    }
}

/// The name of its slot beside target and route.
pub fn which(of: &SlotName) -> String {
    match &of.which {
        Which::Storm { .. } => "storm".to_owned(),
        Which::Group(group, Among::All) => format!("group {group}"),
        // A key has no line breaks.
        Which::Group(group, Among::WithoutIncident) => format!("group {group}\n-"),
        Which::Group(group, Among::Step(key, phase)) => format!("group {group}\n{phase:?} {key}"),
    }
}
