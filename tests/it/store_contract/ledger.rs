//! Clauses on the ledger: what happened is written down where it happened, with it, and within bounds.

use castai_relay::event::ledger::{Answered, Attempt, AttemptOutcome, Fact, KeptTable, MOST_ENTRIES, Together};
use castai_relay::store::{End, Ruling};

use super::owed::*;
use super::*;

/// What happened to an event, in order.
async fn facts(store: &Arc<dyn Store>, name: &str) -> Vec<Fact> {
    stored(store, name).await.ledger.into_iter().map(|entry| entry.fact).collect()
}

/// The attempts among it.
async fn attempts(store: &Arc<dyn Store>, name: &str) -> Vec<Attempt> {
    let attempt = |fact| if let Fact::Attempted(attempt) = fact { Some(attempt) } else { None };
    facts(store, name).await.into_iter().filter_map(attempt).collect()
}

fn repeated(source: &SourceName, conflict: bool, times: u64) -> Fact {
    Fact::Repeated { source: source.clone(), conflict, times }
}

pub async fn an_event_that_nothing_happened_to_has_an_empty_ledger(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    assert_eq!(facts(&store, "a").await, []);
    claim_one(&store, "slack", at(0)).await;
    assert_eq!(facts(&store, "a").await, [], "how an attempt ends is known when it has ended");
}

pub async fn an_attempt_is_written_down_with_what_was_answered(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let terms = Script::default().terms();
    let batch = claim_one(&store, "slack", at(0)).await;
    let answer = Some(Answered::new(503, "busy"));
    let settlement = Settlement { answer: answer.clone(), at: at(2), ..ended(&batch, retry(at(9)), &terms) };
    assert!(is_done(&store.settle(settlement).await.unwrap()));
    let batch = claim_one(&store, "slack", at(9)).await;
    settle(&store, &batch, delivered()).await;

    let delivery = batch.first();
    let first = Attempt {
        delivery,
        attempt: 1,
        outcome: AttemptOutcome::Retry,
        took_ms: 2_000,
        reason: Some(Reason::TargetFailed),
        detail: Some("the target answered 503".to_owned()),
        ambiguous: false,
        again_at: Some(at(9)),
        answer,
        together: None,
    };
    let second = Attempt {
        attempt: 2,
        outcome: AttemptOutcome::Delivered,
        took_ms: 0,
        reason: None,
        detail: None,
        again_at: None,
        answer: None,
        ..first.clone()
    };
    assert_eq!(facts(&store, "a").await, [Fact::Attempted(first), Fact::Attempted(second)]);
    let times: Vec<_> = stored(&store, "a").await.ledger.iter().map(|entry| (entry.number, entry.at)).collect();
    assert_eq!(times, [(1, at(2)), (2, at(9))]);
}

pub async fn a_fenced_settlement_writes_nothing_down(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let late = claim_one(&store, "slack", at(0)).await;
    let batch = claim_one(&store, "slack", at(60)).await;
    assert!(!is_done(&settle(&store, &late, delivered()).await));
    settle(&store, &batch, dead()).await;
    let attempts: Vec<_> = attempts(&store, "a").await.iter().map(|each| (each.attempt, each.outcome)).collect();
    assert_eq!(attempts, [(2, AttemptOutcome::Dead)]);
}

pub async fn an_attempt_that_was_cut_short_is_written_down_once_when_it_is_taken_up_again(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let cut_short = claim_one(&store, "slack", at(0)).await;
    let again = claim_one(&store, "slack", at(60)).await;
    settle(&store, &again, delivered()).await;
    let facts = facts(&store, "a").await;
    assert_eq!(facts[0], Fact::CutShort { delivery: cut_short.first(), attempt: 1 });
    assert_eq!(facts.len(), 2, "{facts:?}");
}

pub async fn each_of_many_that_left_together_knows_the_message_it_was_part_of(store: Arc<dyn Store>) {
    let script = Script::default().groups("news", 60, 100);
    keep(&store, ["a", "b"].map(|name| grouped(by_route(owing(name, 0, &["slack"]), "news"), "prod", 0))).await;
    let batch = script.claim_one(&store, "slack", at(0)).await;
    assert!(is_done(&script.settle(&store, &batch, delivered(), at(0)).await));
    let message = Some(Together { first: batch.first(), deliveries: 2, storm: false });
    for (name, delivery) in ["a", "b"].into_iter().zip(&batch.deliveries) {
        let attempt = only(attempts(&store, name).await);
        assert_eq!((attempt.delivery, attempt.together), (*delivery, message), "{name}");
    }
}

pub async fn an_end_without_delivery_is_written_down_with_its_reason(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let silent = End::Silenced { detail: "silence S1".to_owned() };
    let script = Script::default().ruled(move |_, _| Ruling::End(silent.clone()));
    assert!(script.claim(&store, "slack", at(5)).await.is_empty());
    let delivery = stored(&store, "a").await.deliveries[0].id;
    let detail = "silence S1".to_owned();
    let expected = Fact::Ended { delivery, state: DeliveryState::Silenced, reason: None, detail };
    assert_eq!(facts(&store, "a").await, [expected]);
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.settled_at, row.is_held), (Some(at(5)), false));
}

