//! Drills: made-up events that go all the way, by the real routes to the real targets, to see whether they get there.
//!
//! [`script`] makes the event, [`due`] says when, [`verdict`] how it ended; [`record`] is what is remembered, in a cursor that
//! moves in one transaction with the event that begins a drill and with the report of one that failed. So a drill takes place
//! once, and one that was under way when the relay died is judged by the next one. Knows the [`Inbox`]; knows no routes and
//! no targets: what its events owe, and how they get there, is what everybody's does.

pub mod config;
mod due;
pub mod record;
pub mod script;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::Inbox;
use super::polling::{Asked, Poll, PollError};
use super::schedule::Schedule;
use crate::event::act::{Deed, Signature};
use crate::event::relay::{self, BodyProblem, FailedDrill};
use crate::event::{DrillOutcome, Event, Timestamp};
use crate::names::{CursorName, DrillName, EventId, SourceName};
use crate::store::{Cursor, StoreError};
use crate::telemetry::Metrics;
use due::Due;
use record::{Ended, MOST_UNDER_WAY, Record, Run};
use script::{Script, Stage};

/// From one round to the next: how late a drill may begin, and be judged.
const EVERY: Duration = Duration::from_secs(2);

/// A drill as it is configured, or as somebody asks for it.
#[derive(Debug, Clone)]
pub struct Drill {
    /// What it is called.
    pub name: DrillName,
    /// When it takes place by itself, if it does.
    pub schedule: Option<Schedule>,
    /// What is played.
    pub script: Script,
    /// Which source it plays.
    pub stage: Stage,
    /// How soon everybody must have been told.
    pub within: Duration,
}

/// A drill was not begun.
#[derive(Debug, thiserror::Error)]
pub enum NotBegun {
    /// Too many are under way.
    #[error("{MOST_UNDER_WAY} drills of this name are under way already")]
    TooMany,
    /// What is to be played is no event.
    #[error("the event cannot be read: {} at line {}, column {}", .0.message, .0.line, .0.column)]
    Unreadable(BodyProblem),
    /// The store could not keep it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// All drills of a relay.
pub struct Drills {
    configured: Vec<Drill>,
    stages: Vec<Stage>,
    inbox: Arc<Inbox>,
    metrics: Arc<Metrics>,
    /// As the store has them. Whoever changes one takes it out until the store has it, too.
    records: Mutex<BTreeMap<DrillName, Record>>,
}

impl Drills {
    /// The drills that are configured, and room for those on demand, which may play any of `stages`.
    pub fn new(configured: Vec<Drill>, stages: Vec<Stage>, inbox: Arc<Inbox>, metrics: Arc<Metrics>) -> Self {
        Self { configured, stages, inbox, metrics, records: Mutex::default() }
    }

    /// Those that are configured, in order.
    pub fn configured(&self) -> &[Drill] {
        &self.configured
    }

    /// The source of this name, or the first one.
    pub fn stage(&self, source: Option<&SourceName>) -> Option<&Stage> {
        self.stages.iter().find(|stage| source.is_none_or(|source| stage.source == *source))
    }

    /// What is remembered of one.
    ///
    /// # Errors
    /// When the store could not be asked.
    pub async fn record(&self, name: &DrillName) -> Result<Record, StoreError> {
        let mut records = self.records.lock().await;
        let record = self.take(&mut records, name).await?;
        records.insert(name.clone(), record.clone());
        Ok(record)
    }

    /// Begins one because somebody wants it; the act that it is is kept with it. In one moment there is one of a name.
    ///
    /// # Errors
    /// When too many are under way, it is no event, or it could not be kept: then there is no drill.
    pub async fn begin(&self, drill: &Drill, by: Signature) -> Result<Run, NotBegun> {
        let (name, now) = (&drill.name, by.at);
        let mut records = self.records.lock().await;
        let mut record = self.take(&mut records, name).await?;
        let id = script::id(name, now);
        if let Some(run) = record.of(&id).cloned() {
            records.insert(name.clone(), record);
            return Ok(run);
        }
        if !record.has_room() {
            records.insert(name.clone(), record);
            return Err(NotBegun::TooMany);
        }
        let event = drill.script.play(name, id.clone(), &drill.stage, now).map_err(NotBegun::Unreadable)?;
        let run = drill.run(id, Some(by.author().to_owned()), now);
        record.begin(run.clone());
        let deed = Deed::drill_begun(name, &run.event_id, by);
        self.inbox.accept_for(event, cursor(name, &record)?, deed).await?;
        records.insert(name.clone(), record);
        tracing::info!(drill = %name, event.id = %run.event_id, by = run.by, "a drill was begun");
        Ok(run)
    }

    /// Takes the record out, so that whoever stops half-way leaves it to the store to say how it is.
    async fn take(&self, records: &mut BTreeMap<DrillName, Record>, name: &DrillName) -> Result<Record, StoreError> {
        if let Some(record) = records.remove(name) {
            return Ok(record);
        }
        let Some(written) = self.inbox.cursor(&CursorName::of_drill(name)).await? else { return Ok(Record::default()) };
        let read = serde_json::from_str::<Record>(&written);
        let record = read.unwrap_or_else(|error| {
            tracing::error!(drill = %name, %error, "what is remembered of a drill cannot be read; it begins anew");
            Record::default()
        });
        if let Some((begun_at, took)) = record.passed {
            self.metrics.drill_passed(name, begun_at, Duration::from_millis(took));
        }
        Ok(record)
    }

