//! What becomes of a message about a beginning at its end, and of one about a storm while that goes on, where a target lets
//! messages be changed.

use castai_relay::event::batch::Incident;
use castai_relay::event::delivery::Phase;
use castai_relay::names::IncidentKey;

use super::batches::many;
use super::*;
use crate::support::receivers::{Receiver, Reply};

/// A step of an incident, after the target gave this for its beginning.
fn step(phase: Phase, earlier: Option<&str>) -> Batch {
    let batch = alone(&any_delivery());
    let incident = Incident {
        key: IncidentKey::from_rendered("spot/prod-eu").unwrap(),
        phase,
        severity: batch.severity(),
        opened_at: batch.lead().event.received_at,
        opening: None,
        timed_out: false,
    };
    Batch { incident: Some(incident), earlier: earlier.and_then(Receipt::new), ..batch }
}

/// A target that takes everything, the notifier that speaks to it, and how its messages are changed.
async fn changeable(kit: &Kit) -> Vec<(&'static str, Receiver, Arc<dyn Notifier>, &'static Changes)> {
    let mut all = Vec::new();
    for (harness, http) in every_http_kind() {
        let Some(changes) = &http.changes else { continue };
        let receiver = Receiver::slack().await;
        receiver.always_replies(Reply::With(http.success.0, vec![], http.success.1.to_owned()));
        let notifier = harness.notifier(kit, &format!("http://{}", receiver.address));
        all.push((harness.kind, receiver, notifier, changes));
    }
    assert!(!all.is_empty());
    all
}

async fn tell(notifier: &Arc<dyn Notifier>, batch: &Batch) -> Result<Option<Receipt>, NotifyError> {
    taken(in_time(notifier.notify(batch, &Wording::default())).await)
}

#[tokio::test]
async fn what_told_of_a_beginning_is_changed_at_its_end() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        let given = tell(&notifier, &step(Phase::Open, None)).await.unwrap();
        assert_eq!(given.as_ref().map(Receipt::as_str), Some(changes.receipt), "{kind}");
        receiver.take_received();
        let end = step(Phase::Resolve, given.as_ref().map(Receipt::as_str));
        tell(&notifier, &end).await.unwrap();
        let sent = receiver.take_received();
        let how: Vec<_> = sent.iter().map(|sent| (sent.method.as_str(), sent.path.as_str())).collect();
        assert_eq!(how, [changes.to], "{kind}");
        let body = String::from_utf8_lossy(&sent[0].body).into_owned();
        assert!(body.contains("Resolved: "), "{kind}: {body}");
        let (_, http) = every_http_kind().find(|(harness, _)| harness.kind == kind).unwrap();
        assert_eq!((http.refuses)(&sent[0]), [""; 0], "{kind}");
        let preview = notifier.preview(&end, &Wording::default());
        assert!(preview.starts_with(&format!("{} http://", changes.to.0)), "{kind}: {preview}");
    }
}

#[tokio::test]
async fn what_comes_in_between_and_the_end_of_what_nobody_heard_of_are_messages_of_their_own() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        for batch in [step(Phase::Open, Some(changes.receipt)), step(Phase::Resolve, None)] {
            tell(&notifier, &batch).await.unwrap();
            assert_ne!(receiver.take_received()[0].path, changes.to.1, "{kind}");
        }
    }
}

#[tokio::test]
async fn a_message_that_tells_of_several_things_is_never_changed() {
    for (kind, _receiver, notifier, _) in changeable(&kit()).await {
        let of_several = Batch { incident: None, ..step(Phase::Open, None) };
        assert_eq!(tell(&notifier, &of_several).await, Ok(None), "{kind}");
    }
}

#[tokio::test]
async fn where_the_message_is_gone_the_end_is_told_anew() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        receiver.next_replies([Reply::With(changes.gone.0, vec![], changes.gone.1.to_owned())]);
        tell(&notifier, &step(Phase::Resolve, Some(changes.receipt))).await.unwrap();
        let sent = receiver.take_received();
        assert_eq!((sent.len(), sent[1].method.as_str()), (2, "POST"), "{kind}");
        assert_ne!(sent[1].path, changes.to.1, "{kind}");
        // What was kept by somebody else, or is no name at all, is not looked for.
        tell(&notifier, &step(Phase::Resolve, Some("../../elsewhere"))).await.unwrap();
        let sent = receiver.take_received();
        assert_eq!((sent.len(), sent[0].method.as_str()), (1, "POST"), "{kind}");
        assert_ne!(sent[0].path, changes.to.1, "{kind}");
    }
}

