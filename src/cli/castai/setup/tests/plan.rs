//! What is changed, what stays, and what is never shown.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::castai_api::Page;
use crate::source::verify::Verifier;

const URL: &str = "https://relay.example.com/castai/events";

fn wish() -> Wish {
    let verifier: Verifier = serde_json::from_value(json!({"bearer": ["the-new-token", "the-old-token"]})).unwrap();
    Wish {
        source: "castai".into(),
        callback_url: URL.into(),
        headers: verifier.constant_headers().unwrap(),
        name: None,
        usual_name: "castai-relay (castai)".into(),
        form: None,
        category: None,
        severities: None,
        clusters: None,
    }
}

fn webhook(changes: Value) -> WebhookConfig {
    let mut raw = json!({
        "id": "w1",
        "name": "castai-relay (castai)",
        "callbackUrl": URL,
        "severityTriggers": SEVERITIES,
        "includeClusterless": true,
        "authKeys": {"Content-Type": "application/json", "Authorization": "Bearer the-new-token"},
        "requestTemplate": Form::Json.text(None),
    });
    for (field, value) in changes.as_object().unwrap() {
        raw[field] = value.clone();
    }
    let page = Page::<WebhookConfig>::read(json!({"items": [raw]}).to_string().as_bytes()).unwrap();
    page.items.into_iter().next().unwrap()
}

/// The fields that differ, with what they say and will say.
fn told(changes: Value, wish: &Wish) -> Vec<String> {
    let differences = plan(Some(&webhook(changes)), wish).differences;
    differences
        .into_iter()
        .map(|d| format!("{}: {} → {}", d.field, d.is.unwrap_or_else(|| "-".to_owned()), d.becomes))
        .collect()
}

#[test]
fn one_that_says_what_it_should_needs_nothing() {
    assert_eq!(told(json!({}), &wish()), [""; 0]);
}

#[test]
fn a_new_one_is_for_everything_until_told_otherwise() {
    let Plan { draft, differences, .. } = plan(None, &wish());
    assert_eq!(draft.severity_triggers, SEVERITIES);
    assert_eq!((draft.category, draft.cluster_triggers, draft.include_clusterless), (None, Default::default(), true));
    assert_eq!(draft.auth_keys["Authorization"].expose(), "Bearer the-new-token");
    assert_eq!(draft.auth_keys["Content-Type"].expose(), "application/json");
    assert_eq!(differences.len(), 9, "{differences:#?}");
    assert!(differences.iter().all(|difference| difference.is.is_none()), "{differences:#?}");
}

#[test]
fn url_headers_and_template_are_put_right_unasked() {
    let wrong = json!({
        "callbackUrl": "https://old.example.com/castai/events?key=url-secret",
        "authKeys": {"authorization": "Bearer the-old-token"},
        "requestTemplate": "{ \"routing_key\": \"template-secret\", \"id\": \"{{ .NotificationID }}\" }",
    });
    let told = told(wrong, &wish());
    assert_eq!(
        told,
        [
            "callback URL: https://old.example.com/castai/events?… → https://relay.example.com/castai/events",
            "header Content-Type: - → application/json",
            "header Authorization: another secret → the first secret under `sources.webhooks.castai.verify`",
            "request template: another one, without organization_id, severity, name, message, timestamp, details, cluster → ours, form json",
        ]
    );
}

#[test]
fn what_was_not_asked_for_stays_as_it_is() {
    let own = json!({
        "name": "my alert",
        "category": "SECURITY",
        "subcategory": "Anomalies",
        "severityTriggers": ["critical"],
        "clusterTriggers": {"clusterIds": ["c1"]},
        "includeClusterless": false,
        "authKeys": {"content-type": "application/json", "authorization": "Bearer the-new-token", "X-Ingress": "key"},
        "requestTemplate": Form::Strings.text(Category::parse("Security").ok().as_ref()),
        "retryPolicy": {"attempts": 3},
    });
    assert_eq!(told(own.clone(), &wish()), [""; 0]);
    let moved = Wish { callback_url: format!("{URL}/2"), name: Some("my alert".into()), ..wish() };
    let draft = plan(Some(&webhook(own)), &moved).draft;
    assert_eq!(
        (draft.category.as_deref(), draft.severity_triggers, draft.include_clusterless),
        (Some("SECURITY"), vec!["critical".to_owned()], false)
    );
    assert_eq!(draft.auth_keys["X-Ingress"].expose(), "key");
    assert!(draft.request_template.contains("toEscapedString"));
    assert_eq!(serde_json::to_value(&draft.others).unwrap(), json!({"retryPolicy": {"attempts": 3}}));
}

#[test]
fn what_is_asked_for_is_changed() {
    let asked = Wish {
        category: Some(Choice::Only(Category::parse("Security").unwrap())),
        severities: Some(Choice::Only(vec!["CRITICAL".into(), "ERROR".into()])),
        clusters: Some(Choice::Only(vec!["c2".into()])),
        form: Some(Form::Strings),
        ..wish()
    };
    assert_eq!(
        told(json!({}), &asked),
        [
            "category: all → Security",
            "severities: CRITICAL, ERROR, WARNING, INFO, SUCCESS → CRITICAL, ERROR",
            "clusters: all → c2",
            "request template: ours, form json → ours, form strings, category Security",
        ]
    );
    let all =
        Wish { category: Some(Choice::All), severities: Some(Choice::All), clusters: Some(Choice::All), ..wish() };
    let narrow = json!({
        "category": "Security", "severityTriggers": ["INFO"], "clusterTriggers": {"clusterIds": ["c1"]},
        "includeClusterless": false, "requestTemplate": Form::Json.text(Category::parse("Security").ok().as_ref()),
    });
    assert_eq!(
        told(narrow, &all),
        [
            "category: Security → all",
            "severities: INFO → CRITICAL, ERROR, WARNING, INFO, SUCCESS",
            "clusters: c1 → all",
            "non-cluster alerts: no → yes",
            "request template: ours, form json, category Security → ours, form json",
        ]
    );
}

