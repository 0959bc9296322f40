//! Clauses on how a target stands: how fast, who first, closed and open again.

use std::sync::Mutex;

use castai_relay::store::News;
use castai_relay::target::{Cause, Change};

use super::owed::*;
use super::*;

/// The closed word of every change that is reported, in order.
fn listening() -> (Script, Arc<Mutex<Vec<&'static str>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    let script = Script::default().reporting(move |news, _| {
        if let News::Change { change, .. } = news {
            let word = if matches!(change, Change::Paused(_)) { "paused" } else { "resumed" };
            ear.lock().unwrap().push(word);
        }
        vec![]
    });
    (script, heard)
}

fn failed(now: Timestamp) -> How {
    let (outcome, _) = retry(now);
    (outcome, Sign::Failing { reason: Reason::TargetFailed, detail: "answered 500".to_owned(), until: None })
}

fn refused(now: Timestamp) -> How {
    let (outcome, _) = retry(now);
    (outcome, Sign::Refusing { reason: Reason::TargetRefused, detail: "no_service".to_owned() })
}

async fn many(store: &Arc<dyn Store>, prefix: &str, count: usize, seconds: u64) {
    keep(store, (0..count).map(|n| owing(&format!("{prefix}{n}"), seconds, &["slack"]))).await;
}

pub async fn messages_leave_no_faster_than_the_rate_and_in_bursts_after_a_rest(store: Arc<dyn Store>) {
    let script = Script::default().rate(2_000, 3);
    many(&store, "n", 10, 0).await;
    assert_eq!(script.claim(&store, "slack", at(0)).await.len(), 3);
    assert_eq!(script.next_due(&store, "slack", at(0)).await, Some(at(2)));
    assert!(script.claim(&store, "slack", at(1)).await.is_empty());
    assert_eq!(script.claim(&store, "slack", at(2)).await.len(), 1);
    assert_eq!(script.claim(&store, "slack", at(6)).await.len(), 2);
    assert_eq!(script.claim(&store, "slack", at(60)).await.len(), 3, "no rest makes more of a burst")
}

pub async fn one_batch_counts_once_against_the_rate_however_many_are_in_it(store: Arc<dyn Store>) {
    let script = Script::default().rate(2_000, 1).groups("everything", 0, 10);
    keep(&store, (0..10).map(|n| grouped(owing(&n.to_string(), 0, &["slack"]), "all", 0))).await;
    keep(&store, [owing("alone", 0, &["slack"])]).await;
    assert_eq!(script.claim_one(&store, "slack", at(0)).await.deliveries.len(), 10);
    assert_eq!(names(&script.claim(&store, "slack", at(2)).await), ["alone"]);
}

pub async fn fresh_news_leave_first_but_for_the_share_of_the_old(store: Arc<dyn Store>) {
    many(&store, "old", 4, 0).await;
    for batch in claim(&store, "slack", at(0)).await {
        settle(&store, &batch, retry(at(10))).await;
    }
    many(&store, "new", 4, 10).await;
    let quarter = Script::default().old_percent(25);
    let order = quarter.claim(&store, "slack", at(10)).await;
    assert_eq!(names(&order), ["new0", "new1", "new2", "old0", "new3", "old1", "old2", "old3"]);
    assert_eq!(order.iter().filter(|batch| batch.is_old).count(), 4);
}

pub async fn what_waited_for_more_than_a_minute_is_old(store: Arc<dyn Store>) {
    many(&store, "waiting", 2, 0).await;
    many(&store, "new", 2, 61).await;
    let order = Script::default().old_percent(0).claim(&store, "slack", at(61)).await;
    assert_eq!(names(&order), ["new0", "new1", "waiting0", "waiting1"]);
}

pub async fn no_more_old_ones_are_handed_out_than_asked_for(store: Arc<dyn Store>) {
    many(&store, "old", 3, 0).await;
    many(&store, "new", 3, 100).await;
    let terms = Script::default().terms();
    for (old_limit, expected) in [(1, vec!["new0", "old0", "new1", "new2"]), (0, vec![]), (9, vec!["old1", "old2"])] {
        let claim = Claim { old_limit, ..claim_of("slack", at(100), 9, &terms) };
        assert_eq!(names(&store.claim(claim).await.unwrap().batches), expected);
    }
}

