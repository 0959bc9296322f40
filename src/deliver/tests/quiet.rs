//! Hours and silences as the claim asks for them: at once where they change, and by themselves where they end.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::event::{CastAIEvent, Cluster, Event, Severity};
use crate::names::{EventId, RouteName, SourceName, TargetName};
use crate::route::silence::Draft;
use crate::store::memory::MemoryStore;

fn after(seconds: u64) -> Timestamp {
    Timestamp::parse("2026-11-20T08:00:00Z").unwrap().saturating_add(Duration::from_secs(seconds))
}

fn table() -> Arc<RoutingTable> {
    let routes = json!([
        {"name": "nodes", "notify": ["slack"]},
        {"name": "office", "notify": ["slack"], "active": [{"times": ["09:00-17:00"]}]},
    ]);
    Arc::new(RoutingTable::compile(serde_json::from_value(routes).unwrap(), vec![]))
}

fn signed(whom: &str, seconds: u64) -> Signature {
    Signature { at: after(seconds), token: TokenName::admin(), whom: Some(whom.into()) }
}

async fn quiet_on(store: &Arc<MemoryStore>) -> Quiet {
    Quiet::load(table(), store.clone(), after(0)).await.unwrap()
}

async fn quiet() -> Quiet {
    quiet_on(&Arc::default()).await
}

fn draft(matching: Value) -> Draft {
    Draft {
        matching: matching.as_object().unwrap().clone(),
        routes: vec![],
        targets: vec![],
        everything: false,
        from: None,
        until: after(3600),
        by: "ada".into(),
        why: "upgrade".into(),
    }
}

/// What is said of a node that was added, owed by this route, this many seconds after the start.
fn verdict(quiet: &Quiet, route: &str, seconds: u64) -> Option<String> {
    let event = Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::relay(),
        kind: CastAIEvent::read("node.added", &Default::default(), &mut vec![]),
        severity: Severity::Info,
        organization: None,
        cluster: Cluster::default(),
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: after(seconds),
        data: Default::default(),
        notes: vec![],
        body: Bytes::new(),
    };
    let (route, target) = (RouteName::parse(route).unwrap(), TargetName::parse("slack").unwrap());
    let candidate = Candidate { event: &event, route: &route, target: &target, severity: Severity::Info };
    quiet.in_force().verdict(&candidate, after(seconds))
}

#[tokio::test]
async fn without_hours_and_silences_everybody_is_told() {
    assert_eq!(verdict(&quiet().await, "nodes", 0), None);
}

#[tokio::test]
async fn outside_its_hours_a_route_is_quiet() {
    let quiet = quiet().await;
    let said = verdict(&quiet, "office", 0);
    assert_eq!(said.as_deref(), Some("outside its hours: active 09:00-17:00 (UTC)"));
    assert_eq!(verdict(&quiet, "office", 3600), None);
}

#[tokio::test]
async fn a_silence_holds_as_soon_as_it_is_added_and_until_its_end() {
    let quiet = quiet().await;
    let silence = quiet.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap();
    let said = format!("silenced by {} until 2026-11-20T09:00:00Z: upgrade (ada)", silence.id);
    assert_eq!(verdict(&quiet, "nodes", 0), Some(said.clone()));
    assert_eq!(verdict(&quiet, "nodes", 3599), Some(said));
    assert_eq!(verdict(&quiet, "nodes", 3600), None);
}

