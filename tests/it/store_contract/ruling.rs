//! Clauses on what the store asks others for: who may leave, and what is reported.

use castai_relay::store::{End, News, Ruling};

use super::owed::*;
use super::*;

fn expired() -> Ruling {
    Ruling::End(End::Dead { reason: Reason::Expired, detail: "it is too old".to_owned() })
}

pub async fn who_is_silenced_ends_so_and_leaves_no_trace_of_failure(store: Arc<dyn Store>) {
    let quiet = Script::default()
        .ruled(|candidate, _| match name_in(candidate.event) == "a" {
            true => Ruling::End(End::Silenced { detail: "silence 7: upgrade".to_owned() }),
            false => Ruling::Leave,
        })
        .raising(vec![owing("report", 0, &["oncall"])]);
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    let claimed = claim_on(&store, "slack", at(0), &quiet.terms()).await;
    assert_eq!(names(&claimed.batches), ["b"]);
    assert_eq!(claimed.after.ended.iter().map(|ended| ended.state).collect::<Vec<_>>(), [DeliveryState::Silenced]);
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.attempts, row.reason), (DeliveryState::Silenced, 0, None));
    assert_eq!(row.detail.as_deref(), Some("silence 7: upgrade"));
    assert_eq!(store.event(&id("report")).await.unwrap(), None, "a silence is no news");
    assert!(claim(&store, "slack", at(20)).await.is_empty(), "nor is it told later");
}

fn name_in(event: &Event) -> &str {
    event.id.as_str().trim_start_matches("org/")
}

pub async fn who_comes_too_late_is_a_dead_letter_that_says_what_stood_in_its_way(store: Arc<dyn Store>) {
    let late = Script::default()
        .ruled(
            |candidate, now| {
                if now > candidate.event.received_at.saturating_add(LEASE) { expired() } else { Ruling::Leave }
            },
        )
        .reporting(|news, now| match news {
            News::GivenUp(given_up) => {
                assert_eq!((given_up.reason, given_up.target.as_str(), now), (Reason::Expired, "slack", at(31)));
                vec![owing(&format!("dead-{}-{}", name_in(given_up.event), given_up.attempts), 31, &["oncall"])]
            }
            News::Change { .. } => vec![],
        });
    keep(&store, [owing("tried", 0, &["slack"])]).await;
    late.settle(&store, &late.claim_one(&store, "slack", at(0)).await, retry(at(31)), at(0)).await;
    keep(&store, [owing("untried", 0, &["slack"]), owing("fresh", 20, &["slack"])]).await;
    let claimed = claim_on(&store, "slack", at(31), &late.terms()).await;
    assert_eq!(names(&claimed.batches), ["fresh"]);
    assert!(claimed.after.woken.contains(&target("oncall")), "there is news for it");
    let detail = async |name| stored(&store, name).await.deliveries[0].detail.clone().unwrap_or_default();
    assert_eq!(detail("tried").await, "it is too old; the last attempt: the target answered 503");
    assert_eq!(detail("untried").await, "it is too old");
    let mut reports: Vec<_> =
        claim(&store, "oncall", at(31)).await.iter().map(|batch| name_of(batch.lead()).to_owned()).collect();
    reports.sort();
    assert_eq!(reports, ["dead-tried-1", "dead-untried-0"]);
}

pub async fn whoever_judges_knows_of_an_attempt_that_nobody_knows_the_end_of(store: Arc<dyn Store>) {
    let careful = Script::default().ruled(|candidate, _| match candidate.interrupted {
        true => Ruling::End(End::Dead { reason: Reason::Ambiguous, detail: "it may have arrived".to_owned() }),
        false => Ruling::Leave,
    });
    keep(&store, [owing("a", 0, &["slack"]), owing("b", 0, &["slack"])]).await;
    let both = careful.claim(&store, "slack", at(0)).await;
    careful.settle(&store, &both[1], retry(at(30)), at(1)).await;
    let claimed = claim_on(&store, "slack", at(30), &careful.terms()).await;
    assert_eq!(names(&claimed.batches), ["b"], "an attempt that failed for sure is no doubt");
    let row = &stored(&store, "a").await.deliveries[0];
    assert_eq!((row.state, row.reason), (DeliveryState::Dead, Some(Reason::Ambiguous)));
}

pub async fn whoever_may_not_leave_is_left_out_of_the_batch_it_would_have_left_in(store: Arc<dyn Store>) {
    let script = Script::default().groups("everything", 60, 10).ruled(|candidate, _| {
        match candidate.severity == Severity::Info {
            true => Ruling::End(End::Silenced { detail: "quiet hours".to_owned() }),
            false => Ruling::Leave,
        }
    });
    let told_with = |name, severity| told_as(grouped(owing(name, 0, &["slack"]), "all", 0), severity);
    keep(&store, [told_with("a", Severity::Info), told_with("b", Severity::Error), told_with("c", Severity::Info)])
        .await;
    keep(&store, [told_with("d", Severity::Error)]).await;
    assert_eq!(told(&script.claim_one(&store, "slack", at(0)).await), ["b", "d"]);
    assert_eq!(states(&store, "c").await, [DeliveryState::Silenced]);
}

/// One claim must not hold up all others.
pub async fn a_claim_that_ends_very_many_says_that_there_is_more(store: Arc<dyn Store>) {
    let none = Script::default().ruled(|_, _| expired());
    keep(&store, (0..1_200).map(|n| owing(&n.to_string(), 0, &["slack"]))).await;
    let claimed = store.claim(claim_of("slack", at(0), 1, &none.terms())).await.unwrap();
    assert!(claimed.more && claimed.after.ended.len() < 1_000, "{}", claimed.after.ended.len());
    let rest = claim_on(&store, "slack", at(0), &none.terms()).await;
    assert_eq!(claimed.after.ended.len() + rest.after.ended.len(), 1_200);
    assert_eq!(store.backlog().await.unwrap()[&target("slack")].dead, 1_200);
}
