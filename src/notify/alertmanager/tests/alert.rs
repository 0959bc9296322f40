//! How long alerts last, many events as several alerts, what is said of each, and URLs that may be followed.

use serde_json::{Value, json};

use super::*;
use crate::notify::samples::{alone, delivery, interruptions, many, of_incident, wording};

fn form() -> Form {
    Form {
        labels: Labels::from([("team".to_owned(), "platform".to_owned())]),
        event_lasts: Duration::from_secs(3600),
        incident_lasts: Duration::from_secs(30 * 24 * 3600),
    }
}

fn alerts(batch: &Batch) -> Vec<Alert> {
    form().alerts(batch, &Wording::default())
}

fn times(batch: &Batch) -> (String, String) {
    let [alert] = <[Alert; 1]>::try_from(alerts(batch)).unwrap();
    (alert.starts_at.to_string(), alert.ends_at.to_string())
}

#[test]
fn an_event_lasts_for_its_time_from_when_it_is_told() {
    let mut batch = alone(&delivery("node.added", json!({})));
    assert_eq!(times(&batch), ("2026-11-20T08:15:30Z".to_owned(), "2026-11-20T09:15:32Z".to_owned()));
    batch.claimed_at = Timestamp::parse("2026-11-20T20:00:00Z").unwrap();
    assert_eq!(times(&batch).1, "2026-11-20T21:00:00Z", "however late");
    batch.claimed_at = Timestamp::parse("2026-11-20T08:00:00Z").unwrap();
    assert_eq!(times(&batch).0, "2026-11-20T08:00:00Z", "no alert begins after now, whatever the sender's clock says");
}

#[test]
fn an_incident_lasts_until_it_is_told_to_be_over() {
    let batch = |phase| of_incident(alone(&delivery("node.added", json!({}))), phase, "spot/a", None);
    let opened = "2026-11-20T08:00:00Z".to_owned();
    assert_eq!(times(&batch(Phase::Open)), (opened.clone(), "2026-12-20T08:15:32Z".to_owned()));
    // Ten seconds before it is sent, so that no clock has it ahead.
    let mut over = batch(Phase::Resolve);
    assert_eq!(times(&over), (opened.clone(), "2026-11-20T08:15:22Z".to_owned()));
    over.claimed_at = Timestamp::parse("2026-11-20T09:00:00Z").unwrap();
    assert_eq!(times(&over).1, "2026-11-20T08:15:31Z", "when what ended it was heard");
    over.incident.as_mut().unwrap().timed_out = true;
    assert_eq!(times(&over).1, "2026-11-20T08:59:50Z");
    over.claimed_at = Timestamp::parse("2026-11-20T08:00:03Z").unwrap();
    assert_eq!(times(&over), (opened.clone(), opened), "never before it began");
}

#[test]
fn a_later_step_of_an_incident_has_the_labels_of_its_first() {
    let begin = of_incident(alone(&delivery("node.added", json!({}))), Phase::Open, "spot/a", None);
    let told = alerts(&begin);
    let earlier = receipt(&begin, &told);
    let other = delivery("node.removed", json!({}));
    for phase in [Phase::Open, Phase::Resolve] {
        let later = Batch { earlier: earlier.clone(), ..of_incident(alone(&other), phase, "spot/a", None) };
        assert_eq!(alerts(&later)[0].labels, told[0].labels);
        let forgotten = Batch { earlier: Receipt::new("not labels"), ..later };
        assert_ne!(alerts(&forgotten)[0].labels, told[0].labels);
    }
    let over = of_incident(alone(&other), Phase::Resolve, "spot/a", None);
    assert_eq!(receipt(&over, &alerts(&over)), None);
    let event = alone(&other);
    assert_eq!(receipt(&event, &alerts(&event)), None);
}

#[test]
fn of_many_each_that_is_shown_is_an_alert_and_one_more_tells_of_the_rest() {
    let few = alerts(&many(interruptions(20, 3)));
    assert_eq!(few.len(), 20);
    assert_eq!(few[0].labels["event"], "evt-0", "what came first leads, however bad the others are");
    let all = alerts(&many(interruptions(412, 12)));
    assert_eq!(all.len(), 21);
    let summary = &all[20];
    assert_eq!((summary.labels["alertname"].as_str(), summary.labels["severity"].as_str()), ("many events", "info"));
    assert_eq!(summary.labels["event"], "evt-0");
    assert_eq!(summary.annotations.summary, "412 spot interruptions in 12 clusters");
    assert_eq!(all.iter().filter(|alert| alert.labels["severity"] == "critical").count(), 4);
    assert!(all.iter().all(|alert| alert.labels["team"] == "platform"));
    let names: std::collections::BTreeSet<_> = all.iter().map(|alert| &alert.labels).collect();
    assert_eq!(names.len(), 21);
}

#[test]
fn the_routes_words_are_annotations_and_its_first_link_leads_to_more() {
    let batch = alone(&delivery("node.added", json!({"instanceType": "m6i.2xlarge"})));
    let links =
        json!([{"text": "odd", "url": "https://x.example/%zz"}, {"text": "Run", "url": "https://x.example/run"}]);
    let own = wording(json!({"title": "Look", "text": "a <b> & c", "links": links}));
    let alert: Value = json!(form().alerts(&batch, &own)[0]);
    assert_eq!(alert["annotations"]["summary"], "Look");
    assert_eq!(alert["generatorURL"], "https://x.example/run");
    let description = alert["annotations"]["description"].as_str().unwrap();
    assert!(description.starts_with("a <b> & c\nCluster: prod-eu\n"), "{description}");
    assert!(description.ends_with("\nodd: https://x.example/%zz\nRun: https://x.example/run"), "{description}");
}

#[test]
fn only_urls_that_every_parser_takes_are_sent_as_such() {
    for url in ["https://a.example", "http://a-b.example:8080/x?y=%20#z", "https://a/b/c"] {
        assert!(is_plain_url(url), "{url}");
    }
    for url in [
        "https://",
        "https://a:x/",
        "https://a:99999/",
        "https://ü.example/",
        "https://a/%",
        "https://a/%2",
        "https://a/ü",
        "https://a/{b}",
        "https://u@a/",
    ] {
        assert!(!is_plain_url(url), "{url}");
    }
}
