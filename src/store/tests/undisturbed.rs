//! Terms that ask nothing of anybody: what is due leaves at once, and alone.

use std::time::Duration;

use super::*;
use crate::event::batch::Gathering;
use crate::names::RouteName;
use crate::target::Limits;

struct Undisturbed;

impl Judge for Undisturbed {
    fn gathering(&self, _: &RouteName) -> Gathering {
        Gathering::default()
    }

    fn ruling(&self, _: &Candidate<'_>, _: Timestamp) -> Ruling {
        Ruling::Leave
    }

    fn report(&self, _: News<'_>, _: Timestamp) -> Vec<Append> {
        Vec::new()
    }
}

/// What holds for every target.
pub fn terms() -> Arc<Terms> {
    Arc::new(Terms {
        tells_many: true,
        rewrites_storms: false,
        limits: Limits::default(),
        lease: Duration::from_secs(60),
        fallback: None,
        keeps_incidents: false,
        judge: Arc::new(Undisturbed),
    })
}

/// Whatever is due for a target.
pub fn claim(target: &TargetName, now: Timestamp) -> Claim {
    Claim { target: target.clone(), now, limit: usize::MAX, old_limit: usize::MAX, terms: terms() }
}
