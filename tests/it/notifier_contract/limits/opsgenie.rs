//! What Opsgenie and Jira Service Management refuse of an alert, cut without a word, or show as HTML.

use serde_json::Value;

use super::{Faults, Received};

/// Opsgenie and Jira Service Management: <https://docs.opsgenie.com/docs/alert-api>.
pub fn of_opsgenie(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let header = |name: &str| received.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    faults
        .check(header("authorization").is_some_and(|it| it.starts_with("GenieKey ")), || "without its key".to_owned());
    let body = faults.json(received);
    match received.path.split_once("/v2/alerts") {
        Some((_, "")) => check_alert(&mut faults, &body),
        Some((_, which)) => check_end(&mut faults, which, &body),
        None => faults.0.push(format!("path {}", received.path)),
    }
    faults.0
}

fn check_end(faults: &mut Faults, which: &str, body: &Value) {
    let alias = which.strip_prefix('/').and_then(|which| which.strip_suffix("/close?identifierType=alias"));
    let is_alias = |alias: &str| alias.len() == 64 && alias.bytes().all(|byte| byte.is_ascii_alphanumeric());
    faults.check(alias.is_some_and(is_alias), || format!("closes `{which}`"));
    faults.keys("the end of an alert", body, &["source", "note", "user"]);
    text(faults, "note", &body["note"], 25_000);
    text(faults, "source", &body["source"], 100);
}

fn check_alert(faults: &mut Faults, alert: &Value) {
    let known = ["message", "alias", "description", "details", "tags", "priority", "source", "entity"];
    faults.keys("the alert", alert, &known);
    let message = text(faults, "message", &alert["message"], 130);
    faults.check(!message.contains('\n'), || format!("message has lines: {message}"));
    text(faults, "alias", &alert["alias"], 512);
    text(faults, "description", &alert["description"], 15_000);
    text(faults, "source", &alert["source"], 100);
    if alert.get("entity").is_some() {
        text(faults, "entity", &alert["entity"], 512);
    }
    let tags = alert["tags"].as_array().cloned().unwrap_or_default();
    faults.check((1..=20).contains(&tags.len()), || format!("{} tags", tags.len()));
    tags.iter().for_each(|tag| drop(text(faults, "a tag", tag, 50)));
    let priority = alert["priority"].as_str().unwrap_or_default();
    faults.check(["P1", "P2", "P3", "P4", "P5"].contains(&priority), || format!("priority {priority}"));
    let details = alert["details"].as_object().cloned().unwrap_or_default();
    let length =
        |(name, value): (&String, &Value)| name.chars().count() + text(faults, name, value, 8_000).chars().count();
    let sum: usize = details.iter().map(length).sum();
    faults.check(sum <= 8_000, || format!("{sum} characters of details"));
}

/// Text in which no tag of HTML begins.
fn text(faults: &mut Faults, what: &str, value: &Value, at_most: usize) -> String {
    let text = faults.text(what, value, at_most);
    let begins = |after: &str| after.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c));
    let tag = text.split('<').skip(1).find(|after| begins(after));
    faults.check(tag.is_none(), || format!("{what} has a tag: <{:.60}", tag.unwrap_or_default()));
    text
}
