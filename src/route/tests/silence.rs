//! What a silence must say, what it must not, and which deliveries it is about.

use serde_json::json;

use super::*;
use crate::names::SilenceId;
use crate::route::tests::event;

const START: &str = "2026-11-20T08:00:00Z";

fn now() -> Timestamp {
    Timestamp::parse(START).unwrap()
}

fn after(seconds: u64) -> Timestamp {
    now().saturating_add(Duration::from_secs(seconds))
}

fn route(name: &str) -> RouteName {
    RouteName::parse(name).unwrap()
}

fn target(name: &str) -> TargetName {
    TargetName::parse(name).unwrap()
}

/// Of an hour, of what this matcher says.
fn draft(matching: Value) -> Draft {
    Draft {
        matching: matching.as_object().unwrap().clone(),
        routes: vec![],
        targets: vec![],
        everything: false,
        from: None,
        until: after(3600),
        by: "ada".into(),
        why: "upgrade".into(),
    }
}

fn compiled(draft: Draft) -> Compiled {
    let silence = Silence { id: SilenceId::from_row(12), terms: draft.accept(now()).unwrap(), ended: None };
    Compiled::new(silence).unwrap()
}

fn refused(draft: Draft) -> String {
    draft.accept(now()).unwrap_err().to_string()
}

/// Whether it holds for this event, owed to `slack` by `nodes`, with this severity, this many seconds after the start.
fn holds(silence: &Compiled, event: &Event, severity: Severity, seconds: u64) -> bool {
    let (route, target) = (route("nodes"), target("slack"));
    let candidate = Candidate { event, route: &route, target: &target, severity };
    holding([silence].into_iter(), &candidate, after(seconds)).is_some()
}

fn added() -> Event {
    event("node.added", json!({"nodeName": "n1"}))
}

#[test]
fn it_holds_from_its_beginning_until_before_its_end() {
    let later = Draft { from: Some(after(60)), ..draft(json!({"type": "node.*"})) };
    let silence = compiled(later);
    for (seconds, expected) in [(0, false), (59, false), (60, true), (3599, true), (3600, false)] {
        assert_eq!(holds(&silence, &added(), Severity::Info, seconds), expected, "{seconds}");
    }
    assert!(!holds(&silence, &event("savings.summary", json!({})), Severity::Info, 60));
}

#[test]
fn what_was_ended_holds_no_longer_and_the_first_end_stands() {
    let mut silence = compiled(draft(json!({"type": "node.*"}))).silence().clone();
    silence.end(after(10), "bob");
    silence.end(after(20), "eve");
    assert_eq!(silence.ended.as_ref().map(|ended| (ended.at, ended.by.as_str())), Some((after(10), "bob")));
    let silence = Compiled::new(silence).unwrap();
    assert!(
        ![9, 10].into_iter().any(|second| holds(&silence, &added(), Severity::Info, second)),
        "not even when the clock is set back"
    );
    let standing = |seconds| silence.silence().standing(after(seconds)).to_string();
    assert_eq!([standing(9), standing(10), standing(9999)], ["ended", "ended", "ended"]);
}

#[test]
fn one_that_is_over_is_not_ended_any_more() {
    let mut silence = compiled(draft(json!({"type": "node.*"}))).silence().clone();
    silence.end(after(3600), "bob");
    assert_eq!((silence.ended.as_ref(), silence.standing(after(3600))), (None, Standing::Expired));
}

#[test]
fn routes_and_targets_narrow_it() {
    for (routes, targets, expected) in [
        (vec![], vec!["slack"], true),
        (vec!["nodes", "other"], vec![], true),
        (vec!["nodes"], vec!["slack", "oncall"], true),
        (vec!["other"], vec!["slack"], false),
        (vec!["nodes"], vec!["oncall"], false),
    ] {
        let draft = Draft {
            routes: routes.iter().map(|name| route(name)).collect(),
            targets: targets.iter().map(|name| target(name)).collect(),
            ..draft(json!({}))
        };
        assert_eq!(holds(&compiled(draft), &added(), Severity::Info, 0), expected, "{routes:?} {targets:?}");
    }
}

