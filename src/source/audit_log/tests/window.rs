//! What is asked next; and that whatever is late by no more than the overlap is told, in any order of rounds, failures
//! and restarts, with clocks that differ.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const OVERLAP: Duration = Duration::from_secs(600);
const EVER: Duration = Duration::from_secs(400 * 86_400);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_800_000_000_000 + seconds * 1000)
}

fn window(from: i64, to: i64) -> Window {
    Window { from: at(from), to: at(to) }
}

fn only(stretches: Stretches) -> Window {
    stretches.next(400 * DAY).unwrap()
}

/// A round that began then and had its answer at once.
fn begun(seconds: i64) -> UnderWay {
    UnderWay { begun_at: at(seconds), elapsed: Duration::ZERO }
}

#[test]
fn the_first_round_asks_for_nothing_before_the_start() {
    let now = Progress::begin(at(0), Duration::ZERO, "all");
    assert_eq!(only(now.round(at(0), OVERLAP, EVER)), window(0, 0));
    assert_eq!(only(now.round(at(30), OVERLAP, EVER)), window(0, 30));
    let earlier = Progress::begin(at(0), 2 * HOUR, "all");
    assert_eq!(only(earlier.round(at(0), OVERLAP, EVER)), window(-7200, 0));
}

#[test]
fn a_round_begins_the_overlap_before_the_last_record() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 3000), Some(at(2900)), begun(3000));
    assert_eq!(only(progress.round(at(3030), OVERLAP, EVER)), window(2300, 3030));
    progress.done(window(2300, 3030), None, begun(3030));
    assert_eq!(only(progress.round(at(3060), OVERLAP, EVER)), window(2300, 3060), "nothing new, nothing moves");
}

#[test]
fn without_records_the_log_counts_as_complete_until_an_hour_ago() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 90_000), None, begun(90_000));
    assert_eq!(only(progress.round(at(90_000), OVERLAP, EVER)), window(90_000 - 3600 - 600, 90_000));
}

#[test]
fn a_clock_that_went_back_makes_no_gap() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 90_000), None, begun(90_000));
    assert_eq!(only(progress.round(at(5000), OVERLAP, EVER)), window(4400, 5000));
}

#[test]
fn a_record_from_the_future_moves_nothing_beyond_now() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 100), Some(at(90_000)), begun(100));
    assert_eq!(progress.complete_until, at(100));
    progress.reached(at(90_000), begun(130));
    assert_eq!(progress.complete_until, at(130));
}

#[test]
fn a_long_absence_is_read_in_stretches_that_share_a_second() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    let mut stretches = progress.round(at(10_000), OVERLAP, EVER);
    let mut asked = Vec::new();
    while let Some(window) = stretches.next(HOUR) {
        asked.push(window);
        progress.done(window, None, begun(10_000));
        stretches.done(window);
    }
    assert_eq!(asked, [window(0, 3600), window(3599, 7199), window(7198, 10_000)]);
    assert_eq!(progress.complete_until, at(10_000 - 3600));
}

#[test]
fn a_sweep_asks_for_what_no_round_asks_for_and_never_for_what_was_not_wanted() {
    let sweep = Sweep { every: HOUR, back: DAY };
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 3599), Some(at(3599)), begun(3599));
    assert_eq!(progress.sweep(sweep, at(3599), OVERLAP), None, "not yet");
    assert_eq!(progress.sweep(sweep, at(3600), OVERLAP).map(only), Some(window(0, 2999)));
    progress.swept(at(3600));
    assert_eq!(progress.sweep(sweep, at(3660), OVERLAP), None);

    let later = 3 * 86_400;
    progress.done(window(0, later), Some(at(later)), begun(later));
    let back_from_the_last = only(progress.sweep(sweep, at(later), OVERLAP).unwrap());
    assert_eq!(back_from_the_last, window(0, later - 600), "an absence does not make a gap between sweeps");
    progress.swept(at(later));
    let hour_later = at(later + 3600);
    assert_eq!(only(progress.sweep(sweep, hour_later, OVERLAP).unwrap()).from, at(later - 86_400));

    let other = progress.clone().wanting("less");
    assert_eq!(other.sweep(sweep, hour_later, OVERLAP), None, "before that, records are missing on purpose");
    assert_eq!(other.round(at(later), OVERLAP, EVER), progress.round(at(later), OVERLAP, EVER));
    assert_eq!(progress.clone().wanting("all"), progress);
}

#[test]
fn what_was_told_and_may_be_forgotten_is_not_asked_for_again() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    progress.done(window(0, 5000), Some(at(5000)), begun(5000));
    let asked = |now| only(progress.round(at(now), OVERLAP, HOUR)).from;
    assert_eq!(asked(5000), at(4400));
    assert_eq!(asked(8400), at(4800), "the overlap as far as it is remembered");
    assert_eq!(asked(90_000), at(5000), "what was never told is asked for, however old");
}

