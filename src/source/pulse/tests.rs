//! When sources were last heard, whether we were there to hear them, and that a restart forgets neither.

use proptest::prelude::*;

use super::record::{Heard, Outage, Record};
use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000 + seconds * 1000)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn castai() -> SourceName {
    SourceName::parse("castai").unwrap()
}

fn metrics() -> Metrics {
    Metrics::new(&[], &[], &[])
}

fn resume(kept: Option<Record>, now: i64) -> Pulse {
    Pulse::resume([castai(), SourceName::notifications()], kept, at(now), &metrics())
}

#[test]
fn a_source_is_quiet_since_it_was_last_heard_or_since_it_is_listened_to() {
    let pulse = resume(None, 0);
    assert_eq!(pulse.quiet_for(&castai(), at(50)), Some(secs(50)));
    pulse.heard(&castai(), at(60));
    assert_eq!(pulse.quiet_for(&castai(), at(100)), Some(secs(40)));
    assert_eq!(pulse.of(&castai()), Some(Heard { since: at(0), heard_at: Some(at(60)), event_at: None }));
    pulse.brought(&castai(), at(90));
    pulse.heard(&castai(), at(70));
    assert_eq!(
        pulse.of(&castai()),
        Some(Heard { since: at(0), heard_at: Some(at(90)), event_at: Some(at(90)) }),
        "what is heard late does not set it back"
    );
    assert_eq!(pulse.quiet_for(&SourceName::relay(), at(0)), None, "the relay does not listen to itself");
}

#[test]
fn the_last_failure_stands_until_the_next_answer() {
    let pulse = resume(None, 0);
    let source = SourceName::notifications();
    pulse.failed(&source, "it is down");
    assert_eq!(pulse.failure(&source).as_deref(), Some("it is down"));
    pulse.answered(&source, at(1));
    assert_eq!((pulse.failure(&source), pulse.of(&source).unwrap().heard_at), (None, Some(at(1))));
}

#[test]
fn a_restart_goes_on_from_what_was_kept_and_does_not_blame_a_source_for_our_absence() {
    let before = resume(None, 0);
    before.heard(&castai(), at(100));
    let kept = Record::read(&before.record(at(160)).written()).unwrap();
    let after = resume(Some(kept), 1160);
    assert_eq!(after.of(&castai()).unwrap().heard_at, Some(at(100)));
    assert_eq!(after.quiet_for(&castai(), at(1200)), Some(secs(100)), "1000 s of it we were away");
}

#[test]
fn a_call_would_have_reached_us_while_we_were_there_and_known_to_be() {
    let before = resume(None, 0);
    let after = resume(Some(before.record(at(1000))), 2000);
    let up = |seconds| after.was_up(at(seconds), secs(120));
    for (seconds, expected) in
        [(-1, false), (0, false), (120, false), (121, true), (999, true), (1000, false), (2120, false), (2121, true)]
    {
        assert_eq!(up(seconds), expected, "{seconds}");
    }
}

#[test]
fn a_clock_that_was_set_back_does_not_make_a_source_lively_for_ever() {
    let before = resume(None, 0);
    before.brought(&castai(), at(5000));
    let after = resume(Some(before.record(at(5000))), 100);
    assert_eq!(after.quiet_for(&castai(), at(160)), Some(secs(60)));
}

#[test]
fn a_clock_that_ran_ahead_while_we_listened_does_not_hide_a_silence() {
    let ahead = resume(Some(resume(None, 0).record(at(10))), 5000);
    assert_eq!(ahead.quiet_for(&castai(), at(100)), Some(secs(100)), "it is the true time again");
    ahead.brought(&castai(), at(9000));
    assert_eq!(ahead.quiet_for(&castai(), at(200)), Some(Duration::ZERO));
    assert_eq!(ahead.quiet_for(&castai(), at(260)), Some(secs(60)));
    ahead.heard(&castai(), at(270));
    assert_eq!(ahead.of(&castai()).unwrap().heard_at, Some(at(270)), "what is heard now is the latest");
    let new = resume(None, 5000);
    assert_eq!(new.quiet_for(&castai(), at(0)), Some(Duration::ZERO));
    assert_eq!(new.quiet_for(&castai(), at(60)), Some(secs(60)), "never heard since a start by a wrong clock");
}

#[test]
fn a_record_is_read_as_far_as_it_goes() {
    let minimal = Record::read(r#"{"alive_at":"2026-11-20T08:15:31Z","of_a_newer_version":1}"#).unwrap();
    assert_eq!((minimal.outages.len(), minimal.sources.len()), (0, 0));
    assert!(Record::read("{}").is_err());
}

#[test]
fn what_is_kept_stays_small_after_many_restarts_and_claims_no_time_for_ours_that_was_not() {
    let mut kept = None;
    for restart in 0..100 {
        let pulse = resume(kept, restart * 1000);
        kept = Some(pulse.record(at(restart * 1000 + 500)));
    }
    let kept = kept.unwrap();
    assert!(kept.outages.len() <= 16 && kept.written().len() < 4096, "{}", kept.written());
    let pulse = resume(Some(kept), 100_000);
    for restart in 0..100 {
        assert!(!pulse.was_up(at(restart * 1000 + 700), Duration::ZERO), "{restart}");
    }
    assert!(pulse.was_up(at(99_200), Duration::ZERO));
}

#[test]
fn it_can_be_seen_when_a_source_was_last_heard() {
    let metrics = metrics();
    let pulse = Pulse::resume([castai()], None, at(0), &metrics);
    let shown = |name: &str| {
        let text = metrics.encode();
        let series = format!("castai_relay_source_last_{name}_timestamp_seconds{{source=\"castai\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().to_owned()
    };
    assert_eq!((shown("heard").as_str(), shown("event").as_str()), ("0", "0"));
    pulse.heard(&castai(), at(7));
    pulse.heard(&castai(), at(6));
    assert_eq!((shown("heard").as_str(), shown("event").as_str()), ("1790000007", "0"));
    let after = Pulse::resume([castai()], Some(pulse.record(at(8))), at(9), &Metrics::new(&[], &[], &[]));
    assert_eq!(after.of(&castai()).unwrap().heard_at, Some(at(7)));
}

proptest! {
    #[test]
    fn nobody_is_quiet_for_longer_than_the_time_that_passed(
        outages in proptest::collection::vec((0i64..1000, 0i64..1000), 0..5),
        heard in 0i64..1000,
        now in 0i64..2000,
    ) {
        let outages: Vec<Outage> = outages.into_iter().map(|(from, to)| Outage { from: at(from), to: at(to) }).collect();
        let source = Heard { since: at(0), heard_at: Some(at(heard)), event_at: None };
        let quiet = source.quiet_for(&outages, at(now));
        prop_assert!(quiet <= at(now).saturating_since(at(heard)));
        if outages.iter().all(|outage| outage.to <= outage.from || outage.to < at(heard) || outage.from > at(now)) {
            prop_assert_eq!(quiet, at(now).saturating_since(at(heard)));
        }
    }
}
