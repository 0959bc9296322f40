//! Clauses on incidents: they are told in order, they end once, and nobody hears of an end who heard of no beginning.

use castai_relay::event::batch::Receipt;
use castai_relay::event::delivery::Phase;
use castai_relay::store::{Candidate, End, Origin, Ruling};

use super::owed::*;
use super::*;

/// Opens the incident `prod`, or adds to it.
fn open(name: &str, seconds: u64) -> Append {
    opens(owing(name, seconds, &["pager"]), "prod")
}

/// Ends it.
fn end(name: &str, seconds: u64) -> Append {
    ends(owing(name, seconds, &["pager"]), "prod")
}

fn taken(receipt: &str) -> How {
    (Outcome::Delivered { receipt: Receipt::new(receipt) }, Sign::Well)
}

fn ambiguous(at: Timestamp) -> How {
    let detail = "no answer".to_owned();
    (Outcome::Retry { at, reason: Reason::Ambiguous, ambiguous: true, detail }, Sign::Nothing)
}

/// Lets the only batch through, at once.
async fn deliver(store: &Arc<dyn Store>, now: u64) -> Batch {
    let batch = claim_one(store, "pager", at(now)).await;
    assert!(is_done(&settle(store, &batch, delivered()).await));
    batch
}

fn phase(batch: &Batch) -> Option<Phase> {
    batch.incident.as_ref().map(|incident| incident.phase)
}

/// How many deliveries an event owes.
async fn owes(store: &Arc<dyn Store>, name: &str) -> usize {
    stored(store, name).await.deliveries.len()
}

async fn nothing_is_left(store: &Arc<dyn Store>) {
    assert!(claim(store, "pager", at(1_000_000)).await.is_empty());
    assert!(!store.backlog().await.unwrap().contains_key(&target("pager")));
}

pub async fn what_belongs_to_one_incident_leaves_in_order(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0), open("b", 0), opens(owing("other", 0, &["pager"]), "dev")]).await;
    let first = claim(&store, "pager", at(0)).await;
    assert_eq!(names(&first), ["a", "other"], "`b` waits behind `a`; another incident does not");
    settle(&store, &first[0], retry(at(5))).await;
    settle(&store, &first[1], delivered()).await;
    assert!(claim(&store, "pager", at(4)).await.is_empty());
    assert_eq!(next_due(&store, "pager", at(4)).await, Some(at(5)));
    assert_eq!(names(&[deliver(&store, 5).await]), ["a"]);
    assert_eq!(names(&[deliver(&store, 5).await]), ["b"]);
}

pub async fn a_dead_letter_holds_up_nothing_of_its_incident(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0), open("b", 0)]).await;
    settle(&store, &claim_one(&store, "pager", at(0)).await, dead()).await;
    assert_eq!(names(&[deliver(&store, 0).await]), ["b"]);
    keep(&store, [end("end", 1)]).await;
    assert_eq!(phase(&deliver(&store, 1).await), Some(Phase::Resolve));
}

pub async fn an_end_cancels_what_has_not_left_and_is_then_told_to_nobody(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0), open("b", 0)]).await;
    settle(&store, &claim_one(&store, "pager", at(0)).await, retry(at(50))).await;
    keep(&store, [end("end", 1)]).await;
    for name in ["a", "b"] {
        let row = &stored(&store, name).await.deliveries[0];
        assert_eq!((row.state, row.detail.as_deref()), (DeliveryState::Superseded, Some("it was over before it left")));
    }
    assert_eq!(owes(&store, "end").await, 0);
    nothing_is_left(&store).await;
}

pub async fn an_end_of_what_was_told_is_told_and_knows_what_it_ends(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    deliver(&store, 0).await;
    keep(&store, [open("b", 5), end("end", 9)]).await;
    let batch = deliver(&store, 9).await;
    assert_eq!(state_of(&store, "b").await, DeliveryState::Superseded, "it is over before the second step left");
    let incident = batch.incident.as_ref().unwrap();
    assert_eq!((name_of(batch.lead()), incident.phase, incident.timed_out), ("end", Phase::Resolve, false));
    assert_eq!((incident.key.as_str(), incident.opened_at), ("prod", at(0)));
    assert_eq!(incident.opening.as_ref().map(|event| &event.id), Some(&id("a")));
    nothing_is_left(&store).await;
}

