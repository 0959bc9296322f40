//! The rows of the queue in SQLite. Each call runs inside the writer's transaction.
//!
//! Knows SQL and values; what becomes of them is for [`crate::store::queue`].

use rusqlite::{OptionalExtension, Row as SqlRow, params};

use super::acts;
use super::columns::{event_of_row, incident_of};
use super::events::Encoded;
use super::rowwise::Done;
use super::together::{index, together, which};
use super::writer::Database;
use crate::event::act::Deed;
use crate::event::aftermath::Aftermath;
use crate::event::batch::Receipt;
use crate::event::delivery::{Phase, Reason};
use crate::event::ledger::Fact;
use crate::event::{Event, Timestamp};
use crate::names::{DeliveryId, IncidentKey, RouteName, TargetName};
use crate::store::queue::claim::fresh_since;
use crate::store::queue::{End, IncidentRow, Lane, Origin, PER_EVENT, Row, Rows, Slot, SlotName, StormClock, event_of};
use crate::store::{Append, Appended};
use crate::target::TargetState;

/// Held by nobody at the time `?5`: what is held is due when its lease ends.
const FREE_AT_5: &str = "(lease IS NULL OR due_at <= ?5)";

impl Rows for Database {
    type Error = rusqlite::Error;

    fn target(&mut self, name: &TargetName) -> Done<TargetState> {
        super::read::standing(&self.connection, name)
    }

    fn keep_target(&mut self, name: &TargetName, state: &TargetState) -> Done<()> {
        let state =
            serde_json::to_string(state).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let sql =
            "INSERT INTO targets (name, state) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET state = excluded.state";
        self.change(sql, params![name.as_str(), state])
    }

    fn keep_act(&mut self, deed: Deed) -> Done<()> {
        acts::keep(&self.connection, deed)
    }

