//! Lists: pages, cursors, and items that are not as they should be.

use super::*;
use castai_relay::castai_api::page::MAX_PAGES;

#[tokio::test]
async fn notifications_come_newest_first_over_as_many_pages_as_it_takes() {
    let asking = asking().await;
    let all = [("n1", 1), ("n5", 5), ("n2", 2), ("n4", 4), ("n3", 3)];
    asking.castai.push(List::Notifications, all.map(|(id, minute)| notification(id, minute)));
    let walked = walk(asking.client.notifications(2)).await;
    assert_eq!(walked, (vec![vec!["n5".into(), "n4".into()], vec!["n3".into(), "n2".into()], vec!["n1".into()]], None));
    for asked in asking.castai.asked(NOTIFICATIONS) {
        let query = ["page.limit", "sort.field", "sort.order"].map(|name| asked.query(name).unwrap().to_owned());
        assert_eq!(query, ["2", "timestamp", "DESC"]);
    }
}

#[tokio::test]
async fn what_arrives_while_paging_brings_the_one_before_it_again() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, [notification("n1", 1), notification("n2", 2), notification("n3", 3)]);
    asking.castai.world().meanwhile.push_back((List::Notifications, notification("n4", 4)));
    let (walked, error) = walk(asking.client.notifications(2)).await;
    assert_eq!((walked.concat(), error), (["n3", "n2", "n2", "n1"].map(str::to_owned).to_vec(), None));
}

#[tokio::test]
async fn a_notification_is_read_in_full_and_kept_as_it_came() {
    let asking = asking().await;
    let sent = notification("n1", 1);
    asking.castai.push(List::Notifications, [sent.clone()]);
    let page = asking.first_page().await.unwrap();
    let read = &page.items[0];
    let texts =
        [&read.id, &read.organization_id, &read.severity, &read.name, &read.cluster.name, &read.operation.category];
    let expected = ["n1", "org-1", "WARNING", "Pending pod detected", "prod-eu", "Node Autoscaler"];
    assert_eq!(texts.map(|text| text.as_deref().unwrap()), expected);
    assert_eq!((&read.operation.id, &read.operation.kind), (&None, &None));
    assert_eq!(read.timestamp.unwrap().to_string(), "2026-11-20T07:01:00.123Z");
    assert_eq!(serde_json::from_slice::<Value>(&read.raw).unwrap(), sent);
}

#[tokio::test]
async fn zeros_that_are_left_out_change_nothing() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, [notification("n1", 1), json!({ "id": "n0" })]);
    let with_zeros = asking.first_page().await.unwrap();
    asking.castai.world().omits_zeros = true;
    let without = asking.first_page().await.unwrap();
    let without_raw = |page: Page<Notification>| {
        page.items.into_iter().map(|item| Notification { raw: Default::default(), ..item }).collect::<Vec<_>>()
    };
    assert_eq!(without_raw(with_zeros), without_raw(without.clone()));
    assert_eq!(
        without.items[1],
        Notification { id: Some("n0".into()), raw: r#"{"id":"n0"}"#.into(), ..Default::default() }
    );
    asking.castai.world().lists.clear();
    let nothing = asking.client.get::<Value>(NOTIFICATIONS, &[]).await.unwrap();
    assert_eq!(nothing, json!({}));
    assert_eq!(asking.first_page().await.unwrap().items, []);
}

#[tokio::test]
async fn words_and_fields_nobody_has_seen_yet_are_taken_as_they_are() {
    let asking = asking().await;
    let mut sent = notification("n1", 1);
    sent["severity"] = json!("APOCALYPTIC");
    sent["details"] = json!({ "pod": "web" });
    sent["newField"] = json!([{}]);
    sent["clusterMetadata"] = Value::Null;
    asking.castai.push(List::Notifications, [sent]);
    let page = asking.first_page().await.unwrap();
    let read = &page.items[0];
    assert_eq!(read.severity.as_deref(), Some("APOCALYPTIC"));
    assert_eq!(read.cluster, Default::default());
}

