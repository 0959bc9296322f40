//! The URL and its mistakes; where a message goes and what is made of it later; that no key shows.

use super::*;
use crate::event::delivery::Phase;
use crate::event::tally::Tally;
use crate::notify::samples::{alone, delivery, kit, of_incident, recorded};
use serde_json::json;

fn built(yaml: &str) -> Option<Arc<dyn Notifier>> {
    build(&Section::from_yaml("discord", yaml), &kit())
}

#[test]
fn every_recorded_answer_means_what_is_recorded() {
    let answers = recorded("discord");
    assert_eq!(answers.len(), 10);
    for answer in answers {
        answer.assert_means(codes::classify(answer.status, &answer.body, answer.retry_after).map(drop));
    }
}

#[test]
fn only_a_message_with_a_name_was_taken() {
    let said = r#"{"content":"x","id":"1300000000000000001"}"#;
    assert_eq!(codes::classify(200, said, None), Ok(Snowflake("1300000000000000001".to_owned())));
    for body in ["", "ok", "<html>Sign in</html>", "{}", r#"{"id":7}"#, r#"{"id":"../x"}"#] {
        assert!(codes::classify(200, body, None).unwrap_err().ambiguous, "{body}");
    }
}

#[test]
fn the_code_of_a_refusal_says_what_to_do() {
    let refused = |code: u64| codes::classify(400, &json!({"code": code}).to_string(), None).unwrap_err().detail;
    assert!(refused(220_001).ends_with("set `thread_id`"));
    assert!(refused(10_015).contains("change `url`"));
    assert_eq!(refused(1), "answered 400 `code 1`");
}

#[test]
fn a_url_that_is_no_webhook_is_refused_with_the_cure() {
    let mistakes = [
        ("discord.com/api/webhooks/1/x", "is not a URL"),
        ("http://discord.com/api/webhooks/1/x", "must start with `https://`"),
        ("https://discord.com/channels/1/2", "is a page for people"),
        ("https://discord.com/api/webhooks/1", "has Discord's host but not the path"),
        ("https://ptb.discord.com/api/v10/webhooks/1/x/slack", "takes the messages of another service"),
    ];
    for (url, mistake) in mistakes {
        let said = webhook(url).unwrap_err();
        assert!(said.starts_with(mistake), "{url}: {said}");
        let section = Section::from_yaml("discord", &format!("{{ url: '{url}' }}"));
        assert!(build(&section, &kit()).is_none(), "{url}");
        let cure = format!("{:?}", section.problems().unwrap_err());
        assert!(cure.contains("https://discord.com/api/webhooks/"));
    }
    for good in ["https://discord.com/api/webhooks/1/x", "https://discordapp.com/api/v10/webhooks/1/x\n"] {
        assert!(webhook(good).is_ok(), "{good}");
    }
}

#[test]
fn a_thread_is_named_by_its_number() {
    let url = "url: https://discord.com/api/webhooks/1/x";
    assert!(built(&format!("{{ {url}, thread_id: \"1300000000000000001\" }}")).is_some());
    assert!(built(&format!("{{ {url}, thread_id: general }}")).is_none());
}

#[test]
fn a_message_goes_into_its_thread_and_is_changed_there() {
    let webhook = Endpoint::parse("https://discord.com/api/webhooks/1/x").unwrap();
    let discord = Discord { webhook, thread: Snowflake::parse("42"), http: kit().http };
    assert_eq!(discord.to_post().query(), Some("thread_id=42&wait=true"));
    let to = discord.to_change(&Snowflake("7".to_owned()));
    assert_eq!((to.path(), to.query()), ("/api/webhooks/1/x/messages/7", Some("thread_id=42")));
}

#[test]
fn an_end_is_written_into_the_message_of_its_beginning_a_storm_into_its_own_and_nothing_else_is() {
    let batch = alone(&delivery("node.added", json!({})));
    let earlier = Receipt::new("1300000000000000001");
    let of = |phase, earlier: &Option<Receipt>| Batch {
        earlier: earlier.clone(),
        ..of_incident(batch.clone(), phase, "spot/all", None)
    };
    assert_eq!(told_before(&of(Phase::Resolve, &earlier)), Snowflake::parse("1300000000000000001"));
    assert_eq!(told_before(&of(Phase::Open, &earlier)), None);
    assert_eq!(told_before(&of(Phase::Resolve, &None)), None);
    assert_eq!(told_before(&of(Phase::Resolve, &Receipt::new("elsewhere/7"))), None);
    let taken = Snowflake("7".to_owned());
    assert_eq!(receipt(taken.clone(), &of(Phase::Open, &None)), Receipt::new("7"));
    assert_eq!(receipt(taken.clone(), &batch), None);
    let storm = Batch { is_storm: true, earlier, ..batch };
    assert_eq!((told_before(&storm), receipt(taken, &storm)), (None, Receipt::new("7")));
    let next = Batch { before: Some(Tally::default()), ..storm };
    assert_eq!(told_before(&next), Snowflake::parse("1300000000000000001"));
}
