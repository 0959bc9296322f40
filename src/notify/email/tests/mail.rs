//! What identifies a mail: stable where it must be, different where it must be; the rest is in the contract suite.

use serde_json::json;

use super::*;
use crate::event::delivery::Phase;
use crate::notify::samples::{alone, delivery, interruptions, many, of_incident, texts};
use proptest::prelude::*;

fn between() -> Correspondents {
    let parse = |text: &str| text.parse().unwrap();
    Correspondents {
        from: parse("CAST AI <alerts@example.com>"),
        to: parse("ops@example.org"),
        reply_to: Some(parse("team@example.com")),
        list_id: "<castai.example.com>".to_owned(),
    }
}

fn headers(batch: &Batch) -> String {
    Mail::write(&between(), batch, &Wording::default()).unwrap().headers()
}

#[test]
fn the_headers_read_as_they_should() {
    let batch = of_incident(alone(&delivery("node.added", json!({}))), Phase::Open, "spot/prod-eu", None);
    let headers = headers(&batch);
    let lines: Vec<&str> = headers.lines().collect();
    for expected in [
        "Date: Fri, 20 Nov 2026 08:15:32 +0000",
        "To: ops@example.org",
        "Reply-To: team@example.com",
        "Subject: New node (prod-eu)",
        "List-Id: <castai.example.com>",
        "Auto-Submitted: auto-generated",
    ] {
        assert!(lines.contains(&expected), "{expected} in {headers}");
    }
    assert!(headers.contains("@example.com>") && headers.contains("In-Reply-To: <incident."), "{headers}");
}

#[test]
fn a_receipt_of_another_incident_or_of_a_storm_lends_no_subject() {
    let alone = alone(&delivery("node.added", json!({})));
    let incident = of_incident(alone.clone(), Phase::Open, "spot/prod-eu", None);
    let mail = |batch: &Batch| Mail::write(&between(), batch, &Wording::default()).unwrap();
    let receipt = mail(&incident).receipt;
    assert!(receipt.is_some() && mail(&alone).receipt.is_none());
    let told = |batch: Batch, receipt: Option<&str>| {
        let earlier = receipt.and_then(Receipt::new);
        headers(&Batch { earlier, ..batch }).lines().find(|line| line.starts_with("Subject")).unwrap().to_owned()
    };
    let receipt = receipt.unwrap();
    let (thread, _) = receipt.as_str().split_once('\n').unwrap();
    let own = format!("{thread}\nThe first one");
    assert_eq!(told(incident.clone(), Some(&own)), "Subject: The first one");
    for foreign in ["incident.0\nThe first one", "no line break"] {
        assert_eq!(told(incident.clone(), Some(foreign)), "Subject: New node (prod-eu)");
    }
    assert_eq!(told(alone, Some(&own)), "Subject: New node (prod-eu)");
}

#[test]
fn many_are_one_mail_of_bounded_size() {
    let mail = Mail::write(&between(), &many(interruptions(5000, 50)), &Wording::default()).unwrap();
    assert!(mail.bytes.len() < 40_000, "{}", mail.bytes.len());
}

proptest! {
    #[test]
    fn whatever_is_said_a_mail_is_ascii_in_short_lines(text in texts(200)) {
        let delivery = crate::notify::samples::notification(&text, &text, json!({"k": text}));
        let mail = Mail::write(&between(), &alone(&delivery), &Wording::default()).unwrap();
        let raw = String::from_utf8(mail.bytes).unwrap();
        prop_assert!(raw.is_ascii());
        prop_assert_eq!(raw.matches('\n').count(), raw.matches("\r\n").count());
        prop_assert!(raw.lines().all(|line| line.len() <= 998));
        prop_assert_eq!(raw.lines().take_while(|line| !line.is_empty()).filter(|line| !line.starts_with(' ')).count(), 11);
    }
}
