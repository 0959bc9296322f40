//! Clauses on what is told again: dead letters that are owed once more, and replays.

use castai_relay::event::act::{Signature, What};
use castai_relay::event::delivery::{Again, Phase};
use castai_relay::event::ledger::Fact;
use castai_relay::names::{ReplayId, TokenName};
use castai_relay::store::query::EventFilter;
use castai_relay::store::replay::{Keys, Replay, ReplayStep, ReplayTerms, Retry};
use castai_relay::store::{Origin, Retried};

use super::owed::*;
use super::*;

fn ada(now: u64) -> Signature {
    Signature { at: at(now), token: TokenName::admin(), whom: Some("ada".to_owned()) }
}

/// An event that Slack has refused.
async fn dead_letter(store: &Arc<dyn Store>, append: Append) -> DeliveryRow {
    let name = append.event.id.as_str().trim_start_matches("org/").to_owned();
    keep(store, [append]).await;
    settle(store, &claim_one(store, "slack", at(0)).await, dead()).await;
    stored(store, &name).await.deliveries.remove(0)
}

/// Owes these again, where they are for this target. Of its route what it opens ends by itself after a minute.
async fn retry(store: &Arc<dyn Store>, letters: Vec<DeliveryId>, name: &str, now: u64) -> Retried {
    let incidents = [(RouteName::parse("everything").unwrap(), Some(Duration::from_secs(60)))].into();
    let wanted = Retry { letters, targets: vec![target(name)], incidents, by: ada(now) };
    store.retry(wanted).await.unwrap()
}

pub async fn a_dead_letter_is_owed_again_as_if_it_came_now(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, owing("a", 0, &["slack"])).await;
    let retried = retry(&store, vec![dead.id], "slack", 900).await;
    assert_eq!((retried.owed, retried.after.woken.contains(&target("slack"))), (vec![dead.id], true));
    let row = stored(&store, "a").await.deliveries.remove(0);
    assert_eq!((row.state, row.owed_since, row.settled_at), (DeliveryState::Pending, at(900), None));
    let batch = claim_one(&store, "slack", at(900)).await;
    assert_eq!((batch.first(), batch.attempt, batch.is_old), (dead.id, 2, true), "the same message, and no news");
    settle(&store, &batch, delivered()).await;
    let stored = stored(&store, "a").await;
    let retried = Fact::Retried { delivery: dead.id, by: "ada".to_owned() };
    assert!(stored.ledger.iter().any(|entry| entry.fact == retried), "{:?}", stored.ledger);
    let acts = store.acts(None, 9).await.unwrap();
    assert_eq!((acts[0].what, acts[0].subject.clone()), (What::DeliveryRetried, dead.id.to_string()));
}

pub async fn what_is_no_dead_letter_is_not_owed_again(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    let batches = claim(&store, "slack", at(0)).await;
    settle(&store, &batches[0], delivered()).await;
    let ids: Vec<_> = batches.iter().map(Batch::first).chain([DeliveryId::from_row(7)]).collect();
    let retried = retry(&store, ids, "slack", 1).await;
    assert_eq!((retried.owed.len(), retried.after.woken.len()), (0, 0));
    assert_eq!(store.acts(None, 9).await.unwrap(), []);
}

pub async fn a_dead_letter_of_another_target_stays_one(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, owing("a", 0, &["slack"])).await;
    let retried = retry(&store, vec![dead.id], "mail", 1).await;
    assert_eq!(retried.owed, []);
    assert_eq!(state_of(&store, "a").await, DeliveryState::Dead);
}

pub async fn a_dead_beginning_that_is_owed_again_has_its_end(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, opens(owing("a", 0, &["slack"]), "prod")).await;
    retry(&store, vec![dead.id], "slack", 1).await;
    settle(&store, &claim_one(&store, "slack", at(1)).await, delivered()).await;
    keep(&store, [ends(owing("end", 2, &["slack"]), "prod")]).await;
    assert_eq!(names(&claim(&store, "slack", at(2)).await), ["end"]);
}

pub async fn what_nobody_heard_began_ends_by_itself_when_it_is_owed_again(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, opens_for(owing("a", 0, &["slack"]), "prod", 10)).await;
    retry(&store, vec![dead.id], "slack", 100).await;
    settle(&store, &claim_one(&store, "slack", at(100)).await, delivered()).await;
    assert!(claim(&store, "slack", at(159)).await.is_empty());
    let end = claim_one(&store, "slack", at(160)).await;
    assert_eq!((name_of(end.lead()), end.incident.as_ref().unwrap().phase), ("a", Phase::Resolve));
}

