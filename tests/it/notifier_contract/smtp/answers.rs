//! What a reply means: every code at every stage, and every reply that is recorded.

use super::*;

const GREYLISTED: Option<Duration> = Some(Duration::from_secs(300));

/// The meaning of a code at a stage, written a second time on purpose.
fn meaning(at: At, code: u16) -> Verdict {
    let positive = match at {
        At::Greeting | At::StartTls => code == 220,
        At::Ehlo => code == 250,
        At::Auth => code == 235,
        At::Data => code == 354,
        At::Mail | At::Rcpt | At::Dot => (200..300).contains(&code),
    };
    let failed = |scope, after| Verdict::Retry(Reason::TargetFailed, scope, after);
    let refused = Verdict::GiveUp(Reason::TargetRefused, Scope::Target);
    match (at, code) {
        _ if positive => Verdict::Delivered,
        (At::Dot, ..400) => Verdict::AMBIGUOUS,
        (_, ..400) => failed(Scope::Target, None),
        (At::Dot, 421) => failed(Scope::Target, None),
        (At::Dot, 450 | 451) => failed(Scope::Message, GREYLISTED),
        (At::Dot, 400..500) => failed(Scope::Message, None),
        (_, 450 | 451) => failed(Scope::Target, GREYLISTED),
        (_, 400..500) => failed(Scope::Target, None),
        (_, 502..=504 | 530 | 534 | 535 | 538 | 555) => refused,
        (At::Dot, _) => Verdict::GiveUp(Reason::MessageRefused, Scope::Message),
        (_, 552) => failed(Scope::Target, GREYLISTED),
        _ => refused,
    }
}

#[tokio::test]
async fn every_code_at_every_stage_is_a_decision() {
    for at in At::IN_THE_CLEAR {
        for code in 200..=599 {
            let result = attempt(at, Play::Say(reply(code, "so it is"))).await;
            // A yes to EHLO that offers nothing leaves no way to log in.
            let expected = match (at, code) {
                (At::Ehlo, 250) => Verdict::GiveUp(Reason::TargetRefused, Scope::Target),
                _ => meaning(at, code),
            };
            assert_eq!(Verdict::of(&result), expected, "{at:?} {code}: {result:?}");
        }
    }
}

#[tokio::test]
async fn what_is_refused_says_by_what_and_of_whom_and_is_on_record() {
    let server = MailServer::playing([(At::Rcpt, Play::Say(reply(550, "5.1.1 No such user")))]).await;
    let error = notify(&notifier(&server), &any_delivery()).await.unwrap_err();
    let expected =
        format!("smtp://{} answered 550 to RCPT TO `5.1.1 No such user`: check the address in `to`", server.address);
    assert_eq!(error.detail, expected);
    let answer = error.answer.unwrap();
    assert_eq!((answer.status, answer.said.as_str()), (550, "5.1.1 No such user"));
    let sent = notify(&notifier(&server), &any_delivery()).await.unwrap().answer.unwrap();
    assert_eq!((sent.status, sent.said.as_str()), (250, "2.0.0 Ok: queued as 7"));
}

#[tokio::test]
async fn a_server_that_wants_fewer_mails_is_given_time() {
    for (at, code, text) in [
        (At::Dot, 454, "Throttling failure: Maximum sending rate exceeded."),
        (At::Mail, 450, "4.7.1 Error: too many messages per hour"),
        (At::Dot, 432, "4.3.2 Concurrent connections rate limit exceeded"),
    ] {
        let verdict = Verdict::of(&attempt(at, Play::Say(reply(code, text))).await);
        assert_eq!(verdict, Verdict::Retry(Reason::RateLimited, Scope::Target, None), "{text}");
    }
}

#[tokio::test]
async fn every_recorded_reply_means_what_is_recorded() {
    let recorded: Value = serde_json::from_str(include_str!("../../../fixtures/targets.json")).unwrap();
    let rows = recorded["smtp_replies"].as_array().unwrap();
    assert_eq!(rows.len(), 13);
    for row in rows {
        let at = match row["phase"].as_str().unwrap() {
            "banner" => At::Greeting,
            "auth" => At::Auth,
            "mail" => At::Mail,
            "rcpt" => At::Rcpt,
            "data_end" => At::Dot,
            other => panic!("{other}"),
        };
        let said = row["reply"].as_str().unwrap();
        let play = match said.starts_with('(') {
            true => Play::Close(vec![]),
            false => Play::Say(format!("{said}\r\n").into_bytes()),
        };
        let error = attempt(at, play).await.unwrap_err();
        let is_permanent = error.next == Next::GiveUp;
        assert_eq!(is_permanent, row["class"] == "permanent", "{row}: {error}");
        let is_ambiguous = row["note"].as_str().is_some_and(|note| note.contains("ambiguous"));
        assert_eq!(error.ambiguous, is_ambiguous, "{row}: {error}");
        match row["scope"].as_str() {
            // The recipient is the target.
            Some("target" | "recipient") => assert_eq!(error.scope, Scope::Target, "{row}: {error}"),
            Some(_) => assert_eq!(error.scope, Scope::Message, "{row}: {error}"),
            None => assert!(!is_permanent, "{row}"),
        }
    }
}

#[tokio::test]
async fn a_reply_of_many_lines_is_one_reply() {
    let many = b"550-5.7.1 first\r\n550-second\r\n550 last\r\n".to_vec();
    let error = attempt(At::Mail, Play::Say(many)).await.unwrap_err();
    assert!(error.detail.contains("`5.7.1 first second last`"), "{error}");
    let bare = attempt(At::Mail, Play::Say(b"550\r\n".to_vec())).await.unwrap_err();
    assert!(bare.detail.contains("answered 550 to MAIL FROM: check"), "{bare}");
}