#[tokio::test]
async fn an_item_that_cannot_be_read_does_not_lose_its_page() {
    let asking = asking().await;
    let mut odd = notification("n2", 2);
    odd["name"] = json!({ "en": "Pending" });
    asking.castai.push(List::Notifications, [notification("n1", 1), odd.clone(), notification("n3", 3)]);
    let page = asking.first_page().await.unwrap();
    assert_eq!(ids(&page), ["n3", "n1"]);
    let [unreadable] = page.unreadable.as_slice() else { panic!("{page:?}") };
    assert_eq!(serde_json::from_slice::<Value>(&unreadable.raw).unwrap(), odd);
    assert!(unreadable.error.contains(r#"expected a text, found `{"en":"Pending"}`"#), "{unreadable:?}");
}

#[tokio::test]
async fn a_cursor_that_comes_back_does_not_make_an_endless_walk() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, (0..6).map(|n| notification(&format!("n{n}"), n)));
    asking.castai.fails(NOTIFICATIONS, 9, Fault::SameCursor);
    let (walked, error) = walk(asking.client.notifications(2)).await;
    assert_eq!((walked.len(), asking.times_asked(), error), (2, 2, Some(ErrorKind::Endless)));
}

#[tokio::test]
async fn a_list_of_endless_pages_is_left_after_a_thousand() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, (0..=MAX_PAGES).map(|n| json!({ "id": format!("n{n}") })));
    let (walked, error) = walk(asking.client.notifications(1)).await;
    assert_eq!((walked.len(), asking.times_asked(), error), (MAX_PAGES, MAX_PAGES, Some(ErrorKind::Endless)));
}

#[tokio::test]
async fn after_an_error_the_same_page_is_asked_for_again() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, (0..3).map(|n| notification(&format!("n{n}"), n)));
    let mut pages = asking.client.notifications(2);
    assert_eq!(ids(&pages.next().await.unwrap().unwrap()), ["n2", "n1"]);
    asking.castai.fails(NOTIFICATIONS, 3, Fault::HangUp);
    assert_eq!(pages.next().await.unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(ids(&pages.next().await.unwrap().unwrap()), ["n0"]);
    assert!(pages.next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_key_of_another_organisation_sees_empty_lists() {
    let asking = asking().await;
    asking.castai.push(List::Notifications, [notification("n1", 1)]);
    asking.castai.world().organization = Some(("org-child".into(), Stranger::EmptyLists));
    assert_eq!(ids(&asking.first_page().await.unwrap()), [""; 0]);
    let client = asking.castai.client(&asking.clock, "organization_id: org-child");
    assert_eq!(ids(&client.notifications(50).next().await.unwrap().unwrap()), ["n1"]);
}

fn fixture(path: &str) -> Value {
    let path = format!("{}/tests/fixtures/castai/{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[tokio::test]
async fn the_published_forms_are_read_without_loss() {
    let asking = asking().await;
    for page in ["notifications-api/built-list-page1.json", "notifications-api/built-list-page2.json"] {
        asking.castai.push(List::Notifications, fixture(page)["items"].as_array().unwrap().clone());
    }
    let page = asking.first_page().await.unwrap();
    let severities: Vec<_> = page.items.iter().filter_map(|item| item.severity.as_deref()).collect();
    assert_eq!((severities, page.unreadable), (vec!["WARNING", "WARNING", "CRITICAL", "INFO"], vec![]));
    assert_eq!(page.items[3].cluster, Default::default());
}

#[tokio::test]
async fn clusters_come_in_one_answer() {
    let asking = asking().await;
    let sent = fixture("cost/built-external-clusters.json")["items"].as_array().unwrap().clone();
    asking.castai.push(List::Clusters, sent);
    asking.castai.push(List::Clusters, [json!({ "id": "" })]);
    let page = asking.client.clusters().await.unwrap();
    let said = |cluster: &castai_relay::castai_api::clusters::Cluster| {
        (
            cluster.name.clone(),
            cluster.status.clone().unwrap(),
            cluster.provider_type.clone().unwrap(),
            cluster.is_phase2,
        )
    };
    let expected = [
        ("demo-cluster", "ready", "eks", true),
        ("readonly-cluster", "ready", "gke", false),
        ("offline-cluster", "warning", "aks", true),
    ];
    let expected =
        expected.map(|(name, status, provider, phase2)| (name.into(), status.into(), provider.into(), phase2));
    assert_eq!(page.items.iter().map(said).collect::<Vec<_>>(), expected);
    assert_eq!((page.items[0].deleted_at, page.items[1].created_at, page.unreadable.len()), (None, None, 1));
}