    fn insert(&mut self, row: &Row) -> Done<()> {
        let (id, route, target, severity) =
            (row.id.row(), row.route.as_str(), row.target.as_str(), row.severity.as_str());
        let (due_at, received_at) = (row.due_at.as_millis(), row.received_at.as_millis());
        if row.is_plain() {
            let sql = "INSERT INTO deliveries (id, route, target, severity, due_at, received_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            return self.change(sql, params![id, route, target, severity, due_at, received_at]);
        }
        let sql = "INSERT INTO deliveries (id, route, target, severity, due_at, received_at,
                                           origin, group_key, swept, incident, resolves, opened_by, behind, told,
                                           replay, fresh_key)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
        let step = row.incident.as_ref();
        self.change(
            sql,
            params![
                id,
                route,
                target,
                severity,
                due_at,
                received_at,
                row.origin as i64,
                row.group.as_ref().map(|key| key.as_str()),
                i64::from(row.swept) + i64::from(row.stormed),
                step.map(|step| step.key.as_str()),
                step.is_some_and(|step| step.phase == Phase::Resolve),
                step.and_then(|step| step.opened_by).map(DeliveryId::row),
                row.behind,
                row.told,
                row.again.map(|again| again.replay.row()),
                row.again.is_some_and(|again| again.fresh),
            ],
        )
    }

    fn sibling(&mut self, of: DeliveryId) -> Done<Option<DeliveryId>> {
        let number = event_of(of);
        let first = number * PER_EVENT;
        let mut select = self.connection.prepare_cached(
            "SELECT ifnull((SELECT max(id) + 1 FROM deliveries WHERE id BETWEEN ?2 AND ?3), ?2) FROM events WHERE seq = ?1",
        )?;
        let next: Option<i64> =
            select.query_row(params![number, first, first + PER_EVENT - 1], |row| row.get(0)).optional()?;
        Ok(next.filter(|next| *next < first + PER_EVENT).map(DeliveryId::from_row))
    }

    fn is_relied_on(&mut self, of: DeliveryId, target: &TargetName) -> Done<bool> {
        let first = event_of(of) * PER_EVENT;
        let mut select = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM deliveries WHERE id BETWEEN ?1 AND ?2 AND fell_back_to = ?3)",
        )?;
        select.query_row(params![first, first + PER_EVENT - 1, target.as_str()], |row| row.get(0))
    }

    fn of_event(&mut self, of: DeliveryId) -> Done<Vec<Row>> {
        let first = event_of(of) * PER_EVENT;
        self.many("WHERE id BETWEEN ?1 AND ?2 ORDER BY id", params![first, first + PER_EVENT - 1])
    }

    fn last_id(&mut self) -> Done<i64> {
        let mut select = self.connection.prepare_cached("SELECT ifnull(max(id), 0) FROM deliveries")?;
        select.query_row([], |row| row.get(0))
    }

    fn row(&mut self, id: DeliveryId) -> Done<Option<Row>> {
        self.one("WHERE id = ?1", params![id.row()])
    }

    fn update(&mut self, row: &Row) -> Done<()> {
        let sql =
            "UPDATE deliveries SET attempts = ?2, tried = ?3, behind = ?4, told = ?5, lease = ?6, interrupted = ?7,
                   due_at = ?8, fell_back_to = ?9 WHERE id = ?1";
        let lease = row.held.map(|lease| lease.0);
        let fell_back_to = row.fell_back_to.as_ref().map(TargetName::as_str);
        self.change(
            sql,
            params![
                row.id.row(),
                row.attempts,
                row.tried,
                row.behind,
                row.told,
                lease,
                row.interrupted,
                row.due_at.as_millis(),
                fell_back_to
            ],
        )
    }

    fn note_failure(&mut self, id: DeliveryId, reason: Reason, detail: &str) -> Done<()> {
        self.change(
            "UPDATE deliveries SET reason = ?2, detail = ?3 WHERE id = ?1",
            params![id.row(), reason.as_str(), detail],
        )
    }

    fn last_failure(&mut self, id: DeliveryId) -> Done<Option<String>> {
        let mut select = self.connection.prepare_cached("SELECT detail FROM deliveries WHERE id = ?1")?;
        Ok(select.query_row([id.row()], |row| row.get(0)).optional()?.flatten())
    }

    fn end_delivered(&mut self, id: DeliveryId, receipt: Option<&Receipt>, at: Timestamp) -> Done<()> {
        let sql =
            "UPDATE deliveries SET state = 1, lease = NULL, interrupted = 0, behind = 0, settled_at = ?2, receipt = ?3
                   WHERE id = ?1";
        self.change(sql, params![id.row(), at.as_millis(), receipt.map(Receipt::as_str)])
    }

    fn revive(&mut self, row: &Row) -> Done<()> {
        let sql = "UPDATE deliveries SET state = 0, tried = ?2, behind = ?3, told = ?4, lease = NULL, interrupted = 0, due_at = ?5,
                   received_at = ?6, opened_by = ?7, settled_at = NULL WHERE id = ?1";
        let opened_by = row.incident.as_ref().and_then(|step| step.opened_by).map(DeliveryId::row);
        let (due_at, received_at) = (row.due_at.as_millis(), row.received_at.as_millis());
        self.change(sql, params![row.id.row(), row.tried, row.behind, row.told, due_at, received_at, opened_by])
    }

    fn end(&mut self, id: DeliveryId, end: &End, at: Timestamp) -> Done<()> {
        let sql = "UPDATE deliveries SET state = ?2, lease = NULL, interrupted = 0, behind = 0, settled_at = ?3,
                   reason = ?4, detail = ?5 WHERE id = ?1";
        let (state, reason) = (end.state() as i64, end.reason().map(Reason::as_str));
        self.change(sql, params![id.row(), state, at.as_millis(), reason, end.detail()])
    }

    fn head(&mut self, target: &TargetName, lane: Lane, now: Timestamp) -> Done<Option<Row>> {
        let (target, fresh_at, now) = (target.as_str(), fresh_since(now).as_millis() + 1, now.as_millis());
        // One bound on each side: of two on one side the planner takes the wrong one, and walks through all that is due.
        let from = "INDEXED BY deliveries_due WHERE target = ?1 AND behind = 0 AND state = 0 AND tried =";
        let fresh = || {
            let tail = format!("{from} 0 AND due_at BETWEEN ?3 AND ?2 ORDER BY due_at, id");
            self.one(&tail, params![target, now, fresh_at])
        };
        let waiting = || self.one(&format!("{from} 0 AND due_at < ?2 ORDER BY due_at, id"), params![target, fresh_at]);
        let tried =
            |order: &str| self.one(&format!("{from} 1 AND due_at <= ?2 ORDER BY {order}"), params![target, now]);
        match lane {
            Lane::Fresh => fresh(),
            Lane::Old => Ok(waiting()?.into_iter().chain(tried("id")?).min_by_key(|row| row.id)),
            Lane::Probe => match fresh()? {
                None => waiting()?.map_or_else(|| tried("due_at, id"), |row| Ok(Some(row))),
                found => Ok(found),
            },
        }
    }

    fn gather(&mut self, of: &SlotName, now: Timestamp, limit: usize) -> Done<Vec<Row>> {
        let (condition, group, key) = together(of);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let with = params![of.target.as_str(), of.route.as_str(), group, key, now.as_millis(), limit];
        self.many(&format!("INDEXED BY {} WHERE {condition} AND {FREE_AT_5} ORDER BY id LIMIT ?6", index(of)), with)
    }

    fn postpone(&mut self, of: &SlotName, now: Timestamp, until: Timestamp) -> Done<()> {
        let (condition, group, key) = together(of);
        // By what is due: that is little, and the group may be large.
        let sql = format!(
            "UPDATE deliveries INDEXED BY deliveries_due SET due_at = ?6
             WHERE {condition} AND behind = 0 AND tried IN (0, 1) AND due_at <= ?5"
        );
        let (target, route) = (of.target.as_str(), of.route.as_str());
        self.change(&sql, params![target, route, group, key, now.as_millis(), until.as_millis()])
    }

    fn reschedule(&mut self, of: &SlotName, from: Timestamp, to: Timestamp) -> Done<()> {
        let (condition, group, key) = together(of);
        let sql = format!(
            "UPDATE deliveries INDEXED BY {} SET due_at = ?6 WHERE {condition} AND lease IS NULL AND due_at = ?5",
            index(of)
        );
        let (target, route) = (of.target.as_str(), of.route.as_str());
        self.change(&sql, params![target, route, group, key, from.as_millis(), to.as_millis()])
    }

    fn of_incident(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Done<Vec<Row>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let after = after.map_or(i64::MIN, DeliveryId::row);
        let tail = "INDEXED BY deliveries_incident
                    WHERE target = ?1 AND incident = ?2 AND state = 0 AND id > ?3 ORDER BY id LIMIT ?4";
        self.many(tail, params![target.as_str(), key.as_str(), after, limit])
    }

    fn dead_openings(
        &mut self,
        target: &TargetName,
        key: &IncidentKey,
        after: Option<DeliveryId>,
        limit: usize,
    ) -> Done<Vec<DeliveryId>> {
        let mut select = self.connection.prepare_cached(
            "SELECT id FROM deliveries INDEXED BY deliveries_dead_openings
             WHERE target = ?1 AND incident = ?2 AND state = 2 AND resolves = 0 AND is_over = 0 AND id > ?3
             ORDER BY id LIMIT ?4",
        )?;
        let (after, limit) = (after.map_or(i64::MIN, DeliveryId::row), i64::try_from(limit).unwrap_or(i64::MAX));
        let ids = select.query_map(params![target.as_str(), key.as_str(), after, limit], |row| row.get(0))?;
        ids.map(|id| id.map(DeliveryId::from_row)).collect()
    }

    fn is_over(&mut self, dead: DeliveryId) -> Done<()> {
        self.change("UPDATE deliveries SET is_over = 1 WHERE id = ?1", params![dead.row()])
    }

    fn last_of_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<Option<Row>> {
        let tail = "INDEXED BY deliveries_incident WHERE target = ?1 AND incident = ?2 AND state = 0 ORDER BY id DESC";
        self.one(tail, params![target.as_str(), key.as_str()])
    }

    fn not_fallen_back(&mut self, target: &TargetName, after: i64, limit: usize) -> Done<Vec<Row>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let tail = "INDEXED BY deliveries_of_target
                    WHERE target = ?1 AND state = 0 AND id > ?2 AND fell_back_to IS NULL ORDER BY id LIMIT ?3";
        self.many(tail, params![target.as_str(), after, limit])
    }

    fn incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<Option<IncidentRow>> {
        let mut select = self.connection.prepare_cached(
            "SELECT route, severity, swept, opened_by, last, ending, last_at, told, closing, resolve_after, resolve_at,
                    receipt, fell_back_to FROM incidents WHERE target = ?1 AND key = ?2",
        )?;
        select.query_row(params![target.as_str(), key.as_str()], incident_of).optional()
    }

    fn keep_incident(&mut self, target: &TargetName, key: &IncidentKey, row: &IncidentRow) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO incidents (target, key, route, severity, swept, opened_by, last, ending, last_at, told,
                                                     closing, resolve_after, resolve_at, receipt, fell_back_to)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
        let resolve_after = row.resolve_after.map(|after| i64::try_from(after.as_millis()).unwrap_or(i64::MAX));
        self.change(
            sql,
            params![
                target.as_str(),
                key.as_str(),
                row.route.as_str(),
                row.severity.as_str(),
                row.swept,
                row.opened_by.row(),
                row.last.row(),
                row.ending.map(DeliveryId::row),
                row.last_at.as_millis(),
                row.told,
                row.closing,
                resolve_after,
                row.resolve_at.map(Timestamp::as_millis),
                row.receipt.as_ref().map(Receipt::as_str),
                row.fell_back_to.as_ref().map(TargetName::as_str),
            ],
        )
    }

    fn forget_incident(&mut self, target: &TargetName, key: &IncidentKey) -> Done<()> {
        self.change("DELETE FROM incidents WHERE target = ?1 AND key = ?2", params![target.as_str(), key.as_str()])
    }

    fn first_to_time_out(&mut self, target: &TargetName) -> Done<Option<(IncidentKey, Timestamp)>> {
        super::read::first_to_time_out(&self.connection, target)
    }

    fn slot(&mut self, name: &SlotName) -> Done<Slot> {
        let mut select = self.connection.prepare_cached(
            "SELECT not_before, held, storm_since, receipt, told FROM slots
             WHERE target = ?1 AND route = ?2 AND which = ?3",
        )?;
        let read = |row: &SqlRow<'_>| {
            let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
            let receipt: Option<String> = row.get(3)?;
            let receipt = receipt.as_deref().and_then(Receipt::new);
            // What nobody can read was told by nobody: then the storm has a new message.
            let told = row.get_ref(4)?.as_str().ok().and_then(|text| serde_json::from_str(text).ok());
            Ok(Slot { not_before: time(0)?, held: row.get(1)?, storm_since: time(2)?, receipt, told })
        };
        let found =
            select.query_row(params![name.target.as_str(), name.route.as_str(), which(name)], read).optional()?;
        Ok(found.unwrap_or_default())
    }

    fn keep_slot(&mut self, name: &SlotName, slot: &Slot) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO slots (target, route, which, not_before, held, storm_since, receipt, told)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let [not_before, storm_since] = [slot.not_before, slot.storm_since].map(|at| at.map(Timestamp::as_millis));
        let receipt = slot.receipt.as_ref().map(Receipt::as_str);
        let told = slot.told.as_ref().map(serde_json::to_string).transpose();
        let told = told.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        let (target, route) = (name.target.as_str(), name.route.as_str());
        self.change(sql, params![target, route, which(name), not_before, slot.held, storm_since, receipt, told])
    }

    fn forget_slots(&mut self, target: &TargetName, before: Timestamp) -> Done<()> {
        let sql = "DELETE FROM slots WHERE (target, route, which) IN (
                       SELECT target, route, which FROM slots
                       WHERE target = ?1 AND held = 0 AND not_before < ?2 LIMIT 16)";
        self.change(sql, params![target.as_str(), before.as_millis()])
    }

    fn storm(&mut self, route: &RouteName) -> Done<StormClock> {
        let mut select = self.connection.prepare_cached("SELECT empty_at, since FROM storms WHERE route = ?1")?;
        let read = |row: &SqlRow<'_>| {
            let since: Option<i64> = row.get(1)?;
            Ok(StormClock { empty_at: row.get(0)?, since: since.map(Timestamp::from_millis) })
        };
        Ok(select.query_row([route.as_str()], read).optional()?.unwrap_or_default())
    }

    fn keep_storm(&mut self, route: &RouteName, clock: StormClock) -> Done<()> {
        let sql = "INSERT OR REPLACE INTO storms (route, empty_at, since) VALUES (?1, ?2, ?3)";
        self.change(sql, params![route.as_str(), clock.empty_at, clock.since.map(Timestamp::as_millis)])
    }

    fn receipt(&mut self, id: DeliveryId) -> Done<Option<Receipt>> {
        let mut select = self.connection.prepare_cached("SELECT receipt FROM deliveries WHERE id = ?1")?;
        let text: Option<Option<String>> = select.query_row([id.row()], |row| row.get(0)).optional()?;
        Ok(text.flatten().as_deref().and_then(Receipt::new))
    }

    fn event(&mut self, of: DeliveryId, with_body: bool) -> Done<Result<Event, String>> {
        let mut select =
            self.connection.prepare_cached("SELECT record, CASE WHEN ?2 THEN body END FROM events WHERE seq = ?1")?;
        // A column that holds something else is as unreadable as a record that is no JSON: no reason to fail the claim.
        let read = |row: &SqlRow<'_>| Ok(event_of_row(row).map_err(|error| error.to_string()));
        let found = select.query_row(params![event_of(of), with_body], read).optional()?;
        Ok(found.unwrap_or_else(|| Err("its event is gone".to_owned())))
    }

    fn note(&mut self, event: i64, at: Timestamp, fact: &Fact) -> Done<()> {
        super::ledger::note(&self.connection, event, at, fact)
    }

    fn raise(&mut self, append: Append, after: &mut Aftermath) -> Done<()> {
        let failed = |error: crate::store::StoreError| rusqlite::Error::ToSqlConversionFailure(Box::new(error));
        let event = append.event.clone();
        if Encoded::from_append(append).map_err(failed)?.append(self, after)? == Appended::New {
            after.raised.push(event);
        }
        Ok(())
    }
}

impl Row {
    /// Whether it is as most are, so that the columns that are rarely used can be left out.
    fn is_plain(&self) -> bool {
        let Row { group, swept, incident, origin, behind, told, .. } = self;
        group.is_none() && !swept && incident.is_none() && *origin == Origin::Route && !behind && !told
    }
}