pub async fn a_refusal_closes_the_target_which_is_probed_with_a_real_one(store: Arc<dyn Store>) {
    let (script, heard) = listening();
    many(&store, "n", 3, 0).await;
    let first = store.claim(claim_of("slack", at(0), 1, &script.terms())).await.unwrap().batches.remove(0);
    assert!(!first.is_probe);
    let settled = script.settle(&store, &first, refused(at(1)), at(1)).await;
    assert!(matches!(settled, Settled::Done { change: Some(Change::Paused(_)), .. }), "{settled:?}");
    assert_eq!(state_of(&store, "n0").await, DeliveryState::Pending, "what it refused is kept");
    let standing = store.standing(&target("slack")).await.unwrap();
    assert_eq!(standing.closed().map(|closed| closed.cause), Some(Cause::Refusing));

    assert!(script.claim(&store, "slack", at(300)).await.is_empty());
    assert_eq!(script.next_due(&store, "slack", at(300)).await, Some(at(301)));
    let probe = script.claim_one(&store, "slack", at(301)).await;
    assert!(probe.is_probe);
    script.settle(&store, &probe, refused(at(302)), at(302)).await;
    assert_eq!(script.next_due(&store, "slack", at(302)).await, Some(at(602)));

    let probe = script.claim_one(&store, "slack", at(602)).await;
    script.settle(&store, &probe, delivered(), at(603)).await;
    assert_eq!(script.claim(&store, "slack", at(603)).await.len(), 2, "and all the others follow");
    assert_eq!(*heard.lock().unwrap(), ["paused", "resumed"]);
    assert_eq!(store.standing(&target("slack")).await.unwrap().closed(), None);
}

pub async fn five_failures_in_a_row_close_the_target_and_nobody_is_told_if_the_first_probe_succeeds(
    store: Arc<dyn Store>,
) {
    let (script, heard) = listening();
    many(&store, "n", 6, 0).await;
    let all = script.claim(&store, "slack", at(0)).await;
    for batch in &all[..5] {
        assert!(store.standing(&target("slack")).await.unwrap().closed().is_none());
        script.settle(&store, batch, failed(at(1)), at(1)).await;
    }
    assert_eq!(script.next_due(&store, "slack", at(1)).await, Some(at(6)));
    let probe = script.claim_one(&store, "slack", at(6)).await;
    assert!(probe.is_probe);
    script.settle(&store, &probe, delivered(), at(7)).await;
    assert!(heard.lock().unwrap().is_empty(), "it was nothing");
    assert_eq!(script.claim(&store, "slack", at(7)).await.len(), 4);
}

pub async fn a_target_that_goes_on_failing_is_reported_once(store: Arc<dyn Store>) {
    let (script, heard) = listening();
    many(&store, "n", 5, 0).await;
    for batch in script.claim(&store, "slack", at(0)).await {
        script.settle(&store, &batch, failed(at(1)), at(1)).await;
    }
    let mut now = at(1);
    for _ in 0..4 {
        now = script.next_due(&store, "slack", now).await.unwrap();
        let probe = script.claim_one(&store, "slack", now).await;
        script.settle(&store, &probe, failed(now), now).await;
    }
    assert_eq!(*heard.lock().unwrap(), ["paused"]);
}

/// It may be this one message that the target cannot take, and the others must not wait for it.
pub async fn a_closed_target_is_not_tried_twice_with_one_message_while_others_wait(store: Arc<dyn Store>) {
    let script = Script::default();
    many(&store, "poison", 1, 0).await;
    let mut now = at(0);
    for _ in 0..5 {
        let batch = script.claim_one(&store, "slack", now).await;
        script.settle(&store, &batch, failed(now), now).await;
    }
    many(&store, "n", 2, 1).await;
    let mut tried = Vec::new();
    for _ in 0..4 {
        // Long after, so that none of them is fresh any more.
        now = now.saturating_add(Duration::from_secs(600));
        let probe = script.claim_one(&store, "slack", now).await;
        tried.push(name_of(probe.lead()).to_owned());
        script.settle(&store, &probe, failed(now), now).await;
    }
    assert_eq!(tried, ["n0", "n1", "poison0", "n0"]);
}

pub async fn what_a_change_gives_rise_to_is_kept_with_it(store: Arc<dyn Store>) {
    let script = Script::default().raising(vec![owing("report", 1, &["oncall"])]);
    many(&store, "n", 1, 0).await;
    let batch = script.claim_one(&store, "slack", at(0)).await;
    let Settled::Done { after: Aftermath { woken, .. }, .. } =
        script.settle(&store, &batch, refused(at(1)), at(1)).await
    else {
        panic!("it was settled in time")
    };
    assert!(woken.contains(&target("oncall")));
    assert_eq!(names(&claim(&store, "oncall", at(1)).await), ["report"]);
}

pub async fn one_target_that_is_closed_closes_no_other(store: Arc<dyn Store>) {
    keep(&store, [owing("a", 0, &["slack", "mail"])]).await;
    let batch = claim_one(&store, "slack", at(0)).await;
    settle(&store, &batch, refused(at(0))).await;
    assert_eq!(names(&claim(&store, "mail", at(0)).await), ["a"]);
}