pub async fn an_end_without_a_beginning_owes_nothing(store: Arc<dyn Store>) {
    keep(&store, [end("unknown", 0)]).await;
    assert_eq!(owes(&store, "unknown").await, 0);
    keep(&store, [open("a", 1)]).await;
    deliver(&store, 1).await;
    keep(&store, [end("first", 2), end("second", 2)]).await;
    deliver(&store, 2).await;
    keep(&store, [end("third", 3)]).await;
    let owed = [owes(&store, "first").await, owes(&store, "second").await, owes(&store, "third").await];
    assert_eq!(owed, [1, 0, 0], "it ends once");
    nothing_is_left(&store).await;
}

/// How an attempt that was on its way when the end came ended, and what becomes of the beginning and the end.
pub async fn an_end_waits_for_what_is_on_its_way_and_goes_by_how_that_ends(store: Arc<dyn Store>) {
    use DeliveryState::{Dead, Delivered, Pending, Superseded};
    let ambiguously_dead = || {
        let detail = "no answer".to_owned();
        (Outcome::Dead { reason: Reason::Ambiguous, ambiguous: true, detail }, Sign::Nothing)
    };
    let table = [
        ("taken", delivered(), [Delivered, Pending]),
        ("failed", retry(at(50)), [Superseded, Superseded]),
        ("perhaps", ambiguous(at(50)), [Superseded, Pending]),
        ("dead", dead(), [Dead, Superseded]),
        ("perhaps-dead", ambiguously_dead(), [Dead, Pending]),
    ];
    for (name, how, expected) in table {
        let (begun, over) = (format!("{name}-begun"), format!("{name}-over"));
        keep(&store, [opens(owing(&begun, 0, &["pager"]), name)]).await;
        let on_its_way = claim_one(&store, "pager", at(0)).await;
        keep(&store, [ends(owing(&over, 1, &["pager"]), name)]).await;
        assert!(claim(&store, "pager", at(1)).await.is_empty(), "{name}: it waits");
        settle(&store, &on_its_way, how).await;
        assert_eq!([state_of(&store, &begun).await, state_of(&store, &over).await], expected, "{name}");
        let owed = claim(&store, "pager", at(1)).await;
        assert_eq!(owed.len(), usize::from(expected[1] == Pending), "{name}: and is told at once, or never");
        for batch in owed {
            assert_eq!(phase(&batch), Some(Phase::Resolve));
            settle(&store, &batch, delivered()).await;
        }
    }
    assert!(claim(&store, "pager", at(1_000_000)).await.is_empty());
}

pub async fn what_opens_it_again_waits_for_the_end_and_is_a_new_incident(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    deliver(&store, 0).await;
    keep(&store, [end("end", 1), open("again", 2)]).await;
    let ending = claim_one(&store, "pager", at(2)).await;
    assert_eq!(names(std::slice::from_ref(&ending)), ["end"]);
    settle(&store, &ending, retry(at(9))).await;
    assert!(claim(&store, "pager", at(8)).await.is_empty(), "`again` does not overtake the end");
    deliver(&store, 9).await;
    let again = deliver(&store, 9).await;
    assert_eq!((name_of(again.lead()), again.incident.as_ref().unwrap().opened_at), ("again", at(2)));
    keep(&store, [end("over", 10)]).await;
    let over = deliver(&store, 10).await;
    assert_eq!(over.incident.unwrap().opening.map(|event| event.id.clone()), Some(id("again")));
    nothing_is_left(&store).await;
}

