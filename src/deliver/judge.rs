//! Decides, inside the store's transactions, what the store cannot know: who is too late, who is silent, what is reported.

use std::sync::Arc;
use std::time::Duration;

use super::policy::Ambiguous;
use super::quiet::{self, InForce};
use crate::event::batch::Gathering;
use crate::event::delivery::Reason;
use crate::event::relay::{self, ClosedTarget, RelayReport};
use crate::event::{CastAIEvent, Timestamp};
use crate::names::{RouteName, TargetName};
use crate::route::RoutingTable;
use crate::store::{Append, Candidate, End, Judge, News, Ruling};
use crate::target::{Cause, Change, Closed};

/// The judge of one target.
pub struct Ours {
    /// Routes what is reported, and knows how routes gather.
    pub table: Arc<RoutingTable>,
    /// Who is not told, for now.
    pub quiet: InForce,
    /// How old an event may become.
    pub max_age: Duration,
    /// What becomes of what may have arrived.
    pub ambiguous: Ambiguous,
}

impl Judge for Ours {
    fn gathering(&self, route: &RouteName) -> Gathering {
        self.table.gathering(route)
    }

    /// What nobody wanted to hear is no dead letter, however old it is by now. The end of what was told is never silent.
    fn ruling(&self, candidate: &Candidate<'_>, now: Timestamp) -> Ruling {
        let Candidate { event, route, target, severity, ends_what_was_told, again, .. } = *candidate;
        let asked = quiet::Candidate { event, route, target, severity };
        // Who wants it told again wants it now, whatever the hour was when it came.
        let silence = || if again { self.quiet.silence(&asked, now) } else { self.quiet.verdict(&asked, now) };
        if let Some(detail) = (!ends_what_was_told).then(silence).flatten() {
            return Ruling::End(End::Silenced { detail });
        }
        if now > candidate.owed_since.saturating_add(self.max_age) {
            return dead(Reason::Expired, "it waited longer than the target's `max_age`");
        }
        if candidate.interrupted && self.ambiguous == Ambiguous::GiveUp {
            let detail = "an attempt was cut short and may have arrived; \
                          not sent again, because the target has `ambiguous: give_up`";
            return dead(Reason::Ambiguous, detail);
        }
        Ruling::Leave
    }

    /// A dead letter about a dead letter raises nothing, or they would never end.
    fn report(&self, news: News<'_>, now: Timestamp) -> Vec<Append> {
        let event = match news {
            News::GivenUp(given_up) if given_up.event.kind == CastAIEvent::Relay(RelayReport::DeliveryDead) => {
                return Vec::new();
            }
            News::GivenUp(given_up) => relay::delivery_dead(given_up, now),
            News::Change { target, change: Change::Paused(closed) } => relay::target_paused(&of(target, closed), now),
            News::Change { target, change: Change::Resumed(closed) } => relay::target_resumed(&of(target, closed), now),
        };
        let owed = self.table.route(&event).owed;
        vec![Append { event, owed, routed_by: self.table.id(), deed: None }]
    }
}

fn dead(reason: Reason, detail: &str) -> Ruling {
    Ruling::End(End::Dead { reason, detail: detail.to_owned() })
}

/// How many wait is not asked here: the store is in the middle of a transaction.
fn of<'a>(target: &'a TargetName, closed: &'a Closed) -> ClosedTarget<'a> {
    ClosedTarget {
        target,
        refuses: closed.cause == Cause::Refusing,
        turned: closed.turned,
        reason: closed.reason,
        detail: &closed.detail,
        since: closed.since,
        probes: closed.probes,
        waiting: None,
    }
}
