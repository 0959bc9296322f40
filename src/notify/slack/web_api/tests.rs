//! What is asked of Slack, in which order, and that the token never shows.

use serde_json::json;

use super::*;
use crate::config::Section;
use crate::event::batch::Receipt;
use crate::event::delivery::Phase;
use crate::notify::samples::{alone, delivery, kit, of_incident, target, wording};
use crate::notify::slack;

fn built(address: &str) -> Arc<dyn Notifier> {
    let yaml = format!("{{ bot_token: xoxb-1-SECRET, channel: '#ops', api_url: '{address}/api' }}");
    slack::build(&Section::from_yaml("slack", &yaml), &kit()).unwrap()
}

fn step(phase: Phase, earlier: Option<&Receipt>) -> Batch {
    let batch = of_incident(alone(&delivery("node.added", json!({}))), phase, "spot/all", None);
    Batch { earlier: earlier.cloned(), ..batch }
}

const OPENED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 59\r\n\r\n\
    {\"ok\":true,\"channel\":\"C123ABC456\",\"ts\":\"1503435956.000247\"}";
const ANSWERED: &str = "HTTP/1.1 200 OK\r\nContent-Length: 103\r\n\r\n\
    {\"ok\":true,\"channel\":\"C123ABC456\",\"ts\":\"1503435999.000001\",\
    \"message\":{\"thread_ts\":\"1503435956.000247\"}}";
const TOO_LATE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 41\r\n\r\n{\"ok\":false,\"error\":\"edit_window_closed\"}";
const NO_THREAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n{\"ok\":false,\"error\":\"thread_not_found\"}";

/// Tells one after the other, each with what was given for the one before. Yields what was sent, and what is kept.
async fn told(phases: &[Phase], answers: &[&'static str]) -> (Vec<Value>, Option<Receipt>) {
    let (address, serving) = target(answers).await;
    let slack = built(&address);
    let telling = async {
        let mut kept = None;
        for phase in phases {
            kept = slack.notify(&step(*phase, kept.as_ref()), &Wording::default()).await.unwrap().receipt;
        }
        kept
    };
    let (kept, bodies) = tokio::join!(telling, serving);
    (bodies.iter().map(|body| serde_json::from_str(body).unwrap()).collect(), kept)
}

#[tokio::test]
async fn an_incident_is_one_thread_and_its_end_is_written_into_its_first_message() {
    use Phase::{Open, Resolve};
    let (sent, kept) = told(&[Open, Open, Open, Resolve], &[OPENED, ANSWERED, ANSWERED, OPENED]).await;
    let to = |body: &Value| (body["channel"].clone(), body["thread_ts"].clone(), body["ts"].clone());
    let thread = (json!("C123ABC456"), json!("1503435956.000247"), Value::Null);
    assert_eq!(to(&sent[0]), (json!("#ops"), Value::Null, Value::Null));
    assert_eq!([to(&sent[1]), to(&sent[2])], [thread.clone(), thread]);
    assert_eq!(to(&sent[3]), (json!("C123ABC456"), Value::Null, json!("1503435956.000247")));
    assert!(sent[3]["text"].as_str().unwrap().starts_with("Resolved: "));
    assert_eq!(kept, Receipt::new("C123ABC456:1503435956.000247"));
}

#[tokio::test]
async fn an_end_that_comes_too_late_for_a_change_is_an_answer_or_a_message_of_its_own() {
    use Phase::{Open, Resolve};
    let (sent, _) = told(&[Open, Resolve], &[OPENED, TOO_LATE, ANSWERED]).await;
    assert_eq!((&sent[2]["thread_ts"], &sent[2]["ts"]), (&json!("1503435956.000247"), &Value::Null));
    let (sent, _) = told(&[Open, Resolve], &[OPENED, TOO_LATE, NO_THREAD, OPENED]).await;
    assert_eq!((&sent[3]["channel"], &sent[3]["thread_ts"]), (&json!("#ops"), &Value::Null));
}

#[tokio::test]
async fn a_knock_asks_whose_token_it_is_and_sends_nothing() {
    let refused = "HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{\"ok\":false,\"error\":\"invalid_auth\"}";
    let (address, serving) = target(&[OPENED, refused]).await;
    let slack = built(&address);
    let knocking = async { (slack.knock().await, slack.knock().await) };
    let ((opened, shut), bodies) = tokio::join!(knocking, serving);
    assert_eq!(opened, Some((format!("{address}/…"), Ok(()))));
    assert!(shut.unwrap().1.unwrap_err().starts_with("answered 200 `invalid_auth`: "));
    assert_eq!(bodies, ["{}", "{}"]);
}

#[tokio::test]
async fn the_token_stands_in_a_header_and_shows_nowhere() {
    let slack = built("http://127.0.0.1:9");
    let batch = alone(&delivery("node.added", json!({})));
    let preview = slack.preview(&batch, &wording(json!({"channel": "#team-{{ event.cluster.name }}"})));
    assert!(preview.starts_with("POST http://127.0.0.1:9/…\n{"), "{preview}");
    assert!(preview.contains("\"#team-prod-eu\"") && !preview.contains("SECRET"), "{preview}");
    let nowhere = slack.preview(&batch, &wording(json!({"channel": "{{ event.cluster.id }}"})));
    assert!(nowhere.starts_with("misconfigured, given up: `channel: "), "{nowhere}");
}
