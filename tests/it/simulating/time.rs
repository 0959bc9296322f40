//! The time of a simulated day, what the clock shows of it, and who is woken when: one sleeper after the other, in an order
//! that is always the same.
//!
//! A sleeper is awake when it was woken, not when its time has come: so of two that sleep until one moment the first is done
//! with everything before the second one stirs, whatever else makes their tasks look around.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::runtime::{Clock, Pending};

/// When, of those the lowest class, of those who came first.
type Place = (Timestamp, u64, u64);

/// What they sleep by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum By {
    /// What the clock shows, which may be set back meanwhile.
    Clock,
    /// What passes.
    Time,
}

#[derive(Debug)]
struct Sleepers {
    /// How much has passed; the clock is behind by that much.
    now: Timestamp,
    behind: Duration,
    asleep: BTreeMap<(By, Place), Option<Waker>>,
    /// For each class its own, so that what one does changes nothing for the others.
    next: BTreeMap<u64, u64>,
}

/// One hand of the clock: all hands show the same time.
#[derive(Debug, Clone)]
pub struct Time {
    shared: Arc<Mutex<Sleepers>>,
    class: u64,
}

impl Time {
    pub fn starting_at(start: Timestamp) -> Self {
        let (asleep, next) = Default::default();
        let sleepers = Sleepers { now: start, behind: Duration::ZERO, asleep, next };
        Self { shared: Arc::new(Mutex::new(sleepers)), class: 0 }
    }

    /// The hand for sleepers of this class: among those of one moment, the lower class is woken first.
    pub fn of_class(&self, class: u64) -> Self {
        Self { shared: self.shared.clone(), class }
    }

    /// How much has passed, whatever the clock shows.
    pub fn passed(&self) -> Timestamp {
        self.lock().now
    }

    /// When the next sleeper wants to be woken, by what passes.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.lock().first().map(|(_, (at, ..))| at)
    }

    /// The clock shows less from now on.
    pub fn set_back(&self, by: Duration) {
        self.lock().behind += by;
    }

    /// Ends when so much has passed.
    pub fn sleep_for(&self, duration: Duration) -> Pending {
        let at = self.passed().saturating_add(duration);
        self.falls_asleep(By::Time, at)
    }

    fn falls_asleep(&self, by: By, at: Timestamp) -> Pending {
        let mut sleepers = self.lock();
        let next = sleepers.next.entry(self.class).or_default();
        *next += 1;
        let place = (by, (at, self.class, *next));
        sleepers.asleep.insert(place, None);
        Box::pin(Sleeper { shared: self.shared.clone(), place })
    }

    pub fn set(&self, to: Timestamp) {
        let mut sleepers = self.lock();
        assert!(to >= sleepers.now, "time runs backwards");
        sleepers.now = to;
    }

    /// Wakes the first of those whose time has come; false when there is none.
    pub fn wake_one(&self) -> bool {
        let mut sleepers = self.lock();
        let now = sleepers.now;
        let Some((place, _)) = sleepers.first().filter(|(_, (at, ..))| *at <= now) else { return false };
        let waker = sleepers.asleep.remove(&place).flatten();
        drop(sleepers);
        waker.iter().for_each(Waker::wake_by_ref);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Sleepers> {
        self.shared.lock().unwrap()
    }
}

impl Sleepers {
    /// The first to be woken: its place, and where that is by what passes.
    fn first(&self) -> Option<((By, Place), Place)> {
        let first_by = |by| {
            let from = (by, (Timestamp::EPOCH, 0, 0));
            let (place, _) = self.asleep.range(from..).next().filter(|((other, _), _)| *other == by)?;
            let (at, class, nth) = place.1;
            let behind = if by == By::Clock { self.behind } else { Duration::ZERO };
            Some((*place, (at.saturating_add(behind), class, nth)))
        };
        [first_by(By::Clock), first_by(By::Time)].into_iter().flatten().min_by_key(|(_, passed)| *passed)
    }
}

impl Clock for Time {
    fn now(&self) -> Timestamp {
        let sleepers = self.lock();
        sleepers.now.saturating_sub(sleepers.behind)
    }

    fn sleep_until(&self, at: Timestamp) -> Pending {
        if at <= self.now() {
            return Box::pin(std::future::ready(()));
        }
        self.falls_asleep(By::Clock, at)
    }
}

struct Sleeper {
    shared: Arc<Mutex<Sleepers>>,
    place: (By, Place),
}

impl Future for Sleeper {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.shared.lock().unwrap().asleep.get_mut(&self.place) {
            Some(waker) => {
                *waker = Some(context.waker().clone());
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.shared.lock().unwrap().asleep.remove(&self.place);
    }
}

/// Tasks of one process, looked at in order, one at a time, until all of them wait.
#[derive(Default)]
pub struct Tasks(Vec<Task>);

struct Task {
    future: Pending,
    stirs: Arc<Stirs>,
}

struct Stirs(AtomicBool);

impl Wake for Stirs {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Tasks {
    pub fn add(&mut self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.push(Task { future: Box::pin(future), stirs: Arc::new(Stirs(AtomicBool::new(true))) });
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lets every task go on that was woken, until none is or `is_over`.
    pub fn run(&mut self, is_over: impl Fn() -> bool) {
        let mut at = 0;
        while at < self.0.len() && !is_over() {
            let task = &mut self.0[at];
            if !task.stirs.0.swap(false, Ordering::Relaxed) {
                at += 1;
                continue;
            }
            let waker = Waker::from(task.stirs.clone());
            if task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                self.0.remove(at);
            }
            at = 0;
        }
    }
}

/// Waits for what another thread does, and does nothing else meanwhile.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    struct Thread(std::thread::Thread);
    impl Wake for Thread {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Thread(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(done) => return done,
            Poll::Pending => std::thread::park(),
        }
    }
}
