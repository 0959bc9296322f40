//! Clauses on lists: what fits is listed, once, in order, whatever the way to it and wherever a part ends.

use castai_relay::store::memory::MemoryStore;
use castai_relay::store::query::{EventFilter, Listed, Order, OwedFilter, Period, Slice};
use castai_relay::store::{End, Ruling};

use super::*;

const NEWEST: Slice = Slice { after: None, limit: 100, order: Order::NewestFirst };

/// The names of the events that fit, the newest first.
async fn found(store: &Arc<dyn Store>, filter: EventFilter) -> Vec<String> {
    let listed = store.events(filter, NEWEST).await.unwrap();
    assert_eq!(listed.next, None);
    listed.items.iter().map(|row| name(&row.event)).collect()
}

fn name(event: &Event) -> String {
    event.id.as_str().trim_start_matches("org/").to_owned()
}

fn of_type(name: &str, seconds: u64, type_name: &str) -> Append {
    let event = event(name, seconds);
    Append {
        event: Event { kind: CastAIEvent::read(type_name, &event.data, &mut vec![]), ..event },
        ..owing(name, seconds, &[])
    }
}

fn words(text: &str) -> EventFilter {
    EventFilter { text: Some(text.to_owned()), ..EventFilter::default() }
}

fn owed(target: Option<&str>, state: Option<DeliveryState>) -> EventFilter {
    let owed = OwedFilter { target: target.map(super::target), state, route: None };
    EventFilter { owed, ..EventFilter::default() }
}

pub async fn everything_is_listed_the_newest_or_the_oldest_first(store: Arc<dyn Store>) {
    keep(&store, ["a", "b", "c"].map(|name| owing(name, 0, &["slack"]))).await;
    assert_eq!(found(&store, EventFilter::default()).await, ["c", "b", "a"]);
    let oldest = Slice { order: Order::OldestFirst, ..NEWEST };
    let listed = store.events(EventFilter::default(), oldest).await.unwrap();
    assert_eq!(listed.items.iter().map(|row| name(&row.event)).collect::<Vec<_>>(), ["a", "b", "c"]);
    let row = &listed.items[0];
    assert!(row.event.body.is_empty() && row.repeats == 0);
    assert_eq!(row.owed[&target("slack")][&DeliveryState::Pending], 1);
}

pub async fn a_type_is_found_by_its_name_or_its_beginning(store: Arc<dyn Store>) {
    let all = [("a", "node.added"), ("b", "node.removed"), ("c", "nodes.counted"), ("d", "audit.node.x")];
    keep(&store, all.map(|(name, kind)| of_type(name, 0, kind))).await;
    let by_type = |wanted: &str| EventFilter { event_type: Some(wanted.to_owned()), ..EventFilter::default() };
    assert_eq!(found(&store, by_type("node.added")).await, ["a"]);
    assert_eq!(found(&store, by_type("node.*")).await, ["b", "a"]);
    assert_eq!(found(&store, by_type("node")).await, [""; 0]);
    assert_eq!(found(&store, by_type("*")).await, [""; 0]);
}

pub async fn an_event_is_found_by_cluster_severity_and_source(store: Arc<dyn Store>) {
    let cluster = Cluster { id: Some("1f".into()), name: Some("prod".into()), ..Cluster::default() };
    let first = Event { cluster, severity: Severity::Error, ..event("a", 0) };
    let second = Event { source: SourceName::notifications(), ..event("b", 0) };
    keep(&store, [owed_to(first, &[]), owed_to(second, &[])]).await;
    let by_cluster = |wanted: &str| EventFilter { cluster: Some(wanted.to_owned()), ..EventFilter::default() };
    assert_eq!(found(&store, by_cluster("prod")).await, ["a"]);
    assert_eq!(found(&store, by_cluster("1f")).await, ["a"]);
    assert_eq!(found(&store, by_cluster("pro")).await, [""; 0]);
    let at_least = |severity| EventFilter { severity: Some(severity), ..EventFilter::default() };
    assert_eq!(found(&store, at_least(Severity::Warning)).await, ["a"]);
    assert_eq!(found(&store, at_least(Severity::Info)).await, ["b", "a"]);
    let by_source = EventFilter { source: Some(SourceName::notifications()), ..EventFilter::default() };
    assert_eq!(found(&store, by_source).await, ["b"]);
}