/// Nobody told of the end either, because nobody had heard of the beginning.
pub async fn a_dead_beginning_whose_end_came_is_not_owed_again(store: Arc<dyn Store>) {
    let alone = dead_letter(&store, opens(owing("alone", 0, &["slack"]), "prod")).await;
    keep(&store, [opens(owing("told", 1, &["slack"]), "other")]).await;
    settle(&store, &claim_one(&store, "slack", at(1)).await, delivered()).await;
    let more = dead_letter(&store, opens(owing("more", 0, &["slack"]), "other")).await;
    keep(&store, [ends(owing("end", 2, &["slack"]), "prod"), ends(owing("end-2", 2, &["slack"]), "other")]).await;
    let end = claim_one(&store, "slack", at(2)).await;
    assert_eq!(name_of(end.lead()), "end-2");
    settle(&store, &end, delivered()).await;
    assert_eq!(retry(&store, vec![alone.id, more.id], "slack", 3).await.owed, []);
    for (name, by) in [("alone", "end"), ("more", "end-2")] {
        let ledger = stored(&store, name).await.ledger;
        let is_over = |fact: &Fact| matches!(fact, Fact::Resolved { by: Some(found), .. } if *found == id(by));
        assert_eq!(ledger.iter().filter(|entry| is_over(&entry.fact)).count(), 1, "{ledger:?}");
    }
    let later = dead_letter(&store, opens(owing("later", 0, &["slack"]), "prod")).await;
    assert_eq!(retry(&store, vec![later.id], "slack", 5).await.owed, [later.id], "it began after that end");
}

pub async fn a_beginning_that_dies_after_its_end_came_is_not_owed_again(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("a", 0, &["slack"]), "prod")]).await;
    let on_its_way = claim_one(&store, "slack", at(0)).await;
    keep(&store, [ends(owing("end", 1, &["slack"]), "prod")]).await;
    settle(&store, &on_its_way, dead()).await;
    assert_eq!(state_of(&store, "end").await, DeliveryState::Superseded, "nobody was told");
    assert_eq!(retry(&store, vec![on_its_way.first()], "slack", 2).await.owed, []);
}

pub async fn an_end_that_happened_before_a_dead_beginning_does_not_hide_it(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, happened(opens(owing("a", 0, &["slack"]), "prod"), 600)).await;
    keep(&store, [happened(ends(owing("late", 1, &["slack"]), "prod"), 100)]).await;
    assert_eq!(retry(&store, vec![dead.id], "slack", 700).await.owed, [dead.id]);
}

pub async fn a_dead_beginning_of_which_nothing_would_tell_the_end_is_not_owed_again(store: Arc<dyn Store>) {
    let dead = dead_letter(&store, by_route(opens(owing("a", 0, &["slack"]), "prod"), "gone")).await;
    assert_eq!(retry(&store, vec![dead.id], "slack", 1).await.owed, []);
}

fn terms(keys: Keys) -> ReplayTerms {
    let every = Duration::from_secs(1);
    ReplayTerms { filter: EventFilter::default(), to: vec![], keys, every, why: "it was down".to_owned() }
}

/// A step that tells these events again and goes on to the last of them.
fn step(replay: &Replay, events: &[(i64, Append)], next_at: Option<Timestamp>, now: u64) -> ReplayStep {
    let owed: Vec<_> = events.iter().map(|(place, append)| (*place, append.owed.clone())).collect();
    let to = owed.last().map_or(replay.last, |(place, _)| *place);
    ReplayStep { id: replay.id, from: replay.place, to, owed, next_at, now: at(now) }
}

pub async fn a_replay_owes_again_and_says_how_far_it_has_come(store: Arc<dyn Store>) {
    let both = [owing("a", 0, &["slack"]), owing("b", 0, &["slack", "mail"])];
    keep(&store, both.clone()).await;
    for batch in claim(&store, "slack", at(0)).await {
        settle(&store, &batch, delivered()).await;
    }
    let replay = store.begin_replay(terms(Keys::Same), ada(100)).await.unwrap();
    assert_eq!((replay.id, replay.place, replay.next_at), (ReplayId::from_row(1), 0, at(100)));
    assert_eq!(store.running_replay().await.unwrap(), Some(replay.clone()));
    let [first, second] = [(1, both[0].clone()), (2, both[1].clone())];
    let after = store.go_on(step(&replay, std::slice::from_ref(&first), Some(at(101)), 100)).await.unwrap().unwrap();
    assert!(after.woken.contains(&target("slack")));
    let twice = store.go_on(step(&replay, &[first], Some(at(101)), 100)).await.unwrap();
    assert_eq!(twice, None, "somebody took this step");
    let replay = store.running_replay().await.unwrap().unwrap();
    assert_eq!((replay.place, replay.events, replay.deliveries, replay.next_at), (1, 1, 1, at(101)));

    let batch = claim_one(&store, "slack", at(100)).await;
    let again = Some(Again { replay: replay.id, fresh: false });
    assert_eq!((name_of(batch.lead()), batch.lead().again, batch.is_old), ("a", again, true));
    store.go_on(step(&replay, &[second], None, 101)).await.unwrap().unwrap();
    let ended = store.replay(replay.id).await.unwrap().unwrap();
    assert_eq!(
        (ended.events, ended.deliveries, ended.ended.map(|end| (end.at, end.stopped_by))),
        (2, 3, Some((at(101), None)))
    );
    assert_eq!(store.running_replay().await.unwrap(), None);
    let told = stored(&store, "b").await;
    let origins: Vec<_> = told.deliveries.iter().map(|row| row.origin).collect();
    assert_eq!(origins, [Origin::Route, Origin::Route, Origin::Replay, Origin::Replay]);
    let replayed = Fact::Replayed { replay: replay.id, by: "ada".to_owned() };
    assert!(told.ledger.iter().any(|entry| entry.fact == replayed), "{:?}", told.ledger);
}

