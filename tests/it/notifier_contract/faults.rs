//! What can go wrong on the way: nobody there, broken off, hanging, never ending, not what it says it is.

use castai_relay::event::delivery::Reason;
use castai_relay::notify::Scope;

use castai_relay::event::ledger::Answered;

use super::*;
use crate::support::internet::acceptor;
use crate::support::wire_faults::{Act, ENDLESS, WireFault, answer};

/// A gateway's page, as nginx and friends serve it.
const PAGE: &str =
    "<html>\r\n<head><title>Welcome</title></head>\r\n<body>ok no_team routing_key</body>\r\n</html>\r\n";

/// `{"error":"no_team","message":"Invalid routing key"}`, compressed with gzip.
const GZIPPED: &[u8] = &[
    31, 139, 8, 0, 0, 0, 0, 0, 2, 3, 171, 86, 74, 45, 42, 202, 47, 82, 178, 82, 202, 203, 143, 47, 73, 77, 204, 85,
    210, 81, 202, 77, 45, 46, 78, 76, 79, 5, 138, 121, 230, 149, 37, 230, 100, 166, 40, 20, 229, 151, 150, 100, 230,
    165, 43, 100, 167, 86, 42, 213, 2, 0, 190, 51, 64, 40, 51, 0, 0, 0,
];

/// One attempt at a peer that acts like this.
async fn attempt(kit: &Kit, harness: &Harness, peer: &WireFault) -> Result<Sent, NotifyError> {
    notify(&harness.notifier(kit, &format!("http://{}", peer.address)), &any_delivery()).await
}

/// What the peer said does not make up the reader's screen, nor fill it.
fn assert_is_presentable(result: &Result<Sent, NotifyError>) {
    let answer = result.as_ref().map_or_else(|error| &error.answer, |sent| &sent.answer);
    if let Some(Answered { said, .. }) = answer {
        assert!(!said.contains(char::is_control) && said.chars().count() <= Answered::LONGEST + 1, "{said:?}");
    }
    let Err(NotifyError { detail, .. }) = result else { return };
    assert!(!detail.contains('<') && !detail.contains("://") && !detail.contains(char::is_control), "{detail:?}");
    assert!((1..=1000).contains(&detail.chars().count()), "{detail}");
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    let kit = kit();
    // A name that is too long for DNS fails without anybody being asked.
    let no_such_name = format!("https://{}.invalid", "x".repeat(64));
    let closed = {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    };
    for (harness, _) in every_http_kind() {
        for address in [&no_such_name, &format!("http://{closed}"), &format!("https://{closed}")] {
            let result = notify(&harness.notifier(&kit, address), &any_delivery()).await;
            assert_eq!(Verdict::of(&result), Verdict::UNREACHABLE, "{} {address}", harness.kind);
            assert_is_presentable(&result);
        }
    }
}

