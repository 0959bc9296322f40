//! Events survive the store, and loose fields never lose one.

use serde_json::json;

use super::*;

fn event(kind: CastAIEvent, data: Value) -> Event {
    Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::parse("castai").unwrap(),
        severity: kind.default_severity(),
        kind,
        organization: Some("org".into()),
        cluster: Cluster { name: Some("prod-eu".into()), ..Cluster::default() },
        category: None,
        labels: BTreeMap::from([("team".into(), "platform".into())]),
        occurred_at: Timestamp::parse("2026-11-20T08:15:30Z"),
        received_at: Timestamp::parse("2026-11-20T08:15:31.5Z").unwrap(),
        data: data.as_object().unwrap().clone(),
        notes: vec![],
        body: Bytes::from_static(b"{ }"),
    }
}

#[test]
fn an_event_reads_back_from_its_record_as_it_was() {
    let data = json!({"nodeName": "n1", "instanceType": "m6i.2xlarge", "lifecycle": "spot", "extra": [1, 2]});
    let kind = CastAIEvent::read("node.added", data.as_object().unwrap(), &mut vec![]);
    let notification = castai::Notification { name: Some("Pending pod detected".into()), message: None };
    let audited = json!({"description": "Policy updated", "initiator": {"email": "alice@example.com", "id": "user-1"}});
    let audit = CastAIEvent::read("audit.autoscaler.policy.updated", audited.as_object().unwrap(), &mut vec![]);
    for original in [
        event(kind, data),
        event(audit, audited),
        event(CastAIEvent::Notification(notification), json!({"pod": "web"})),
        event(CastAIEvent::Unrecognized { event_type: "cluster.hibernated".into() }, json!({})),
    ] {
        let record = serde_json::to_vec(&original).unwrap();
        assert_eq!(Event::from_record(&record, original.body.clone()).unwrap(), original);
    }
}

fn dec(text: &str) -> rust_decimal::Decimal {
    text.parse().unwrap()
}

fn summary() -> savings::SavingsSummary {
    use savings::*;
    let offer = || Offer { monthly: Some(dec("19376.51")), percent: Some(dec("55.98")) };
    let change = || Change { amount: Some(dec("-3.25")), percent: None };
    let figures = |counted: Option<u64>| Figures {
        month_to_date: PeriodFigures { cost: Some(dec("0")), ..PeriodFigures::default() },
        trailing_30_days: PeriodFigures {
            cost: Some(dec("2210.4177")),
            cost_change: change(),
            realised: Some(dec("1107.6812")),
            realised_percent: Some(dec("33.38")),
            realised_change: change(),
            cost_not_available: counted,
            realised_not_available: counted,
        },
        potential: Potential {
            layman: offer(),
            spot_instances: offer(),
            spot_only: Offer::default(),
            not_available: counted,
        },
    };
    let days = |first: &str| Days { first: Some(first.into()), last: Some("2026-10-05".into()), count: Some(5) };
    let pair = || PeriodPair { present: days("2026-10-01"), before: days("2026-09-01") };
    SavingsSummary {
        day: Some("2026-10-06".into()),
        time_zone: Some("Europe/Berlin".into()),
        month_to_date: pair(),
        trailing_30_days: pair(),
        total: figures(Some(1)),
        clusters_in_all: Some(2),
        clusters: vec![
            ClusterSavings {
                id: Some("c-1".into()),
                name: Some("demo".into()),
                not_available: None,
                figures: figures(None),
                efficiency: Efficiency { cpu_overprovisioned_percent: Some(dec("31.5")), ..Efficiency::default() },
            },
            ClusterSavings { not_available: Some("read-only".into()), ..ClusterSavings::default() },
        ],
    }
}