#[tokio::test]
async fn a_change_that_fails_is_tried_again_and_is_no_second_message() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        receiver.next_replies([Reply::With(503, vec![], String::new())]);
        let end = step(Phase::Resolve, Some(changes.receipt));
        assert!(matches!(tell(&notifier, &end).await.unwrap_err().next, Next::Retry { .. }), "{kind}");
        assert_eq!(receiver.take_received().len(), 1, "{kind}");
    }
}

/// So many new nodes in a storm, of whose message is known what it told and what it is called.
fn storm(nodes: usize, before: Option<usize>, earlier: Option<&str>) -> Batch {
    let of = |nodes| match nodes {
        1 => alone(&any_delivery()),
        _ => many(&vec![events::node_added(); nodes]),
    };
    let before = before.map(|nodes| of(nodes).in_all());
    Batch { is_storm: true, before, earlier: earlier.and_then(Receipt::new), ..of(nodes) }
}

#[tokio::test]
async fn what_follows_in_a_storm_is_written_into_its_one_message() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        assert!(notifier.rewrites_storms(), "{kind}");
        let given = tell(&notifier, &storm(3, None, None)).await.unwrap();
        assert_eq!(given.as_ref().map(Receipt::as_str), Some(changes.receipt), "{kind}");
        assert_ne!(receiver.take_received()[0].path, changes.to.1, "{kind}");
        for (nodes, before, all) in [(2, 3, "5 new nodes"), (1, 5, "6 new nodes")] {
            let next = storm(nodes, Some(before), given.as_ref().map(Receipt::as_str));
            assert_eq!(tell(&notifier, &next).await.unwrap(), given, "{kind}");
            let sent = receiver.take_received();
            let how: Vec<_> = sent.iter().map(|sent| (sent.method.as_str(), sent.path.as_str())).collect();
            assert_eq!(how, [changes.to], "{kind}");
            let body = String::from_utf8_lossy(&sent[0].body).into_owned();
            assert!(body.contains(&format!("Storm: {all}")), "{kind}: {body}");
            let (_, http) = every_http_kind().find(|(harness, _)| harness.kind == kind).unwrap();
            assert_eq!((http.refuses)(&sent[0]), [""; 0], "{kind}");
            let preview = notifier.preview(&next, &Wording::default());
            assert!(preview.starts_with(&format!("{} http://", changes.to.0)), "{kind}: {preview}");
        }
    }
}

#[tokio::test]
async fn a_storm_whose_message_is_gone_or_is_not_to_be_rewritten_is_told_in_a_new_one() {
    for (kind, receiver, notifier, changes) in changeable(&kit()).await {
        receiver.next_replies([Reply::With(changes.gone.0, vec![], changes.gone.1.to_owned())]);
        let given = tell(&notifier, &storm(2, Some(3), Some(changes.receipt))).await.unwrap();
        assert_eq!(given.as_ref().map(Receipt::as_str), Some(changes.receipt), "{kind}");
        let sent = receiver.take_received();
        assert_eq!(sent.len(), 2, "{kind}");
        let body = String::from_utf8_lossy(&sent[1].body).into_owned();
        assert!(sent[1].path != changes.to.1 && body.contains("Storm: 5 new nodes"), "{kind}: {body}");
        for batch in [storm(2, None, Some(changes.receipt)), storm(2, Some(3), Some("../../elsewhere"))] {
            tell(&notifier, &batch).await.unwrap();
            let sent = receiver.take_received();
            assert_eq!((sent.len(), sent[0].method.as_str()), (1, "POST"), "{kind}");
            assert_ne!(sent[0].path, changes.to.1, "{kind}");
        }
    }
}

#[test]
fn who_cannot_change_what_was_told_does_not_promise_to() {
    for harness in every_kind() {
        let can = harness.http.as_ref().is_some_and(|http| http.changes.is_some());
        assert_eq!(harness.notifier(&kit(), "http://127.0.0.1:9").rewrites_storms(), can, "{}", harness.kind);
    }
}
