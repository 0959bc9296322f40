//! A clock for what waits: every wait is over at once, and the time has moved by it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::runtime::{Clock, ManualClock, Pending};

/// Clones share the time. Whoever sleeps moves it for all.
#[derive(Debug, Clone)]
pub struct HurriedClock {
    time: ManualClock,
    waits: Arc<Mutex<Vec<Duration>>>,
}

impl HurriedClock {
    pub fn starting_at(start: &str) -> Self {
        Self::moving(ManualClock::starting_at(Timestamp::parse(start).unwrap()))
    }

    /// Moves this clock.
    pub fn moving(time: ManualClock) -> Self {
        Self { time, waits: Arc::default() }
    }

    /// Every wait so far, in order.
    pub fn waits(&self) -> Vec<Duration> {
        self.waits.lock().unwrap().clone()
    }
}

impl Clock for HurriedClock {
    fn now(&self) -> Timestamp {
        self.time.now()
    }

    fn sleep_until(&self, at: Timestamp) -> Pending {
        let wait = at.saturating_since(self.now());
        self.waits.lock().unwrap().push(wait);
        self.time.advance(wait);
        Box::pin(tokio::task::yield_now())
    }
}
