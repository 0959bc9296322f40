//! What simulated days found wrong in the queue, each as the smallest story that shows it, on every engine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use castai_relay::event::batch::{Batch, Gathering, Pace};
use castai_relay::event::delivery::{Grouped, IncidentStep, Outcome, Owed, Phase, Reason};
use castai_relay::event::{Severity, Timestamp};
use castai_relay::names::{DeliveryId, GroupKey, IncidentKey, RouteName, TargetName};
use castai_relay::store::memory::MemoryStore;
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{
    Aftermath, Append, Candidate, Claim, Claimed, End, Fallback, Judge, News, Ruling, Settled, Settlement, Store, Terms,
};
use castai_relay::target::{Limits, Sign};
use tempfile::TempDir;

use super::arrivals::Happening;
use super::runtime;
use super::time::wait_for;

const LEASE: u64 = 30;

/// Gives up what was cut short, and reports what is told to it.
#[derive(Default)]
struct Clerk {
    interval: Option<u64>,
    gives_up: bool,
    /// Whether this target is to hear nothing by the route `aside`.
    hushes: Option<&'static str>,
    /// What the next thing given up raises.
    raises: Mutex<Vec<Append>>,
    reported: Mutex<Vec<u64>>,
}

impl Judge for Clerk {
    fn gathering(&self, _: &RouteName) -> Gathering {
        let pace = |interval| Pace { interval: Duration::from_secs(interval), max_events: 10 };
        Gathering { group: self.interval.map(pace), storm: None }
    }

    fn ruling(&self, candidate: &Candidate<'_>, _: Timestamp) -> Ruling {
        let is_aside = candidate.route.as_str() == "aside";
        if is_aside && self.hushes.is_some_and(|name| candidate.target.as_str() == name) {
            return Ruling::End(End::Silenced { detail: "all is quiet".to_owned() });
        }
        let detail = "it may have arrived".to_owned();
        match candidate.interrupted && self.gives_up {
            true => Ruling::End(End::Dead { reason: Reason::Ambiguous, detail }),
            false => Ruling::Leave,
        }
    }

    /// Of what is critical nothing is said.
    fn report(&self, news: News<'_>, _: Timestamp) -> Vec<Append> {
        let News::GivenUp(given_up) = news else { return vec![] };
        if given_up.event.severity == Severity::Critical {
            return vec![];
        }
        self.reported.lock().unwrap().push(number_of(given_up.event.id.as_str()));
        let raised = std::mem::take(&mut *self.raises.lock().unwrap());
        let silent = vec![Append {
            event: happening(999, 0, Severity::Info).event(at(0)),
            owed: vec![],
            routed_by: None,
            deed: None,
        }];
        if raised.is_empty() { silent } else { raised }
    }
}

fn number_of(id: &str) -> u64 {
    id.trim_start_matches("event-").parse().unwrap()
}

fn at(second: u64) -> Timestamp {
    Timestamp::from_millis(i64::try_from(second * 1000).unwrap())
}

fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

fn happening(id: u64, key: u64, severity: Severity) -> Happening {
    Happening::plain(id, "news.told", severity, key)
}

/// A store, and how everybody is dealt with.
struct Scene {
    store: Arc<dyn Store>,
    clerk: Arc<Clerk>,
    keeps_incidents: bool,
    _disk: TempDir,
}

/// Plays it on every engine.
fn play(clerk: impl Fn() -> Clerk, keeps_incidents: bool, scene: impl Fn(&Scene)) {
    let runtime = runtime();
    let _context = runtime.enter();
    let disk = || tempfile::tempdir().unwrap();
    let in_memory: Arc<dyn Store> = Arc::new(MemoryStore::default());
    scene(&Scene { store: in_memory, clerk: Arc::new(clerk()), keeps_incidents, _disk: disk() });
    let disk = disk();
    let on_disk = SqliteStore::open(&disk.path().join("relay.db"), Arc::new(|_, _| {})).unwrap();
    scene(&Scene { store: Arc::new(on_disk), clerk: Arc::new(clerk()), keeps_incidents, _disk: disk });
}

impl Scene {
    fn terms(&self, name: &str) -> Arc<Terms> {
        let fallback = (name == "first").then(|| Fallback { to: target("second"), after: Duration::from_secs(10) });
        Arc::new(Terms {
            limits: Limits::default(),
            lease: Duration::from_secs(LEASE),
            fallback,
            keeps_incidents: self.keeps_incidents,
            tells_many: true,
            rewrites_storms: false,
            judge: self.clerk.clone(),
        })
    }

    fn keep(&self, id: u64, second: u64, severity: Severity, owed: Vec<Owed>) {
        let event = happening(id, 0, severity).event(at(second));
        wait_for(self.store.append(vec![Append { event, owed, routed_by: None, deed: None }], None)).unwrap();
    }

