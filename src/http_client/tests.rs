//! What is sent, what is read of the answer, and which failures can have arrived.

use std::future::Future;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const NOW: &str = "2026-11-20T08:00:00Z";

fn now() -> Timestamp {
    Timestamp::parse(NOW).unwrap()
}

async fn listen() -> (TcpListener, Endpoint) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/services/T0SECRET0/B0SECRET0", listener.local_addr().unwrap());
    (listener, Endpoint::parse(&url).unwrap())
}

/// Takes one connection and reads the request up to its body `hello`.
async fn take_request(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off");
    }
    (stream, String::from_utf8(request).unwrap())
}

async fn post(to: &Endpoint) -> Result<Answer, SendError> {
    let client = HttpClient::new().unwrap();
    client.post(to, "application/json", Bytes::from_static(b"hello"), &[("x-test", "1")], now()).await
}

/// Posts to a server that takes the request, then does `answer` and closes.
async fn post_to<F: Future<Output = ()>>(answer: impl FnOnce(TcpStream) -> F) -> Result<Answer, SendError> {
    let (listener, to) = listen().await;
    let server = async {
        let (stream, _) = take_request(&listener).await;
        answer(stream).await;
    };
    tokio::join!(post(&to), server).0
}

#[tokio::test]
async fn sends_what_it_is_given_under_its_own_name() {
    let (listener, to) = listen().await;
    let server = async {
        let (mut stream, request) = take_request(&listener).await;
        let head =
            "HTTP/1.1 429 Slow\r\nRetry-After: Fri, 20 Nov 2026 08:00:30 GMT\r\nContent-Length: 5\r\n\r\na\tb\x1bc";
        stream.write_all(head.as_bytes()).await.unwrap();
        request
    };
    let (answer, request) = tokio::join!(post(&to), server);
    let expected = Answer { status: 429, retry_after: Some(Duration::from_secs(30)), body: "a bc".into() };
    assert_eq!(answer, Ok(expected));
    assert!(request.starts_with("POST /services/T0SECRET0/B0SECRET0 HTTP/1.1\r\n"), "{request}");
    let user_agent = concat!("user-agent: castai-relay/", env!("CARGO_PKG_VERSION"));
    for header in ["content-type: application/json", "x-test: 1", user_agent] {
        assert!(request.contains(header), "{header} not in {request}");
    }
}

#[tokio::test]
async fn a_long_answer_is_read_to_16_kib() {
    let answer = post_to(async |mut stream: TcpStream| {
        let head = b"HTTP/1.1 500 Oops\r\nContent-Length: 102400\r\n\r\n";
        stream.write_all(head).await.unwrap();
        // The client may hang up before it has seen all of it.
        let _ = stream.write_all(&[b'x'; 102_400]).await;
    });
    assert_eq!(answer.await.unwrap().body, "x".repeat(16 * 1024));
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let answer = post_to(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.unwrap();
        while stream.write_all(b"5\r\nxxxxx\r\n").await.is_ok() {}
    });
    assert_eq!(answer.await.unwrap().body.len(), 16 * 1024);
}

