//! The token, the chat and their mistakes; what an answer means; where a message goes and what is made of it later.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::event::delivery::Phase;
use crate::event::tally::Tally;
use crate::notify::samples::{alone, delivery, kit, of_incident, recorded, target};
use crate::notify::{Next, Scope};

const TOKEN: &str = "123456789:AAabcdefghijklmnopqrstuvwxyz_-01234";

fn problems(yaml: &str) -> String {
    let section = Section::from_yaml("telegram", yaml);
    match build(&section, &kit()) {
        Some(_) => String::new(),
        None => section.problems().unwrap_err().to_string(),
    }
}

fn telegram(address: &str) -> Arc<dyn Notifier> {
    let section = format!("{{ bot_token: '{TOKEN}', chat_id: -100123, message_thread_id: 7, url: '{address}' }}");
    build(&Section::from_yaml("telegram", &section), &kit()).unwrap()
}

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("telegram");
    assert_eq!(answers.len(), 20);
    for answer in answers {
        answer.assert_means(verdict::classify(answer.status, &answer.body, answer.retry_after).map(drop));
    }
}

#[test]
fn only_a_message_with_a_place_was_taken() {
    let said =
        r#"{"ok":true,"result":{"message_id":42,"date":1,"chat":{"id":-100123,"type":"supergroup"},"text":"x"}}"#;
    assert_eq!(verdict::classify(200, said, None), Ok(Place { chat: -100_123, message: 42 }));
    for body in ["", "ok", "{}", r#"{"ok":true}"#, r#"{"ok":true,"result":true}"#, "<html>Sign in</html>"] {
        assert!(verdict::classify(200, body, None).unwrap_err().ambiguous, "{body}");
    }
}

