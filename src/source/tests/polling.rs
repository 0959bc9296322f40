//! When a source is asked again, after rounds that went well and rounds that did not.

use std::sync::Mutex;

use super::*;
use crate::runtime::ManualClock;

/// Answers as told, then well; remembers when it was asked.
#[derive(Default)]
struct Scripted {
    failures: Mutex<Vec<PollError>>,
    asked: tokio::sync::watch::Sender<Vec<i64>>,
    /// Instead of half a minute.
    rest: Option<Duration>,
    is_never_due: bool,
}

#[async_trait]
impl Poll for Arc<Scripted> {
    fn source(&self) -> SourceName {
        SourceName::audit_log()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        self.asked.send_modify(|asked| asked.push(now.as_millis() / 1000));
        self.failures.lock().unwrap().pop().map_or(Ok(()), Err)
    }

    async fn poll_if_due(&self, now: Timestamp) -> Result<Asked, PollError> {
        self.poll(now).await?;
        Ok(if self.is_never_due { Asked::NotDue } else { Asked::Yes })
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.rest.unwrap_or(Duration::from_secs(30)))
    }
}

fn failed(retry_after: Option<Duration>) -> PollError {
    PollError { detail: "it is down".into(), retry_after }
}

/// The seconds at which the source is asked, until it was asked `count` times.
async fn rounds(failures: Vec<PollError>, count: usize) -> Vec<i64> {
    let scripted = Scripted { failures: Mutex::new(failures), ..Scripted::default() };
    rounds_by(Hurried(ManualClock::starting_at(Timestamp::EPOCH)), scripted, count).await
}

fn poller(scripted: &Arc<Scripted>, clock: impl Clock + 'static) -> (Arc<Poller>, Arc<Pulse>) {
    let metrics = Arc::new(Metrics::new(&[], &[SourceName::audit_log()], &[]));
    let pulse = Arc::new(Pulse::resume([SourceName::audit_log()], None, Timestamp::EPOCH, &metrics));
    let poller = Poller::new(Box::new(scripted.clone()), Arc::new(clock), metrics, pulse.clone());
    (Arc::new(poller), pulse)
}

async fn rounds_by(clock: impl Clock + 'static, scripted: Scripted, count: usize) -> Vec<i64> {
    let (scripted, life) = (Arc::new(scripted), Lifecycle::default());
    let (poller, _) = poller(&scripted, clock);
    let mut asked = scripted.asked.subscribe();
    tokio::select! {
        () = poller.run(life) => unreachable!("it runs until it is stopped"),
        asked = asked.wait_for(|asked| asked.len() >= count) => asked.unwrap()[..count].to_vec(),
    }
}

/// Time passes as soon as somebody waits for it.
#[derive(Debug)]
struct Hurried(ManualClock);

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn sleep_until(&self, at: Timestamp) -> crate::runtime::Pending {
        self.0.advance(at.saturating_since(self.0.now()));
        Box::pin(tokio::task::yield_now())
    }
}

#[tokio::test]
async fn a_source_is_asked_at_once_and_then_when_it_says() {
    assert_eq!(rounds(vec![], 3).await, [0, 30, 60]);
}

#[tokio::test]
async fn after_failures_it_is_asked_soon_and_then_less_often() {
    let failures = (0..10).map(|_| failed(None)).collect();
    assert_eq!(rounds(failures, 12).await, [0, 2, 6, 14, 30, 62, 126, 254, 510, 810, 1110, 1140]);
}

#[tokio::test]
async fn a_source_that_asks_for_patience_gets_it() {
    assert_eq!(rounds(vec![failed(Some(Duration::from_secs(90)))], 2).await, [0, 90]);
    assert_eq!(rounds(vec![failed(Some(Duration::ZERO))], 2).await, [0, 2]);
}

/// Sleeps by a clock that does not go on while the machine is suspended, as it is once, for a day, as soon as possible.
#[derive(Debug)]
struct Suspended {
    clock: ManualClock,
    is_awake: std::sync::atomic::AtomicBool,
}

impl Clock for Suspended {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn sleep_until(&self, at: Timestamp) -> crate::runtime::Pending {
        let asleep = if self.is_awake.swap(true, Ordering::Relaxed) { 0 } else { 86_400 };
        self.clock.advance(at.saturating_since(self.clock.now()) + Duration::from_secs(asleep));
        Box::pin(tokio::task::yield_now())
    }
}

#[tokio::test]
async fn after_a_day_of_suspension_a_round_is_an_hour_late_at_the_most() {
    let clock = Suspended { clock: ManualClock::starting_at(Timestamp::EPOCH), is_awake: Default::default() };
    let rest = Some(Duration::from_secs(20 * 3600));
    let asked = rounds_by(clock, Scripted { rest, ..Scripted::default() }, 3).await;
    assert_eq!(asked, [0, 25 * 3600, 45 * 3600], "and never before its time");
}

#[tokio::test]
async fn a_round_in_which_nothing_was_asked_is_no_answer() {
    let scripted = Arc::new(Scripted { is_never_due: true, ..Scripted::default() });
    let (poller, pulse) = poller(&scripted, ManualClock::starting_at(Timestamp::EPOCH));
    let source = SourceName::audit_log();
    pulse.failed(&source, "it is down");
    poller.step().await.unwrap();
    assert_eq!((pulse.failure(&source).as_deref(), pulse.of(&source).unwrap().heard_at), (Some("it is down"), None));
}
