//! Slack's answers, row by row, and what is said of them.

use serde_json::json;

use super::*;
use crate::notify::Next;
use crate::notify::samples::recorded;

fn ops() -> Place {
    Place { name: "#ops".to_owned(), is_everybodys: true }
}

fn refused(answer: &Value) -> NotifyError {
    classify(200, &answer.to_string(), None, &ops()).unwrap_err()
}

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("slack_web_api");
    assert_eq!(answers.len(), 72);
    for answer in answers {
        let verdict = classify(answer.status, &answer.body, answer.retry_after, &ops());
        if let (Err(NotifyError { next: Next::Retry { after }, .. }), Some(asked)) = (&verdict, answer.retry_after) {
            assert_eq!(*after, Some(asked), "{}", answer.id);
        }
        answer.assert_means(verdict.map(drop));
    }
}

#[test]
fn only_ok_with_a_success_is_delivered() {
    let whole = r#"{"ok":true,"channel":"C123ABC456","ts":"1503435956.000247"}"#;
    for status in 100..=599 {
        assert_eq!(classify(status, whole, None, &ops()).is_ok(), (200..300).contains(&status), "{status}");
    }
    assert!(classify(200, whole, None, &ops()).unwrap().is_some());
    // Slack's word is enough; what the message is called is then not known.
    assert_eq!(classify(200, r##"{"ok":true,"channel":"#ops","ts":7}"##, None, &ops()), Ok(None));
    for body in ["ok", "true", r#"{"ok":"true"}"#, r#"{"ok":1}"#, "<html>{\"ok\":true}</html>"] {
        assert!(classify(200, body, None, &ops()).unwrap_err().ambiguous, "{body}");
    }
}

#[test]
fn a_channel_that_is_not_everybodys_concerns_this_message_alone() {
    for word in ["channel_not_found", "not_in_channel", "is_archived", "restricted_action"] {
        let answer = json!({"ok": false, "error": word});
        assert_eq!((refused(&answer).next, refused(&answer).scope), (Next::GiveUp, Scope::Target), "{word}");
        let place = Place { name: "#k8s-prod-eu".to_owned(), is_everybodys: false };
        let error = classify(200, &answer.to_string(), None, &place).unwrap_err();
        assert_eq!((error.next, error.scope), (Next::GiveUp, Scope::Message), "{word}");
        assert!(error.detail.contains("for channel `#k8s-prod-eu`: "), "{error}");
    }
}

#[test]
fn what_slack_says_of_a_refusal_is_passed_on_if_it_is_plain() {
    let scope = refused(&json!({"ok": false, "error": "missing_scope", "needed": "chat:write"}));
    let said = "answered 200 `missing_scope` (it needs the scope chat:write): give the bot the scope";
    assert!(scope.detail.starts_with(said), "{scope}");
    let messages = json!(["[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]"]);
    let form = refused(&json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": messages}}));
    assert!(form.detail.contains("([ERROR] must be less than 3001"), "{form}");
    let odd = json!({"ok": false, "error": "invalid_blocks", "response_metadata": {"messages": ["<b>https://x</b>"]}});
    assert!(!refused(&odd).detail.contains("https"));
}

#[test]
fn what_is_no_word_is_not_repeated() {
    for word in ["<script>", "Not A Word", &"x".repeat(65), ""] {
        let error = refused(&json!({"ok": false, "error": word}));
        assert!((error.next, error.scope) == (Next::GiveUp, Scope::Message), "{error}");
        assert!(error.detail.starts_with("answered 200 ``"), "{error}");
    }
}

#[test]
fn a_migration_is_waited_out() {
    let moving = json!({"ok": false, "error": "team_added_to_org"}).to_string();
    let verdict = |asked| classify(200, &moving, asked, &ops()).unwrap_err().next;
    assert_eq!(verdict(None), Next::Retry { after: A_WHILE });
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(verdict(hour), Next::Retry { after: hour });
}