pub async fn what_falls_back_says_to_whom_and_by_which_delivery(store: Arc<dyn Store>) {
    let slack = Script::default().fallback("mail", 100);
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack", "mail"])]).await;
    for batch in slack.claim(&store, "slack", at(0)).await {
        slack.settle(&store, &batch, dead(), at(1)).await;
    }
    let rows = stored(&store, "a").await.deliveries;
    let fell_back = Fact::FellBack { delivery: rows[0].id, to: target("mail"), copy: Some(rows[1].id) };
    assert!(facts(&store, "a").await.contains(&fell_back), "{:?}", facts(&store, "a").await);
    assert_eq!(rows[1].owed_since, at(1));
    let told_anyway = stored(&store, "b").await.deliveries[0].id;
    let fell_back = Fact::FellBack { delivery: told_anyway, to: target("mail"), copy: None };
    assert!(facts(&store, "b").await.contains(&fell_back), "{:?}", facts(&store, "b").await);
}

pub async fn the_end_of_an_incident_is_written_down_where_it_began(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("a", 0, &["pager"]), "prod"), opens_for(owing("t", 0, &["pager"]), "dev", 60)]).await;
    for batch in claim(&store, "pager", at(0)).await {
        settle(&store, &batch, delivered()).await;
    }
    keep(&store, [ends(owing("end", 10, &["pager"]), "prod")]).await;
    claim(&store, "pager", at(100)).await;
    let resolved = |facts: Vec<Fact>| facts.into_iter().filter(|fact| matches!(fact, Fact::Resolved { .. }));
    let resolved = |facts| resolved(facts).collect::<Vec<_>>();
    let by = |key: &str, by| Fact::Resolved { target: target("pager"), incident: key_of(key), by };
    assert_eq!(resolved(facts(&store, "a").await), [by("prod", Some(id("end")))]);
    assert_eq!(resolved(facts(&store, "t").await), [by("dev", None)], "nothing more was heard of it");
    assert_eq!(resolved(facts(&store, "end").await), []);
}

fn key_of(text: &str) -> castai_relay::names::IncidentKey {
    castai_relay::names::IncidentKey::from_rendered(text).unwrap()
}

pub async fn what_an_end_cancels_says_what_ended_it(store: Arc<dyn Store>) {
    keep(&store, ["a", "b"].map(|name| opens(owing(name, 0, &["pager"]), "prod"))).await;
    keep(&store, [ends(owing("end", 10, &["pager"]), "prod")]).await;
    for name in ["a", "b"] {
        let facts = facts(&store, name).await;
        let by = Fact::Resolved { target: target("pager"), incident: key_of("prod"), by: Some(id("end")) };
        let times = facts.iter().filter(|fact| **fact == by).count();
        let is_over = |fact: &Fact| matches!(fact, Fact::Ended { state: DeliveryState::Superseded, .. });
        assert_eq!((times, facts.iter().filter(|fact| is_over(fact)).count()), (1, 1), "{name}: {facts:?}");
    }
}

pub async fn repeats_are_written_down_up_to_a_limit_and_counted_beyond(store: Arc<dyn Store>) {
    let first = owing("a", 0, &[]);
    keep(&store, [first.clone()]).await;
    let castai = first.event.source.clone();
    store.append(vec![first.clone()], None).await.unwrap();
    let repeats =
        |conflicts| Repeats { id: id("a"), source: SourceName::notifications(), plain: 3, conflicts, at: at(7) };
    store.note_repeats(vec![repeats(0), repeats(1), Repeats { id: id("nobody"), ..repeats(0) }]).await.unwrap();
    let (told, known) = (stored(&store, "a").await, SourceName::notifications());
    assert_eq!((told.duplicates, told.conflicts), (7, 1));
    let expected = [repeated(&castai, false, 1), repeated(&known, false, 3), repeated(&known, true, 4)];
    assert_eq!(facts(&store, "a").await, expected);
    for _ in 0..50 {
        store.append(vec![first.clone()], None).await.unwrap();
    }
    assert_eq!(stored(&store, "a").await.duplicates, 57);
    assert_eq!(facts(&store, "a").await.len(), 3 + 8, "the sixteenth repeat was the last");
}

pub async fn of_very_many_entries_the_first_half_and_the_last_are_kept(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    let tries = MOST_ENTRIES + 50;
    for second in 0..tries {
        let batch = claim_one(&store, "slack", at(second)).await;
        settle(&store, &batch, retry(at(second + 1))).await;
    }
    let numbers: Vec<_> = stored(&store, "a").await.ledger.iter().map(|entry| entry.number).collect();
    let half = MOST_ENTRIES / 2;
    let expected: Vec<_> = (1..=half).chain(tries - half + 1..=tries).collect();
    assert_eq!(numbers, expected);
    assert_eq!(attempts(&store, "a").await.last().map(|last| u64::from(last.attempt)), Some(tries));
}

pub async fn an_event_knows_the_routing_table_it_came_under(store: Arc<dyn Store>) {
    let table = KeptTable::new("{routes: []}".to_owned());
    let id_of_table = Some(table.id);
    assert_eq!(store.table(table.id).await.unwrap(), None);
    store.keep_table(table.clone(), at(0)).await.unwrap();
    store.keep_table(table.clone(), at(5)).await.unwrap();
    keep(&store, [Append { routed_by: id_of_table, ..owing("a", 0, &[]) }, owing("b", 0, &[])]).await;
    assert_eq!(stored(&store, "a").await.routed_by, id_of_table);
    assert_eq!(stored(&store, "b").await.routed_by, None);
    assert_eq!(store.table(table.id).await.unwrap(), Some(table.text));
}
