//! The demo's book-keeping: what was answered, what is stored, what was heard, and whether the three agree.

use std::collections::BTreeMap;
use std::io::Write;

use bytes::Bytes;
use serde_json::Value;

use super::Heard;
use crate::cli::Failure;
use crate::event::Timestamp;
use crate::event::relay::{self, BodyProblem};
use crate::names::{EventId, SourceName};
use crate::store::{DeliveryState, Store};

/// Counts kept while the story runs.
#[derive(Default)]
pub struct Tally {
    accepted: Vec<EventId>,
    duplicates: usize,
    rejected: Vec<EventId>,
    refused: usize,
    heard: BTreeMap<&'static str, usize>,
    not_shown: usize,
    reports: usize,
}

impl Tally {
    /// The relay answered a call.
    pub fn answered(&mut self, status: u16, answer: &str, sent: Bytes, now: Timestamp) {
        let answer: Value = serde_json::from_str(answer).unwrap_or_default();
        let id = answer.get("id").and_then(Value::as_str).and_then(|id| EventId::parse(id).ok());
        match (status, answer.get("duplicate").and_then(Value::as_bool), id) {
            (200, Some(false), Some(id)) => self.accepted.push(id),
            (200, Some(true), _) => self.duplicates += 1,
            (400, ..) => self.rejected.extend(kept_as(sent, now)),
            _ => self.refused += 1,
        }
    }

    /// A stand-in was called.
    pub fn heard(&mut self, heard: &Heard) {
        match heard {
            Heard::Slack { works: false, .. } => self.not_shown += 1,
            // Whether the outage is long enough to be reported depends on the speed; nobody sent these.
            Heard::Slack { works: true, text } if text.starts_with("Target slack-ops") => self.reports += 1,
            Heard::Slack { works: true, .. } => *self.heard.entry("slack-ops").or_default() += 1,
            Heard::PagerDuty { .. } => *self.heard.entry("oncall").or_default() += 1,
        }
    }

    /// Prints the sums, and says whether they agree.
    pub async fn summarise(&self, store: &dyn Store, out: &mut dyn Write) -> Result<bool, Failure> {
        let (accepted, rejected) = (self.accepted.len(), self.rejected.len());
        let calls = accepted + self.duplicates + rejected + self.refused;
        writeln!(
            out,
            "\n{calls} calls = {accepted} accepted + {} duplicates + {rejected} rejected (and kept) + {} refused",
            self.duplicates, self.refused
        )?;
        let owed = self.owed(store).await?;
        let mut adds_up = self.refused == 0;
        for (target, (delivered, total)) in &owed {
            let heard = self.heard.get(target.as_str()).copied().unwrap_or_default();
            adds_up &= delivered == total && heard == *total;
            writeln!(out, "{target}: {total} messages owed, {delivered} delivered, {heard} heard there")?;
        }
        writeln!(
            out,
            "attempts during Slack's outage: {}, each tried again, none lost, none told twice; the relay's reports of it: {}",
            self.not_shown, self.reports
        )?;
        writeln!(out, "{}", if adds_up { "everything adds up" } else { "this does NOT add up" })?;
        Ok(adds_up)
    }

    /// For each stand-in: deliveries delivered, and deliveries owed, as the store has them.
    async fn owed(&self, store: &dyn Store) -> Result<BTreeMap<String, (usize, usize)>, Failure> {
        let mut owed: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        for id in self.accepted.iter().chain(&self.rejected) {
            let stored =
                store.event(id).await?.ok_or_else(|| anyhow::anyhow!("event {id} was accepted and is not stored"))?;
            for row in stored.deliveries {
                let (delivered, total) = owed.entry(row.owed.target.to_string()).or_default();
                *delivered += usize::from(row.state == DeliveryState::Delivered);
                *total += 1;
            }
        }
        Ok(owed)
    }
}

/// The id under which the relay keeps a body it rejected; the fault itself is not part of it.
fn kept_as(body: Bytes, now: Timestamp) -> Option<EventId> {
    let any = BodyProblem { message: String::new(), line: 0, column: 0, hint: "" };
    let source = SourceName::parse("castai").ok()?;
    Some(relay::body_rejected(&source, body, &any, now).id)
}
