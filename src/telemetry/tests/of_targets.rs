//! What `/metrics` shows of a target before anything happens there, and after.

use super::super::Metrics;
use super::*;

fn target() -> TargetName {
    TargetName::parse("slack-ops").unwrap()
}

fn shown(metrics: &Metrics, series: &str) -> Option<String> {
    let text = metrics.encode();
    let value = |line: &str| line.strip_prefix(&format!("castai_relay_{series} ")).map(str::to_owned);
    text.lines().find_map(value)
}

#[test]
fn a_configured_target_starts_at_zero_in_everything() {
    let metrics = Metrics::new(&[], &[], &[target()]);
    for series in [
        r#"settled_attempts_total{target="slack-ops",outcome="retry"}"#,
        r#"ended_deliveries_total{target="slack-ops",outcome="delivered"}"#,
        r#"ended_deliveries_total{target="slack-ops",outcome="silenced"}"#,
        r#"ended_deliveries_total{target="slack-ops",outcome="superseded"}"#,
        r#"ended_deliveries_total{target="slack-ops",outcome="dead"}"#,
        r#"failed_attempts_total{target="slack-ops",reason="rate_limited"}"#,
        r#"given_up_deliveries_total{target="slack-ops",reason="expired"}"#,
        r#"batches_total{target="slack-ops"}"#,
        r#"batched_deliveries_total{target="slack-ops"}"#,
        r#"fallback_deliveries_total{target="slack-ops"}"#,
        r#"target_closed{target="slack-ops",cause="refusing"}"#,
        r#"target_closed{target="slack-ops",cause="failing"}"#,
    ] {
        assert_eq!(shown(&metrics, series).as_deref(), Some("0"), "{series}");
    }
}

#[test]
fn a_target_is_closed_for_one_cause_at_a_time() {
    let metrics = Metrics::new(&[], &[], &[target()]);
    let closed = || {
        ["refusing", "failing"]
            .map(|cause| shown(&metrics, &format!(r#"target_closed{{target="slack-ops",cause="{cause}"}}"#)))
            .map(|value| value.unwrap_or_default())
    };
    metrics.closed(&target(), Some("failing"));
    assert_eq!(closed(), ["0", "1"]);
    metrics.closed(&target(), Some("refusing"));
    assert_eq!(closed(), ["1", "0"]);
    metrics.closed(&target(), None);
    assert_eq!(closed(), ["0", "0"]);
}

#[test]
fn messages_and_deliveries_are_counted_apart() {
    let metrics = Metrics::new(&[], &[], &[target()]);
    metrics.sent(&target(), 1);
    metrics.sent(&target(), 412);
    metrics.ended(&target(), "silenced", None, 2);
    metrics.ended(&target(), "dead", Some(Reason::Expired), 7);
    metrics.fell_back(&target(), 7);
    for (series, value) in [
        (r#"batches_total{target="slack-ops"}"#, "2"),
        (r#"batched_deliveries_total{target="slack-ops"}"#, "413"),
        (r#"ended_deliveries_total{target="slack-ops",outcome="delivered"}"#, "413"),
        (r#"ended_deliveries_total{target="slack-ops",outcome="silenced"}"#, "2"),
        (r#"ended_deliveries_total{target="slack-ops",outcome="dead"}"#, "7"),
        (r#"given_up_deliveries_total{target="slack-ops",reason="expired"}"#, "7"),
        (r#"fallback_deliveries_total{target="slack-ops"}"#, "7"),
    ] {
        assert_eq!(shown(&metrics, series).as_deref(), Some(value), "{series}");
    }
}
