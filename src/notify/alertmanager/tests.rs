//! The section and its mistakes; several replicas, of which some do not take it; what is previewed.

use serde_json::{Value, json};

use super::*;
use crate::event::delivery::Phase;
use crate::notify::samples::{alone, delivery, kit, of_incident, target};
use crate::notify::{Next, Scope};

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";

fn alertmanager(urls: &[String]) -> Alertmanager {
    let replicas = urls.iter().map(|url| Replica::parse(url).unwrap()).collect();
    let form = Form { labels: BTreeMap::new(), event_lasts: an_hour().get(), incident_lasts: thirty_days().get() };
    Alertmanager { replicas, form, patience: PATIENCE, http: kit().http }
}

async fn tell(am: &Alertmanager, batch: &Batch) -> Result<Sent, NotifyError> {
    am.notify(batch, &Wording::default()).await
}

fn complaint(section: &str) -> String {
    let section = Section::from_yaml("alertmanager", section);
    assert!(build(&section, &kit()).is_none());
    section.problems().unwrap_err().to_string()
}

#[test]
fn an_address_that_is_no_replicas_is_refused_with_the_reason() {
    for (url, mistake) in [
        ("am.example.com:9093", "must start with `https://`"),
        ("http://am.example.com:9093", "must start with `https://`"),
        ("https://am.example.com/api/v2/alerts", "goes too far"),
        ("https://am.example.com/prefix/api/v1/alerts", "goes too far"),
        ("https://am.example.com/#/alerts", "is a page for people"),
        ("https://am.example.com/?x=1", "has a query"),
    ] {
        let said = complaint(&format!("{{ urls: ['https://a.example', '{url}'] }}"));
        assert!(said.contains(mistake) && said.contains("urls[1]"), "{url}: {said}");
    }
    let mistakes = complaint(
        "{ urls: ['https://a.example/p', 'https://a.example/p'], labels: { a-b: x, event: x, c: '' }, event_lasts: 5s }",
    );
    for mistake in
        ["is written twice", "`a-b` cannot be", "`event` belongs to", "`c` has no value", "`event_lasts` must lie"]
    {
        assert!(mistakes.contains(mistake), "{mistake}: {mistakes}");
    }
    assert!(complaint("{ urls: [] }").contains("`urls` must name 1 to 16"));
}

#[tokio::test]
async fn every_replica_gets_the_same_alerts_below_its_own_address() {
    let ((one, first), (other, second)) = (target(&[OK]).await, target(&[OK]).await);
    let am = alertmanager(&[format!("{one}/am/"), other.clone()]);
    let batch = of_incident(alone(&delivery("node.added", json!({}))), Phase::Open, "spot/a", None);
    let (sent, first, second) = tokio::join!(tell(&am, &batch), first, second);
    assert_eq!(first, second);
    let alerts: Value = serde_json::from_str(&first[0]).unwrap();
    let receipt = sent.unwrap().receipt.unwrap();
    assert_eq!(serde_json::from_str::<Value>(receipt.as_str()).unwrap(), alerts[0]["labels"]);
    let preview = am.preview(&batch, &Wording::default());
    assert_eq!(preview, format!("POST {one}/…\nPOST {other}/…\n{alerts:#}"));
    assert_eq!(am.endpoints().len(), 2);
}

#[tokio::test]
async fn a_replica_that_does_not_take_it_is_named_and_does_not_speak_for_the_others() {
    let ((one, first), (other, second)) = (target(&[OK]).await, target(&[BUSY]).await);
    let am = alertmanager(&[one, other]);
    let batch = alone(&delivery("node.added", json!({})));
    let (sent, ..) = tokio::join!(tell(&am, &batch), first, second);
    let error = sent.unwrap_err();
    assert_eq!((error.next, error.scope), (Next::Retry { after: Some(Duration::from_secs(7)) }, Scope::Part));
    assert!(error.detail.starts_with("replica 2 of 2 (127.0.0.1): answered 503"), "{error}");
    assert_eq!(error.answer.unwrap().status, 503);
}

#[tokio::test]
async fn a_replica_that_hangs_does_not_hide_that_another_took_it() {
    let ((one, first), silent) = (target(&[OK]).await, tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let urls = [one, format!("http://{}", silent.local_addr().unwrap())];
    let am = Alertmanager { patience: Duration::from_millis(300), ..alertmanager(&urls) };
    let batch = alone(&delivery("node.added", json!({})));
    let (sent, _) = tokio::join!(tell(&am, &batch), first);
    let error = sent.unwrap_err();
    assert_eq!((error.scope, error.ambiguous), (Scope::Part, true), "{error}");
    assert!(error.detail.starts_with("replica 2 of 2"), "{error}");
}