#[test]
fn the_severity_it_speaks_of_is_the_one_that_would_be_told() {
    let silence = compiled(draft(json!({"severity": "< critical"})));
    assert!(holds(&silence, &added(), Severity::Info, 0));
    assert!(!holds(&silence, &added(), Severity::Critical, 0), "the route calls it critical");
    let by_expression = compiled(draft(json!({"when": "event.severity == 'critical'"})));
    assert!(holds(&by_expression, &added(), Severity::Critical, 0));
    assert!(!holds(&by_expression, &added(), Severity::Info, 0));
}

#[test]
fn where_there_is_doubt_it_does_not_hold() {
    let unclear = compiled(draft(json!({"when": "event.data.nodeName()"})));
    assert!(!holds(&unclear, &added(), Severity::Info, 0));
    let unclear_exception = compiled(draft(json!({"type": "node.*", "not": {"when": "event.data.nodeName()"}})));
    assert!(!holds(&unclear_exception, &added(), Severity::Info, 0));
}

#[test]
fn it_says_who_keeps_silent_why_and_until_when() {
    let silence = compiled(Draft { why: " upgrade\nof  prod ".into(), ..draft(json!({"type": "node.*"})) });
    assert_eq!(silence.in_words(), "silenced by S12 until 2026-11-20T09:00:00Z: upgrade of prod (ada)");
}

#[test]
fn everything_is_silenced_only_on_purpose() {
    let said = refused(draft(json!({})));
    assert!(said.contains("this would silence everything") && said.contains("`everything: true`"), "{said}");
    let everything = Draft { everything: true, ..draft(json!({})) };
    assert!(holds(&compiled(everything), &added(), Severity::Critical, 0));
    let said = refused(Draft { everything: true, ..draft(json!({"type": "node.*"})) });
    assert!(said.contains("stands beside conditions"), "{said}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_what_can() {
    let good = || draft(json!({"type": "node.*"}));
    let names = |count: usize| (0..count).map(|n| route(&format!("r{n}"))).collect();
    let long_match: Map<String, Value> =
        json!({"type": ["x".repeat(Draft::MAX_MATCH_BYTES)]}).as_object().unwrap().clone();
    for (draft, part) in [
        (draft(json!({"typ": "node.*"})), "`match` cannot be read: unknown field `typ`"),
        (draft(json!({"type": "[a"})), "is not a valid glob"),
        (Draft { by: " \n".into(), ..good() }, "`by` is missing or blank"),
        (Draft { why: String::new(), ..good() }, "`why` is missing or blank"),
        (Draft { why: "x".repeat(501), ..good() }, "`why` has 501 characters"),
        (Draft { by: "a\u{7}".into(), ..good() }, "`by` has control characters"),
        (Draft { until: now(), ..good() }, "would be over before it begins"),
        (Draft { from: Some(after(3600)), ..good() }, "would be over before it begins"),
        (Draft { until: after(90 * 24 * 3600 + 1), ..good() }, "at most 90 days ahead"),
        (Draft { matching: long_match, ..good() }, "at most 4096 bytes"),
        (Draft { routes: names(101), ..good() }, "at most 100 names"),
    ] {
        let said = refused(draft);
        assert!(said.contains(part), "{part}: {said}");
    }
    let longest = Draft { until: after(90 * 24 * 3600), why: "x".repeat(500), routes: names(100), ..good() };
    assert!(longest.accept(now()).is_ok());
}

#[test]
fn a_beginning_that_is_past_is_now() {
    let early = Draft { from: Some(Timestamp::EPOCH), ..draft(json!({"type": "node.*"})) };
    assert_eq!(early.accept(now()).unwrap().from, now());
}
