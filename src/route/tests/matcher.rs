//! What fits, what does not, what is said about it, and what is refused when it is read.

use serde_json::{Value, json};

use super::*;
use crate::event::castai::Notification;
use crate::event::{CastAIEvent, Severity};
use crate::route::tests::event;

fn matcher(fields: Value) -> Matcher {
    serde_json::from_value(fields).unwrap()
}

fn takes(fields: Value, event: &Event) -> bool {
    matcher(fields).matches(&Facts::of(event))
}

fn against(fields: Value, event: &Event) -> Vec<String> {
    matcher(fields).reasons_against(&Facts::of(event))
}

fn refused(fields: Value) -> String {
    serde_json::from_value::<Matcher>(fields).unwrap_err().to_string()
}

fn node() -> Event {
    event(
        "node.added",
        json!({"instanceType": "m6i.2xlarge", "spot": true, "nothing": "<no value>", "savings": "37.5%", "cpu": 5.0,
            "count": "40", "tags": ["a", {"k": "v"}], "labels": {"node.kubernetes.io/lifecycle": "spot", "a.b": {"c": 1}}}),
    )
}

fn notification(name: &str) -> Event {
    let name = Some(name.to_owned());
    Event { kind: CastAIEvent::Notification(Notification { name, message: None }), ..event("x", json!({})) }
}

#[test]
fn every_field_can_be_matched_exactly() {
    let node = Event { category: Some("Cost".into()), ..node() };
    for fields in [
        json!({"type": "node.added"}),
        json!({"source": "castai"}),
        json!({"cluster": "prod-eu"}),
        json!({"cluster": "9f2d"}),
        json!({"organization": "org-1"}),
        json!({"severity": "INFO"}),
        json!({"category": "cost"}),
        json!({"labels.team": "platform"}),
        json!({"data.instanceType": "m6i.2xlarge"}),
        json!({"data.spot": true}),
        json!({}),
    ] {
        assert!(takes(fields.clone(), &node), "{fields}");
        let Some(key) = fields.as_object().unwrap().keys().next() else { continue };
        let other = if key == "severity" { "critical" } else { "other" };
        assert!(!takes(json!({ key: other }), &node), "{key}");
    }
}

#[test]
fn all_fields_must_fit_and_any_value_of_a_list() {
    assert!(takes(json!({"type": ["node.removed", "node.added"], "cluster": ["9*", "x"]}), &node()));
    assert!(!takes(json!({"type": "node.added", "cluster": "staging"}), &node()));
}

#[test]
fn globs_and_regexes_fit_texts() {
    for (wanted, fits) in [
        ("m6i.*", true),
        ("m?i.*", true),
        ("m[5-6]i.*", true),
        ("{m5,m6i}.2xlarge", true),
        ("M6I.*", false),
        ("6i", false),
        ("/6i/", true),
        ("/^6i/", false),
        ("/^M6I/", false),
        ("/^M6I/i", true),
    ] {
        assert_eq!(takes(json!({"data.instanceType": wanted}), &node()), fits, "{wanted}");
    }
}

#[test]
fn names_and_categories_fit_in_any_case_however_they_are_matched() {
    let pending = notification("Pending Pod DÉTECTÉ");
    for wanted in ["pending pod détecté", "PENDING pod*", "/^pending/"] {
        assert!(takes(json!({"name": wanted}), &pending), "{wanted}");
    }
    assert!(!takes(json!({"name": "pending"}), &pending));
}

#[test]
fn severities_compare_by_rank() {
    let warning = Event { severity: Severity::Warning, ..node() };
    for (wanted, fits) in [
        (json!(">= warning"), true),
        (json!(">warning"), false),
        (json!("<= Success"), false),
        (json!("!= info"), true),
        (json!(["info", ">= error"]), false),
        (json!(["info", "warning"]), true),
    ] {
        assert_eq!(takes(json!({"severity": wanted}), &warning), fits, "{wanted}");
    }
}

#[test]
fn numbers_compare_as_numbers_also_when_sent_as_text() {
    for (key, wanted, fits) in [
        ("data.savings", json!("> 30"), true),
        ("data.savings", json!("<= 30"), false),
        ("data.savings", json!("== 37.5"), true),
        ("data.count", json!("> 9"), true),
        ("data.count", json!(40), true),
        ("data.cpu", json!(5), true),
        ("data.cpu", json!("5"), false),
        ("data.cpu", json!("!= 4"), true),
        ("data.instanceType", json!("!= 4"), false),
        ("data.absent", json!("!= 4"), false),
    ] {
        assert_eq!(takes(json!({ key: wanted }), &node()), fits, "{key} {wanted}");
    }
}

#[test]
fn large_whole_numbers_are_not_confused_with_their_neighbours() {
    let account = event("x", json!({"account": 9_007_199_254_740_993_u64}));
    assert!(takes(json!({"data.account": 9_007_199_254_740_993_u64}), &account));
    assert!(!takes(json!({"data.account": 9_007_199_254_740_992_u64}), &account));
}

