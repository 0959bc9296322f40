//! Which token is taken, and what is said of the others.

use super::*;

#[test]
fn only_a_bots_token_is_taken() {
    for good in ["xoxb-1234567890-abcDEF", " xoxb-1\n"] {
        assert_eq!(of_bot(good).unwrap().expose(), good.trim());
        assert!(is_one(good));
    }
    let mistakes = [
        ("xoxp-1-2-3", "is a user's token"),
        ("xapp-1-A0-2-3", "is a token of the app itself"),
        ("xoxe.xoxb-1-2", "is a token that ends after twelve hours"),
        ("xoxe-1-2", "is for renewing"),
        ("https://hooks.slack.com/services/T0/B0/x", "is a URL"),
        ("Bearer xoxb-1", "has `Bearer` before it"),
        ("xoxb-", "begins as a bot's token does"),
        ("xoxb-1 2", "begins as a bot's token does"),
        ("xoxb-1\r\nx: y", "begins as a bot's token does"),
        ("0123456789abcdef0123456789abcdef", "is no bot token"),
    ];
    for (text, mistake) in mistakes {
        let said = of_bot(text).unwrap_err();
        assert!(said.starts_with(mistake), "{text}: {said}");
    }
}
