//! The user types the webhook's template: where it leaves out the organisation, the list and the webhook still bring one
//! event; where it leaves out the id they cannot, and that is said.

use super::gaps::{missed, watched, webhook};
use super::*;

/// A webhook's body whose template does not name the organisation.
fn without_organization(id: &str) -> String {
    json!({ "notification_id": id, "severity": "ERROR", "name": "Operation failed" }).to_string()
}

/// And one whose template does not even name the id.
const WITHOUT_ID: &str = r#"{"severity": "WARNING", "name": "n-1", "message": "Pending pod detected"}"#;

#[tokio::test]
async fn a_late_copy_that_names_no_organisation_changes_nothing() {
    let relay = settled(ON).await;
    relay.castai().push(List::Notifications, [notification("n-1", 0)]);
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    let copy = relay.send(without_organization("n-1")).await.json();
    assert_eq!((&copy["id"], &copy["duplicate"]), (&json!("org-1/n-1"), &json!(true)));
    let relay = relay.restart(ON).await;
    let copy = relay.send(without_organization("n-1")).await.json();
    assert_eq!(copy["duplicate"], true, "the organisation is remembered");
    assert_eq!(relay.event("org-1/n-1").await.conflicts, 0);
}

#[tokio::test]
async fn once_the_organisation_is_known_the_webhook_brings_the_id_of_the_list() {
    let configured = format!("{ON}castai: {{ organization_id: org-1 }}\n");
    let relay = settled(&configured).await;
    assert_eq!(relay.accept(without_organization("n-1")).await.as_str(), "org-1/n-1");
    relay.castai().push(List::Notifications, [notification("n-1", 0)]);
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    assert_eq!(accepted(&relay).await, 1.0);
}

#[tokio::test]
async fn what_came_before_the_organisation_was_known_is_recognised_when_it_is_sent_again() {
    let relay = settled(ON).await;
    relay.accept(without_organization("n-1")).await;
    relay.castai().push(List::Notifications, [notification("n-1", 0), notification("n-2", 0)]);
    minutes(&relay, 10).await;
    relay.poll("notifications").await.unwrap();
    let again = relay.send(without_organization("n-1")).await.json();
    assert_eq!((&again["id"], &again["duplicate"]), (&json!("n-1"), &json!(true)));
    assert_eq!(accepted(&relay).await, 2.0);
}

#[tokio::test]
async fn a_body_without_an_id_carries_a_note_with_the_cure_and_proves_that_the_webhook_works() {
    let relay = watched(webhook()).await;
    let id = relay.accept(WITHOUT_ID).await;
    let notes = relay.event(id.as_str()).await.event.notes.join(" ");
    assert!(notes.contains("castai-relay castai template"), "{notes}");
    let relay = relay.restart(ON).await;
    missed(&relay, [notification("n-1", 30)]).await;
    assert!(relay.find("org-1/n-1").await.is_some(), "nobody can tell that it is the same");
    assert!(relay.find("webhook_gap/2026-11-20T08").await.is_none());

    minutes(&relay, 90).await;
    missed(&relay, [notification("n-2", 125)]).await;
    assert!(relay.find("webhook_gap/2026-11-20T10").await.is_some(), "it was not heard for long");
}

#[tokio::test]
async fn without_the_list_a_body_without_an_id_is_as_good_as_any() {
    let relay = TestRelay::start("routes: [ { name: all, match: {}, notify: [slack-ops] } ]").await;
    let id = relay.accept(WITHOUT_ID).await;
    assert_eq!(relay.event(id.as_str()).await.event.notes, Vec::<String>::new());
    assert_eq!(relay.accept(without_organization("n-1")).await.as_str(), "n-1");
}