pub async fn what_opened_it_again_and_is_over_before_the_first_end_left_is_told_to_nobody(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    deliver(&store, 0).await;
    keep(&store, [end("end", 1), open("again", 2), end("over", 3)]).await;
    assert_eq!((state_of(&store, "again").await, owes(&store, "over").await), (DeliveryState::Superseded, 0));
    assert_eq!(names(&[deliver(&store, 3).await]), ["end"]);
    nothing_is_left(&store).await;
    keep(&store, [open("third", 4)]).await;
    assert_eq!(phase(&deliver(&store, 4).await), Some(Phase::Open));
}

pub async fn an_incident_ends_by_itself_when_nothing_more_is_heard_of_it(store: Arc<dyn Store>) {
    keep(&store, [opens_for(open("a", 0), "prod", 100)]).await;
    deliver(&store, 0).await;
    keep(&store, [opens_for(open("b", 50), "prod", 100)]).await;
    deliver(&store, 50).await;
    assert!(claim(&store, "pager", at(149)).await.is_empty());
    assert_eq!(next_due(&store, "pager", at(149)).await, Some(at(150)));
    let batch = deliver(&store, 150).await;
    let incident = batch.incident.as_ref().unwrap();
    assert_eq!((incident.phase, incident.timed_out, incident.opened_at), (Phase::Resolve, true, at(0)));
    let rows = stored(&store, "b").await.deliveries;
    assert_eq!(rows.iter().map(|row| row.origin).collect::<Vec<_>>(), [Origin::Route, Origin::TimedOut]);
    nothing_is_left(&store).await;
}

/// However old its last event is: it is the news that nothing more was heard.
pub async fn an_end_that_comes_by_itself_is_owed_since_then(store: Arc<dyn Store>) {
    keep(&store, [opens_for(open("a", 0), "prod", 1_000)]).await;
    deliver(&store, 0).await;
    let young = Script::default().ruled(|candidate, now| match candidate.owed_since.saturating_add(LEASE) < now {
        true => Ruling::End(End::Dead { reason: Reason::Expired, detail: "it is too old".to_owned() }),
        false => Ruling::Leave,
    });
    assert_eq!(young.next_due(&store, "pager", at(1)).await, Some(at(1_000)));
    assert_eq!(phase(&young.claim_one(&store, "pager", at(1_000)).await), Some(Phase::Resolve));
    assert_eq!(store.backlog().await.unwrap()[&target("pager")].oldest, Some(at(1_000)));
}

pub async fn a_time_out_does_not_cancel_what_has_not_left(store: Arc<dyn Store>) {
    keep(&store, [opens_for(open("a", 0), "prod", 100)]).await;
    settle(&store, &claim_one(&store, "pager", at(0)).await, retry(at(500))).await;
    assert!(claim(&store, "pager", at(100)).await.is_empty());
    assert_eq!(state_of(&store, "a").await, DeliveryState::Pending);
    let batch = claim(&store, "pager", at(500)).await;
    assert_eq!(names(&batch), ["a"]);
    settle(&store, &batch[0], delivered()).await;
    let due = next_due(&store, "pager", at(500)).await.unwrap();
    assert!(due > at(500) && due <= at(600), "it ends by itself all the same: {due}");
    assert_eq!(phase(&claim_one(&store, "pager", due).await), Some(Phase::Resolve));
}

pub async fn an_end_that_came_makes_the_time_out_unneeded(store: Arc<dyn Store>) {
    keep(&store, [opens_for(open("a", 0), "prod", 100)]).await;
    deliver(&store, 0).await;
    keep(&store, [end("end", 10)]).await;
    deliver(&store, 10).await;
    assert_eq!(next_due(&store, "pager", at(10)).await, None);
    nothing_is_left(&store).await;
}

pub async fn more_incidents_than_one_claim_ends_are_all_ended_by_the_next_ones(store: Arc<dyn Store>) {
    for n in 0..150 {
        let name = n.to_string();
        keep(&store, [opens_for(owing(&name, 0, &["pager"]), &name, 100)]).await;
    }
    for batch in claim(&store, "pager", at(0)).await {
        settle(&store, &batch, delivered()).await;
    }
    let ended = claim(&store, "pager", at(100)).await;
    assert_eq!(ended.len(), 150, "whoever claims is told that there is more");
}

