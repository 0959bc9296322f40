//! What became of an event then: as the database says, or as another table would have had it.
//!
//! The database has what routes owed, and the text of the table that said so. Only the table knows of routes that took an
//! event and told nobody, and of their hours; where it is not known, what was owed is all there is.

use std::collections::HashMap;

use crate::app::settings::read_back;
use crate::event::Event;
use crate::event::delivery::Owed;
use crate::names::{RouteName, TableId};
use crate::route::compare::Outcome;
use crate::route::{Routed, RoutingTable};
use crate::store::sqlite::{History, OpenError, Past};

/// Tables that are held at a time. They follow each other, so one would nearly do.
const MOST_TABLES: usize = 16;

/// What is compared with.
pub enum Then<'a> {
    /// What the routes made of each event when it came.
    Recorded { tables: HashMap<TableId, Option<RoutingTable>>, without_table: u64 },
    /// What this table makes of it.
    By(&'a RoutingTable),
}

impl<'a> Then<'a> {
    /// As it was.
    pub fn recorded() -> Self {
        Self::Recorded { tables: HashMap::new(), without_table: 0 }
    }

    /// As it would have been with this table.
    pub fn by(table: &'a RoutingTable) -> Self {
        Self::By(table)
    }

    /// Whether it is what really was.
    pub fn is_recorded(&self) -> bool {
        matches!(self, Self::Recorded { .. })
    }

    /// Of how many events the table of that time was not known.
    pub fn without_table(&self) -> u64 {
        match self {
            Self::Recorded { without_table, .. } => *without_table,
            Self::By(_) => 0,
        }
    }

    /// What became of this event.
    ///
    /// # Errors
    /// When the database cannot be read any more.
    pub fn outcome(&mut self, past: &Past, history: &History) -> Result<Outcome, OpenError> {
        match self {
            Self::By(table) => Ok(Outcome::by(table, &past.event)),
            Self::Recorded { tables, without_table } => {
                let table = past.routed_by.map(|id| table(tables, id, history)).transpose()?.flatten();
                *without_table += u64::from(table.is_none());
                Ok(recorded(past, table))
            }
        }
    }
}

/// The table of this name, if this relay can read it.
fn table<'t>(
    tables: &'t mut HashMap<TableId, Option<RoutingTable>>,
    id: TableId,
    history: &History,
) -> Result<Option<&'t RoutingTable>, OpenError> {
    if !tables.contains_key(&id) {
        if tables.len() >= MOST_TABLES {
            tables.clear();
        }
        let text = history.table(id)?;
        tables.insert(id, text.and_then(|text| read_back(&text).ok()));
    }
    Ok(tables.get(&id).and_then(Option::as_ref))
}

fn recorded(Past { event, owed, .. }: &Past, table: Option<&RoutingTable>) -> Outcome {
    let takers = table.map_or_else(|| takers(owed), |table| took(table, event));
    Outcome::of(event, &Routed { owed: owed.clone(), takers }, table)
}

fn took(table: &RoutingTable, event: &Event) -> Vec<RouteName> {
    table.route(event).takers
}

/// As far as what was owed shows it: to end an incident is not to take the event.
fn takers(owed: &[Owed]) -> Vec<RouteName> {
    owed.iter().filter(|owed| !owed.is_resolve()).map(|owed| owed.route.clone()).collect()
}
