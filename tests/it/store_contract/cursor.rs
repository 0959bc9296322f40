//! Clauses on cursors: what a source remembers moves together with its events, or not at all.

use castai_relay::names::CursorName;
use castai_relay::store::Cursor;
use futures_util::FutureExt;

use super::*;

fn cursor(name: &str, value: &str) -> Option<Cursor> {
    Some(Cursor { name: CursorName::parse(name).unwrap(), value: value.to_owned() })
}

async fn value(store: &Arc<dyn Store>, name: &str) -> Option<String> {
    store.cursor(&CursorName::parse(name).unwrap()).await.unwrap()
}

async fn move_to(store: &Arc<dyn Store>, name: &str, to: &str) {
    assert_eq!(store.append(vec![], cursor(name, to)).await.unwrap().appended, []);
}

pub async fn a_cursor_nobody_moved_has_no_value(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    assert_eq!(value(&store, "audit").await, None);
}

pub async fn events_and_the_cursor_are_kept_together(store: Arc<dyn Store>) {
    let brought = vec![owing("a", 0, &["slack"]), owing("b", 0, &[]), owing("a", 0, &[])];
    let appended = store.append(brought, cursor("audit", "page 1")).await.unwrap().appended;
    assert_eq!(appended, [Appended::New, Appended::New, Appended::Duplicate { conflict: false }]);
    assert_eq!(value(&store, "audit").await.as_deref(), Some("page 1"));
    assert_eq!(names(&claim(&store, "slack", at(0)).await), ["a"]);
}

pub async fn without_events_the_cursor_moves_alone(store: Arc<dyn Store>) {
    move_to(&store, "audit", "page 1").await;
    assert_eq!(value(&store, "audit").await.as_deref(), Some("page 1"));
    assert!(store.backlog().await.unwrap().is_empty());
}

pub async fn the_last_value_of_a_cursor_stands(store: Arc<dyn Store>) {
    for to in ["page 1", "", "Seite 2 \u{0} 🚀", "page 1"] {
        move_to(&store, "audit", to).await;
        assert_eq!(value(&store, "audit").await.as_deref(), Some(to));
    }
}

pub async fn events_without_a_cursor_leave_it_where_it_is(store: Arc<dyn Store>) {
    move_to(&store, "audit", "page 1").await;
    keep(&store, [owing("a", 0, &["slack"])]).await;
    assert_eq!(value(&store, "audit").await.as_deref(), Some("page 1"));
}

pub async fn two_cursors_do_not_disturb_each_other(store: Arc<dyn Store>) {
    move_to(&store, "audit", "page 1").await;
    move_to(&store, "notifications", "2026-11-20").await;
    move_to(&store, "audit", "page 2").await;
    assert_eq!(value(&store, "audit").await.as_deref(), Some("page 2"));
    assert_eq!(value(&store, "notifications").await.as_deref(), Some("2026-11-20"));
}

pub async fn an_oversized_cursor_is_refused_with_the_events_it_came_with(store: Arc<dyn Store>) {
    let largest = "x".repeat(Cursor::MAX_BYTES);
    move_to(&store, "audit", &largest).await;
    let brought = vec![owing("a", 0, &["slack"])];
    let refused = store.append(brought, cursor("audit", &format!("{largest}y"))).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the store failed to keep a cursor: `audit` has 65537 bytes; at most 65536 are allowed"
    );
    assert_eq!(value(&store, "audit").await, Some(largest));
    assert!(!store.contains(&id("a")).await.unwrap());
    assert!(claim(&store, "slack", at(0)).await.is_empty());
}

pub async fn an_append_that_is_dropped_half_way_moves_events_and_cursor_or_neither(store: Arc<dyn Store>) {
    for n in 0..30 {
        let name = n.to_string();
        let mut write = store.append(vec![owing(&name, 0, &[])], cursor("audit", &name));
        if n % 3 > 0 {
            let _ = (&mut write).now_or_never();
        }
        drop(write);
        // Behind it in the queue, so that its fate is decided.
        store.probe().await.unwrap();
        let moved = value(&store, "audit").await == Some(name.clone());
        assert_eq!(store.contains(&id(&name)).await.unwrap(), moved);
    }
}