pub async fn a_replay_leaves_with_nothing_but_itself_and_after_the_news(store: Arc<dyn Store>) {
    let script = Script::default().groups("news", 60, 100);
    let group = |append| grouped(by_route(append, "news"), "prod", 0);
    let old = ["a", "b"].map(|name| group(owing(name, 0, &["slack"])));
    keep(&store, old.clone()).await;
    let first = script.claim_one(&store, "slack", at(0)).await;
    script.settle(&store, &first, delivered(), at(0)).await;
    let replay = store.begin_replay(terms(Keys::Same), ada(900)).await.unwrap();
    let both = [(1, old[0].clone()), (2, old[1].clone())];
    store.go_on(step(&replay, &both, None, 900)).await.unwrap().unwrap();
    keep(&store, [group(owing("news", 900, &["slack"]))]).await;
    let batches = script.claim(&store, "slack", at(900)).await;
    assert_eq!(all_told(&batches), [vec!["news"], vec!["a", "b"]]);
    assert_eq!(batches[0].lead().again, None);
}

pub async fn with_new_keys_a_replay_is_another_message_and_belongs_to_no_incident(store: Arc<dyn Store>) {
    let append = opens(owing("a", 0, &["slack"]), "prod");
    keep(&store, [append.clone()]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    for (keys, fresh, belongs) in [(Keys::Same, false, true), (Keys::New, true, false)] {
        let replay = store.begin_replay(terms(keys), ada(100)).await.unwrap();
        store.go_on(step(&replay, &[(1, append.clone())], None, 100)).await.unwrap().unwrap();
        let batch = claim_one(&store, "slack", at(100)).await;
        assert_eq!(batch.lead().again, Some(Again { replay: replay.id, fresh }));
        assert_eq!(batch.incident.is_some(), belongs);
        settle(&store, &batch, delivered()).await;
    }
}

pub async fn a_replay_that_is_stopped_goes_no_further_and_the_first_end_stands(store: Arc<dyn Store>) {
    let append = owing("a", 0, &["slack"]);
    keep(&store, [append.clone()]).await;
    let replay = store.begin_replay(terms(Keys::Same), ada(1)).await.unwrap();
    let stopped = store.stop_replay(replay.id, ada(2)).await.unwrap().unwrap();
    assert_eq!(stopped.ended.map(|end| (end.at, end.stopped_by)), Some((at(2), Some("ada".to_owned()))));
    assert_eq!(store.stop_replay(replay.id, ada(3)).await.unwrap().unwrap().ended.map(|end| end.at), Some(at(2)));
    assert_eq!(store.go_on(step(&replay, &[(1, append)], None, 4)).await.unwrap(), None);
    assert_eq!(store.stop_replay(ReplayId::from_row(9), ada(5)).await.unwrap(), None);
    let acts: Vec<_> = store.acts(None, 9).await.unwrap().into_iter().map(|act| act.what).collect();
    assert_eq!(acts, [What::ReplayStopped, What::ReplayBegun]);
    let second = store.begin_replay(terms(Keys::New), ada(6)).await.unwrap();
    let listed: Vec<_> = store.replays(None, 9).await.unwrap().into_iter().map(|replay| replay.id).collect();
    assert_eq!(listed, [second.id, replay.id]);
    assert_eq!(store.replays(Some(2), 9).await.unwrap().len(), 1);
}

/// Who stood in at first has not heard of it again, and who hears of it again hears it once.
pub async fn what_is_told_again_falls_back_again_and_once(store: Arc<dyn Store>) {
    let script = Script::default().fallback("mail", 100);
    let append = owing("a", 0, &["slack"]);
    keep(&store, [append.clone()]).await;
    script.settle(&store, &script.claim_one(&store, "slack", at(0)).await, dead(), at(0)).await;
    settle(&store, &claim_one(&store, "mail", at(0)).await, delivered()).await;
    let replay = store.begin_replay(terms(Keys::Same), ada(100)).await.unwrap();
    store.go_on(step(&replay, &[(1, append.clone())], None, 100)).await.unwrap().unwrap();
    script.settle(&store, &script.claim_one(&store, "slack", at(100)).await, dead(), at(100)).await;
    let instead = claim_one(&store, "mail", at(100)).await;
    assert_eq!(instead.lead().again.map(|again| again.replay), Some(replay.id));
    settle(&store, &instead, delivered()).await;

    let both = Append { owed: owing("a", 0, &["slack", "mail"]).owed, ..append };
    let replay = store.begin_replay(terms(Keys::Same), ada(200)).await.unwrap();
    store.go_on(step(&replay, &[(1, both)], None, 200)).await.unwrap().unwrap();
    script.settle(&store, &script.claim_one(&store, "slack", at(200)).await, dead(), at(200)).await;
    settle(&store, &claim_one(&store, "mail", at(200)).await, delivered()).await;
    assert!(claim(&store, "mail", at(200)).await.is_empty(), "it hears of it by a route");
}

pub async fn a_replay_ends_an_incident_only_where_it_is_open(store: Arc<dyn Store>) {
    let begin = opens(owing("begin", 0, &["slack"]), "prod");
    let end = ends(owing("end", 0, &["slack"]), "prod");
    keep(&store, [begin.clone()]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    keep(&store, [end.clone()]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    let replay = store.begin_replay(terms(Keys::Same), ada(9)).await.unwrap();
    store.go_on(step(&replay, &[(2, end.clone())], Some(at(10)), 9)).await.unwrap().unwrap();
    assert!(claim(&store, "slack", at(9)).await.is_empty(), "nothing is open");
    let replay = store.begin_replay(terms(Keys::Same), ada(10)).await.unwrap();
    store.go_on(step(&replay, &[(1, begin), (2, end)], None, 10)).await.unwrap().unwrap();
    assert!(claim(&store, "slack", at(10)).await.is_empty(), "it is over before anybody is told again");
}

/// What was told again of an older incident does not end the one that is open now.
pub async fn a_replay_of_what_is_over_leaves_the_incident_that_is_open_alone(store: Arc<dyn Store>) {
    let open = |name, second| happened(opens(owing(name, second, &["slack"]), "prod"), second);
    let (first, end, now) =
        (open("first", 0), happened(ends(owing("end", 600, &["slack"]), "prod"), 600), open("now", 1200));
    for (append, second) in [(first.clone(), 0), (end.clone(), 600), (now, 1200)] {
        keep(&store, [append]).await;
        settle(&store, &claim_one(&store, "slack", at(second)).await, delivered()).await;
    }
    let replay = store.begin_replay(terms(Keys::Same), ada(2000)).await.unwrap();
    store.go_on(step(&replay, &[(1, first), (2, end)], None, 2000)).await.unwrap().unwrap();
    assert_eq!(names(&claim(&store, "slack", at(2000)).await), ["first"], "and no end");
}

/// The same event, which happened then.
fn happened(append: Append, second: u64) -> Append {
    Append { event: Event { occurred_at: Some(at(second)), ..append.event.clone() }, ..append }
}

pub async fn a_dead_end_is_not_owed_again_where_another_incident_is_open_by_now(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("first", 0, &["slack"]), "prod")]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    let end = dead_letter(&store, ends(owing("end", 0, &["slack"]), "prod")).await;
    keep(&store, [opens(owing("again", 1, &["slack"]), "prod")]).await;
    settle(&store, &claim_one(&store, "slack", at(1)).await, delivered()).await;
    let retried = retry(&store, vec![end.id], "slack", 2).await;
    assert_eq!(retried.owed, []);
}

pub async fn a_dead_beginning_is_not_owed_again_while_its_end_is_on_its_way(store: Arc<dyn Store>) {
    keep(&store, [opens(owing("first", 0, &["slack"]), "prod")]).await;
    settle(&store, &claim_one(&store, "slack", at(0)).await, delivered()).await;
    let dead = dead_letter(&store, opens(owing("more", 0, &["slack"]), "prod")).await;
    keep(&store, [ends(owing("end", 1, &["slack"]), "prod")]).await;
    let retried = retry(&store, vec![dead.id], "slack", 2).await;
    assert_eq!(retried.owed, []);
}
