//! The attempts that are under way: how many may join them, and waiting for them to end.

use std::pin::{Pin, pin};

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::Policy;

type Attempt<'a> = Pin<Box<dyn Future<Output = bool> + Send + 'a>>;

/// The attempts of one target.
pub struct InFlight<'a> {
    attempts: FuturesUnordered<Attempt<'a>>,
    old: usize,
    places: usize,
    old_places: usize,
}

impl<'a> InFlight<'a> {
    /// None yet.
    pub fn new(policy: &Policy) -> Self {
        let share = usize::try_from(policy.retry.share.get()).unwrap_or(100);
        let old_places = (policy.concurrency * share).div_ceil(100);
        Self { attempts: FuturesUnordered::new(), old: 0, places: policy.concurrency, old_places }
    }

    /// Places that are free, and how many of them old deliveries may take.
    pub fn free(&self) -> (usize, usize) {
        (self.places.saturating_sub(self.attempts.len()), self.old_places.saturating_sub(self.old))
    }

    /// Whether it is worth claiming: a claim costs a transaction, so where there are many places it is for several.
    pub fn wants_more(&self) -> bool {
        let (free, _) = self.free();
        self.attempts.is_empty() || free >= self.places.div_ceil(4)
    }

    /// One more.
    pub fn add(&mut self, is_old: bool, attempt: impl Future<Output = ()> + Send + 'a) {
        self.old += usize::from(is_old);
        self.attempts.push(Box::pin(async move {
            attempt.await;
            is_old
        }));
    }

    /// Waits until one has ended; for ever when there is none.
    pub async fn one_ended(&mut self) {
        match self.attempts.next().await {
            Some(was_old) => self.old -= usize::from(was_old),
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended.
    pub async fn all_ended(&mut self) {
        while self.attempts.next().await.is_some() {}
    }

    /// Waits for `work` and lets the attempts go on meanwhile: a slow store must not make them look slow.
    pub async fn beside<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                done = work.as_mut() => return done,
                () = self.one_ended() => {}
            }
        }
    }
}