#[test]
fn a_success_that_says_it_is_none_is_none() {
    let limited = r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":7}}"#;
    let error = verdict::classify(200, limited, None).unwrap_err();
    assert_eq!(error.next, Next::Retry { after: Some(Duration::from_secs(7)) });
    let bare = verdict::classify(200, r#"{"ok":false,"description":"no"}"#, None).unwrap_err();
    assert_eq!((bare.scope, bare.ambiguous), (Scope::Message, false));
    assert_eq!(bare.detail, "answered 200, but that it took nothing: `no`");
}

#[test]
fn the_longest_of_the_waits_that_were_asked_for_is_kept() {
    let asked = |header: u64, body: &str| {
        let after = verdict::classify(429, body, Some(Duration::from_secs(header))).unwrap_err().next;
        let Next::Retry { after: Some(after) } = after else { panic!("{after:?}") };
        after.as_secs()
    };
    let body = r#"{"ok":false,"error_code":429,"description":"x","parameters":{"retry_after":30}}"#;
    assert_eq!((asked(1, body), asked(60, body), asked(5, "")), (30, 60, 5));
}

#[test]
fn a_group_that_has_become_a_supergroup_says_its_new_number() {
    let body = r#"{"ok":false,"error_code":400,"description":"x","parameters":{"migrate_to_chat_id":-1001}}"#;
    let error = verdict::classify(400, body, None).unwrap_err();
    assert_eq!(error.scope, Scope::Target);
    assert!(error.detail.ends_with("change `chat_id` to -1001"), "{error}");
}

#[test]
fn a_token_of_the_wrong_shape_is_refused_with_the_cure_and_not_shown() {
    for (token, mistake) in [
        (format!("bot{TOKEN}"), "begins with `bot`"),
        ("123456789".to_owned(), "is no bot's token"),
        (TOKEN.replace(':', ""), "is no bot's token"),
        (format!("{TOKEN}5"), "is no bot's token"),
        (format!("@{TOKEN}"), "is no bot's token"),
        (":AAabcdefghijklmnopqrstuvwxyz_-01234".to_owned(), "is no bot's token"),
    ] {
        let said = problems(&format!("{{ bot_token: '{token}', chat_id: 1 }}"));
        assert!(said.contains(mistake) && said.contains("@BotFather") && !said.contains("AAabc"), "{token}: {said}");
    }
    assert_eq!(problems(&format!("{{ bot_token: \"{TOKEN}\\n\", chat_id: 1 }}")), "");
}

#[test]
fn a_chat_is_a_number_or_a_name() {
    for (chat, mistake) in [
        ("0", "is 0"),
        ("'0'", "is neither"),
        ("ops", "is neither"),
        ("'@o'", "begins with `@`"),
        ("'@o-p-s'", "begins with `@`"),
        ("https://t.me/ops_team", "is a link"),
        ("[1]", "must be a number"),
        ("1.5", "must be a number"),
    ] {
        let said = problems(&format!("{{ bot_token: '{TOKEN}', chat_id: {chat} }}"));
        assert!(said.contains(mistake), "{chat}: {said}");
    }
    for chat in ["1", "-1001234567890", "'-1001234567890'", "'@ops_team'"] {
        assert_eq!(problems(&format!("{{ bot_token: '{TOKEN}', chat_id: {chat} }}")), "", "{chat}");
    }
}

#[test]
fn a_server_is_named_without_the_token_and_not_in_the_clear() {
    let of = |url: &str| problems(&format!("{{ bot_token: '{TOKEN}', chat_id: 1, url: '{url}' }}"));
    assert!(of(&format!("https://api.telegram.org/bot{TOKEN}/sendMessage")).contains("holds the token"));
    assert!(of("http://telegram.internal:8081").contains("must start with `https://`"));
    assert_eq!(of("https://telegram.internal/api/"), "");
    assert_eq!(of("http://127.0.0.1:8081"), "");
}

#[tokio::test]
async fn a_message_goes_into_its_topic_without_a_preview_of_links() {
    let taken = "HTTP/1.1 200 OK\r\ncontent-length: 71\r\n\r\n\
        {\"ok\":true,\"result\":{\"message_id\":42,\"chat\":{\"id\":-100123},\"text\":\"x\"}}";
    let (address, serving) = target(&[taken]).await;
    let (telegram, batch) = (telegram(&address), alone(&delivery("node.added", json!({}))));
    let wording = Wording::default();
    let (sent, bodies) = tokio::join!(telegram.notify(&batch, &wording), serving);
    assert_eq!(sent.unwrap().receipt, None);
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!((&body["chat_id"], &body["message_thread_id"]), (&json!(-100_123), &json!(7)));
    assert_eq!((&body["parse_mode"], &body["link_preview_options"]["is_disabled"]), (&json!("HTML"), &json!(true)));
}

#[tokio::test]
async fn a_message_that_says_it_already_was_changed_before() {
    let unchanged = "HTTP/1.1 400 x\r\ncontent-length: 82\r\n\r\n\
        {\"ok\":false,\"error_code\":400,\"description\":\"Bad Request: message is not modified\"}";
    let (address, serving) = target(&[unchanged]).await;
    let end = of_incident(alone(&delivery("node.added", json!({}))), Phase::Resolve, "spot/all", None);
    let end = Batch { earlier: Receipt::new("-100123/42"), ..end };
    let (telegram, wording) = (telegram(&address), Wording::default());
    let (sent, bodies) = tokio::join!(telegram.notify(&end, &wording), serving);
    assert_eq!(sent.unwrap().receipt, Receipt::new("-100123/42"));
    let body: Value = serde_json::from_str(&bodies[0]).unwrap();
    assert_eq!((&body["message_id"], &body["message_thread_id"]), (&json!(42), &Value::Null));
}

#[test]
fn what_cannot_be_changed_any_more_is_told_anew() {
    let said = |description: &str| json!({"ok": false, "error_code": 400, "description": description}).to_string();
    for gone in ["message to edit not found", "message can't be edited", "MESSAGE_ID_INVALID", "chat not found"] {
        assert!(verdict::is_gone(400, &said(&format!("Bad Request: {gone}"))), "{gone}");
    }
    assert!(verdict::is_gone(400, r#"{"ok":false,"parameters":{"migrate_to_chat_id":-1001}}"#));
    assert!(!verdict::is_gone(400, &said("Bad Request: can't parse entities")));
    for shut_out in ["bot was kicked from the supergroup chat", "bot was blocked by the user"] {
        let body = json!({"ok": false, "error_code": 403, "description": format!("Forbidden: {shut_out}")}).to_string();
        assert!(verdict::is_gone(403, &body), "{shut_out}: the chat of then need not be the one of now");
    }
    assert!(!verdict::is_gone(401, &said("unauthorized")) && !verdict::is_gone(400, ""));
}

#[test]
fn an_end_is_written_into_the_message_of_its_beginning_a_storm_into_its_own_and_nothing_else_is() {
    let batch = alone(&delivery("node.added", json!({})));
    let of = |phase, earlier: Option<&str>| Batch {
        earlier: earlier.and_then(Receipt::new),
        ..of_incident(batch.clone(), phase, "spot/all", None)
    };
    let place = Place { chat: -100_123, message: 42 };
    assert_eq!(told_before(&of(Phase::Resolve, Some("-100123/42"))), Some(place));
    assert_eq!(told_before(&of(Phase::Open, Some("-100123/42"))), None);
    assert_eq!(told_before(&of(Phase::Resolve, None)), None);
    for elsewhere in ["42", "x/42", "../../elsewhere", "1/2/3"] {
        assert_eq!(told_before(&of(Phase::Resolve, Some(elsewhere))), None, "{elsewhere}");
    }
    assert_eq!(receipt(place, &of(Phase::Open, None)), Receipt::new("-100123/42"));
    assert_eq!(receipt(place, &batch), None);
    let storm = Batch { is_storm: true, earlier: Receipt::new("-100123/42"), ..batch };
    assert_eq!((told_before(&storm), receipt(place, &storm)), (None, Receipt::new("-100123/42")));
    assert_eq!(told_before(&Batch { before: Some(Tally::default()), ..storm }), Some(place));
}