#[tokio::test]
async fn a_silence_that_is_ended_holds_no_longer_and_leaves_the_others_alone() {
    let quiet = quiet().await;
    let first = quiet.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap();
    let second = quiet.add(draft(json!({"type": "node.added"})), TokenName::admin(), after(0)).await.unwrap();
    let ended = quiet.end(first.id, signed("bob", 10)).await.unwrap().unwrap();
    assert_eq!(ended.ended.map(|ended| (ended.at, ended.by)), Some((after(10), "bob".to_owned())));
    assert!(verdict(&quiet, "nodes", 11).unwrap().contains(&second.id.to_string()));
    quiet.end(second.id, signed("bob", 10)).await.unwrap();
    assert_eq!(verdict(&quiet, "nodes", 11), None);
    assert_eq!(quiet.end(SilenceId::from_row(99), signed("bob", 10)).await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_meant_is_not_kept() {
    let store = Arc::<MemoryStore>::default();
    let quiet = quiet_on(&store).await;
    let refused = quiet.add(draft(json!({})), TokenName::admin(), after(0)).await.unwrap_err();
    assert!(matches!(refused, AddError::Refused(_)), "{refused}");
    assert_eq!(store.silences(after(0), None, 10).await.unwrap(), []);
}

#[tokio::test]
async fn silences_survive_a_restart_and_are_seen_by_others() {
    let store = Arc::<MemoryStore>::default();
    let (one, other) = (quiet_on(&store).await, quiet_on(&store).await);
    let silence = one.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap();
    assert!(verdict(&quiet_on(&store).await, "nodes", 1).is_some(), "after a restart");
    assert_eq!(verdict(&other, "nodes", 1), None);
    other.refresh(after(1)).await.unwrap();
    assert!(verdict(&other, "nodes", 1).is_some());
    one.end(silence.id, signed("bob", 2)).await.unwrap();
    other.refresh(after(3)).await.unwrap();
    assert_eq!(verdict(&other, "nodes", 3), None);
}

#[tokio::test]
async fn a_silence_that_cannot_be_read_any_more_does_not_hold_and_is_in_nobodys_way() {
    let store = Arc::<MemoryStore>::default();
    let mut terms = draft(json!({"type": "node.*"})).accept(after(0)).unwrap();
    terms.matching = json!({"of_another_version": true}).as_object().unwrap().clone();
    store.keep_silence(terms, signed("ada", 0)).await.unwrap();
    let quiet = quiet_on(&store).await;
    assert_eq!(verdict(&quiet, "nodes", 0), None);
    quiet.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap();
    assert!(verdict(&quiet, "nodes", 0).is_some());
}

#[tokio::test]
async fn that_a_silence_cannot_be_read_is_said_once() {
    let store = Arc::<MemoryStore>::default();
    let mut terms = draft(json!({"type": "node.*"})).accept(after(0)).unwrap();
    terms.matching = json!({"of_another_version": true}).as_object().unwrap().clone();
    let first = store.keep_silence(terms.clone(), signed("ada", 0)).await.unwrap();
    let quiet = quiet_on(&store).await;
    let said = async || quiet.changing.lock().await.iter().copied().collect::<Vec<_>>();
    assert_eq!(said().await, [first.id]);
    let second = store.keep_silence(terms, signed("ada", 0)).await.unwrap();
    quiet.refresh(after(10)).await.unwrap();
    assert_eq!(said().await, [first.id, second.id]);
    quiet.refresh(after(3601)).await.unwrap();
    assert_eq!(said().await, [], "and forgotten when it is over");
}

#[tokio::test]
async fn there_are_no_more_silences_at_a_time_than_allowed() {
    let store = Arc::<MemoryStore>::default();
    let terms = draft(json!({"type": "other"})).accept(after(0)).unwrap();
    for _ in 0..MAX_SILENCES {
        store.keep_silence(terms.clone(), signed("ada", 0)).await.unwrap();
    }
    let quiet = quiet_on(&store).await;
    let refused = quiet.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap_err();
    assert!(matches!(refused, AddError::TooMany), "{refused}");
    let after_their_end = Draft { until: after(9000), ..draft(json!({"type": "node.*"})) };
    assert!(
        quiet.add(after_their_end, TokenName::admin(), after(3600)).await.is_ok(),
        "those that are over do not count"
    );
}

#[tokio::test]
async fn it_keeps_itself_fresh_until_the_relay_stops() {
    use crate::runtime::ManualClock;
    let store = Arc::<MemoryStore>::default();
    let (one, other) = (quiet_on(&store).await, Arc::new(quiet_on(&store).await));
    let (clock, life) = (ManualClock::starting_at(after(0)), Lifecycle::default());
    let mut running = std::pin::pin!(other.clone().keep_fresh(Arc::new(clock.clone()), life.clone()));
    one.add(draft(json!({"type": "node.*"})), TokenName::admin(), after(0)).await.unwrap();
    assert!(futures_util::poll!(running.as_mut()).is_pending());
    assert_eq!(verdict(&other, "nodes", 1), None);
    clock.advance(REFRESH);
    assert!(futures_util::poll!(running.as_mut()).is_pending());
    assert!(verdict(&other, "nodes", 1).is_some());
    life.stop();
    running.await;
}
