//! Clauses on what operators do: each act is kept with its change, and a target that is paused is left alone.

use castai_relay::event::act::{Act, Deed};
use castai_relay::names::DrillName;
use castai_relay::target::limit::RateLimit;
use castai_relay::target::{Cause, Obeyed, Order};

use super::silence::terms;
use super::*;

async fn acts(store: &Arc<dyn Store>) -> Vec<Act> {
    store.acts(None, usize::MAX).await.unwrap()
}

/// What was done, to what, by whom and when, newest first.
fn told(acts: &[Act]) -> Vec<String> {
    let told = |act: &Act| {
        let whom = act.by_whom.as_deref().unwrap_or("nobody");
        format!("{} {} {} {whom}", (act.at.as_millis() - at(0).as_millis()) / 1000, act.what.as_str(), act.subject)
    };
    acts.iter().map(told).collect()
}

fn pause(until: Option<u64>) -> Order {
    Order::Pause { until: until.map(at), why: "they move".to_owned() }
}

async fn order(store: &Arc<dyn Store>, order: Order, seconds: u64) -> Obeyed {
    store.order(&target("slack"), order, signed("ada", seconds)).await.unwrap()
}

pub async fn a_silence_is_an_act_and_so_is_its_first_end(store: Arc<dyn Store>) {
    let kept = store.keep_silence(terms("upgrade", 60), signed("ada", 1)).await.unwrap();
    for (whom, seconds) in [("bob", 30), ("eve", 40)] {
        store.end_silence(kept.id, signed(whom, seconds)).await.unwrap();
    }
    let acts = acts(&store).await;
    assert_eq!(told(&acts), ["30 silence_ended S1 bob", "1 silence_added S1 ada"]);
    assert_eq!(acts[1].detail["why"], "upgrade");
    assert_eq!(acts[1].detail["match"], json!(kept.terms.matching));
    assert_eq!(acts[1].by_token, TokenName::admin());
}

pub async fn acts_are_listed_newest_first_and_before_a_number(store: Arc<dyn Store>) {
    assert_eq!(acts(&store).await, []);
    for seconds in 0..5 {
        order(&store, pause(None), seconds).await;
    }
    let all = acts(&store).await;
    assert!(all.windows(2).all(|two| two[0].id > two[1].id));
    assert_eq!(store.acts(None, 2).await.unwrap(), all[..2]);
    assert_eq!(store.acts(Some(all[1].id), 2).await.unwrap(), all[2..4]);
    assert_eq!(store.acts(Some(all[4].id), 2).await.unwrap(), []);
    assert_eq!(store.acts(Some(i64::MIN), 2).await.unwrap(), []);
}

pub async fn pruning_forgets_acts_from_before_and_never_gives_their_numbers_again(store: Arc<dyn Store>) {
    for seconds in [0, 10, 20] {
        order(&store, pause(None), seconds).await;
    }
    let last = acts(&store).await[0].id;
    store.prune(at(20), 1).await.unwrap();
    assert_eq!(told(&acts(&store).await), ["20 target_paused slack ada", "10 target_paused slack ada"]);
    store.prune(at(21), 9).await.unwrap();
    assert_eq!(acts(&store).await, []);
    order(&store, Order::Resume, 30).await;
    assert!(acts(&store).await[0].id > last);
}

pub async fn an_order_that_changes_nothing_is_no_act(store: Arc<dyn Store>) {
    assert_eq!(order(&store, Order::Resume, 0).await, Obeyed::Already);
    assert_eq!(order(&store, pause(Some(10)), 1).await, Obeyed::Done);
    assert_eq!(order(&store, Order::Resume, 10).await, Obeyed::Already, "it was over by itself");
    assert_eq!(told(&acts(&store).await), ["1 target_paused slack ada"]);
}

pub async fn what_an_operator_has_kept_is_an_act_if_it_is_new(store: Arc<dyn Store>) {
    let begun = |whom: &str| {
        let append = owing("a", 0, &["slack"]);
        let deed = Deed::drill_begun(&DrillName::on_demand(), &append.event.id, signed(whom, 5));
        Append { deed: Some(deed), ..append }
    };
    for whom in ["ada", "bob"] {
        store.append(vec![begun(whom)], None).await.unwrap();
    }
    let acts = acts(&store).await;
    assert_eq!(told(&acts), ["5 drill_begun on-demand ada"], "a repeat changes nothing");
    assert_eq!(acts[0].detail["event_id"], begun("ada").event.id.as_str());
}