#[tokio::test]
async fn a_tls_handshake_that_fails_is_unreachable() {
    let kit = kit();
    for (harness, _) in every_http_kind() {
        for act in [Act::Greet(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()), Act::Slam] {
            let peer = WireFault::acting([act]).await;
            let notifier = harness.notifier(&kit, &format!("https://{}", peer.address));
            let verdict = Verdict::of(&notify(&notifier, &any_delivery()).await);
            assert_eq!(verdict, Verdict::UNREACHABLE, "{}", harness.kind);
        }
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_vouches_for_is_unreachable_and_says_so() {
    let kit = kit();
    for (harness, _) in every_http_kind() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let notifier = harness.notifier(&kit, &format!("https://{}", listener.local_addr().unwrap()));
        let shaking_hands = async {
            let (stream, _) = listener.accept().await.unwrap();
            acceptor("stranger.pem").accept(stream).await.map(drop)
        };
        let delivery = any_delivery();
        let (result, shaken) = tokio::join!(notify(&notifier, &delivery), shaking_hands);
        assert_eq!(Verdict::of(&result), Verdict::UNREACHABLE, "{}: {result:?}", harness.kind);
        assert!(shaken.is_err() && result.unwrap_err().detail.contains("certificate"), "{}", harness.kind);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_ambiguous_and_is_not_tried_again_in_secret() {
    let kit = kit();
    let half_a_head = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    for (harness, http) in every_http_kind() {
        for act in [
            Act::Close(vec![]),
            Act::Close(half_a_head.clone()),
            Act::Reset(vec![]),
            Act::Reset(half_a_head.clone()),
            Act::HalfClose(vec![]),
            Act::HalfClose(half_a_head.clone()),
        ] {
            let peer = WireFault::acting([act.clone(), Act::Say(http.success())]).await;
            let result = attempt(&kit, harness, &peer).await;
            assert_eq!(Verdict::of(&result), Verdict::AMBIGUOUS, "{} {act:?}", harness.kind);
            assert_is_presentable(&result);
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_slammed_is_worth_another_attempt() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        let peer = WireFault::acting([Act::Slam, Act::Say(http.success())]).await;
        // Whether the connection stood already is a race between two computers.
        let verdict = Verdict::of(&attempt(&kit, harness, &peer).await);
        assert!([Verdict::AMBIGUOUS, Verdict::UNREACHABLE].contains(&verdict), "{} {verdict:?}", harness.kind);
    }
}

#[tokio::test]
async fn what_is_not_http_is_ambiguous() {
    let kit = kit();
    let many_headers = "x: y\r\n".repeat(1000);
    for (harness, _) in every_http_kind() {
        for nonsense in [
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\0\0\0\0\0\0\0\0\r\n\r\n",
            "HTTP/1.1 99 Too short\r\n\r\n",
            "HTTP/1.1 2000 Too long\r\n\r\n",
            "HTTP/3.7 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
            &format!("HTTP/1.1 200 OK\r\n{many_headers}\r\n"),
        ] {
            let peer = WireFault::acting([Act::Close(nonsense.into())]).await;
            let result = attempt(&kit, harness, &peer).await;
            assert_eq!(Verdict::of(&result), Verdict::AMBIGUOUS, "{} {nonsense:.40}", harness.kind);
            assert_is_presentable(&result);
        }
        let mail_server = WireFault::acting([Act::Greet(b"220 mail.example.com ESMTP\r\n".to_vec())]).await;
        assert_eq!(Verdict::of(&attempt(&kit, harness, &mail_server).await), Verdict::AMBIGUOUS, "{}", harness.kind);
    }
}

#[tokio::test]
async fn an_attempt_that_is_dropped_closes_its_connection_and_the_next_gets_its_own_answer() {
    let kit = kit();
    let half_a_head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n".to_vec();
    for (harness, http) in every_http_kind() {
        let mut half_a_body = answer(http.success.0, &[], http.success.1.to_owned() + "more");
        half_a_body.truncate(half_a_body.len() - 4);
        for hang in [Act::Deaf, Act::Hang(vec![]), Act::Hang(half_a_head.clone()), Act::Hang(half_a_body)] {
            let gone = answer(410, &[], "");
            let acts = [Act::Say(http.success()), hang.clone(), Act::Say(gone), Act::Say(http.success())];
            // A deaf peer has to be so from the start: it would not hear the second request on the first connection.
            let from_the_start = matches!(hang, Act::Deaf);
            let mut peer = WireFault::acting(acts.into_iter().skip(usize::from(from_the_start))).await;
            let (notifier, delivery) = (harness.notifier(&kit, &format!("http://{}", peer.address)), any_delivery());
            if !from_the_start {
                assert_eq!(taken(notify(&notifier, &delivery).await), Ok(None), "{}", harness.kind);
                peer.has_acted().await;
            }
            tokio::select! {
                result = notify(&notifier, &delivery) => panic!("{} {hang:?}: {result:?}", harness.kind),
                () = peer.has_acted() => {}
            }
            in_time(peer.has_ended()).await;
            let own = Verdict::of(&notify(&notifier, &delivery).await);
            assert_eq!(own, Verdict::GiveUp(Reason::TargetRefused, Scope::Target), "{} {hang:?}", harness.kind);
            assert_eq!(taken(notify(&notifier, &delivery).await), Ok(None), "{} {hang:?}", harness.kind);
        }
    }
}

#[tokio::test]
async fn a_tls_handshake_that_is_dropped_closes_its_connection() {
    let kit = kit();
    for (harness, _) in every_http_kind() {
        let mut peer = WireFault::acting([Act::Deaf]).await;
        let notifier = harness.notifier(&kit, &format!("https://{}", peer.address));
        let delivery = any_delivery();
        tokio::select! {
            result = notify(&notifier, &delivery) => panic!("{}: {result:?}", harness.kind),
            () = peer.has_acted() => {}
        }
        in_time(peer.has_ended()).await;
    }
}

#[tokio::test]
async fn one_answer_too_many_does_not_answer_the_next_request() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        let twice = [http.success(), http.success()].concat();
        let peer = WireFault::acting([Act::Say(twice), Act::Say(answer(410, &[], ""))]).await;
        let notifier = harness.notifier(&kit, &format!("http://{}", peer.address));
        assert_eq!(taken(notify(&notifier, &any_delivery()).await), Ok(None), "{}", harness.kind);
        let next = Verdict::of(&notify(&notifier, &any_delivery()).await);
        assert_ne!(next, Verdict::Delivered, "{}", harness.kind);
    }
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_the_same_answer() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        let peer = WireFault::acting([Act::Drip(http.success())]).await;
        assert_eq!(taken(attempt(&kit, harness, &peer).await), Ok(None), "{}", harness.kind);
        let peer = WireFault::acting([Act::Drip(answer(410, &[("retry-after", "7")], "gone"))]).await;
        let verdict = Verdict::of(&attempt(&kit, harness, &peer).await);
        assert_eq!(verdict, Verdict::GiveUp(Reason::TargetRefused, Scope::Target), "{}", harness.kind);
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_read_to_a_bound_and_hung_up_on() {
    let kit = kit();
    let body = vec![b'x'; 64 * 1024];
    let chunk = [b"10000\r\n", &*body, b"\r\n"].concat();
    for (harness, http) in every_http_kind() {
        for status in [200, 400, 503] {
            let long = format!("HTTP/1.1 {status} x\r\ncontent-length: {ENDLESS}\r\n\r\n");
            let chunked = format!("HTTP/1.1 {status} x\r\ntransfer-encoding: chunked\r\n\r\n");
            for (head, again) in [(long, &body), (chunked, &chunk)] {
                let mut peer = WireFault::acting([Act::Endless(head.into(), again.clone())]).await;
                let result = attempt(&kit, harness, &peer).await;
                assert_eq!(Verdict::of(&result), http.verdict_on_bare(status), "{} {status}", harness.kind);
                assert_is_presentable(&result);
                // What the sockets of both sides buffer is taken without being read.
                let said = in_time(peer.has_ended()).await.said;
                assert!(said < ENDLESS / 2, "{} {status}: {said} bytes were taken", harness.kind);
            }
        }
        let endless_head = Act::Endless(b"HTTP/1.1 200 OK\r\nx: ".to_vec(), body.clone());
        let mut peer = WireFault::acting([endless_head]).await;
        assert_eq!(Verdict::of(&attempt(&kit, harness, &peer).await), Verdict::AMBIGUOUS, "{}", harness.kind);
        assert!(in_time(peer.has_ended()).await.said < ENDLESS / 2, "{}", harness.kind);
    }
}

#[tokio::test]
async fn a_compressed_answer_is_not_asked_for_and_not_unpacked() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        let mut peer = WireFault::acting([Act::Close(answer(400, &[("content-encoding", "gzip")], GZIPPED))]).await;
        let result = attempt(&kit, harness, &peer).await;
        assert_eq!(Verdict::of(&result), http.verdict_on_bare(400), "{}: {result:?}", harness.kind);
        let heard = in_time(peer.has_ended()).await.heard.to_ascii_lowercase();
        assert!(!heard.contains("accept-encoding"), "{}: {heard}", harness.kind);
    }
}

#[tokio::test]
async fn a_page_of_a_proxy_is_never_taken_for_the_targets_words() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        for status in [200, 201, 202, 302, 400, 403, 404, 407, 413, 429, 500, 502, 503, 504] {
            let page = answer(status, &[("content-type", "text/html")], PAGE);
            let peer = WireFault::acting([Act::Say(page.clone()), Act::Say(page)]).await;
            let result = attempt(&kit, harness, &peer).await;
            let expected = match (status, http.success_is) {
                (200..300, SuccessIs::TheStatus) => Verdict::Delivered,
                (200..300, _) => Verdict::AMBIGUOUS,
                _ => http.verdict_on_bare(status),
            };
            assert_eq!(Verdict::of(&result), expected, "{} {status}", harness.kind);
            assert_is_presentable(&result);
        }
    }
}

#[tokio::test]
async fn odd_bytes_in_an_answer_leave_the_verdict_to_the_status() {
    let kit = kit();
    let bodies: [&[u8]; 6] = [
        b"\xff\xfe\xfd\x80\xc3\x28",
        b"\x1b[2Jgone\x07\0\r\nnext line",
        b"{\"message\":\"\\u001b[2J\\u0000\",\"error\":\"\\u001b[2J\"}",
        b"{\"message\":{\"a\":1},\"errors\":[1,null],\"error\":7}",
        b"\xef\xbb\xbf{\"message\":\"m\"",
        &[b'['; 20_000],
    ];
    for (harness, http) in every_http_kind() {
        for body in bodies {
            for status in [400, 500] {
                let peer = WireFault::acting([Act::Say(answer(status, &[], body))]).await;
                let result = attempt(&kit, harness, &peer).await;
                assert_eq!(Verdict::of(&result), http.verdict_on_bare(status), "{} {body:?}", harness.kind);
                assert_is_presentable(&result);
            }
        }
    }
}