#[tokio::test]
async fn a_stalled_answer_ends_when_the_caller_loses_patience_and_the_connection_is_closed() {
    let (listener, to) = listen().await;
    let mut stalled = None;
    {
        let stall = async {
            let (mut stream, _) = take_request(&listener).await;
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
            stalled = Some(stream);
        };
        tokio::select! {
            answer = post(&to) => unreachable!("the answer is not complete: {answer:?}"),
            () = stall => {}
        }
    }
    assert_eq!(stalled.unwrap().read(&mut [0]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn an_answer_that_breaks_off_still_counts_by_its_status() {
    let answer = post_to(async |mut stream: TcpStream| {
        stream.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nhalf").await.unwrap();
    });
    let answer = answer.await.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (202, "half"));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let answer = post_to(async |mut stream: TcpStream| {
        let head = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(head).await.unwrap();
    });
    assert_eq!(answer.await.unwrap().status, 302);
}

#[tokio::test]
async fn a_refused_connection_is_unreachable_and_names_only_the_host() {
    let (listener, to) = listen().await;
    drop(listener);
    let error = post(&to).await.unwrap_err();
    assert!(matches!(error, SendError::Unreachable(_)), "{error:?}");
    let detail = error.to_string();
    assert!(detail.starts_with("127.0.0.1: ") && detail.contains("refused"), "{detail}");
    assert!(!detail.contains("SECRET"), "{detail}");
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_ambiguous() {
    let error = post_to(async |stream: TcpStream| drop(stream)).await.unwrap_err();
    assert!(matches!(error, SendError::Ambiguous(_)), "{error:?}");
    assert!(!error.to_string().contains("SECRET"), "{error}");
}

#[tokio::test]
async fn an_answer_that_echoes_the_url_loses_its_keys() {
    let answer = post_to(async |mut stream: TcpStream| {
        let answer = b"HTTP/1.1 404 No\r\nContent-Length: 33\r\n\r\nno /services/T0SECRET0/B0SECRET0.";
        stream.write_all(answer).await.unwrap();
    });
    assert_eq!(answer.await.unwrap().body, "no /services/***/***.");
}

#[test]
fn an_endpoint_is_https_or_loopback() {
    for good in ["https://hooks.slack.com/services/x", "http://127.0.0.9:80/", "http://[::1]:9/", "http://localhost/"] {
        assert!(Endpoint::parse(good).is_ok(), "{good}");
    }
    for bad in ["http://example.com/", "http://localhost.example.com", "ftp://127.0.0.1/", "http://10.0.0.1/"] {
        assert_eq!(Endpoint::parse(bad), Err(EndpointError::Insecure), "{bad}");
    }
    for bad in ["", "hooks.slack.com/services/x", "https://"] {
        assert!(matches!(Endpoint::parse(bad), Err(EndpointError::NotAUrl(_))), "{bad}");
    }
}

#[test]
fn the_root_of_an_endpoint_keeps_nothing_but_the_host() {
    let endpoint = Endpoint::parse("https://user:word@hooks.slack.com:8443/services/T0/B0/secret?key=a#b").unwrap();
    assert_eq!(endpoint.root(), Endpoint::parse("https://hooks.slack.com:8443/").unwrap());
}

#[test]
fn an_endpoint_shows_scheme_and_host_only() {
    let endpoint =
        Endpoint::parse("https://user:word@hooks.slack.com/services/T0/B0/secret?key=secret#secret").unwrap();
    assert_eq!(endpoint.to_string(), "https://hooks.slack.com/…");
    assert_eq!(format!("{endpoint:?}"), "Endpoint(https://hooks.slack.com/…)");
    assert_eq!(Endpoint::parse("http://127.0.0.1:8/x").unwrap().to_string(), "http://127.0.0.1:8/…");
}

#[test]
fn retry_after_is_read_in_every_form_http_allows() {
    let read = |header| retry_after(header, now()).map(|wait| wait.as_millis());
    assert_eq!(read("30"), Some(30_000));
    assert_eq!(read(" 0 "), Some(0));
    assert_eq!(read("0.0123"), Some(13));
    assert_eq!(read("64.57"), Some(64_570));
    assert_eq!(read("Fri, 20 Nov 2026 08:01:00 GMT"), Some(60_000));
    assert_eq!(read("Friday, 20-Nov-26 08:01:00 GMT"), Some(60_000));
    assert_eq!(read("Fri Nov 20 08:01:00 2026"), Some(60_000));
}

#[test]
fn retry_after_in_the_past_is_zero_and_never_more_than_an_hour() {
    let read = |header| retry_after(header, now());
    let hour = Some(Duration::from_secs(3600));
    assert_eq!(read("Fri, 20 Nov 2026 07:00:00 GMT"), Some(Duration::ZERO));
    assert_eq!(read("3601"), hour);
    assert_eq!(read("99999999999999999999999999"), hour);
    assert_eq!(read("Sat, 20 Nov 2027 07:00:00 GMT"), hour);
}

#[test]
fn a_retry_after_that_makes_no_sense_is_nothing() {
    for header in ["", "-1", "soon", "1e3", "NaN", "inf", "1.2.3", ".", "1 s"] {
        assert_eq!(retry_after(header, now()), None, "{header}");
    }
}

#[test]
fn a_call_is_joined_below_its_address_and_cannot_leave_it() {
    let join = |base: &str, path, query: &[(&str, &str)]| {
        let query: Vec<_> = query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Endpoint::parse(base).unwrap().join(path, &query).0.to_string()
    };
    assert_eq!(join("https://a.example", "/v1/x", &[]), "https://a.example/v1/x");
    assert_eq!(join("https://a.example/proxy/", "v1/x", &[]), "https://a.example/proxy/v1/x");
    let query = [("page.limit", "50"), ("page.cursor", "a+b/c=&x=1#?"), ("since", "2026-11-20T08:00:00Z")];
    let expected =
        "https://a.example/v1?page.limit=50&page.cursor=a%2Bb%2Fc%3D%26x%3D1%23%3F&since=2026-11-20T08%3A00%3A00Z";
    assert_eq!(join("https://a.example", "v1", &query), expected);
    assert_eq!(join("https://a.example/p", "/v1/../../b?c=d#e%2e", &[]), "https://a.example/p/v1/b%3Fc=d%23e%252e");
    assert_eq!(join("https://a.example", "//evil.example/x", &[]), "https://a.example/evil.example/x");
}

/// Sends a GET to a server that answers like this and closes.
async fn get(answer: &'static [u8], limit: usize) -> (Reply, String) {
    let (listener, to) = listen().await;
    let client = HttpClient::new().unwrap();
    let request = Request { method: Method::Get, to: &to, headers: &[("x-end", "hello")], body: None, limit };
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off");
        }
        stream.write_all(answer).await.unwrap();
        String::from_utf8(request).unwrap()
    };
    let (reply, request) = tokio::join!(client.exchange(request, now()), server);
    (reply.unwrap(), request)
}

#[tokio::test]
async fn an_exchange_tells_the_time_and_the_kind_of_the_answer() {
    let answer = b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 08:00:05 GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    let (reply, request) = get(answer, 2).await;
    assert_eq!(reply.headers.get("content-length"), Some("2"));
    assert!(!format!("{:?}", reply.headers).contains("08:00:05"), "{:?}", reply.headers);
    let expected = Reply {
        status: 200,
        retry_after: None,
        content_type: Some("application/json".into()),
        date: Timestamp::parse("2026-11-20T08:00:05Z"),
        headers: reply.headers.clone(),
        body: Bytes::from_static(b"{}"),
        ending: Ending::Complete,
    };
    assert_eq!(reply, expected);
    assert!(request.starts_with("GET /services/") && request.contains("x-end: hello\r\n"), "{request}");
    assert!(!request.contains("content-type") && !request.contains("content-length"), "{request}");
}

#[tokio::test]
async fn an_exchange_says_when_a_body_is_not_all_of_it() {
    let (reply, _) = get(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour", 3).await;
    assert_eq!((&reply.body[..], reply.ending), (&b"fou"[..], Ending::OverLimit));
    let (reply, _) = get(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour", 9).await;
    assert_eq!((&reply.body[..], reply.ending), (&b"four"[..], Ending::BrokenOff));
}

#[test]
fn a_key_that_is_said_back_without_its_escapes_is_blotted_out_too() {
    let to = Endpoint::parse("https://chat.example/v1?key=aLongKey00%2Bb&token=secretToken%3D%3D&x=short").unwrap();
    let said = "aLongKey00+b, aLongKey00%2Bb, secretToken==, short";
    assert_eq!(to.redact(said), "***+b, ***, ***==, short");
    let to = Endpoint::parse("https://relay:longPassword@am.example/").unwrap();
    assert_eq!(to.redact("no longPassword"), "no ***");
}

#[test]
fn a_key_that_is_said_back_without_what_stands_before_it_is_blotted_out_too() {
    let to = Endpoint::parse("https://bots.example/bot123456789:theKeyOfTheBot_-").unwrap();
    assert_eq!(to.redact("no theKeyOfTheBot_-, no bot123456789:theKeyOfTheBot_-"), "no ***, no ***:***");
}
