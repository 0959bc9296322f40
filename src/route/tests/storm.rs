//! What counts as a storm, what is spared, and which rules are refused.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;
use crate::event::{Event, Severity};
use crate::route::tests::event;

fn rule(config: Value) -> StormRule {
    serde_json::from_value(config).unwrap()
}

#[test]
fn the_rate_is_a_bucket_that_leaks_evenly_and_is_full_at_its_number() {
    let added = event("node.added", json!({}));
    let watch = rule(json!({"above": "30/m"})).watch(&Facts::of(&added));
    assert_eq!(watch, StormWatch { leaks_every: Duration::from_secs(2), full_at: 30, spared: false });
}

#[test]
fn what_never_goes_under_is_spared_by_its_own_severity() {
    let rule = rule(json!({"above": "30/m", "never": {"severity": "critical"}}));
    let spared = |severity| {
        let event = Event { severity, ..event("node.added", json!({})) };
        rule.watch(&Facts::of(&event)).spared
    };
    assert!(spared(Severity::Critical) && !spared(Severity::Error));
}

#[test]
fn a_sweep_is_as_large_as_a_group_may_be() {
    let rule = rule(json!({"above": "30/m", "interval": "90s"}));
    let group = Pace { interval: Duration::from_secs(1), max_events: 7 };
    let every = Duration::from_secs(90);
    assert_eq!(rule.pace(Some(group)), Pace { interval: every, max_events: 7 });
    assert_eq!(rule.pace(None), Pace { interval: every, max_events: 1000 });
}

#[test]
fn it_is_told_in_words() {
    let config = json!({"above": "30/m", "never": {"severity": "critical"}});
    assert_eq!(rule(config).to_string(), "above 30/m every 1m, never severity critical");
    assert_eq!(rule(json!({"above": "2/s", "interval": "5m"})).to_string(), "above 2/s every 5m");
}

#[test]
fn a_rule_that_cannot_be_meant_is_refused_with_what_is_allowed() {
    for (config, why) in [
        (json!({}), "missing field `above`"),
        (json!({"above": "30"}), "`30` is not a rate"),
        (json!({"above": "1/m"}), "`1/m` would take a single event for a storm; write two or more"),
        (json!({"above": "30/m", "never": {}}), "spares every event, so that there is no storm"),
        (json!({"above": "30/m", "never": {"kind": "x"}}), "unknown field `kind`"),
        (json!({"above": "30/m", "interval": "0s"}), "`0s` is out of range: from 1s to 1h is allowed"),
        (json!({"above": "30/m", "below": "5/m"}), "unknown field `below`"),
    ] {
        let said = serde_json::from_value::<StormRule>(config).unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
    }
}