pub async fn what_the_target_gave_for_the_first_message_is_handed_back_with_the_later_ones(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    let first = claim_one(&store, "pager", at(0)).await;
    assert_eq!(first.earlier, None);
    settle(&store, &first, taken("ts-1")).await;
    assert_eq!(stored(&store, "a").await.deliveries[0].receipt, Receipt::new("ts-1"));
    keep(&store, [open("b", 1)]).await;
    let second = claim_one(&store, "pager", at(1)).await;
    assert_eq!(second.earlier, Receipt::new("ts-1"));
    settle(&store, &second, taken("ts-2")).await;
    keep(&store, [end("end", 2)]).await;
    assert_eq!(deliver(&store, 2).await.earlier, Receipt::new("ts-1"));
    keep(&store, [open("again", 3)]).await;
    assert_eq!(deliver(&store, 3).await.earlier, None, "a new incident is a new story");
}

pub async fn an_end_that_waited_for_its_beginning_has_its_receipt(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    let first = claim_one(&store, "pager", at(0)).await;
    keep(&store, [end("end", 1)]).await;
    settle(&store, &first, taken("ts-1")).await;
    assert_eq!(deliver(&store, 1).await.earlier, Receipt::new("ts-1"));
}

pub async fn what_was_silenced_at_its_beginning_has_no_end(store: Arc<dyn Store>) {
    let silence = Script::default().ruled(|_, _| Ruling::End(End::Silenced { detail: "upgrade".to_owned() }));
    keep(&store, [open("a", 0)]).await;
    assert!(silence.claim(&store, "pager", at(0)).await.is_empty());
    keep(&store, [end("end", 1)]).await;
    assert_eq!((state_of(&store, "a").await, owes(&store, "end").await), (DeliveryState::Silenced, 0));
}

pub async fn whoever_judges_knows_what_ends_something_that_was_told(store: Arc<dyn Store>) {
    let all_but_ends = Script::default().ruled(|candidate, _| match candidate.ends_what_was_told {
        true => Ruling::Leave,
        false => Ruling::End(End::Silenced { detail: "upgrade".to_owned() }),
    });
    keep(&store, [open("a", 0)]).await;
    deliver(&store, 0).await;
    keep(&store, [open("b", 1)]).await;
    assert!(all_but_ends.claim(&store, "pager", at(1)).await.is_empty());
    keep(&store, [end("end", 2)]).await;
    assert_eq!(phase(&all_but_ends.claim_one(&store, "pager", at(2)).await), Some(Phase::Resolve));
}

/// The holder may have got through before it died: then somebody waits for the end.
pub async fn what_a_holder_that_is_gone_may_have_told_has_an_end(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    claim_one(&store, "pager", at(0)).await;
    keep(&store, [end("end", 40)]).await;
    assert_eq!(state_of(&store, "a").await, DeliveryState::Superseded, "it is not sent again: it is over");
    assert_eq!(phase(&deliver(&store, 40).await), Some(Phase::Resolve));

    keep(&store, [open("b", 100)]).await;
    claim_one(&store, "pager", at(100)).await;
    keep(&store, [end("end-b", 110)]).await;
    assert_eq!(
        phase(&deliver(&store, 130).await),
        Some(Phase::Resolve),
        "nor where its end came before the lease ran out"
    );
    assert_eq!(state_of(&store, "b").await, DeliveryState::Superseded);
    nothing_is_left(&store).await;
}

/// The first end waits behind the attempt; it begins again; the second end finds that the holder is gone.
pub async fn two_ends_of_what_a_holder_that_is_gone_may_have_told_are_one(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0)]).await;
    claim_one(&store, "pager", at(0)).await;
    keep(&store, [end("first", 10), open("again", 20), end("second", 40)]).await;
    for name in ["a", "again"] {
        assert_eq!(state_of(&store, name).await, DeliveryState::Superseded, "{name}");
    }
    assert_eq!(owes(&store, "second").await, 0);
    let over = deliver(&store, 40).await;
    assert_eq!((name_of(over.lead()), phase(&over)), ("first", Some(Phase::Resolve)));
    nothing_is_left(&store).await;
}