#[test]
fn a_savings_summary_reads_back_from_its_words_without_a_note() {
    let (data, mut notes) = (summary().to_data(), vec![]);
    let kind = CastAIEvent::read("savings.summary", &data, &mut notes);
    assert_eq!((&kind, notes.as_slice()), (&CastAIEvent::SavingsSummary(Box::new(summary())), [].as_slice()));
    let original = event(kind, Value::Object(data));
    let record = serde_json::to_vec(&original).unwrap();
    assert_eq!(Event::from_record(&record, original.body.clone()).unwrap(), original);
    assert_eq!(original.severity, Severity::Info);
    assert_eq!(original.data["total"]["trailing_30_days"]["realised"], "1107.6812", "money is text, never a float");
    assert_eq!(original.data["total"]["month_to_date"]["realised"], Value::Null, "what is unknown is not zero");
}

#[test]
fn a_summary_in_other_words_is_read_as_far_as_it_goes() {
    let data = json!({
        "day": "2026-10-06",
        "total": {"trailing_30_days": {"cost": 12.5, "realised": "$1.10", "realised_percent": "much"}, "potential": 3},
        "clusters": {"demo": 1},
        "clusters_in_all": "7",
    });
    let mut notes = vec![];
    let kind = CastAIEvent::read("savings.summary", data.as_object().unwrap(), &mut notes);
    let CastAIEvent::SavingsSummary(read) = kind else { panic!("{kind:?}") };
    let trailing = &read.total.trailing_30_days;
    assert_eq!((trailing.cost, trailing.realised), (Some(dec("12.5")), Some(dec("1.10"))));
    assert_eq!((trailing.realised_percent, read.clusters_in_all, read.clusters.len()), (None, Some(7), 0));
    let expected = [
        "data.total.trailing_30_days.realised_percent: expected a decimal number in a string, got a string",
        "data.total.potential: expected an object, got a number",
        "data.clusters: expected a list, got an object",
    ];
    assert_eq!(notes, expected);
}

#[test]
fn an_amount_nobody_spends_is_no_amount() {
    for absurd in [json!("1e40"), json!("99999999999999999999"), json!(1e300), json!("NaN"), json!(true)] {
        assert_eq!(fields::scalar_decimal(&absurd), None, "{absurd}");
    }
    assert_eq!(fields::scalar_decimal(&json!("-1000000000000000")), Some(dec("-1000000000000000")));
}

#[test]
fn an_event_that_came_late_is_marked_in_its_record() {
    let mark = |millis| {
        let on_time = event(CastAIEvent::Unrecognized { event_type: "x".into() }, json!({}));
        let received_at = Timestamp::from_millis(on_time.occurred_at.unwrap().as_millis() + millis);
        serde_json::to_value(Event { received_at, ..on_time }).unwrap()["late_by"].clone()
    };
    assert_eq!((mark(59_999), mark(60_000), mark(7_200_999)), (Value::Null, json!(60), json!(7200)));
    assert_eq!(mark(-5_000), Value::Null, "the sender's clock is ahead");
}

#[test]
fn the_relays_own_reports_read_back_as_reports_but_nobody_else_can_make_one() {
    let problem = relay::BodyProblem { message: "not JSON".into(), line: 1, column: 2, hint: "" };
    let source = SourceName::parse("castai").unwrap();
    let report = relay::body_rejected(&source, Bytes::from_static(b"x"), &problem, Timestamp::from_millis(0));
    let record = serde_json::to_vec(&report).unwrap();
    assert_eq!(Event::from_record(&record, report.body.clone()).unwrap(), report);

    let posing = CastAIEvent::read("relay.body_rejected", &Map::new(), &mut vec![]);
    assert!(matches!(posing, CastAIEvent::Unrecognized { .. }));
}

#[test]
fn a_field_of_the_wrong_type_is_noted_and_the_rest_is_kept() {
    let data = json!({"nodeName": 5, "instanceType": {"size": "large"}, "lifecycle": "<no value>"});
    let mut notes = vec![];
    let kind = CastAIEvent::read("node.added", data.as_object().unwrap(), &mut notes);
    let expected = castai::Node { name: Some("5".into()), ..castai::Node::default() };
    assert_eq!(kind, CastAIEvent::NodeAdded(expected));
    assert_eq!(
        notes,
        ["data.nodeName: expected a string, got a number", "data.instanceType: expected a string, got an object"]
    );
}

