//! The URL and its mistakes; what an answer means; by what a message is known again, and to which thread it goes.

use serde_json::json;

use super::*;
use crate::event::delivery::{Again, Phase};
use crate::names::{DeliveryId, ReplayId};
use crate::notify::samples::{alone, delivery, kit, of_incident, recorded};

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("google_chat");
    assert_eq!(answers.len(), 7);
    for answer in answers {
        answer.assert_means(verdict::classify(answer.status, &answer.body, answer.retry_after));
    }
}

#[test]
fn only_a_message_of_a_space_was_taken() {
    let long = format!("{{\n  \"name\": \"spaces/A/messages/B\",\n  \"fallbackText\": \"{}", "x".repeat(9));
    for body in [r#"{"text":"x","name":"spaces/A/messages/B"}"#, long.as_str()] {
        assert_eq!(verdict::classify(200, body, None), Ok(()), "{body}");
    }
    for body in ["", "ok", "{}", r#"{"name":"users/1"}"#, "<html>Sign in</html>", r#"{"text":"{\"name\":\"spaces/"#] {
        assert!(verdict::classify(200, body, None).unwrap_err().ambiguous, "{body}");
    }
}

#[test]
fn a_url_that_is_no_webhook_is_refused_with_the_reason() {
    let mistakes = [
        ("chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", "is not a URL"),
        ("http://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t", "must start with `https://`"),
        ("https://chat.googleapis.com/v1/spaces/A/messages?key=k", "lacks its `key` or its `token`"),
        ("https://chat.googleapis.com/v1/spaces/A", "has Google's host but not the path"),
        ("https://mail.google.com/chat/u/0/#chat/space/A", "is a page for people"),
    ];
    for (url, mistake) in mistakes {
        assert!(webhook(url).unwrap_err().starts_with(mistake), "{url}");
    }
}

#[test]
fn the_same_deliveries_are_known_again_and_more_of_them_are_not() {
    let batch = alone(&delivery("node.added", json!({})));
    let later = Batch { attempt: 2, ..batch.clone() };
    assert_eq!(of_message(&batch), of_message(&later));
    let grown = Batch { deliveries: vec![batch.first(), DeliveryId::from_row(9)], ..batch.clone() };
    assert_ne!(of_message(&batch), of_message(&grown));
    let told_again = |fresh| {
        let mut delivery = delivery("node.added", json!({}));
        delivery.again = Some(Again { replay: ReplayId::from_row(1), fresh });
        of_message(&alone(&delivery))
    };
    assert_eq!(told_again(false), of_message(&batch));
    assert_ne!(told_again(true), of_message(&batch));
}

#[test]
fn what_belongs_to_one_incident_is_one_thread() {
    let webhook = Endpoint::parse("https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t").unwrap();
    let chat = GoogleChat { webhook, http: kit().http };
    let batch = alone(&delivery("node.added", json!({})));
    let key = |batch: &Batch| payload(batch, &Wording::default())["thread"]["threadKey"].clone();
    let step = |phase, name| of_incident(batch.clone(), phase, name, None);
    assert!(key(&batch).is_null() && !chat.to_post(&batch).query().unwrap().contains("messageReplyOption"));
    let opening = step(Phase::Open, "spot/a");
    assert!(
        chat.to_post(&opening).query().unwrap().ends_with("&messageReplyOption=REPLY_MESSAGE_FALLBACK_TO_NEW_THREAD")
    );
    assert_eq!(key(&opening), key(&step(Phase::Resolve, "spot/a")));
    assert_ne!(key(&opening), key(&step(Phase::Open, "spot/b")));
}
