//! What is kept is read again, by an older relay and by a newer one.

use serde_json::{Value, json};

use super::*;

fn read(kept: Value) -> TargetState {
    serde_json::from_value(kept.clone()).unwrap_or_else(|error| panic!("{error}: {kept}"))
}

fn with_everything() -> TargetState {
    let mut story = Story::closed_by_a_refusal();
    story.limits.rate = Some(RateLimit { every: Duration::from_secs(1), burst: 1 });
    story.hears(Sign::Busy { until: at(400) });
    story.waits(400);
    story.departs();
    story.state.old_ones_turn(&story.limits);
    story.state.fallen_to = 7;
    story.state.obey(&Order::Pause { until: Some(at(9_000)), why: "moving".into() }, &signature(at(400)));
    story.state
}

#[test]
fn what_is_kept_reads_back_the_same() {
    let state = with_everything();
    let kept = serde_json::to_value(&state).unwrap();
    let empty = serde_json::to_value(TargetState::default()).unwrap();
    for (field, value) in kept.as_object().unwrap() {
        assert_ne!(*value, empty[field], "`{field}` is not under test");
    }
    assert_eq!(read(kept), state);
}

#[test]
fn nothing_reads_as_a_new_target() {
    assert_eq!(read(json!({})), TargetState::default());
}

#[test]
fn each_field_may_be_missing_or_new() {
    let kept = serde_json::to_value(with_everything()).unwrap();
    let mut newer = kept.clone();
    newer["mood"] = json!({"since": "yesterday"});
    newer["closed"]["ticket"] = json!("OPS-1");
    assert_eq!(read(newer), read(kept.clone()));
    for field in kept.as_object().unwrap().keys() {
        let mut older = kept.clone();
        older.as_object_mut().unwrap().remove(field);
        read(older);
    }
    for field in kept["closed"].as_object().unwrap().keys() {
        let mut older = kept.clone();
        older["closed"].as_object_mut().unwrap().remove(field);
        assert!(read(older).closed().is_some(), "without `{field}` it is still closed");
    }
}

#[test]
fn words_that_only_a_newer_relay_knows_keep_it_closed_and_probed() {
    let mut kept = serde_json::to_value(with_everything()).unwrap();
    kept["closed"]["cause"] = json!("on_holiday");
    kept["closed"]["reason"] = json!("quota_used_up");
    let state = read(kept);
    let closed = state.closed().unwrap();
    assert_eq!((closed.cause, closed.reason), (Cause::Failing, Reason::Internal));
    assert_eq!(closed.detail, "answered 404 `no_service`");
}

#[test]
fn a_closed_target_of_which_nothing_is_known_is_probed_at_once() {
    let mut state = read(json!({"closed": {}}));
    let limits = Limits::default();
    assert_eq!(state.admits(&limits, at(0)), 1);
    assert!(state.depart(&limits, at(0), LEASE).is_probe);
    assert_eq!(state.admits(&limits, at(0)), 0);
    assert_eq!(state.heed(Sign::Well, true, &limits, at(1)), None);
}

#[test]
fn numbers_at_their_ends_break_nothing() {
    let kept = json!({
        "rate": i64::MAX, "failures": u32::MAX, "old_turn": u32::MAX, "leases": i64::MAX,
        "paused_until": "9999-12-30T22:00:00Z",
        "closed": {"cause": "failing", "probes": u32::MAX, "probe_at": "9999-12-30T22:00:00Z"},
    });
    let mut state = read(kept);
    let limits = Limits { rate: Some(RateLimit { every: Duration::from_secs(1), burst: 1 }), ..Limits::default() };
    assert_eq!(state.admits(&limits, at(0)), 1);
    state.old_ones_turn(&limits);
    state.depart(&limits, at(0), LEASE);
    assert!(matches!(state.heed(failing(), true, &limits, at(1)), Some(Change::Paused(_))));
    assert_eq!(state.opens_at(&limits, at(1)), Some(at(301)));
}

#[test]
fn a_pause_of_which_nothing_is_known_is_a_pause() {
    let state = read(json!({"pause": {"ticket": "OPS-1"}}));
    assert_eq!(state.admits(&Limits::default(), at(0)), 0);
    assert!(state.pause(at(0)).is_some_and(|pause| pause.until.is_none()));
}