#[test]
fn savings_may_come_as_text_with_a_sign() {
    for (given, read) in
        [(json!(37.5), Some(37.5)), (json!("37.5%"), Some(37.5)), (json!("$12"), Some(12.0)), (json!([]), None)]
    {
        let data = json!({"savingsImpact": given});
        let kind = CastAIEvent::read("savings.threshold", data.as_object().unwrap(), &mut vec![]);
        assert_eq!(kind, CastAIEvent::SavingsThreshold(savings::Savings { impact: read, ..Default::default() }));
    }
}

#[test]
fn a_crossed_threshold_says_which_and_how_far() {
    let data = json!({
        "name": "low", "metric": "realised_percent", "value": "8.2", "limit": 10, "direction": "below", "scope": "total",
    });
    let kind = CastAIEvent::read("savings.threshold", data.as_object().unwrap(), &mut vec![]);
    let expected = savings::Savings {
        impact: None,
        name: Some("low".into()),
        metric: Some("realised_percent".into()),
        value: Some(dec("8.2")),
        limit: Some(dec("10")),
        direction: Some("below".into()),
        scope: Some("total".into()),
    };
    assert_eq!(kind, CastAIEvent::SavingsThreshold(expected));
}

#[test]
fn a_time_is_read_in_every_form_senders_write() {
    let expected = Timestamp::parse("2026-10-05T03:51:00.123Z").unwrap();
    for form in ["2026-10-05T03:51:00.123456789Z", "2026-10-05T05:51:00.123+02:00", "2026-10-05 03:51:00.123 +0000 UTC"]
    {
        assert_eq!(Timestamp::parse(form), Some(expected), "{form}");
    }
    assert_eq!(Timestamp::parse("yesterday"), None);
    assert_eq!(Timestamp::from_epoch_number(1_791_172_260.0), Timestamp::from_epoch_number(1_791_172_260_000.0));
}

#[test]
fn the_first_and_the_last_moment_read_back_as_they_are_written() {
    for end in [Timestamp::from_millis(i64::MIN), Timestamp::from_millis(i64::MAX)] {
        assert_eq!(Timestamp::parse(&end.to_string()), Some(end), "{end}");
    }
}

#[test]
fn severities_ascend_and_any_case_is_read() {
    assert!(Severity::ALL.is_sorted());
    assert_eq!("CRITICAL".parse(), Ok(Severity::Critical));
    assert!("UNSPECIFIED".parse::<Severity>().is_err());
}

#[test]
fn an_audit_record_says_what_was_done_by_whom_to_what() {
    let data = json!({
        "description": "Policy updated",
        "initiator": {"type": "user", "id": "user-1", "email": "alice@example.com"},
        "resource": {"type": "policy", "id": "p-1", "name": ""},
    });
    let read = |event_type| CastAIEvent::read(event_type, data.as_object().unwrap(), &mut vec![]);
    let kind = read("audit.autoscaler.policy.updated");
    let CastAIEvent::Audit(audit) = &kind else { panic!("{kind:?}") };
    assert_eq!(audit.name(), "autoscaler.policy.updated");
    assert_eq!(audit.initiator.as_deref(), Some("alice@example.com"));
    assert_eq!(audit.resource.as_deref(), Some("p-1"));
    assert_eq!((kind.message(), kind.default_severity()), (Some("Policy updated"), Severity::Info));
    for other in ["audit.", "audit", "auditing.node.added"] {
        assert!(matches!(read(other), CastAIEvent::Unrecognized { .. }), "{other}");
    }
}

#[test]
fn a_zone_that_is_wrong_says_what_is_allowed() {
    let said = Zone::parse("Europe/Berln").unwrap_err();
    assert_eq!(
        said,
        "`Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?; write a name of the IANA time zone database, \
         such as `UTC` or `Europe/Berlin`"
    );
    assert!(!Zone::parse("tomorrow").unwrap_err().contains("did you mean"));
    assert_eq!(Zone::parse("europe/berlin").unwrap().name(), "Europe/Berlin");
    assert_eq!(Zone::parse("UTC").unwrap().name(), "UTC");
}
