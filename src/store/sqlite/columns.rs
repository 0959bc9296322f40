//! What stands in the columns of a row, read back as values.

use std::time::Duration;

use rusqlite::Row as SqlRow;

use crate::event::batch::{Lease, Receipt};
use crate::event::delivery::{Again, Phase};
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, GroupKey, IncidentKey, ReplayId, RouteName, TargetName};
use crate::store::DeliveryState;
use crate::store::queue::{IncidentRow, Origin, Row, Step};

/// The columns of a delivery, in the order [`delivery`] reads them.
pub const COLUMNS: &str = "id, route, target, severity, state, attempts, due_at, received_at, origin, group_key, swept, \
     incident, resolves, opened_by, tried, behind, told, lease, interrupted, fell_back_to, replay, fresh_key, is_over";
/// How many they are: what is read beside them comes after these.
pub const WIDTH: usize = 23;

/// A delivery.
pub fn delivery(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let fell_back_to = row.get_ref(19)?.as_str_or_null()?.map(TargetName::parse);
    Ok(Row {
        id: DeliveryId::from_row(row.get(0)?),
        route: RouteName::parse(row.get_ref(1)?.as_str()?).map_err(unreadable(1))?,
        target: TargetName::parse(row.get_ref(2)?.as_str()?).map_err(unreadable(2))?,
        severity: row.get_ref(3)?.as_str()?.parse().map_err(unreadable(3))?,
        state: DeliveryState::from_number(row.get(4)?),
        attempts: row.get(5)?,
        due_at: Timestamp::from_millis(row.get(6)?),
        received_at: Timestamp::from_millis(row.get(7)?),
        origin: Origin::from_number(row.get(8)?),
        group: row.get_ref(9)?.as_str_or_null()?.and_then(GroupKey::from_rendered),
        swept: row.get::<_, i64>(10)? > 0,
        stormed: row.get::<_, i64>(10)? > 1,
        incident: step(row)?,
        tried: row.get(14)?,
        behind: row.get(15)?,
        told: row.get(16)?,
        held: row.get::<_, Option<i64>>(17)?.map(Lease),
        interrupted: row.get(18)?,
        fell_back_to: fell_back_to.transpose().map_err(unreadable(19))?,
        again: again(row)?,
        over: row.get(22)?,
    })
}

fn again(row: &SqlRow<'_>) -> rusqlite::Result<Option<Again>> {
    let replay: Option<i64> = row.get(20)?;
    let fresh = row.get(21)?;
    Ok(replay.map(|replay| Again { replay: ReplayId::from_row(replay), fresh }))
}

fn step(row: &SqlRow<'_>) -> rusqlite::Result<Option<Step>> {
    let Some(key) = row.get_ref(11)?.as_str_or_null()?.and_then(IncidentKey::from_rendered) else { return Ok(None) };
    let phase = if row.get(12)? { Phase::Resolve } else { Phase::Open };
    let opened_by: Option<i64> = row.get(13)?;
    Ok(Some(Step { key, phase, opened_by: opened_by.map(DeliveryId::from_row) }))
}

/// An incident: `route, severity, swept, opened_by, last, ending, last_at, told, closing, resolve_after, resolve_at, receipt,
/// fell_back_to`.
pub fn incident_of(row: &SqlRow<'_>) -> rusqlite::Result<IncidentRow> {
    let number = |column| row.get::<_, Option<i64>>(column);
    let fell_back_to = row.get_ref(12)?.as_str_or_null()?.map(TargetName::parse);
    Ok(IncidentRow {
        route: RouteName::parse(row.get_ref(0)?.as_str()?).map_err(unreadable(0))?,
        severity: row.get_ref(1)?.as_str()?.parse().map_err(unreadable(1))?,
        swept: row.get(2)?,
        opened_by: DeliveryId::from_row(row.get(3)?),
        last: DeliveryId::from_row(row.get(4)?),
        ending: number(5)?.map(DeliveryId::from_row),
        last_at: Timestamp::from_millis(row.get(6)?),
        told: row.get(7)?,
        closing: row.get(8)?,
        resolve_after: number(9)?.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default())),
        resolve_at: number(10)?.map(Timestamp::from_millis),
        receipt: row.get_ref(11)?.as_str_or_null()?.and_then(Receipt::new),
        fell_back_to: fell_back_to.transpose().map_err(unreadable(12))?,
    })
}

/// An event: `record, body`, the body perhaps left out.
pub fn event_of_row(row: &SqlRow<'_>) -> rusqlite::Result<Event> {
    let body: Option<Vec<u8>> = row.get(1)?;
    Event::from_record(row.get_ref(0)?.as_blob()?, body.unwrap_or_default().into()).map_err(unreadable(0))
}

/// A column that does not hold what this version of the relay writes there.
pub fn unreadable<E: std::error::Error + Send + Sync + 'static>(column: usize) -> impl Fn(E) -> rusqlite::Error {
    move |error| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

impl Origin {
    /// As it is kept.
    fn from_number(number: i64) -> Self {
        let all = [Self::Route, Self::Fallback, Self::TimedOut, Self::Replay];
        all.into_iter().find(|origin| *origin as i64 == number).unwrap_or(Self::Route)
    }
}

impl DeliveryState {
    /// As it is kept.
    pub(super) fn from_number(number: i64) -> Self {
        Self::ALL.into_iter().find(|state| *state as i64 == number).unwrap_or(Self::Dead)
    }
}