    /// Judges what is under way, then begins what is due.
    async fn look_after(&self, name: &DrillName, drill: Option<&Drill>, now: Timestamp) -> Result<(), StoreError> {
        let mut records = self.records.lock().await;
        let mut record = self.take(&mut records, name).await?;
        self.judge(name, &mut record, now).await?;
        if let Some((drill, schedule)) = drill.and_then(|drill| Some((drill, drill.schedule.as_ref()?))) {
            match due::due(schedule, record.dealt_with, now) {
                Due::Nothing => {}
                Due::LetGo(moment) => {
                    record.dealt_with = Some(moment);
                    self.inbox.accept_all(Vec::new(), Some(cursor(name, &record)?)).await?;
                }
                Due::Begin(moment) => self.begin_due(drill, moment, &mut record, now).await?,
            }
        }
        records.insert(name.clone(), record);
        Ok(())
    }

    async fn judge(&self, name: &DrillName, record: &mut Record, now: Timestamp) -> Result<(), StoreError> {
        let mut ended = Vec::new();
        for run in record.under_way() {
            let story = self.inbox.story(&run.event_id).await?;
            let story = story.filter(|story| story.event.drill().as_ref() == Some(name));
            let verdict = verdict::verdict(run, story.as_ref().map(|story| story.deliveries.as_slice()), now);
            ended.extend(verdict.map(|ended| (run.clone(), ended)));
        }
        if ended.is_empty() {
            return Ok(());
        }
        ended.iter().for_each(|(run, ended)| record.end(&run.event_id, ended.clone()));
        let reports = ended.iter().filter_map(|(run, ended)| report(name, run, ended, now)).collect();
        self.inbox.accept_all(reports, Some(cursor(name, record)?)).await?;
        ended.iter().for_each(|(run, ended)| self.tell(name, run, ended));
        Ok(())
    }

    fn tell(&self, name: &DrillName, run: &Run, ended: &Ended) {
        self.metrics.drilled(name, ended.outcome);
        if let Some(took) = ended.took_ms {
            self.metrics.drill_passed(name, run.begun_at, Duration::from_millis(took));
        }
        let (outcome, why) = (ended.outcome.as_str(), ended.why.as_deref());
        match ended.outcome {
            DrillOutcome::Failed => tracing::error!(drill = %name, event.id = %run.event_id, why, "a drill failed"),
            _ => tracing::info!(drill = %name, event.id = %run.event_id, outcome, why, "a drill ended"),
        }
    }

    async fn begin_due(
        &self,
        drill: &Drill,
        moment: Timestamp,
        record: &mut Record,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (name, id) = (&drill.name, script::id(&drill.name, moment));
        record.dealt_with = Some(moment);
        let played = match record.has_room() {
            true => drill.script.play(name, id.clone(), &drill.stage, now).map_err(NotBegun::Unreadable),
            false => Err(NotBegun::TooMany),
        };
        let event = played.inspect_err(|error| tracing::error!(drill = %name, %error, "a drill was not begun")).ok();
        if event.is_some() {
            record.begin(drill.run(id.clone(), None, now));
        }
        let begun = event.is_some();
        self.inbox.accept_all(event.into_iter().collect(), Some(cursor(name, record)?)).await?;
        if begun {
            tracing::info!(drill = %name, event.id = %id, "a drill was begun");
        }
        Ok(())
    }
}

impl Drill {
    fn run(&self, event_id: EventId, by: Option<String>, now: Timestamp) -> Run {
        Run { event_id, begun_at: now, until: now.saturating_add(self.within), by, ended: None }
    }
}

fn cursor(name: &DrillName, record: &Record) -> Result<Cursor, StoreError> {
    let written = serde_json::to_string(record);
    let value = written.map_err(|error| StoreError { doing: "write down a drill", detail: error.to_string() })?;
    Ok(Cursor { name: CursorName::of_drill(name), value })
}

fn report(name: &DrillName, run: &Run, ended: &Ended, now: Timestamp) -> Option<Event> {
    let (route, target) = (ended.route.as_ref(), ended.target.as_ref());
    let why = ended.why.as_deref().filter(|_| ended.outcome == DrillOutcome::Failed)?;
    let failed = FailedDrill { drill: name, event: &run.event_id, begun_at: run.begun_at, route, target, why };
    Some(relay::drill_failed(&failed, now))
}

/// The rounds that look after all drills.
pub struct Rounds(pub Arc<Drills>);

#[async_trait]
impl Poll for Rounds {
    fn source(&self) -> SourceName {
        SourceName::relay()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        self.poll_if_due(now).await.map(drop)
    }

    /// One that cannot be looked after keeps no other from it.
    async fn poll_if_due(&self, now: Timestamp) -> Result<Asked, PollError> {
        let on_demand = DrillName::on_demand();
        let configured = self.0.configured.iter().map(|drill| (&drill.name, Some(drill)));
        let mut done = Ok(Asked::NotDue);
        for (name, drill) in configured.chain([(&on_demand, None)]) {
            if let Err(error) = self.0.look_after(name, drill, now).await {
                done = Err(error.into());
            }
        }
        done
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(EVERY)
    }
}
