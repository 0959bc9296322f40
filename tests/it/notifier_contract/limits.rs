//! What a target refuses, and what it would show otherwise than meant: the rules of each, read from what was sent.
//!
//! Written from the targets' documentation and from what was observed of them, not from our code. Every function yields
//! the faults in words, so that all of a message's are seen at once.

mod alertmanager;
mod discord;
mod google_chat;
mod opsgenie;
mod pagerduty;
mod pagerduty_changes;
mod slack;
mod slack_web_api;
mod teams;
mod telegram;
mod webhook;

pub use alertmanager::of_alertmanager;
pub use discord::of_discord;
pub use google_chat::of_google_chat;
pub use opsgenie::of_opsgenie;
pub use pagerduty::of_pagerduty;
pub use pagerduty_changes::of_pagerduty_changes;
pub use slack::of_slack;
pub use slack_web_api::of_slacks_web_api;
pub use teams::of_teams;
pub use telegram::of_telegram;
pub use webhook::of_webhook;

use serde_json::Value;

use crate::support::receivers::Received;

/// Whatever a list of checks has to say.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    fn check(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.0.push(fault());
        }
    }

    /// A text of so many characters that says something and holds nothing that a screen obeys.
    fn text(&mut self, what: &str, value: &Value, at_most: usize) -> String {
        let text = value.as_str().unwrap_or_default();
        let length = text.chars().count();
        self.check(!text.trim().is_empty(), || format!("{what} is blank: {value}"));
        self.check(length <= at_most, || format!("{what} has {length} characters, {at_most} are allowed"));
        let obeyed = text.chars().find(|c| is_obeyed(*c));
        self.check(obeyed.is_none(), || format!("{what} has {obeyed:?}: {text:.60}"));
        text.to_owned()
    }

    /// The same, counted in UTF-16 units, of which no text has fewer than characters.
    fn units(&mut self, what: &str, value: &Value, at_most: usize) -> String {
        let text = self.text(what, value, at_most);
        let units = text.encode_utf16().count();
        self.check(units <= at_most, || format!("{what} has {units} units, {at_most} are allowed"));
        text
    }

    fn keys(&mut self, what: &str, value: &Value, allowed: &[&str]) {
        let keys = value.as_object().into_iter().flat_map(|fields| fields.keys());
        let unknown: Vec<_> = keys.filter(|key| !allowed.contains(&key.as_str())).collect();
        self.check(value.is_object() && unknown.is_empty(), || format!("{what} has {unknown:?}"));
    }

    fn json(&mut self, received: &Received) -> Value {
        let header = |name: &str| received.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let content_type = header("content-type");
        self.check(content_type.is_some_and(|it| it.starts_with("application/json")), || format!("{content_type:?}"));
        received.json()
    }
}

/// Control characters, and those that turn round the direction of what follows them.
fn is_obeyed(c: char) -> bool {
    c.is_control() && c != '\n' && c != '\t' || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
