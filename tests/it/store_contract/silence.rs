//! Clauses on silences: they are kept, they end, and they are remembered for a while after that.

use castai_relay::event::silence::{Ended, Silence, Terms};
use castai_relay::names::SilenceId;

use super::*;

/// From the beginning until `at(until)`.
pub fn terms(why: &str, until: u64) -> Terms {
    Terms {
        matching: json!({"type": "node.*", "data.count": [1, "> 2.5"], "not": {"cluster": "dev-*"}})
            .as_object()
            .unwrap()
            .clone(),
        routes: vec![RouteName::parse("nodes").unwrap()],
        targets: vec![target("slack"), target("oncall")],
        from: at(0),
        until: at(until),
        by: "Ada \"the\" Ops".into(),
        why: why.into(),
    }
}

fn ada(seconds: u64) -> Signature {
    signed("ada", seconds)
}

async fn current(store: &Arc<dyn Store>, since: u64) -> Vec<Silence> {
    store.silences(at(since), None, usize::MAX).await.unwrap()
}

/// What they are for, in their order.
fn reasons(silences: &[Silence]) -> Vec<&str> {
    silences.iter().map(|silence| silence.terms.why.as_str()).collect()
}

pub async fn a_silence_reads_back_as_it_was_given_under_an_id_of_its_own(store: Arc<dyn Store>) {
    assert_eq!(current(&store, 0).await, []);
    let kept = store.keep_silence(terms("ö 'quote' 🦀", 60), ada(0)).await.unwrap();
    assert_eq!((&kept.terms, &kept.ended), (&terms("ö 'quote' 🦀", 60), &None));
    let of_everything = Terms { matching: Default::default(), routes: vec![], targets: vec![], ..terms("all", 60) };
    let other = store.keep_silence(of_everything, ada(0)).await.unwrap();
    assert_ne!(kept.id, other.id);
    assert_eq!(current(&store, 0).await, [kept, other]);
}

pub async fn a_silence_that_is_over_is_not_among_the_current_ones(store: Arc<dyn Store>) {
    for (why, until) in [("short", 10), ("long", 20)] {
        store.keep_silence(terms(why, until), ada(0)).await.unwrap();
    }
    assert_eq!(reasons(&current(&store, 9).await), ["short", "long"]);
    assert_eq!(reasons(&current(&store, 10).await), ["long"]);
    assert_eq!(reasons(&current(&store, 20).await), [""; 0]);
}

pub async fn of_many_silences_the_newest_are_listed_in_their_order(store: Arc<dyn Store>) {
    for why in ["a", "b", "c"] {
        store.keep_silence(terms(why, 60), ada(0)).await.unwrap();
    }
    assert_eq!(reasons(&store.silences(at(0), None, 2).await.unwrap()), ["b", "c"]);
}

pub async fn a_silence_that_is_ended_is_over_then_and_says_by_whom(store: Arc<dyn Store>) {
    let kept = store.keep_silence(terms("upgrade", 60), ada(0)).await.unwrap();
    let ended = store.end_silence(kept.id, signed("bob", 30)).await.unwrap();
    let expected = Silence { ended: Some(Ended { at: at(30), by: "bob".into() }), ..kept };
    assert_eq!(ended.as_ref(), Some(&expected));
    assert_eq!(current(&store, 30).await, []);
    assert_eq!(current(&store, 29).await, [expected]);
}

pub async fn the_first_end_of_a_silence_stands(store: Arc<dyn Store>) {
    let kept = store.keep_silence(terms("upgrade", 60), ada(0)).await.unwrap();
    let first = store.end_silence(kept.id, signed("bob", 30)).await.unwrap();
    assert_eq!(store.end_silence(kept.id, signed("eve", 40)).await.unwrap(), first);
    let expired = store.keep_silence(terms("upgrade", 60), ada(0)).await.unwrap();
    assert_eq!(store.end_silence(expired.id, signed("eve", 60)).await.unwrap(), Some(expired));
}

pub async fn a_silence_nobody_kept_cannot_be_ended(store: Arc<dyn Store>) {
    assert_eq!(store.end_silence(SilenceId::from_row(7), signed("bob", 0)).await.unwrap(), None);
}

pub async fn pruning_forgets_silences_that_were_over_before_and_never_gives_their_ids_again(store: Arc<dyn Store>) {
    let long = store.keep_silence(terms("long", 100), ada(0)).await.unwrap();
    let expired = store.keep_silence(terms("expired", 10), ada(0)).await.unwrap();
    let ended = store.keep_silence(terms("ended", 100), ada(0)).await.unwrap();
    store.end_silence(ended.id, signed("bob", 20)).await.unwrap();
    store.prune(at(10), 100).await.unwrap();
    assert_eq!(reasons(&current(&store, 0).await), ["long", "expired", "ended"]);
    store.prune(at(11), 100).await.unwrap();
    assert_eq!(reasons(&current(&store, 0).await), ["long", "ended"]);
    store.prune(at(21), 100).await.unwrap();
    assert_eq!(current(&store, 0).await, [long]);
    let next = store.keep_silence(terms("next", 100), ada(0)).await.unwrap();
    assert!(next.id > ended.id && next.id != expired.id, "{} came after {}", next.id, ended.id);
}

pub async fn pruning_forgets_no_more_silences_than_its_limit(store: Arc<dyn Store>) {
    for why in ["a", "b", "c"] {
        store.keep_silence(terms(why, 10), ada(0)).await.unwrap();
    }
    store.prune(at(60), 2).await.unwrap();
    assert_eq!(current(&store, 0).await.len(), 1);
}
