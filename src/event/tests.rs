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
    for original in [
        event(kind, data),
        event(CastAIEvent::Notification(notification), json!({"pod": "web"})),
        event(CastAIEvent::Unrecognized { event_type: "cluster.hibernated".into() }, json!({})),
    ] {
        let record = serde_json::to_vec(&original).unwrap();
        assert_eq!(Event::from_record(&record, original.body.clone()).unwrap(), original);
    }
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
        assert_eq!(kind, CastAIEvent::SavingsThreshold(castai::Savings { impact: read }));
    }
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
fn severities_ascend_and_any_case_is_read() {
    assert!(Severity::ALL.is_sorted());
    assert_eq!("CRITICAL".parse(), Ok(Severity::Critical));
    assert!("UNSPECIFIED".parse::<Severity>().is_err());
}