/// Where incidents are only told, what begins and what ends may leave in one message.
pub async fn a_group_that_holds_a_beginning_and_an_end_loses_neither(store: Arc<dyn Store>) {
    let script = Script::default().groups("everything", 0, 10);
    let in_group = |append| grouped(append, "all", 0);
    keep(&store, [in_group(open("begun", 0))]).await;
    script.claim_one(&store, "pager", at(0)).await;
    let other = opens(owing("other", 10, &["pager"]), "another incident");
    keep(&store, [in_group(end("over", 10)), in_group(other)]).await;
    let both = script.claim_one(&store, "pager", at(30)).await;
    assert_eq!(state_of(&store, "begun").await, DeliveryState::Superseded, "it may have been told, and is over");
    assert_eq!((both.deliveries.len(), both.incident.is_none()), (2, true));
    assert_eq!(both.tally.as_ref().map(|tally| (tally.events(), tally.resolved())), Some((1, 1)));
    assert_eq!(told(&both), ["other"], "where there is news, ends are only counted");
    script.settle(&store, &both, retry(at(60)), at(31)).await;
    let last = script.claim_one(&store, "pager", at(60)).await;
    assert_eq!(last.deliveries, both.deliveries);
    script.settle(&store, &last, delivered(), at(60)).await;
    nothing_is_left(&store).await;
}

/// So that it can be counted, wherever it happens.
pub async fn what_an_end_cancels_is_said_by_the_write_that_keeps_it(store: Arc<dyn Store>) {
    keep(&store, [open("a", 0), open("b", 1)]).await;
    let kept = store.append(vec![end("over", 2)], None).await.unwrap();
    let ended = kept.after.ended.iter().map(|ended| (ended.target.as_str(), ended.state));
    assert_eq!(ended.collect::<Vec<_>>(), [("pager", DeliveryState::Superseded); 2]);
}

/// Nobody who reads that it is on wants to read that it is over before.
pub async fn what_is_over_ends_nothing_that_happened_later(store: Arc<dyn Store>) {
    let happened = |append: Append, seconds| {
        let event = Event { occurred_at: Some(at(seconds)), ..append.event };
        Append { event, ..append }
    };
    keep(&store, [happened(open("begun", 600), 600)]).await;
    deliver(&store, 600).await;
    keep(&store, [happened(end("stale", 700), 500)]).await;
    assert_eq!(owes(&store, "stale").await, 0, "it tells late of what was before");
    keep(&store, [happened(end("over", 710), 590)]).await;
    assert_eq!(phase(&deliver(&store, 710).await), Some(Phase::Resolve), "clocks may differ a little");
    nothing_is_left(&store).await;
}

/// The opening turns out to have been told while the storm is put together, and its end must know.
pub async fn the_end_of_what_was_cut_short_in_a_storm_is_not_silent(store: Arc<dyn Store>) {
    let is_end = |candidate: &Candidate<'_>| candidate.event.id.as_str().ends_with("over");
    let silent = |_: &Candidate<'_>| Ruling::End(End::Silenced { detail: "sh".to_owned() });
    let script = Script::default().storms("everything", 0).ruled(move |candidate, _| {
        if is_end(candidate) && !candidate.ends_what_was_told { silent(candidate) } else { Ruling::Leave }
    });
    keep(&store, [watched(open("begun", 0))]).await;
    script.claim_one(&store, "pager", at(0)).await;
    keep(&store, [watched(end("over", 10))]).await;
    let others = (0..3).map(|n| watched(owing(&format!("other-{n}"), 25, &["pager"])));
    keep(&store, others).await;
    let mut told = Vec::new();
    for batch in script.claim(&store, "pager", at(30)).await {
        told.extend(batch.deliveries.clone());
        script.settle(&store, &batch, delivered(), at(31)).await;
    }
    assert_eq!(state_of(&store, "over").await, DeliveryState::Delivered);
    assert_eq!(told.len(), 4);
}