    fn claim(&self, name: &str, second: u64) -> Claimed {
        let (target, terms) = (target(name), self.terms(name));
        wait_for(self.store.claim(Claim { target, now: at(second), limit: 10, old_limit: 10, terms })).unwrap()
    }

    fn claim_one(&self, name: &str, second: u64) -> Batch {
        let batches = self.claim(name, second).batches;
        let [batch] = <[Batch; 1]>::try_from(batches).unwrap_or_else(|all| panic!("{all:#?}"));
        batch
    }

    fn settle(&self, batch: Batch, second: u64, outcome: Outcome, sign: Sign) -> Settled {
        let terms = self.terms(batch.target().as_str());
        let settlement = Settlement { batch: Arc::new(batch), outcome, answer: None, sign, at: at(second), terms };
        wait_for(self.store.settle(settlement)).unwrap()
    }

    fn is_taken(&self, batch: Batch, second: u64) {
        self.settle(batch, second, Outcome::Delivered { receipt: None }, Sign::Well);
    }

    fn fails(&self, batch: Batch, second: u64, sign: Sign) {
        let detail = "nobody answers".to_owned();
        let (reason, ambiguous) = (Reason::Unreachable, false);
        self.settle(batch, second, Outcome::Retry { at: at(second), reason, ambiguous, detail }, sign);
    }

    fn is_given_up(&self, batch: Batch, second: u64) -> Settled {
        let detail = "I do not like it".to_owned();
        let (reason, ambiguous) = (Reason::MessageRefused, false);
        self.settle(batch, second, Outcome::Dead { reason, ambiguous, detail }, Sign::Well)
    }
}

fn owed(name: &str) -> Owed {
    Owed::plain(RouteName::parse("everything").unwrap(), target(name), Severity::Info)
}

fn aside(owed: Owed) -> Owed {
    Owed { route: RouteName::parse("aside").unwrap(), ..owed }
}

fn grouped(owed: Owed) -> Owed {
    let key = GroupKey::from_rendered("all").unwrap();
    Owed { group: Some(Grouped { key, wait: Duration::ZERO }), ..owed }
}

fn step(owed: Owed, phase: Phase, resolve_after: Option<u64>) -> Owed {
    let key = IncidentKey::from_rendered("trouble").unwrap();
    let resolve_after = resolve_after.map(Duration::from_secs);
    Owed { incident: Some(IncidentStep { key, phase, resolve_after }), ..owed }
}

fn opens(name: &str) -> Owed {
    step(owed(name), Phase::Open, None)
}

fn ends(name: &str) -> Owed {
    step(owed(name), Phase::Resolve, None)
}

fn refusing() -> Sign {
    Sign::Refusing { reason: Reason::TargetRefused, detail: "nobody lives here".to_owned() }
}

fn events(batch: &Batch) -> Vec<i64> {
    batch.deliveries.iter().map(|id: &DeliveryId| id.row() / 65536).collect()
}

#[test]
fn what_outlived_its_lease_waits_for_its_group_like_all_others() {
    let clerk = || Clerk { interval: Some(300), ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![grouped(owed("one"))]);
        scene.fails(scene.claim_one("one", 0), 0, Sign::Nothing);
        scene.claim_one("one", 1);
        scene.keep(2, 40, Severity::Info, vec![grouped(owed("one"))]);
        let claimed = scene.claim("one", 40);
        assert_eq!((claimed.batches.len(), claimed.more), (1, false), "it is looked at once, not again and again");
    });
}

#[test]
fn what_belongs_to_no_incident_leaves_apart_where_the_target_keeps_incidents() {
    let clerk = || Clerk { interval: Some(0), ..Clerk::default() };
    play(clerk, true, |scene| {
        scene.keep(1, 0, Severity::Info, vec![grouped(owed("one"))]);
        scene.keep(2, 0, Severity::Info, vec![grouped(opens("one"))]);
        let left: Vec<_> = scene.claim("one", 0).batches.iter().map(events).collect();
        assert_eq!(left, [[1], [2]]);
    });
}

#[test]
fn a_dead_batch_is_reported_though_of_its_first_there_is_nothing_to_say() {
    let clerk = || Clerk { interval: Some(0), ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Critical, vec![Owed { severity: Severity::Critical, ..grouped(owed("one")) }]);
        scene.keep(2, 0, Severity::Info, vec![grouped(owed("one"))]);
        scene.is_given_up(scene.claim_one("one", 0), 0);
        assert_eq!(*scene.clerk.reported.lock().unwrap(), [2]);
    });
}

#[test]
fn who_may_have_been_told_that_it_began_is_told_that_it_is_over() {
    let clerk = || Clerk { gives_up: true, ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![opens("one")]);
        scene.claim_one("one", 0);
        scene.keep(2, 10, Severity::Info, vec![ends("one")]);
        assert_eq!(events(&scene.claim_one("one", LEASE)), [2]);
    });
}

