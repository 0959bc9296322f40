//! No alarm is lost: whatever was to be told was told, or there is a good reason why it was not, and somebody else was told
//! where somebody else was to be.

use castai_relay::deliver::policy::Ambiguous;
use castai_relay::event::Timestamp;
use castai_relay::event::delivery::Reason;
use castai_relay::names::EventId;
use castai_relay::store::{DeliveryRow, DeliveryState};

use super::books::{Facts, must};
use super::fallbacks::{is_untold, tellers};
use super::ledger::{Answer, Flight, in_parts};
use super::lives::{Lives, opens};

pub fn check(facts: &Facts<'_>, lives: &Lives) -> Result<(), String> {
    for (_, row) in facts.rows.values() {
        if row.state == DeliveryState::Delivered {
            continue;
        }
        let id = in_parts(row.id);
        let (at, ended_as) =
            facts.ended_at(row).ok_or_else(|| format!("the end of {id} was not told once: {row:?}"))?;
        let alarm = Alarm { facts, lives, row, id, at, ended_as };
        match row.state {
            DeliveryState::Silenced => alarm.was_silent()?,
            DeliveryState::Superseded => alarm.was_over()?,
            DeliveryState::Dead => {
                alarm.died_for_a_reason()?;
                alarm.was_reported()?;
                alarm.was_told_elsewhere()?;
            }
            DeliveryState::Pending | DeliveryState::Delivered => {}
        }
    }
    Ok(())
}

/// One that its target did not take.
struct Alarm<'a> {
    facts: &'a Facts<'a>,
    lives: &'a Lives,
    row: &'a DeliveryRow,
    id: String,
    at: Timestamp,
    /// When it ended, among all that happened.
    ended_as: usize,
}

impl Alarm<'_> {
    fn is_quiet(&self) -> bool {
        self.facts.is_quiet(self.row, self.at, self.ended_as)
    }

    fn was_silent(&self) -> Result<(), String> {
        must(self.is_quiet(), || format!("{} was silenced at {}, and nothing was", self.id, self.at))
    }

    /// By an end that came, after it began; an end, where nobody had heard that it began.
    fn was_over(&self) -> Result<(), String> {
        if self.row.owed.is_resolve() {
            // Whether anybody had heard is looked at with the incident.
            return Ok(());
        }
        must(opens(self.row), || format!("{} is a plain alarm, and superseded", self.id))?;
        let is_over = self.lives.is_over(self.row.id, self.ended_as);
        must(is_over, || format!("{} was superseded at {}, and nothing ends it", self.id, self.at))
    }

    fn died_for_a_reason(&self) -> Result<(), String> {
        let policy = &self.facts.plan.addressee(&self.row.owed.target).policy;
        let flights = self.facts.flights.get(&self.row.id).map(Vec::as_slice).unwrap_or_default();
        let died_of = |flight: &&&Flight| flight.settled.is_some_and(|(_, outcome)| outcome == "dead");
        let answer = flights.last().filter(died_of).and_then(|flight| flight.returned).map(|(_, answer)| answer);
        let gives_up = policy.ambiguous == Ambiguous::GiveUp;
        let was_cut_short = || flights.last().is_some_and(|last| last.settled.is_none());
        let holds = match self.row.reason {
            Some(Reason::Expired) => {
                let since = self.facts.owed_since(self.row).map(|(_, at)| at);
                since.is_none_or(|since| self.at > since.saturating_add(policy.max_age.get()))
            }
            Some(Reason::MessageRefused) => answer == Some(Answer::MessageRefused),
            Some(Reason::Ambiguous) => gives_up && (answer == Some(Answer::Doubt) || was_cut_short()),
            Some(Reason::Internal) => gives_up && answer == Some(Answer::Panic),
            _ => false,
        };
        must(holds, || format!("{} died at {} for no reason: {:?}", self.id, self.at, self.row))
    }

    fn was_reported(&self) -> Result<(), String> {
        if self.facts.event_of(self.row.id).event.type_name() == "relay.delivery_dead" {
            return Ok(());
        }
        let (hour, reason) = (&self.at.to_string()[..13], self.row.reason.unwrap());
        let (target, route) = (&self.row.owed.target, &self.row.owed.route);
        let report = EventId::from_sender(None, &format!("delivery_dead/{target}/{route}/{reason}/{hour}"));
        let is_reported = self.facts.notes.numbers.contains_key(&report);
        must(is_reported, || format!("nobody was told that {} is dead ({report})", self.id))
    }

    /// Unless nobody was to hear of it any more, or it was no news: an end goes to whoever heard of the beginning.
    fn was_told_elsewhere(&self) -> Result<(), String> {
        let policy = &self.facts.plan.addressee(&self.row.owed.target).policy;
        let Some(fallback) = policy.fallback.as_ref().filter(|_| !self.row.owed.is_resolve()) else { return Ok(()) };
        let is_over = |happened| self.lives.is_over(self.row.id, happened);
        if self.row.fell_back_to.is_none() {
            let is_no_news = self.is_quiet() || is_over(self.ended_as);
            return must(is_no_news, || format!("{} is dead and nobody else was told", self.id));
        }
        let all = tellers(self.facts.event_of(self.row.id), fallback);
        let is_told = all.clone().any(|row| !is_untold(row));
        // What the same route owes there was judged there.
        let is_judged_there = all.clone().any(|row| row.owed.route == self.row.owed.route);
        let untold_as = all.filter_map(|row| self.facts.ended_at(row)).map(|(_, ended_as)| ended_as).max();
        must(is_told || is_judged_there || untold_as.is_some_and(is_over), || {
            format!("{} is dead, and whoever was to tell {fallback} instead did not", self.id)
        })
    }
}