#[test]
fn times_of_a_clock_that_ran_ahead_are_forgotten() {
    let mut ahead = Progress::begin(at(0), Duration::ZERO, "all");
    ahead.done(window(0, 90_000), Some(at(90_000)), begun(90_000));
    ahead.swept(at(90_000));
    let ahead = ahead.wanting("more");
    let corrected = ahead.at(at(5000));
    assert_eq!(only(corrected.round(at(9000), OVERLAP, EVER)), window(4400, 9000), "an outage hides nothing");
    let sweep = Sweep { every: HOUR, back: DAY };
    let mut later = corrected.clone();
    later.done(window(4400, 9000), Some(at(9000)), begun(9000));
    assert_eq!(later.sweep(sweep, at(9000), OVERLAP).map(only), Some(window(5000, 8400)), "sweeps go on");
    assert_eq!(corrected.clone().at(at(5000)), corrected);
}

#[test]
fn another_log_is_asked_for_nothing_that_this_one_told() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all").of_log("v2");
    progress.done(window(0, 5000), Some(at(5000)), begun(5000));
    assert_eq!(progress.clone().of_log("v2"), progress);
    let other = progress.of_log("v1");
    let begun = Timestamp::from_millis(at(5000).as_millis() + 1);
    assert_eq!(only(other.round(at(5030), OVERLAP, EVER)).from, begun);
    assert_eq!(other.clone().of_log("v1"), other);
    let unsaid = Progress { log: None, ..other.clone() };
    assert_eq!(unsaid.of_log("v2").began_at, begun, "a cursor from before this was written says nothing of a change");
}

#[test]
fn progress_reads_back_from_its_cursor() {
    let progress = Progress::begin(at(0), HOUR, "all");
    let text = serde_json::to_string(&progress).unwrap();
    assert_eq!(serde_json::from_str::<Progress>(&text).unwrap(), progress);
    assert!(text.contains("\"complete_until\":\"2027-01-15T07:00:00Z\""), "{text}");
}

#[test]
fn stretches_get_shorter_after_trouble_and_longer_again() {
    let mut reach = Reach::up_to(DAY);
    assert!(reach.shorten(window(0, 3600)));
    assert_eq!(reach.span(), HOUR / 2);
    reach.lengthen();
    assert_eq!(reach.span(), HOUR);
    assert!(reach.shorten(window(0, 90)));
    assert_eq!(reach.span(), MINUTE);
    assert!(!reach.shorten(window(0, 60)), "there is an end to it");
    (0..40).for_each(|_| reach.lengthen());
    assert_eq!(reach.span(), DAY);
}

#[test]
fn a_walk_is_believed_one_page_behind_and_only_while_it_ascends() {
    let mut ascent = Ascent::default();
    assert_eq!(ascent.take([at(1), at(1), at(2)]), None);
    assert_eq!(ascent.take([]), Some(at(2)));
    assert_eq!(ascent.take([at(2), at(5)]), Some(at(2)));
    assert_eq!(ascent.take([at(4)]), None);
    assert_eq!(ascent.take([at(9)]), None);
    assert_eq!(ascent.last(), Some(at(9)));
    let mut backwards = Ascent::default();
    assert_eq!((backwards.take([at(9)]), backwards.take([at(8)])), (None, None));
}

#[test]
fn what_took_long_to_read_counts_as_of_the_beginning_of_the_round() {
    let mut progress = Progress::begin(at(0), Duration::ZERO, "all");
    let round = UnderWay { begun_at: at(3000), elapsed: Duration::from_secs(400) };
    progress.done(window(0, 3000), Some(at(2900)), round);
    assert_eq!(progress.complete_until, at(2500));
}

/// A record of the model: when it happened and how much later it was in the log.
#[derive(Debug, Clone, Copy)]
struct Record {
    occurred: i64,
    lag: i64,
}

/// One round of the story.
#[derive(Debug, Clone, Copy)]
struct Round {
    /// Seconds since the round before.
    pause: i64,
    /// The round dies after so many pages, if there are as many.
    dies_after: Option<usize>,
    /// Seconds between two pages.
    per_page: i64,
}

/// Does what [`super::super::AuditLog`] does, with the log and the store of the story.
struct Story<'a> {
    records: &'a [Record],
    page: usize,
    span: Duration,
    /// By how much our clock is ahead of CAST AI's.
    skew: i64,
    committed: Progress,
    told: BTreeSet<usize>,
    late: usize,
}

