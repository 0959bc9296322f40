//! Time limits and dots; the dialogue itself is in the contract suite.

use proptest::prelude::*;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// What a server says to each line, in turn; afterwards it is silent and stays.
async fn silent_after(replies: &'static [&'static str]) -> (Session, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut serving = JoinSet::new();
    serving.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = BufReader::new(stream);
        for reply in replies {
            stream.write_all(reply.as_bytes()).await.unwrap();
            let mut line = String::new();
            let is_mail = reply.starts_with("354");
            while stream.read_line(&mut line).await.unwrap() > 0 && is_mail && !line.ends_with("\r\n.\r\n") {}
        }
        let mut rest = String::new();
        while stream.read_line(&mut rest).await.unwrap_or(0) > 0 {}
    });
    let short = Duration::from_millis(50);
    let long = Duration::from_secs(600);
    let patience = Patience { connect: long, command: short, hand_over: long, after_dot: short };
    let server = Server::parse(&format!("smtp://127.0.0.1:{port}"), false).unwrap();
    (Session { server, tls: None, login: None, patience, connection: Connection::of_environment() }, serving)
}

const ENVELOPE: Envelope<'static> = Envelope { from: "a@example.com", to: "b@example.com", mail: b"x\r\n" };
const REPLIES: &[&str] = &["220 x\r\n", "250 x\r\n", "250 x\r\n", "250 x\r\n", "354 x\r\n"];

#[tokio::test]
async fn each_stage_has_a_time_of_its_own() {
    let stages = [Stage::Greeting, Stage::Hello, Stage::From, Stage::To, Stage::Data, Stage::End];
    for (count, stage) in stages.into_iter().enumerate() {
        let (session, serving) = silent_after(&REPLIES[..count]).await;
        let failure = session.send(ENVELOPE).await.unwrap_err();
        let expected = Failure::Fault(stage, Fault::Broken("no answer within 0s".to_owned()));
        assert_eq!(failure, expected, "{count}");
        // The caller's side is closed, or this would go on for ever.
        serving.join_all().await;
    }
}

#[tokio::test]
async fn all_stages_before_the_final_dot_have_one_together() {
    let (mut session, serving) = silent_after(&REPLIES[..3]).await;
    session.patience.command = Duration::from_secs(600);
    session.patience.hand_over = Duration::from_millis(50);
    let failure = session.send(ENVELOPE).await.unwrap_err();
    assert_eq!(failure, Failure::Fault(Stage::To, Fault::Broken("no answer within 0s".to_owned())));
    serving.join_all().await;
}

#[test]
fn an_attempt_may_take_as_long_as_its_stages_and_no_longer_than_a_target_allows() {
    let Patience { connect, command, hand_over, after_dot } = Patience::USUAL;
    assert!(connect < command && command < hand_over && hand_over < after_dot);
    assert_eq!(Patience::USUAL.total(), Duration::from_secs(210));
}

#[test]
fn a_line_that_begins_with_a_dot_gets_a_second_one() {
    for (mail, stuffed) in [
        ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"),
        (".\r\n", "..\r\n"),
        ("..a.\r\n", "...a.\r\n"),
        ("a", "a\r\n"),
        ("", "\r\n"),
    ] {
        assert_eq!(dot_stuffed(mail.as_bytes()), stuffed.as_bytes(), "{mail:?}");
    }
}

proptest! {
    #[test]
    fn no_mail_holds_its_own_end(lines in prop::collection::vec("[.a]{0,3}", 0..9)) {
        let mail = lines.iter().map(|line| format!("{line}\r\n")).collect::<String>();
        let stuffed = String::from_utf8(dot_stuffed(mail.as_bytes())).unwrap();
        let within = ["\r\n", stuffed.as_str()].concat();
        prop_assert!(!within.contains("\r\n.\r\n"));
        let back: String = stuffed.split_inclusive("\r\n").map(|line| line.strip_prefix('.').unwrap_or(line)).collect();
        prop_assert!(back == mail || mail.is_empty());
    }
}
