//! The key, the address and their mistakes; what an answer means; which alert a message concerns, and how it reads.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::event::delivery::Again;
use crate::event::{Event, Severity};
use crate::names::{ReplayId, TargetName};
use crate::notify::samples::{
    alone, delivery, interruptions, kit, many, notification, of_incident, recorded, texts, wording,
};

const KEY: &str = "11111111-2222-3333-4444-555555555555";

fn alerts(url: &str) -> Alerts {
    Alerts { url: Endpoint::parse(url).unwrap(), key: Secret::literal(KEY), http: kit().http }
}

fn asked(batch: &Batch) -> Asked {
    alerts("https://api.atlassian.com/jsm/ops/integration").ask(batch, &Wording::default())
}

fn created(batch: &Batch) -> Value {
    let asked = asked(batch);
    assert_eq!(asked.to.path(), "/jsm/ops/integration/v2/alerts");
    asked.body
}

fn length(value: &Value) -> usize {
    value.as_str().unwrap().chars().count()
}

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    for kind in ["opsgenie", "jira_service_management"] {
        let answers = recorded(kind);
        assert!(answers.len() > 5);
        for answer in answers {
            answer.assert_means(classify(answer.status, &answer.body, answer.retry_after));
        }
    }
}

#[test]
fn what_an_alert_lacks_is_said_and_where_to_look_when_nobody_may() {
    let body = r#"{"message":"Request body is not processable.","errors":{"message":"can not be empty"}}"#;
    let detail = classify(422, body, None).unwrap_err().detail;
    assert_eq!(detail, r#"answered 422 `Request body is not processable. {"message":"can not be empty"}`"#);
    assert!(classify(200, "<html>Sign in</html>", None).unwrap_err().ambiguous);
    let detail = classify(401, r#"{"message":"Key format is not valid!"}"#, None).unwrap_err().detail;
    assert!(detail.starts_with("answered 401 `Key format is not valid!`: compare `api_key` with "), "{detail}");
}

#[test]
fn a_key_of_another_kind_is_refused() {
    for (key, mistake) in [
        ("ATATT3xFfGF0abcdefghijkl", "is an API token of an Atlassian account"),
        ("", "must have from 20 to 200"),
        ("changeme", "must have from 20 to 200"),
        ("11111111-2222-3333-4444 555555555555", "must have from 20 to 200"),
        ("GenieKey 11111111-2222-3333-4444-555555555555", "must be the key alone"),
    ] {
        assert!(integration_key(key).unwrap_err().starts_with(mistake), "{key}");
    }
    assert!(integration_key(&format!(" {KEY}\n")).is_ok());
}

#[test]
fn an_address_where_no_alert_can_be_sent_is_refused() {
    for (url, mistake) in [
        ("https://api.opsgenie.com/v2/alerts", "must not have `/v2/alerts` at its end"),
        ("https://api.atlassian.com/jsm/ops/integration/v2/alerts/", "must not have `/v2/alerts` at its end"),
        ("https://api.opsgenie.com/v1/json/alert", "is version 1"),
        ("https://api.atlassian.com/jsm/ops/api/0a1b/v1", "is the address of Atlassian's REST API"),
        ("https://ada.atlassian.net/jira/ops", "is a page for people"),
        ("https://ada.app.opsgenie.com", "is a page for people"),
        ("https://ada.app.eu.opsgenie.com", "is a page for people"),
    ] {
        assert!(address(Endpoint::parse(url).unwrap()).unwrap_err().starts_with(mistake), "{url}");
    }
}

#[test]
fn each_region_has_its_own_address_and_one_may_be_written_instead() {
    let shown = |yaml: &str| {
        let section = Section::from_yaml("opsgenie", &format!("{{ api_key: {KEY}{yaml} }}"));
        build_for_opsgenie(&section, &kit()).unwrap().endpoint().unwrap().to_string()
    };
    assert_eq!(shown(""), "https://api.opsgenie.com/…");
    assert_eq!(shown(", region: eu"), "https://api.eu.opsgenie.com/…");
    assert_eq!(shown(", url: 'https://proxy.example/o'"), "https://proxy.example/…");
}

#[test]
fn an_incident_is_one_alert_from_its_beginning_to_its_end() {
    let batch = alone(&delivery("node.added", json!({})));
    let opened = created(&of_incident(batch.clone(), Phase::Open, "spot/a", None));
    let alias = opened["alias"].as_str().unwrap();
    let added = created(&of_incident(many(interruptions(3, 1)), Phase::Open, "spot/a", None));
    assert_eq!(added["alias"], alias, "what is added counts up the same alert");
    let closed = asked(&of_incident(batch.clone(), Phase::Resolve, "spot/a", None));
    assert_eq!(closed.to.path(), format!("/jsm/ops/integration/v2/alerts/{alias}/close"));
    assert_eq!(closed.to.query(), Some("identifierType=alias"));
    assert!(closed.body["note"].as_str().unwrap().starts_with("Resolved: "));
    assert_eq!((&opened["details"]["incident"], &closed.body["source"]), (&json!("spot/a"), &json!("castai-relay")));
}

#[test]
fn no_alert_is_taken_for_another() {
    let alias = |batch: &Batch| created(batch)["alias"].as_str().unwrap().to_owned();
    let told = delivery("node.added", json!({}));
    let mut elsewhere = told.clone();
    elsewhere.target = TargetName::parse("other-team").unwrap();
    let mut anew = told.clone();
    anew.again = Some(Again { replay: ReplayId::from_row(7), fresh: true });
    let of = |delivery, key| of_incident(alone(delivery), Phase::Open, key, None);
    let all = [
        alone(&told),
        alone(&elsewhere),
        alone(&anew),
        of(&told, "spot/a"),
        of(&told, "spot/b"),
        of(&elsewhere, "spot/a"),
        of(&told, told.event.id.as_str()),
    ];
    let aliases: std::collections::HashSet<String> = all.iter().map(alias).collect();
    assert_eq!(aliases.len(), all.len(), "teams of one account share its aliases, and events are no incidents");
    anew.again = Some(Again { replay: ReplayId::from_row(7), fresh: false });
    assert_eq!(alias(&alone(&anew)), alias(&alone(&told)), "the same is told again");
}

#[test]
fn an_alert_reads_like_this() {
    let data = json!({"nodeName": "ip-10-0-12-7", "instanceType": "m6i.2xlarge", "lifecycle": "spot"});
    let own = wording(json!({"links": [{"text": "Run book", "url": "https://wiki.example"}]}));
    let body = alerts("https://api.opsgenie.com").ask(&alone(&delivery("node.added", data)), &own).body;
    let description = "Node ip-10-0-12-7 joined cluster prod-eu.\n\nRun book: https://wiki.example\n\n\
                       event evt-1\ninfo · node.added from castai\norganisation org-1";
    let expected = json!({
        "message": "New spot node: m6i.2xlarge (prod-eu)",
        // printf %s '["ops","event","evt-1"]' | sha256sum
        "alias": "93afe938774dfcab1310fbaf0d4bc8a15c6fc26977b56e25f6fece701a485e2d",
        "description": description,
        "details": {
            "event": "evt-1", "source": "castai", "route": "all", "Cluster": "prod-eu", "Node": "ip-10-0-12-7",
            "Instance type": "m6i.2xlarge", "Lifecycle": "spot", "Happened": "2026-11-20T08:15:30Z",
        },
        "tags": ["node.added", "info"],
        "priority": "P5",
        "source": "castai-relay",
        "entity": "prod-eu",
    });
    assert_eq!(body, expected);
}

#[test]
fn of_many_only_what_all_have_is_said_of_the_alert() {
    let body = created(&many(interruptions(412, 12)));
    assert_eq!((&body["message"], &body["priority"]), (&json!("412 spot interruptions in 12 clusters"), &json!("P1")));
    assert_eq!(body["tags"], json!(["node.spot_interrupted", "critical"]));
    assert_eq!(body.get("entity"), None, "they are of many clusters");
    assert!(body["details"].get("event").is_none() && body["details"]["route"] == "all", "{body}");
    let mut mixed = interruptions(2, 1);
    mixed.push(delivery("node.added", json!({})));
    let body = created(&many(mixed));
    assert_eq!(body["tags"], json!(["warning"]));
    assert_eq!(created(&many(interruptions(2, 1)))["entity"], "prod-00");
}

#[test]
fn each_severity_has_its_priority() {
    let mut told = delivery("node.added", json!({}));
    let mut priority = |severity| {
        told.severity = severity;
        created(&alone(&told))["priority"].as_str().unwrap().to_owned()
    };
    let severities = [Severity::Critical, Severity::Error, Severity::Warning, Severity::Info, Severity::Success];
    assert_eq!(severities.map(&mut priority), ["P1", "P2", "P3", "P5", "P5"]);
}

#[test]
fn what_a_sender_calls_as_we_do_does_not_take_our_place() {
    let body = created(&alone(&delivery("cluster.hibernated", json!({"event": "evil", "route": "evil"}))));
    assert_eq!((&body["details"]["event"], &body["details"]["route"]), (&json!("evt-1"), &json!("all")));
}

#[test]
fn no_text_is_html() {
    let html = "<a href='https://evil.example'>ok</a> <!-- 1 < 2 <3 <?x";
    let body = created(&alone(&notification(html, html, json!({"k": html, "<b>": "<"}))));
    let inert = "<\u{2060}a href='https://evil.example'>ok<\u{2060}/a> <\u{2060}!-- 1 < 2 <3 <\u{2060}?x";
    assert_eq!(body["message"], format!("{inert} (prod-eu)"));
    assert_eq!((&body["details"]["k"], &body["details"]["<\u{2060}b>"]), (&json!(inert), &json!("<")));
    let own = wording(json!({"text": "<b>{{ event.name }}</b>"}));
    let told = alone(&notification(html, html, json!({})));
    let body = alerts("https://api.opsgenie.com").ask(&told, &own).body;
    assert!(body["description"].as_str().unwrap().starts_with("<\u{2060}b><\u{2060}a "), "{body}");
}

/// An event whose type and cluster are this long.
fn said(unit: char, characters: usize) -> Event {
    let text: String = std::iter::repeat_n(unit, characters).collect();
    let mut event = delivery(&text, json!({})).event;
    event.cluster.name = Some(text);
    event
}

#[test]
fn what_fits_stays_whole_and_what_does_not_is_cut_where_it_can_be_seen() {
    let own = wording(json!({"title": "{{ event.type }}"}));
    for unit in ['a', 'ü', '🔥', 'ש'] {
        for (limit, place) in [(130, "/message"), (50, "/tags/0"), (512, "/entity")] {
            for characters in [limit - 1, limit, limit + 1] {
                let batch = alone(&crate::notify::samples::of_event(said(unit, characters)));
                let body = alerts("https://api.opsgenie.com").ask(&batch, &own).body;
                let text = body.pointer(place).unwrap();
                assert_eq!(length(text), characters.min(limit), "{place} {unit} {characters}");
                assert_eq!(text.as_str().unwrap().ends_with('…'), characters > limit, "{place} {unit} {characters}");
            }
        }
    }
}

#[test]
fn a_description_is_as_long_as_it_may_be_and_keeps_its_footer() {
    let own = |characters: usize| wording(json!({"text": "ü".repeat(characters)}));
    let batch = alone(&delivery("node.added", json!({})));
    let described = |characters| {
        let body = alerts("https://api.opsgenie.com").ask(&batch, &own(characters)).body;
        body["description"].as_str().unwrap().to_owned()
    };
    let rest = described(1).chars().count() - 1;
    for (characters, length, cut) in [(14_999, 14_999, false), (15_000, 15_000, false), (15_001, 15_000, true)] {
        let description = described(characters - rest);
        assert_eq!((description.chars().count(), description.contains('…')), (length, cut), "{characters}");
        assert!(description.ends_with("organisation org-1"), "{characters}");
    }
}

proptest! {
    #[test]
    fn no_text_breaks_a_limit(text in texts(15_000), value in texts(200), label in texts(60)) {
        let data = json!({label: value, "message": text});
        let body = created(&alone(&notification(&text, &text, data)));
        prop_assert!(length(&body["message"]) <= 130 && length(&body["description"]) <= 15_000);
        let details = body["details"].as_object().unwrap();
        let sum: usize = details.iter().map(|(name, value)| name.chars().count() + length(value)).sum();
        prop_assert!(sum <= 8_000);
    }
}
