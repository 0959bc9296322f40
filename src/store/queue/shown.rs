//! A delivery as people see it.

use std::time::Duration;

use super::Row;
use crate::event::batch::Receipt;
use crate::event::delivery::{Grouped, IncidentStep, Owed, Phase, Reason};
use crate::store::DeliveryRow;

impl Row {
    /// The same with what is kept beside it.
    pub fn shown(self, reason: Option<Reason>, detail: Option<String>, receipt: Option<Receipt>) -> DeliveryRow {
        let in_doubt = self.told && self.phase() != Some(Phase::Resolve);
        let Row { id, route, target, severity, group, incident, origin, state, attempts, due_at, fell_back_to, .. } =
            self;
        let group = group.map(|key| Grouped { key, wait: Duration::ZERO });
        let incident = incident.map(|step| IncidentStep { key: step.key, phase: step.phase, resolve_after: None });
        let owed = Owed { group, incident, ..Owed::plain(route, target, severity) };
        DeliveryRow { id, owed, origin, state, attempts, due_at, in_doubt, reason, detail, receipt, fell_back_to }
    }
}