#[test]
fn an_end_that_falls_back_late_does_not_end_what_began_after_it() {
    play(Clerk::default, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![opens("first"), opens("second")]);
        ["first", "second"].into_iter().for_each(|name| scene.is_taken(scene.claim_one(name, 0), 0));
        scene.keep(2, 1, Severity::Info, vec![owed("first")]);
        scene.fails(scene.claim_one("first", 1), 1, refusing());
        scene.keep(3, 2, Severity::Info, vec![ends("first"), ends("second")]);
        scene.is_taken(scene.claim_one("second", 2), 2);
        scene.keep(4, 3, Severity::Info, vec![opens("second")]);
        scene.is_taken(scene.claim_one("second", 3), 3);
        scene.claim("first", 20);
        assert_eq!(events(&scene.claim_one("second", 20)), [2], "only the news");
    });
}

#[test]
fn what_times_out_at_a_target_is_still_told_to_who_stands_in_for_it() {
    play(Clerk::default, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![step(owed("first"), Phase::Open, Some(60))]);
        scene.is_given_up(scene.claim_one("first", 0), 1);
        scene.claim("first", 61);
        assert_eq!(events(&scene.claim_one("second", 61)), [1]);
    });
}

#[test]
fn an_end_that_is_reported_wakes_who_stands_in() {
    play(Clerk::default, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![opens("first")]);
        scene.is_given_up(scene.claim_one("first", 0), 0);
        scene.is_taken(scene.claim_one("second", 0), 0);
        let event = happening(3, 0, Severity::Info).event(at(1));
        *scene.clerk.raises.lock().unwrap() =
            vec![Append { event, owed: vec![ends("first")], routed_by: None, deed: None }];
        scene.keep(2, 1, Severity::Info, vec![owed("third")]);
        let Settled::Done { after: Aftermath { woken, .. }, .. } = scene.is_given_up(scene.claim_one("third", 1), 1)
        else {
            panic!("fenced")
        };
        assert!(woken.contains(&target("second")), "{woken:?}");
        assert_eq!(scene.claim("second", 1).batches.len(), 1);
    });
}

#[test]
fn what_left_together_once_and_lapsed_leaves_together_again_and_is_over_together() {
    let clerk = || Clerk { interval: Some(300), ..Clerk::default() };
    play(clerk, false, |scene| {
        for id in 1..=3 {
            scene.keep(id, 0, Severity::Info, vec![grouped(opens("one"))]);
        }
        assert_eq!(events(&scene.claim_one("one", 0)), [1, 2, 3]);
        let again = scene.claim_one("one", LEASE);
        assert_eq!(events(&again), [1, 2, 3]);
        scene.keep(4, 40, Severity::Info, vec![ends("one")]);
        assert_eq!(scene.claim("one", 40).batches, [], "its end waits for what is on its way");
        scene.is_taken(again, 41);
        assert_eq!(events(&scene.claim_one("one", 400)), [4]);
    });
}

#[test]
fn who_is_told_after_all_that_it_began_is_told_that_it_is_over() {
    let clerk = || Clerk { hushes: Some("second"), ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![opens("first"), aside(owed("second"))]);
        scene.is_given_up(scene.claim_one("first", 0), 0);
        let instead = scene.claim("second", 1);
        assert_eq!(instead.batches, [], "the other one is silent there");
        scene.is_taken(scene.claim_one("second", 1), 1);
        scene.keep(2, 2, Severity::Info, vec![ends("first")]);
        assert_eq!(events(&scene.claim_one("second", 2)), [3], "the second one is the report");
    });
}

#[test]
fn what_is_over_is_not_told_to_who_stands_in_because_another_one_is_silent() {
    let clerk = || Clerk { hushes: Some("second"), ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![opens("first"), aside(owed("second"))]);
        scene.is_given_up(scene.claim_one("first", 0), 0);
        scene.keep(2, 1, Severity::Info, vec![ends("first")]);
        assert_eq!(scene.claim("second", 2).batches, []);
        assert_eq!(scene.claim("second", 2).batches, [], "it began and was over, and nobody heard of it");
    });
}

#[test]
fn what_was_left_to_one_who_is_silent_is_told_however_long_that_took() {
    let clerk = || Clerk { hushes: Some("second"), ..Clerk::default() };
    play(clerk, false, |scene| {
        scene.keep(1, 0, Severity::Info, vec![step(owed("first"), Phase::Open, Some(60)), aside(owed("second"))]);
        scene.is_given_up(scene.claim_one("first", 0), 0);
        [61, 122, 183].into_iter().for_each(|second| drop(scene.claim("first", second)));
        assert_eq!(scene.claim("second", 190).batches, [], "the other one is silent there");
        assert_eq!(events(&scene.claim_one("second", 190)), [1]);
    });
}