#[test]
fn paths_lead_through_objects_lists_and_keys_with_dots() {
    for (key, wanted, fits) in [
        ("data.tags.0", "a", true),
        ("data.tags.1.k", "v", true),
        ("data.tags.2", "*", false),
        ("data.tags", "*", false),
        ("data.labels.node.kubernetes.io/lifecycle", "spot", true),
        ("data.labels.a.b.c", "1", true),
        ("data.labels.a", "*", false),
        ("data.instanceType.deeper", "*", false),
    ] {
        assert_eq!(takes(json!({ key: wanted }), &node()), fits, "{key}");
    }
}

#[test]
fn not_excludes_what_fits_all_of_it_and_can_ask_for_absence() {
    assert!(!takes(json!({"not": {"cluster": "prod-*"}}), &node()));
    assert!(takes(json!({"not": {"cluster": "prod-*", "type": "node.removed"}}), &node()));
    assert!(takes(json!({"not": {"data.nothing": "*"}}), &node()));
    assert!(!takes(json!({"not": {"data.cpu": "*"}}), &node()));
}

#[test]
fn an_expression_must_hold_and_one_that_fails_does_not() {
    assert!(takes(json!({"when": "event.data.cpu > 3 and event.cluster.name == 'prod-eu'"}), &node()));
    assert!(!takes(json!({"when": "event.data.cpu > 30"}), &node()));
    assert!(!takes(json!({"when": "event.data.cpu()"}), &node()));
}

#[test]
fn the_reasons_against_are_all_given_in_words() {
    let reasons = against(
        json!({"type": "node.removed", "cluster": ["staging-*", "test"], "data.zone": "/^eu/", "data.tags": "a",
            "severity": ">= warning", "not": {"source": "castai", "data.spot": true}, "when": "event.data.cpu > 9"}),
        &node(),
    );
    assert_eq!(
        reasons,
        [
            "type is node.added, wanted node.removed",
            "cluster is prod-eu (9f2d), wanted staging-* or test",
            "severity is info, wanted >= warning",
            "data.tags is a list, wanted a",
            "data.zone is missing, wanted /^eu/",
            "excluded by not: source castai, data.spot true",
            "when: event.data.cpu > 9 is false",
        ]
    );
    let [failure] = against(json!({"when": "event.data.cpu()"}), &node()).try_into().unwrap();
    assert!(failure.starts_with("when: event.data.cpu() cannot be evaluated: "), "{failure}");
}

#[test]
fn an_exception_that_cannot_be_evaluated_takes_nothing_away_and_is_told() {
    let unsure = matcher(json!({"not": {"type": "node.*", "when": "event.data.cpu()"}}));
    let (node, other) = (node(), event("other", json!({})));
    assert!(unsure.matches(&Facts::of(&node)));
    let doubt = unsure.doubt(&Facts::of(&node)).unwrap();
    assert!(doubt.contains("event.data.cpu() cannot be evaluated"), "{doubt}");
    assert_eq!(unsure.doubt(&Facts::of(&other)), None);
}

#[test]
fn what_senders_wrote_is_shown_cut_and_without_control_characters() {
    let long = event("x", json!({"text": format!("\u{1b}[2J{}", "x".repeat(500))}));
    let [reason] = against(json!({"data.text": "y"}), &long).try_into().unwrap();
    assert!(reason.chars().count() < 120 && !reason.contains('\u{1b}') && reason.contains("x…,"), "{reason}");
}

#[test]
fn a_matcher_prints_as_a_sentence() {
    let printed = matcher(json!({"cluster": "prod-*", "severity": [">= error", "success"],
        "not": {"data.cpu": "< 3"}, "when": "event.data.x"}));
    let expected = "cluster prod-*, severity >= error or success, not (data.cpu < 3), when event.data.x";
    assert_eq!(printed.to_string(), expected);
    assert_eq!(matcher(json!({})).to_string(), "everything");
}

#[test]
fn mistakes_are_refused_with_what_to_write_instead() {
    for (fields, says) in [
        (json!({"typ": "x"}), "unknown field `typ`, expected one of `type`"),
        (json!({"data": {"x": 1}}), "unknown field `data`"),
        (json!({"data.": "x"}), "unknown field `data.`"),
        (json!({"data.a..b": "x"}), "unknown field"),
        (json!({"type": []}), "empty list"),
        (json!({"type": " "}), "empty value"),
        (json!({"type": null}), "expected a text, a glob or a `/regex/`, or a list of those"),
        (json!({"type": [["x"]]}), "expected a text, a glob or a `/regex/`"),
        (json!({"type": "/(/"}), "not a valid regex: unclosed group"),
        (json!({"type": "/x/g"}), "does not end with `/` or `/i`"),
        (json!({"type": "/\\w{500}{500}/"}), "not a valid regex"),
        (json!({"type": "[a"}), "not a valid glob"),
        (json!({"type": "> 3"}), "those are for `severity` and `data.<path>`"),
        (json!({"data.x": "!= spot"}), "to exclude a text, use `not`"),
        (json!({"severity": ">= loud"}), "allowed: info, success, warning, error, critical"),
        (json!({"severity": 3}), "unknown severity"),
        (json!({"not": {}}), "an empty `not` excludes every event"),
        (json!({"when": "event.data =="}), "not a valid expression"),
        (json!("node.added"), "expected fields to match"),
    ] {
        let error = refused(fields.clone());
        assert!(error.contains(says), "{fields}: {error}");
    }
}
