//! Random stories of departures, answers and clocks, and what must hold in all of them.

use proptest::prelude::*;

use super::*;

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    /// As many leave as are admitted, this many at most.
    Leave(usize),
    /// One of those on their way comes back with this sign.
    Return(usize, Sign),
    /// One of those on their way is lost, as in a crash.
    Vanish(usize),
    /// An operator pauses it for so many milliseconds, or without an end.
    Pause(Option<u64>),
    /// An operator resumes it.
    Resume,
    /// An operator tests it.
    Test,
    /// Time passes, or is set back.
    Pass(i64),
    /// The time passes that it takes until something may leave.
    UntilOpen,
}

fn step() -> impl Strategy<Value = Step> {
    let sign = prop_oneof![
        3 => Just(Sign::Well),
        4 => Just(failing()),
        1 => Just(refusing()),
        1 => Just(Sign::Nothing),
        1 => (0_u64..4000).prop_map(|secs| Sign::Busy { until: at(secs) }),
        1 => (0_u64..4000).prop_map(|secs| failing_until(at(secs))),
    ];
    prop_oneof![
        3 => (1_usize..4).prop_map(Step::Leave),
        5 => (any::<usize>(), sign).prop_map(|(which, sign)| Step::Return(which, sign)),
        1 => any::<usize>().prop_map(Step::Vanish),
        2 => (0_i64..60_000).prop_map(Step::Pass),
        1 => (-1_000_i64..0).prop_map(Step::Pass),
        2 => Just(Step::UntilOpen),
        1 => prop::option::of(0_u64..90_000).prop_map(Step::Pause),
        1 => Just(Step::Resume),
        1 => Just(Step::Test),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let rate = prop::option::of((1_u64..5_000, 1_u32..5));
    (rate, 1_u32..7, 10_u32..=100).prop_map(|(rate, failures_to_close, old_percent)| Limits {
        rate: rate.map(|(millis, burst)| RateLimit { every: Duration::from_millis(millis), burst }),
        failures_to_close,
        old_percent,
        ..Limits::default()
    })
}

/// Tells a story, and looks at the target after each step.
struct Teller {
    story: Story,
    on_their_way: Vec<Departure>,
    is_told_closed: bool,
    is_told_refusing: bool,
    /// The probe that may be on its way, and when its lease ends.
    probe: Option<(Lease, Timestamp)>,
}

impl Teller {
    fn of(story: Story) -> Self {
        Self { story, on_their_way: Vec::new(), is_told_closed: false, is_told_refusing: false, probe: None }
    }

    fn tell(&mut self, step: Step) {
        match step {
            Step::Leave(most) => self.leave(most),
            Step::Return(which, sign) if !self.on_their_way.is_empty() => {
                let departure = self.on_their_way.swap_remove(which % self.on_their_way.len());
                self.come_back(departure, sign);
            }
            Step::Vanish(which) if !self.on_their_way.is_empty() => {
                self.on_their_way.swap_remove(which % self.on_their_way.len());
            }
            Step::Pass(millis) => {
                self.story.now = Timestamp::from_millis(self.story.now.as_millis() + millis);
            }
            Step::UntilOpen => {
                let opens = self.story.state.opens_at(&self.story.limits, self.story.now);
                self.story.now = opens.unwrap_or(self.story.now);
            }
            Step::Pause(millis) => {
                let until = millis.map(|millis| self.story.now.saturating_add(Duration::from_millis(millis)));
                self.order(Order::Pause { until, why: "they move".into() });
            }
            Step::Resume => self.order(Order::Resume),
            Step::Test => self.order(Order::Test { rate: self.story.limits.rate, messages: 1 }),
            Step::Return(..) | Step::Vanish(_) => {}
        }
        self.look();
    }

    /// An order is obeyed and says nothing about how well the target is.
    fn order(&mut self, order: Order) {
        let Story { state, limits, now } = &mut self.story;
        let (closed, shut) = (state.closed().cloned(), state.shut_since(*now));
        let obeyed = state.obey(&order, &signature(*now));
        assert_eq!((state.closed().cloned(), state.shut_since(*now)), (closed, shut), "{order:?}");
        let opens = state.opens_at(limits, *now);
        match (order, obeyed) {
            (Order::Pause { until, .. }, _) => {
                assert!(opens.is_none_or(|opens| until.is_some_and(|until| opens >= until)))
            }
            (Order::Resume, _) => assert!(opens.is_some() && state.pause(*now).is_none()),
            (Order::Test { .. }, Obeyed::TooSoon { until }) => assert!(until > *now),
            (Order::Test { .. }, _) => {}
        }
    }

    fn leave(&mut self, most: usize) {
        let Story { state, limits, now } = &mut self.story;
        for _ in 0..state.admits(limits, *now).min(most) {
            let closed = state.closed().is_some();
            let departure = state.depart(limits, *now, LEASE);
            assert_eq!(departure.is_probe, closed, "exactly what leaves a closed target is a probe");
            if departure.is_probe {
                let free = self.probe.is_none_or(|(_, ends)| ends <= *now);
                assert!(free, "a second probe left beside the first, {:?} at {now}", self.probe);
                self.probe = Some((departure.lease, now.saturating_add(LEASE)));
            }
            self.on_their_way.push(departure);
        }
    }

    fn come_back(&mut self, departure: Departure, sign: Sign) {
        let was_closed = self.story.state.closed().cloned();
        let is_inconclusive = matches!(sign, Sign::Nothing | Sign::Busy { .. });
        let is_probe = self.story.state.awaits(departure.lease);
        assert!(!is_probe || departure.is_probe, "what left an open target is awaited as a probe");
        let change = self.story.state.heed(sign.clone(), is_probe, &self.story.limits, self.story.now);
        if self.probe.is_some_and(|(lease, _)| lease == departure.lease) && !is_inconclusive {
            self.probe = None;
        }
        match change {
            Some(Change::Paused(closed)) => {
                let refuses = closed.cause == Cause::Refusing;
                assert!(!self.is_told_closed || refuses && !self.is_told_refusing, "paused twice");
                assert_eq!(closed.turned, self.is_told_closed, "the second report has an id of its own");
                assert_eq!(Some(&closed), self.story.state.closed());
                self.is_told_closed = true;
                self.is_told_refusing |= refuses;
            }
            Some(Change::Resumed(closed)) => {
                assert!(self.is_told_closed, "resumed and never paused");
                assert_eq!(Some(closed), was_closed);
                (self.is_told_closed, self.is_told_refusing) = (false, false);
            }
            None => {}
        }
        let reopened = was_closed.as_ref().filter(|_| self.story.state.closed().is_none());
        if let Some(closed) = reopened {
            assert_eq!(sign, Sign::Well, "only a success opens it");
            assert!(is_probe || closed.cause == Cause::Failing, "a success from before opened a refusing one");
            // Whatever probe is still on its way belongs to what is over.
            self.probe = None;
        }
    }

    /// What must hold at every moment.
    fn look(&self) {
        let Story { state, limits, now } = &self.story;
        let admits = state.admits(limits, *now);
        let Some(opens) = state.opens_at(limits, *now) else {
            assert!(
                state.pause(*now).is_some_and(|pause| pause.until.is_none()),
                "it never opens, and nobody paused it"
            );
            return assert_eq!(admits, 0);
        };
        assert!(opens >= *now);
        assert_eq!(admits > 0, opens == *now, "open at {opens}, {admits} admitted at {now}");
        assert!(state.admits(limits, opens) > 0, "nothing is admitted when it opens");
        assert_eq!(state.opens_at(limits, opens), Some(opens));
        assert!(state.closed().is_none() || admits <= 1);
        let longest = BEYOND_PATIENCE.max(limits.probe_refusing_every.max(LEASE)) + Duration::from_secs(10);
        let paused_until = state.pause(*now).and_then(|pause| pause.until).unwrap_or(*now);
        assert!(opens.saturating_since(paused_until) <= longest, "waits until {opens}, at {now}");
        assert!(!self.is_told_closed || state.closed().is_some(), "told to be closed, and is not");
        let refuses = state.closed().is_some_and(|closed| closed.cause == Cause::Refusing);
        assert!(!refuses || self.is_told_refusing, "it refuses, and nobody was told");
        if let Some(since) = state.shut_since(*now) {
            assert!(state.closed().is_some() || admits == 0, "shut since {since}, and something may leave");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn in_every_story_the_promises_hold(limits in limits(), steps in prop::collection::vec(step(), 1..150)) {
        let story = Story { limits, ..Story::begin() };
        let mut teller = Teller::of(story);
        for step in steps {
            teller.tell(step);
        }
    }

    #[test]
    fn whoever_waits_until_it_opens_gets_well_in_the_end(limits in limits(), steps in prop::collection::vec(step(), 1..100)) {
        let story = Story { limits, ..Story::begin() };
        let mut teller = Teller::of(story);
        for step in steps {
            teller.tell(step);
        }
        teller.tell(Step::Resume);
        teller.tell(Step::UntilOpen);
        teller.leave(1);
        let last = teller.on_their_way.pop();
        prop_assert!(last.is_some());
        teller.come_back(last.unwrap(), Sign::Well);
        prop_assert_eq!(teller.story.state.closed(), None);
        prop_assert!(!teller.is_told_closed);
    }

    #[test]
    fn of_any_hundred_turns_the_old_ones_have_their_share(percent in 0_u32..=100, start in any::<u32>()) {
        let limits = Limits { old_percent: percent, ..Limits::default() };
        let mut state = TargetState { old_turn: start, ..TargetState::default() };
        let turns: Vec<bool> = (0..500).map(|_| state.old_ones_turn(&limits)).collect();
        for hundred in turns.windows(100) {
            prop_assert_eq!(hundred.iter().filter(|theirs| **theirs).count(), percent as usize);
        }
    }
}