#[test]
fn the_order_of_severities_and_the_spelling_of_a_category_are_no_difference() {
    let asked = Wish {
        severities: Some(Choice::All),
        category: Some(Choice::Only(Category::parse("Node Autoscaler").unwrap())),
        ..wish()
    };
    let template = Form::Json.text(Category::parse("Node Autoscaler").ok().as_ref());
    let is = json!({
        "severityTriggers": ["success", "INFO", "WARNING", "ERROR", "CRITICAL"], "category": "NODE_AUTOSCALER",
        "requestTemplate": template, "callbackUrl": "HTTPS://Relay.example.com/castai/events/",
    });
    assert_eq!(told(is, &asked), [""; 0]);
}

#[test]
fn a_value_that_castai_keeps_to_itself_is_no_difference_and_is_said_to_be_hidden() {
    let is = webhook(json!({"authKeys": {"Content-Type": "application/json", "Authorization": "******"}}));
    let Plan { draft, differences, hidden, .. } = plan(Some(&is), &wish());
    assert_eq!((differences, hidden), (vec![], vec!["Authorization".to_owned()]));
    assert_eq!(draft.auth_keys["Authorization"].expose(), "Bearer the-new-token");
}

#[test]
fn foreign_headers_whose_value_nobody_tells_are_withheld() {
    let withheld = |keys: Value| plan(Some(&webhook(json!({ "authKeys": keys }))), &wish()).withheld;
    assert_eq!(
        withheld(json!({"content-type": "***", "AUTHORIZATION": "***", "X-Key": "value", "X-2": "a*b"})),
        [""; 0]
    );
    for masked in [json!("****"), json!("••••"), json!("*"), json!("abc***xyz"), json!(""), json!(null)] {
        assert_eq!(withheld(json!({"X-Ingress-Key": masked, "X-Key": "value"})), ["X-Ingress-Key"], "{masked}");
    }
    assert_eq!(plan(None, &wish()).withheld, [""; 0]);
}

#[test]
fn a_url_that_differs_only_in_what_is_not_shown_is_a_difference() {
    let moved = json!({"callbackUrl": "https://me:secret@relay.example.com/castai/events#secret"});
    let told = told(moved, &wish());
    assert_eq!(told, [format!("callback URL: https://…@relay.example.com/castai/events#… → {URL}")]);
}

#[test]
fn the_one_that_is_meant_is_found_by_its_url_then_by_its_name() {
    let all = [
        webhook(json!({"id": "gone", "deletedAt": "2026-11-01T00:00:00Z"})),
        webhook(json!({"id": "by-url", "name": "x"})),
        webhook(json!({"id": "by-name", "callbackUrl": "https://old.example.com"})),
        webhook(json!({"id": "other", "name": "y", "callbackUrl": "https://other.example.com"})),
    ];
    let found = |all: &[WebhookConfig], wish: &Wish| find(all, wish).unwrap().and_then(|found| found.id.clone());
    assert_eq!(found(&all, &wish()).as_deref(), Some("by-url"));
    assert_eq!(found(&all[2..], &wish()).as_deref(), Some("by-name"));
    assert_eq!(found(&all[3..], &wish()), None);
    let named = |name: &str| Wish { name: Some(name.to_owned()), ..wish() };
    assert_eq!(found(&all, &named("y")).as_deref(), Some("other"));
    assert_eq!(found(&all, &named("z")), None, "a name that is not there is a new one");
    let twins = [webhook(json!({"name": "a"})), webhook(json!({"name": "b"}))];
    assert_eq!(find(&twins, &wish()).unwrap_err(), ["a", "b"]);
    let ours = [webhook(json!({"name": "a", "id": "w2"})), webhook(json!({}))];
    assert_eq!(found(&ours, &wish()).as_deref(), Some("w1"), "of several, the one with the usual name");
}

proptest! {
    /// Whatever is there, after one change there is nothing left to change.
    #[test]
    fn a_plan_that_was_carried_out_leaves_nothing_to_do(
        url in "(https://[a-z]{1,5}(\\.[a-z]{2,3})?(/[a-z]{0,4}){0,2}|[ -~]{0,12})",
        category in proptest::option::of("[A-Za-z_ ]{0,12}"),
        severities in proptest::collection::vec("(CRITICAL|info|Odd|)", 0..4),
        template in "(\\{|\\}|\"a\": 1|\\{\\{ \\.Name \\}\\}|,){0,6}",
        token in "[ -~]{0,12}",
        all in any::<bool>(),
        only in proptest::option::of("[A-Z][a-z]{1,8}"),
    ) {
        let category_wish = only.and_then(|name| Category::parse(&name).ok()).map(Choice::Only);
        let wish = Wish {
            category: category_wish.or(all.then_some(Choice::All)),
            severities: all.then_some(Choice::All),
            clusters: all.then_some(Choice::All),
            ..wish()
        };
        let is = webhook(json!({
            "callbackUrl": url, "category": category, "severityTriggers": severities, "requestTemplate": template,
            "authKeys": {"authorization": token},
        }));
        let mut raw = serde_json::to_value(plan(Some(&is), &wish).draft).unwrap();
        raw["id"] = json!("w1");
        let page = Page::<WebhookConfig>::read(json!({"items": [raw]}).to_string().as_bytes()).unwrap();
        prop_assert_eq!(plan(page.items.first(), &wish).differences, vec![]);
    }
}