pub async fn words_are_found_whole_in_any_order_and_any_case(store: Arc<dyn Store>) {
    keep(&store, [owing("ip-10-0-1-23.ec2", 0, &[]), owing("ip-10-0-1-231", 0, &[]), owing("Größe", 0, &[])]).await;
    assert_eq!(found(&store, words("10-0-1-23")).await, ["ip-10-0-1-23.ec2"]);
    assert_eq!(found(&store, words("EC2 ip")).await, ["ip-10-0-1-23.ec2"]);
    assert_eq!(found(&store, words("größe")).await, ["Größe"]);
    assert_eq!(found(&store, words("gro")).await, [""; 0]);
    assert_eq!(found(&store, words("SPOT org")).await.len(), 3, "what is in the particulars, too");
    assert_eq!(found(&store, words("\" OR ip) -")).await, [""; 0], "what means something to an index is a word");
}

pub async fn events_are_found_by_their_ids_in_the_order_of_their_arrival(store: Arc<dyn Store>) {
    keep(&store, ["c", "a", "b"].map(|name| owing(name, 0, &[]))).await;
    let ids = ["a", "c", "nobody"].map(super::id).into_iter().collect();
    assert_eq!(found(&store, EventFilter { ids, ..EventFilter::default() }).await, ["a", "c"]);
}

pub async fn a_time_has_a_beginning_and_an_end(store: Arc<dyn Store>) {
    keep(&store, [1, 2, 3].map(|second| owing(&second.to_string(), second, &[]))).await;
    let within = |since: Option<u64>, until: Option<u64>| EventFilter {
        when: Period { since: since.map(at), until: until.map(at) },
        ..EventFilter::default()
    };
    assert_eq!(found(&store, within(Some(2), None)).await, ["3", "2"]);
    assert_eq!(found(&store, within(None, Some(2))).await, ["1"]);
    assert_eq!(found(&store, within(Some(2), Some(3))).await, ["2"]);
    assert_eq!(found(&store, within(Some(4), None)).await, [""; 0]);
    assert_eq!(found(&store, within(None, Some(1))).await, [""; 0]);
}

pub async fn deliveries_are_listed_by_whom_they_are_owed_to_and_how_they_stand(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "mail"]), owing("b", 0, &["slack"]), owing("c", 0, &["mail"])]).await;
    let batches = claim(&store, "slack", at(0)).await;
    settle(&store, &batches[0], dead()).await;
    settle(&store, &batches[1], delivered()).await;
    let listed = async |filter| {
        let listed = store.deliveries(filter, NEWEST).await.unwrap();
        let told =
            listed.items.iter().map(|row| (name(row.event.as_ref().unwrap()), row.delivery.owed.target.to_string()));
        told.map(|(event, target)| format!("{event} {target}")).collect::<Vec<_>>()
    };
    assert_eq!(listed(EventFilter::default()).await, ["c mail", "b slack", "a mail", "a slack"]);
    assert_eq!(listed(owed(Some("slack"), None)).await, ["b slack", "a slack"]);
    assert_eq!(listed(owed(None, Some(DeliveryState::Pending))).await, ["c mail", "a mail"]);
    assert_eq!(listed(owed(Some("slack"), Some(DeliveryState::Dead))).await, ["a slack"]);
    assert_eq!(listed(owed(Some("nobody"), None)).await, [""; 0]);
    assert_eq!(found(&store, owed(Some("mail"), None)).await, ["c", "a"]);
    assert_eq!(found(&store, owed(None, Some(DeliveryState::Dead))).await, ["a"]);
    let by_words = EventFilter { text: Some("a".to_owned()), ..owed(Some("slack"), None) };
    assert_eq!(listed(by_words).await, ["a slack"]);
}

