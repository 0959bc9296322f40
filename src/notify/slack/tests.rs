//! Which of the two forms a section means, and what is said where it means neither or both.

use super::*;
use crate::notify::samples::kit;

/// What is said of a section, if it is not taken.
fn said_of(yaml: &str) -> Option<String> {
    let section = Section::from_yaml("slack", yaml);
    let built = build(&section, &kit());
    assert_eq!(built.is_some(), section.problems().is_ok(), "{yaml}");
    section.problems().err().map(|problems| problems.to_string())
}

const WEBHOOK: &str = "webhook_url: https://hooks.slack.com/services/T0/B0/x";
const BOT: &str = "bot_token: xoxb-1-secret";

#[test]
fn a_section_is_a_webhook_or_a_bot() {
    assert_eq!(said_of(&format!("{{ {WEBHOOK} }}")), None);
    assert_eq!(said_of(&format!("{{ {BOT}, channel: '#ops' }}")), None);
    assert_eq!(said_of(&format!("{{ {BOT}, channel: C0123ABCDE, api_url: 'https://slack-gov.com/api' }}")), None);
}

#[test]
fn neither_both_and_halves_are_refused_with_the_cure() {
    let mistakes = [
        ("{ channel: ops }".to_owned(), "neither `webhook_url` nor `bot_token`"),
        (format!("{{ {WEBHOOK}, {BOT}, channel: ops }}"), "are two ways to write to Slack"),
        (format!("{{ {WEBHOOK}, channel: ops }}"), "`channel` says nothing to a webhook"),
        (format!("{{ {WEBHOOK}, api_url: 'https://slack-gov.com/api' }}"), "`api_url` says nothing to a webhook"),
        (format!("{{ {BOT} }}"), "`channel` is missing"),
        ("{ bot_token: xoxp-1-secret, channel: ops }".to_owned(), "`bot_token` is a user's token"),
        ("{ webhook_url: xoxb-1-secret }".to_owned(), "`webhook_url` is a token, not a URL"),
        (format!("{{ {BOT}, channel: ops, api_url: 'http://slack.com/api' }}"), "must start with `https://`"),
        (format!("{{ {BOT}, channel: ops, api_url: 'https://slack.com/api/chat.postMessage' }}"), "ends with a method"),
        (format!("{{ {BOT}, channel: ops, api_url: 'https://hooks.slack.com/services/a/b/c' }}"), "is a webhook's"),
        (format!("{{ {BOT}, channel: '{{{{ event.' }}"), "not a valid template"),
    ];
    for (yaml, mistake) in mistakes {
        let said = said_of(&yaml).unwrap_or_default();
        assert!(said.contains(mistake) && !said.contains("secret"), "{yaml}: {said}");
    }
}
