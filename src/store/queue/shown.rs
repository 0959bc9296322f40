//! A delivery as people see it.

use std::time::Duration;

use super::Row;
use crate::event::Timestamp;
use crate::event::batch::Receipt;
use crate::event::delivery::{Grouped, IncidentStep, Owed, Phase, Reason};
use crate::store::DeliveryRow;

/// What an engine keeps beside the row that the queue works on.
#[derive(Debug, Clone, Default)]
pub struct Beside {
    /// Why it failed last, or ended.
    pub reason: Option<Reason>,
    /// The same in words.
    pub detail: Option<String>,
    /// What the target gave for it.
    pub receipt: Option<Receipt>,
    /// When it came to its end.
    pub settled_at: Option<Timestamp>,
}

impl Row {
    /// The same with what is kept beside it.
    pub fn shown(self, beside: Beside) -> DeliveryRow {
        let in_doubt = self.told && self.phase() != Some(Phase::Resolve);
        let Beside { reason, detail, receipt, settled_at } = beside;
        let (is_held, is_behind, owed_since) = (self.held.is_some(), self.behind, self.received_at);
        let Row {
            id,
            route,
            target,
            severity,
            group,
            incident,
            origin,
            state,
            attempts,
            due_at,
            fell_back_to,
            again,
            ..
        } = self;
        let group = group.map(|key| Grouped { key, wait: Duration::ZERO });
        let incident = incident.map(|step| IncidentStep { key: step.key, phase: step.phase, resolve_after: None });
        let owed = Owed { group, incident, ..Owed::plain(route, target, severity) };
        DeliveryRow {
            id,
            owed,
            origin,
            state,
            attempts,
            due_at,
            owed_since,
            settled_at,
            is_held,
            is_behind,
            in_doubt,
            reason,
            detail,
            receipt,
            fell_back_to,
            again,
        }
    }
}