/// Every part of a list, put together.
async fn in_parts<T>(mut part: impl AsyncFnMut(Slice) -> Listed<T>, limit: usize, order: Order) -> Vec<T> {
    let mut slice = Slice::first(limit, order);
    let mut all = Vec::new();
    loop {
        let listed = part(slice).await;
        assert!(listed.items.len() <= limit);
        all.extend(listed.items);
        match listed.next {
            Some(next) => slice.after = Some(next),
            None => return all,
        }
    }
}

/// A crowd of events of many kinds, some told, some silenced, some given up.
async fn crowd(store: &Arc<dyn Store>) {
    let kinds = ["node.added", "node.removed", "savings.threshold", "x"];
    let targets: [&[&str]; 4] = [&["slack"], &["slack", "mail"], &[], &["mail"]];
    for number in 0..90_usize {
        let plain = of_type(&format!("event-{number}-{}", number % 7), number as u64, kinds[number % 4]);
        let cluster = Cluster { name: Some(format!("cluster-{}", number % 5)), ..Cluster::default() };
        let severity = Severity::ALL[number % 5];
        let event = Event { cluster, severity, ..plain.event };
        keep(store, [owed_to(event, targets[number % 3])]).await;
    }
    let silent = Script::default().ruled(|candidate, _| match candidate.event.id.as_str().ends_with('3') {
        true => Ruling::End(End::Silenced { detail: "S1".to_owned() }),
        false => Ruling::Leave,
    });
    for (number, batch) in silent.claim(store, "slack", at(100)).await.iter().enumerate() {
        let how = if number % 3 == 0 { dead() } else { delivered() };
        settle(store, batch, how).await;
    }
}

fn filters() -> Vec<EventFilter> {
    let types = [None, Some("node.*"), Some("x")].map(|each| each.map(str::to_owned));
    let texts = [None, Some("event 3"), Some("cluster 2")].map(|each| each.map(str::to_owned));
    let whens = [(None, None), (Some(20), Some(70))];
    let owes = [
        (None, None),
        (Some("slack"), None),
        (None, Some(DeliveryState::Silenced)),
        (Some("mail"), Some(DeliveryState::Pending)),
    ];
    let mut all = Vec::new();
    for (event_type, text) in types.iter().flat_map(|each| texts.iter().map(move |text| (each, text))) {
        for ((since, until), (target, state)) in
            whens.iter().flat_map(|when| owes.iter().map(move |owes| (*when, *owes)))
        {
            let when = Period { since: since.map(at), until: until.map(at) };
            let severity = (all.len() % 3 == 0).then_some(Severity::Warning);
            let (event_type, text) = (event_type.clone(), text.clone());
            all.push(EventFilter { event_type, text, when, severity, ..owed(target, state) });
        }
    }
    all
}

pub async fn whatever_is_asked_for_every_part_together_is_what_the_model_says(store: Arc<dyn Store>) {
    let model: Arc<dyn Store> = Arc::new(MemoryStore::default());
    crowd(&store).await;
    crowd(&model).await;
    for (number, filter) in filters().into_iter().enumerate() {
        let order = if number % 2 == 0 { Order::NewestFirst } else { Order::OldestFirst };
        let limit = 1 + number % 7;
        let events = async |store: &Arc<dyn Store>| {
            in_parts(async |slice| store.events(filter.clone(), slice).await.unwrap(), limit, order).await
        };
        assert_eq!(events(&store).await, events(&model).await, "{filter:?}");
        let owed = async |store: &Arc<dyn Store>| {
            in_parts(async |slice| store.deliveries(filter.clone(), slice).await.unwrap(), limit, order).await
        };
        assert_eq!(owed(&store).await, owed(&model).await, "{filter:?}");
    }
}
