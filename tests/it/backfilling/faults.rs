//! Nothing is lost and nothing is doubled when CAST AI or the store fails in the middle.

use super::*;
use crate::support::castai::faults::Fault;
use crate::support::flaky_store::FlakyStore;

/// After these the list works again.
fn second_page_fails(relay: &TestRelay) {
    relay.castai().fails(LIST, 1, Fault::None);
    relay.castai().fails(LIST, 3, Fault::status(500, "internal error"));
}

fn many(count: i64) -> impl Iterator<Item = Value> {
    (0..count).map(|n| notification(&format!("n-{n:03}"), 1 + n % 50))
}

#[tokio::test]
async fn a_page_that_fails_in_the_middle_costs_nothing_after_the_next_round() {
    let relay = TestRelay::start_hurried(ON).await;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, many(250));
    let relay = away(relay, 55, ON).await;
    second_page_fails(&relay);
    let said = relay.poll("notifications").await.unwrap_err().to_string();
    assert!(said.contains("GET /v1/notifications") && said.contains("500"), "{said}");
    assert_eq!(accepted(&relay).await, 100.0, "what could be read need not wait");
    relay.poll("notifications").await.unwrap();
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 250.0);
    relay.deliver().await;
    let mut told = relay.slack_titles();
    told.sort();
    assert_eq!(told, (0..250).map(|n| format!("n-{n:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_list_that_does_not_end_is_complained_of_and_its_news_are_told() {
    let relay = TestRelay::start_hurried(ON).await;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, many(250));
    let relay = away(relay, 55, ON).await;
    relay.castai().fails(LIST, 1, Fault::None);
    relay.castai().fails(LIST, 1, Fault::SameCursor);
    let said = relay.poll("notifications").await.unwrap_err().to_string();
    assert!(said.contains("does not end"), "{said}");
    assert_eq!(accepted(&relay).await, 200.0);
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 250.0);
}

#[tokio::test]
async fn a_store_that_fails_between_two_steps_costs_nothing_after_the_next_round() {
    let store = FlakyStore::shared();
    // So that nothing but the cursor remembers what is still to be looked for.
    let relay = TestRelay::start_on(store.clone(), &ON.replace("older_notify", "look_back: 1m, older_notify")).await;
    relay.poll("notifications").await.unwrap();
    relay.castai().push(List::Notifications, many(250));
    relay.pass(55 * 60);
    store.appends.fail_after(1);
    let said = relay.poll("notifications").await.unwrap_err().to_string();
    assert!(said.contains("the disk is full"), "{said}");
    assert_eq!(accepted(&relay).await, 100.0);
    assert!(relay.find("org-1/n-000").await.is_some(), "the oldest come first");
    store.appends.open();
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 250.0);
    assert_eq!(relay.event("org-1/n-000").await.duplicates, 0);
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_said_once_and_does_not_stop_the_rest() {
    let relay = settled(ON).await;
    let mut odd = notification("odd", 1);
    odd["id"] = json!(17);
    odd["createdAt"] = json!(["yesterday"]);
    let items = [json!(null), json!({"name": "nobody's"}), odd, notification("n-1", 2)];
    relay.castai().push(List::Notifications, items);
    let relay = away(relay, 10, ON).await;
    for _ in 0..3 {
        relay.poll("notifications").await.unwrap();
        relay.pass(60);
    }
    assert!(relay.find("org-1/n-1").await.is_some());
    assert_eq!(relay.event("org-1/17").await.event.kind.name(), Some("odd"), "an odd item with an id is an event");
    relay.deliver().await;
    let titles = relay.slack_titles();
    let rejected = titles.iter().filter(|title| *title == "Item from notifications rejected: not understood").count();
    assert_eq!((rejected, titles.len()), (2, 4), "{titles:?}");
}

#[tokio::test]
async fn a_cursor_that_cannot_be_read_means_to_look_back_as_at_first() {
    use castai_relay::names::CursorName;
    use castai_relay::store::Cursor;
    let relay = settled(ON).await;
    let cursor = Cursor { name: CursorName::parse("notifications").unwrap(), value: "{".into() };
    relay.store.append(vec![], Some(cursor)).await.unwrap();
    relay.castai().push(List::Notifications, [notification("n-1", -600)]);
    relay.poll("notifications").await.unwrap();
    assert!(relay.find("org-1/n-1").await.is_some());
}

#[tokio::test]
async fn a_list_that_cannot_be_read_for_a_quarter_of_an_hour_is_reported_with_the_reason_and_the_cure() {
    let relay = settled(ON).await;
    relay.castai().world().keys = vec!["another key".into()];
    for _ in 0..20 {
        minutes(&relay, 1).await;
        relay.poll("notifications").await.unwrap_err();
    }
    let report = relay.event(&format!("source_silent/notifications/{START}")).await;
    let error = report.event.data["error"].as_str().unwrap();
    assert!(error.contains("does not accept the API key") && error.contains("castai.api_url"), "{error}");
    assert_eq!(report.duplicates, 0);
    relay.castai().world().keys = vec![crate::support::castai::KEY.into()];
    relay.poll("notifications").await.unwrap();
    minutes(&relay, 10).await;
    relay.deliver().await;
    assert_eq!(relay.slack_titles(), [format!("Nothing heard from notifications since {START}")]);
}