pub async fn nothing_leaves_for_a_paused_target_until_it_is_resumed(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "mail"])]).await;
    order(&store, pause(None), 1).await;
    let script = Script::default();
    for now in [1, 60, 80_000].map(at) {
        assert!(script.claim(&store, "slack", now).await.is_empty(), "at {now}");
        assert_eq!(script.next_due(&store, "slack", now).await, None, "nothing happens by itself");
    }
    assert_eq!(names(&claim(&store, "mail", at(1)).await), ["a"], "others are not concerned");
    let standing = store.standing(&target("slack")).await.unwrap();
    let held = standing.pause(at(2)).unwrap();
    assert_eq!((held.by.as_str(), held.why.as_str(), held.since, held.until), ("ada", "they move", at(1), None));
    assert_eq!(standing.closed(), None, "it is not closed");
    assert_eq!(order(&store, Order::Resume, 90).await, Obeyed::Done);
    assert_eq!(script.next_due(&store, "slack", at(90)).await, Some(at(90)));
    assert_eq!(names(&script.claim(&store, "slack", at(90)).await), ["a"]);
    assert_eq!(told(&acts(&store).await), ["90 target_resumed slack ada", "1 target_paused slack ada"]);
}

pub async fn a_pause_with_an_end_ends_by_itself(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack"])]).await;
    order(&store, pause(Some(3_000_000)), 0).await;
    let script = Script::default();
    for now in [at(0), at(2_999_999)] {
        assert!(script.claim(&store, "slack", now).await.is_empty());
        assert_eq!(script.next_due(&store, "slack", now).await, Some(at(3_000_000)));
    }
    assert_eq!(names(&script.claim(&store, "slack", at(3_000_000)).await), ["a"]);
    assert_eq!(store.standing(&target("slack")).await.unwrap().pause(at(3_000_000)), None);
}

/// Whoever pauses a target knows of it and can resume it; that nobody hears is not news to anybody else.
pub async fn a_pause_alone_lets_nothing_fall_back_and_hides_no_closing(store: Arc<dyn Store>) {
    let script = Script::default().fallback("mail", 60);
    keep(&store, [owing("a", 0, &["slack"])]).await;
    order(&store, pause(None), 0).await;
    let claimed = claim_on(&store, "slack", at(3600), &script.terms()).await;
    assert_eq!(fell_back(&claimed.after), 0);
    order(&store, Order::Resume, 3600).await;
    let batch = script.claim_one(&store, "slack", at(3600)).await;
    let (outcome, _) = retry(at(3600));
    let refused = Sign::Refusing { reason: Reason::TargetRefused, detail: "no_service".to_owned() };
    script.settle(&store, &batch, (outcome, refused), at(3600)).await;
    order(&store, pause(None), 3601).await;
    assert_eq!(script.next_due(&store, "slack", at(3601)).await, Some(at(3660)), "only the fallback is due");
    let claimed = claim_on(&store, "slack", at(3660), &script.terms()).await;
    assert_eq!((fell_back(&claimed.after), claimed.batches.len()), (1, 0), "what was closed falls back all the same");
    assert_eq!(script.next_due(&store, "slack", at(3660)).await, None);
    let closed = store.standing(&target("slack")).await.unwrap().closed().map(|closed| closed.cause);
    assert_eq!(closed, Some(Cause::Refusing));
}

pub async fn what_was_claimed_before_a_pause_is_settled_and_what_must_be_tried_again_waits(store: Arc<dyn Store>) {
    keep(&store, ["a", "b"].map(|name| owing(name, 0, &["slack"]))).await;
    let batches = claim(&store, "slack", at(0)).await;
    order(&store, pause(None), 1).await;
    assert!(is_done(&settle(&store, &batches[0], delivered()).await));
    assert!(is_done(&settle(&store, &batches[1], retry(at(5))).await));
    assert!(claim(&store, "slack", at(9)).await.is_empty());
    assert_eq!(state_of(&store, "b").await, DeliveryState::Pending);
    order(&store, Order::Resume, 10).await;
    assert_eq!(names(&claim(&store, "slack", at(10)).await), ["b"]);
}

pub async fn a_test_counts_against_the_rate_and_may_take_one_turn_in_advance(store: Arc<dyn Store>) {
    let script = Script::default().rate(10_000, 1);
    let rate = RateLimit { every: Duration::from_secs(10), burst: 1 };
    let test = Order::Test { rate: Some(rate), messages: 1 };
    keep(&store, [owing("a", 0, &["slack"])]).await;
    assert_eq!(order(&store, test.clone(), 0).await, Obeyed::Done);
    assert_eq!(script.next_due(&store, "slack", at(0)).await, Some(at(10)), "the queue waits for its turn");
    assert_eq!(order(&store, test.clone(), 0).await, Obeyed::Done);
    assert_eq!(order(&store, test, 0).await, Obeyed::TooSoon { until: at(10) });
    assert_eq!(script.next_due(&store, "slack", at(0)).await, Some(at(20)));
    assert_eq!(told(&acts(&store).await), ["0 target_tested slack ada"; 2], "what was refused is no act");
}
