//! What can go wrong on the way: nobody there, broken off, hanging, never ending, out of step, not SMTP at all.

use super::*;
use crate::support::wire_faults::ENDLESS;

const FAILED: Verdict = Verdict::Retry(Reason::TargetFailed, Scope::Target, None);

/// Before the final dot nothing can have arrived, whatever happens.
fn lost(at: At, before: Verdict) -> Verdict {
    if at == At::Dot { Verdict::AMBIGUOUS } else { before }
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    let no_such_name = format!("smtps://{}.invalid:465", "x".repeat(63));
    for url in [format!("smtp://{closed}"), format!("smtps://{closed}"), no_such_name] {
        let result = notify(&built(&section(&url, "")), &any_delivery()).await;
        assert_eq!(Verdict::of(&result), Verdict::UNREACHABLE, "{url}: {result:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_in_doubt_only_after_the_final_dot() {
    for at in At::IN_THE_CLEAR {
        for half in [&b""[..], b"25", b"250", b"250-so", b"250-so\r\n"] {
            for play in [Play::Close(half.into()), Play::Reset(half.into()), Play::HalfClose(half.into())] {
                let result = attempt(at, play.clone()).await;
                assert_eq!(Verdict::of(&result), lost(at, Verdict::UNREACHABLE), "{at:?} {play:?}: {result:?}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_smtp_is_never_taken_for_a_yes() {
    for at in At::IN_THE_CLEAR {
        for nonsense in [
            "HTTP/1.1 200 OK\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\r\n",
            "2x0 Ok\r\n",
            "25\r\n",
            "250_Ok\r\n",
            "+OK ready\r\n",
            "150 wait\r\n",
            "600 more\r\n",
            "250-one code\r\n550 and another\r\n",
        ] {
            let result = attempt(at, Play::Say(nonsense.into())).await;
            assert_eq!(Verdict::of(&result), lost(at, FAILED), "{at:?} {nonsense:?}: {result:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_to_a_bound_and_hung_up_on() {
    let line = [b"250-", &*b"x".repeat(500), b"\r\n"].concat();
    for at in At::IN_THE_CLEAR {
        for again in [vec![b'2'; 4096], line.clone()] {
            let mut server = MailServer::playing([(at, Play::Endless(again))]).await;
            let result = notify(&notifier(&server), &any_delivery()).await;
            assert_eq!(Verdict::of(&result), lost(at, FAILED), "{at:?}: {result:?}");
            // What the sockets of both sides buffer is taken without being read.
            let said = in_time(server.has_ended()).await.said;
            assert!(said < ENDLESS / 2, "{at:?}: {said} bytes were taken");
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_or_is_no_utf_8_is_the_same_answer() {
    let usual = [
        (At::Greeting, "220 \r\n"),
        (At::Auth, "235 \r\n"),
        (At::Mail, "250 \r\n"),
        (At::Rcpt, "250 \r\n"),
        (At::Data, "354 \r\n"),
        (At::Dot, "250 \r\n"),
    ];
    for (at, usual) in usual {
        let odd = [usual.trim_end().as_bytes(), b" \xff\xfe\x80\xc3\x28 \x1b[2J\x07\0\r\n"].concat();
        for play in [Play::Drip(usual.into()), Play::Say(odd.clone()), Play::Drip(odd)] {
            let sent = attempt(at, play).await.unwrap();
            assert!(!sent.answer.unwrap().said.contains(char::is_control), "{at:?}");
        }
    }
    let error = attempt(At::Rcpt, Play::Say(b"550 \xff\x1b[2J\xe2\x80\xaeno\r\n".to_vec())).await.unwrap_err();
    assert!(error.detail.contains("`\u{fffd}[2Jno`") && !error.detail.contains(char::is_control), "{error:?}");
}

#[tokio::test]
async fn one_answer_too_many_is_never_taken_for_the_next_question() {
    for at in At::IN_THE_CLEAR {
        let code = match at {
            At::Greeting => 220,
            At::Auth => 235,
            At::Data => 354,
            _ => 250,
        };
        let twice = [reply(code, "AUTH PLAIN"), reply(250, "2.0.0 Ok: queued as 7")].concat();
        let result = attempt(at, Play::Say(twice)).await;
        match at {
            // The connection is over by then.
            At::Dot => assert_eq!(Verdict::of(&result), Verdict::Delivered, "{result:?}"),
            // Nothing offers a login here.
            At::Ehlo => assert!(result.is_err(), "{result:?}"),
            _ => assert_eq!(Verdict::of(&result), FAILED, "{at:?}: {result:?}"),
        }
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_closes_its_connection_and_the_next_gets_its_own_answers() {
    for at in At::IN_THE_CLEAR {
        for half in ["", "25", "250-so\r\n"] {
            let script = [(at, Play::Hang(half.into())), (At::Rcpt, Play::Say(reply(550, "not here")))];
            let mut server = MailServer::playing(script).await;
            let (notifier, delivery) = (notifier(&server), any_delivery());
            tokio::select! {
                result = notify(&notifier, &delivery) => panic!("{at:?}: {result:?}"),
                () = server.has_acted() => {}
            }
            in_time(server.has_ended()).await;
            let own = Verdict::of(&notify(&notifier, &delivery).await);
            assert_eq!(own, Verdict::GiveUp(Reason::TargetRefused, Scope::Target), "{at:?} {half:?}");
            assert_eq!(Verdict::of(&notify(&notifier, &delivery).await), Verdict::Delivered, "{at:?} {half:?}");
        }
    }
}

#[tokio::test]
async fn the_leave_that_is_taken_waits_for_nobody() {
    let mut server = MailServer::playing([]).await;
    assert_eq!(Verdict::of(&notify(&notifier(&server), &any_delivery()).await), Verdict::Delivered);
    let heard = in_time(server.has_ended()).await.heard;
    assert!(heard.ends_with("DATA\nQUIT\n"), "{heard}");
}
