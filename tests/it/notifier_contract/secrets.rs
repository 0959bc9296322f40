//! What must never show: a target's key, in no error, preview, complaint or log line, even if the target says it.

use std::io;
use std::sync::Mutex;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use super::*;
use crate::support::wire_faults::{Act, WireFault, answer};

/// Everything that was written to it.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<Vec<u8>>>);

impl Captured {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Captured {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Everything logged by this thread from now on, by us and by every library, at every level.
pub fn capture() -> (Captured, tracing::subscriber::DefaultGuard) {
    // While there is only one subscriber, a thread without one that comes to a line first silences it for all.
    static ANOTHER: std::sync::LazyLock<tracing::Dispatch> =
        std::sync::LazyLock::new(|| tracing::Dispatch::new(tracing_subscriber::registry()));
    std::sync::LazyLock::force(&ANOTHER);
    let captured = Captured::default();
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_ansi(false);
    (captured.clone(), everything.with_writer(captured).set_default())
}

#[track_caller]
pub fn assert_keeps(secrets: &[&str], shown: &str, what: &str) {
    for secret in secrets {
        // A part of a key is half of the way to it.
        let shows = shown.contains(secret) || shown.contains(&secret[..secret.len() - 1]);
        assert!(!shows, "{what}: `{secret}` in {shown}");
    }
}

/// What goes wrong, each in its own way with the secrets in the answer.
fn indiscretions(harness: &Harness, http: &Http) -> Vec<Act> {
    let secrets = harness.all_secrets().join("/");
    let section = (harness.section)("http://127.0.0.1:9");
    let quoted = json!({"message": section, "errors": [format!("no such routing_key {secrets}")], "error": secrets});
    let there = [("location", "/elsewhere"), ("x-echo", secrets.as_str())];
    let mut acts = vec![Act::Say(http.success()), Act::Close(vec![]), Act::Reset(b"HTTP/1.1 200".to_vec())];
    acts.push(Act::Close(secrets.clone().into_bytes()));
    for status in [200, 302, 400, 403, 404, 413, 429, 500, 503] {
        for body in [secrets.clone(), secrets.to_lowercase(), section.clone(), quoted.to_string()] {
            // Some ask a second time.
            acts.extend(std::iter::repeat_n(Act::Say(answer(status, &there, body)), (http.requests)(status)));
        }
    }
    acts
}

#[tokio::test]
async fn no_error_and_no_log_line_shows_a_secret_even_if_the_target_says_it() {
    let kit = kit();
    for (harness, http) in every_http_kind() {
        assert!(!harness.secrets.is_empty(), "what is secret about `{}`?", harness.kind);
        let acts = indiscretions(harness, http);
        let attempts = acts.len();
        let mut peer = WireFault::acting(acts).await;
        let notifier = harness.notifier(&kit, &format!("http://{}", peer.address));
        let (log, guard) = capture();
        let mut shown = String::new();
        for _ in 0..attempts {
            // The last ones find the script over.
            let result = notify(&notifier, &any_delivery()).await;
            shown += &format!("{result:?}\n");
            shown += &result.err().map(|error| format!("{error}\n{error:#?}\n")).unwrap_or_default();
        }
        drop(guard);
        assert_keeps(&harness.all_secrets(), &shown, harness.kind);
        assert_keeps(&harness.all_secrets(), &log.text(), harness.kind);
        // The test could have failed: it was listening, and the secrets were on the wire.
        assert!(log.text().contains("hyper"), "{}: nothing was logged", harness.kind);
        let heard = in_time(peer.has_ended()).await.heard;
        assert!(!harness.unsent.iter().any(|key| heard.contains(key)), "{} sends a key", harness.kind);
        assert!(harness.secrets.iter().all(|secret| heard.contains(secret)), "{}", harness.kind);
    }
}

#[tokio::test]
async fn no_failure_to_connect_shows_a_secret() {
    let kit = kit();
    let no_such_name = format!("https://{}.invalid", "x".repeat(64));
    for (harness, _) in every_http_kind() {
        for address in ["http://127.0.0.1:1", "https://127.0.0.1:1", &no_such_name] {
            let (log, guard) = capture();
            let error = notify(&harness.notifier(&kit, address), &any_delivery()).await.unwrap_err();
            drop(guard);
            let shown = format!("{error}\n{error:?}\n{}", log.text());
            assert_keeps(&harness.all_secrets(), &shown, harness.kind);
        }
    }
}

#[test]
fn no_preview_shows_a_secret() {
    let kit = kit();
    for harness in every_kind() {
        let notifier = harness.notifier(&kit, "http://127.0.0.1:9");
        for (name, event) in events::all() {
            let preview = notifier.preview(&alone(&delivery(event)), &Wording::default());
            assert_keeps(&harness.all_secrets(), &preview, &format!("{} {name}", harness.kind));
        }
    }
}

#[test]
fn no_complaint_about_a_section_shows_a_secret() {
    let kit = kit();
    let complaint = |harness: &Harness, yaml: &str| {
        let section = Section::from_yaml(harness.kind, yaml);
        let built = (harness.row().build)(&section, &kit);
        assert!(built.is_none(), "{} takes {yaml}", harness.kind);
        let problems = section.problems().unwrap_err();
        format!("{section:?}\n{problems}\n{problems:?}")
    };
    for harness in every_kind() {
        let good = (harness.section)("http://127.0.0.1:9");
        let with = |more: &str| match good.strip_suffix(" }") {
            Some(start) => format!("{start}, {more} }}"),
            None => format!("{{ {more} }}"),
        };
        let unknown_key = complaint(harness, &with("colour: red"));
        assert!(unknown_key.contains("colour"), "{unknown_key}");
        assert_keeps(&harness.all_secrets(), &unknown_key, harness.kind);
        for bad in [good.replace("http://127.0.0.1", "http://203.0.113.7"), good.replace("http://", "//")] {
            if bad != good {
                assert_keeps(&harness.all_secrets(), &complaint(harness, &bad), harness.kind);
            }
        }
    }
}
