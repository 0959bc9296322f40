//! What fell back: to the right one, once, and when; so far as it can be told from outside.

use std::collections::HashMap;

use castai_relay::event::Timestamp;
use castai_relay::event::delivery::Owed;
use castai_relay::names::{DeliveryId, TargetName};
use castai_relay::store::{DeliveryRow, DeliveryState, Origin, StoredEvent};

use super::books::{Facts, debt, must};
use super::ledger::in_parts;

/// Who hears of the event at this target, or was to; in the order in which they came.
pub fn tellers<'a>(story: &'a StoredEvent, target: &'a TargetName) -> impl Iterator<Item = &'a DeliveryRow> + Clone {
    story.deliveries.iter().filter(move |row| row.owed.target == *target && !row.owed.is_resolve())
}

/// Who left it to others to tell this target.
pub fn relying<'a>(story: &'a StoredEvent, target: &'a TargetName) -> impl Iterator<Item = &'a DeliveryRow> + Clone {
    story.deliveries.iter().filter(move |row| row.fell_back_to.as_ref() == Some(target))
}

/// Nobody hears of it by this one.
pub fn is_untold(row: &DeliveryRow) -> bool {
    matches!(row.state, DeliveryState::Silenced | DeliveryState::Superseded)
}

/// Everything of this event that fell back did so to the right one, and nobody is told twice because of that.
pub fn check(facts: &Facts<'_>, story: &StoredEvent) -> Result<(), String> {
    let copies = story.deliveries.iter().filter(|row| row.origin == Origin::Fallback && !row.owed.is_resolve());
    for copy in copies {
        let (target, id) = (&copy.owed.target, in_parts(copy.id));
        let same = |row: &&DeliveryRow| debt(&row.owed) == debt(&copy.owed);
        let reasons = relying(story, target).filter(|row| stands_for(copy, row)).count();
        let all = tellers(story, target).filter(same).filter(|row| row.origin == Origin::Fallback).count();
        must(all <= reasons, || format!("{id} fell back from nowhere"))?;
        let earlier = tellers(story, target).filter(|row| row.id < copy.id).find(|row| !is_untold(row));
        must(earlier.is_none(), || format!("{id} tells {target} again of what it hears by {earlier:?}"))?;
    }
    for row in &story.deliveries {
        let Some(to) = &row.fell_back_to else { continue };
        let id = in_parts(row.id);
        let policy = &facts.plan.addressee(&row.owed.target).policy;
        must(policy.fallback.as_ref() == Some(to), || format!("{id} fell back to {to}"))?;
        must(!row.owed.is_resolve(), || format!("{id} ends an incident and fell back"))?;
        must(tellers(story, to).next().is_some(), || format!("{id} fell back, and nobody tells {to}"))?;
    }
    Ok(())
}

/// Whether this copy may stand for that delivery.
pub fn stands_for(copy: &DeliveryRow, row: &DeliveryRow) -> bool {
    debt(&Owed { target: copy.owed.target.clone(), ..row.owed.clone() }) == debt(&copy.owed)
}

/// When it came to be owed, or fell back: among all that happened.
pub type When = (usize, Timestamp);

impl Facts<'_> {
    /// When this one fell back, if it did.
    pub fn fell_back_as(&self, row: &DeliveryRow) -> Option<When> {
        row.fell_back_to.as_ref()?;
        let story = self.event_of(row.id);
        // Where a route owes it to a target that also stands in for another one, it may have been asked of that one before.
        let same = tellers(story, &row.owed.target).filter(|other| other.owed.route == row.owed.route);
        let earlier = same.filter(|other| other.id < row.id).filter_map(|other| self.ended_at(other));
        let earlier = earlier.map(|(_, ended_as)| ended_as).max();
        let asked =
            self.notes.spoken.get(&(story.event.id.clone(), row.owed.route.clone(), row.owed.target.clone()))?;
        asked.iter().copied().find(|(asked_as, _)| earlier.is_none_or(|earlier| *asked_as > earlier))
    }

    /// When each copy was made.
    pub fn copied(&self) -> HashMap<DeliveryId, When> {
        let copies = self.rows.values().map(|(_, row)| row);
        let copies = copies.filter(|row| row.origin == Origin::Fallback && !row.owed.is_resolve());
        copies.filter_map(|copy| Some((copy.id, self.copied_as(copy)?))).collect()
    }

    /// When the first fell back that nobody else spared it, or when the last one that was to be told ended untold.
    fn copied_as(&self, copy: &DeliveryRow) -> Option<When> {
        let story = self.event_of(copy.id);
        let earlier = tellers(story, &copy.owed.target).filter(|row| row.id < copy.id);
        let untold = earlier.clone().filter_map(|row| self.ended_at(row)).map(|(at, ended_as)| (ended_as, at)).max();
        let fell_back = relying(story, &copy.owed.target).filter(|row| stands_for(copy, row));
        let fell_back = fell_back.filter_map(|row| self.fell_back_as(row));
        let is_judged_there = earlier.clone().any(|row| row.owed.route == copy.owed.route);
        match untold {
            Some(untold) if !is_judged_there && fell_back.clone().any(|when| when < untold) => Some(untold),
            untold => fell_back.filter(|when| untold.is_none_or(|untold| *when > untold)).min(),
        }
    }

    /// Since when it is owed; `None` for what timed out, which cannot be told from outside.
    pub fn owed_since(&self, row: &DeliveryRow) -> Option<When> {
        let known = &self.notes.known[self.rows[&row.id].0];
        match row.origin {
            Origin::TimedOut => None,
            Origin::Fallback if !row.owed.is_resolve() => self.copied.get(&row.id).copied(),
            _ => Some((known.kept_as, known.at)),
        }
    }
}