impl Story<'_> {
    /// True time `now`; false when the round died.
    fn round(&mut self, now: i64, round: Round, sweep: Sweep) -> bool {
        let ours = at(now + self.skew);
        let mut life = round.dies_after.unwrap_or(usize::MAX);
        let mut clock = now;
        let stretches = self.committed.round(ours, OVERLAP, EVER);
        if !self.walk(stretches, ours, &mut clock, &mut life, round.per_page, false) {
            return false;
        }
        let Some(stretches) = self.committed.sweep(sweep, ours, OVERLAP) else { return true };
        let whole = self.walk(stretches, ours, &mut clock, &mut life, round.per_page, true);
        if whole {
            self.committed.swept(ours);
        }
        whole
    }

    fn walk(
        &mut self,
        mut stretches: Stretches,
        ours: Timestamp,
        clock: &mut i64,
        life: &mut usize,
        per_page: i64,
        sweeps: bool,
    ) -> bool {
        while let Some(window) = stretches.next(self.span) {
            let (mut ascent, mut offset) = (Ascent::default(), 0);
            loop {
                if *life == 0 {
                    return false;
                }
                *life -= 1;
                let listed = self.listed(window, *clock);
                *clock += per_page;
                let page: Vec<usize> = listed.iter().copied().skip(offset).take(self.page).collect();
                offset += page.len();
                let until = ascent.take(page.iter().map(|index| at(self.records[*index].occurred)));
                for index in page {
                    // What is known is known by its id.
                    self.late += usize::from(self.told.insert(index) && sweeps);
                }
                let is_end = offset >= listed.len();
                if !sweeps {
                    let elapsed = at(*clock + self.skew).saturating_since(ours);
                    let round = UnderWay { begun_at: ours, elapsed };
                    until.into_iter().for_each(|until| self.committed.reached(until, round));
                    if is_end {
                        self.committed.done(window, ascent.last(), round);
                    }
                }
                if is_end {
                    break;
                }
            }
            stretches.done(window);
        }
        true
    }

    /// What CAST AI lists at this moment, in ascending order.
    fn listed(&self, window: Window, now: i64) -> Vec<usize> {
        let visible = |record: &Record| record.occurred + record.lag <= now;
        let within = |record: &Record| (window.from..=window.to).contains(&at(record.occurred));
        let mut listed: Vec<usize> = (0..self.records.len()).collect();
        listed.retain(|index| visible(&self.records[*index]) && within(&self.records[*index]));
        listed.sort_by_key(|index| self.records[*index].occurred);
        listed
    }
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let pause = prop_oneof![6 => 30..90i64, 2 => 300..3000i64, 1 => 20_000..200_000i64];
    let round = (pause, prop::option::weighted(0.4, 0..6usize), 0..20i64);
    prop::collection::vec(round.prop_map(|(pause, dies_after, per_page)| Round { pause, dies_after, per_page }), 1..40)
}

fn records(longest_lag: i64) -> impl Strategy<Value = Vec<Record>> {
    let lag = prop_oneof![3 => 0..5i64, 2 => 0..=longest_lag];
    // Many at one moment, so that they fill more than a page.
    let occurred = prop_oneof![3 => 0..100_000i64, 1 => (0..20i64).prop_map(|moment| moment * 500)];
    prop::collection::vec((occurred, lag).prop_map(|(occurred, lag)| Record { occurred, lag }), 0..120)
}

fn tell(
    records: &[Record],
    rounds: &[Round],
    page: usize,
    span: i64,
    skew: i64,
    sweep: Sweep,
) -> (BTreeSet<usize>, usize) {
    let span = Duration::from_secs(span.unsigned_abs());
    let committed = Progress::begin(at(skew), Duration::ZERO, "all");
    let mut story = Story { records, page, span, skew, committed, told: BTreeSet::new(), late: 0 };
    let mut now = 0;
    for round in rounds {
        now += round.pause;
        story.round(now, *round, sweep);
        // A restart knows nothing but what was committed: so does the story.
    }
    // All that will ever come in is in, and nothing dies any more.
    let last = now.max(records.iter().map(|record| record.occurred + record.lag).max().unwrap_or(0)) + 7200;
    let quiet = Round { pause: 0, dies_after: None, per_page: 0 };
    story.round(last, quiet, sweep);
    story.round(last + 60, quiet, sweep);
    (story.told, story.late)
}

const NEVER: Sweep = Sweep { every: Duration::from_secs(u64::MAX / 4000), back: DAY };

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn what_is_late_by_no_more_than_the_overlap_is_told_without_a_sweep(
        records in records(600),
        rounds in rounds(),
        page in 1..8usize,
        span in prop::sample::select(vec![60, 500, 100_000i64]),
        skew in -3000..3000i64,
    ) {
        let (told, _) = tell(&records, &rounds, page, span, skew, NEVER);
        for (index, record) in records.iter().enumerate().filter(|(_, record)| record.occurred >= skew.max(0)) {
            prop_assert!(told.contains(&index), "{record:?} was never told");
        }
    }

    #[test]
    fn what_is_later_is_found_by_a_sweep_and_counted(
        records in records(40_000),
        rounds in rounds(),
        page in 1..8usize,
        skew in -3000..3000i64,
    ) {
        let sweep = Sweep { every: HOUR, back: DAY };
        let (told, late) = tell(&records, &rounds, page, 100_000, skew, sweep);
        for (index, record) in records.iter().enumerate().filter(|(_, record)| record.occurred >= skew.max(0)) {
            prop_assert!(told.contains(&index), "{record:?} was never told");
        }
        let (without, _) = tell(&records, &rounds, page, 100_000, skew, NEVER);
        prop_assert!(late >= told.len() - without.len(), "{late} counted, {} were lost without", told.len() - without.len());
    }
}
