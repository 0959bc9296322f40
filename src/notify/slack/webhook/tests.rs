//! Slack's answers, row by row; the URL, and that it never shows.

use std::time::Duration;

use serde_json::json;

use super::super::build;
use super::*;
use crate::notify::Next;
use crate::notify::samples::{alone, delivery, kit, recorded, target};

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("slack");
    assert_eq!(answers.len(), 22);
    for answer in answers {
        let verdict = classify(answer.status, &answer.body, answer.retry_after);
        if let Err(NotifyError { next: Next::Retry { after }, .. }) = &verdict {
            assert_eq!(*after, answer.retry_after, "{}", answer.id);
        }
        answer.assert_means(verdict);
    }
}

#[test]
fn only_ok_with_a_success_is_delivered() {
    for status in 100..=599 {
        assert_eq!(classify(status, "ok", None).is_ok(), (200..300).contains(&status), "{status}");
    }
}

#[test]
fn the_word_is_firmer_than_the_status() {
    for status in [200, 400, 404, 500] {
        let verdict = classify(status, "channel_is_archived", None).unwrap_err();
        let detail = format!(
            "answered {status} `channel_is_archived`: the channel is archived: unarchive it or change `webhook_url`"
        );
        assert_eq!(verdict, NotifyError::target_refused(detail));
    }
}

#[test]
fn a_page_is_never_read_as_a_word() {
    let verdict = classify(404, "<html>no_service</html>", None).unwrap_err();
    assert_eq!(verdict, NotifyError::target_refused("answered 404: check the target's key and URL"));
}

#[test]
fn the_wait_is_the_longer_of_header_and_body() {
    let body = r#"{"retry_after":30,"ok":false,"error":"rate_limited"}"#;
    let verdict = classify(429, body, Some(Duration::from_secs(1))).unwrap_err();
    assert_eq!(verdict.next, Next::Retry { after: Some(Duration::from_secs(30)) });
}

#[test]
fn a_url_that_is_not_an_incoming_webhook_is_refused_with_the_cure() {
    let mistakes = [
        ("hooks.slack.com/services/T0/B0/x", "is not a URL"),
        ("xoxb-1234567890-abcdefghij", "is a token, not a URL: write it as `bot_token`"),
        ("http://hooks.slack.com/services/T0/B0/x", "must start with `https://`"),
        ("https://api.slack.com/apps/A0/incoming-webhooks", "is a page for people"),
        ("https://acme.slack.com/archives/C0", "is a page for people"),
        ("https://slack.com/api/chat.postMessage", "is a page for people"),
        ("https://hooks.slack.com/triggers/T0/1/x", "is the URL of a workflow"),
        ("https://hooks.slack.com/workflows/T0/A0/1/x", "is the URL of a workflow"),
        ("https://hooks.slack.com/T0/B0/x", "has Slack's host but not the path"),
    ];
    for (url, mistake) in mistakes {
        let said = webhook(url).unwrap_err();
        assert!(said.starts_with(mistake), "{url}: {said}");
        let section = Section::from_yaml("slack", &format!("{{ webhook_url: '{url}' }}"));
        assert!(build(&section, &kit()).is_none(), "{url}");
        let cure = format!("{:?}", section.problems().unwrap_err());
        assert!(cure.contains("https://hooks.slack.com/services/") && !said.contains("T0"), "{said}");
        assert!(build(&Section::from_yaml("slack", &format!("{{ webhook_url: \"{url}\" }}")), &kit()).is_none());
    }
}

#[test]
fn a_proxy_or_a_compatible_server_is_allowed() {
    for url in [
        " https://hooks.slack.com/services/T0/B0/x\n",
        "https://hooks.slack-gov.com/services/T0/B0/x",
        "https://mattermost.example.com/hooks/x",
        "https://notslack.com/x",
        "http://127.0.0.1:9/x",
    ] {
        assert!(webhook(url).is_ok(), "{url}");
    }
}

#[test]
fn the_preview_shows_everything_but_the_url() {
    let section = Section::from_yaml("slack", "{ webhook_url: https://hooks.slack.com/services/T0SECRET/B0SECRET/x }");
    let preview =
        build(&section, &kit()).unwrap().preview(&alone(&delivery("node.added", json!({}))), &Wording::default());
    assert!(preview.starts_with("POST https://hooks.slack.com/…\n{"), "{preview}");
    assert!(preview.contains("New node") && !preview.contains("SECRET"), "{preview}");
}

#[tokio::test]
async fn posts_json_once_and_reads_the_answer() {
    let answer = "HTTP/1.1 410 Gone\r\nContent-Length: 19\r\n\r\nchannel_is_archived";
    let (address, serving) = target(&[answer]).await;
    let section = Section::from_yaml("slack", &format!("{{ webhook_url: \"{address}/services/T0/B0/x\" }}"));
    let slack = build(&section, &kit()).unwrap();
    let (batch, wording) = (alone(&delivery("node.added", json!({}))), Wording::default());
    let (verdict, bodies) = tokio::join!(slack.notify(&batch, &wording), serving);
    assert!(verdict.unwrap_err().to_string().contains("unarchive it"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&bodies[0]).unwrap(), payload(&batch, &wording));
}
