//! Which way a batch takes, what the request is then, and by what the message is known later.

use serde_json::json;

use super::*;
use crate::event::delivery::Phase;
use crate::event::tally::Tally;
use crate::notify::samples::{alone, delivery, interruptions, many, of_incident};

const ROOT: &str = "C123ABC456:1503435956.000247";

fn root() -> Posted {
    Posted::new("C123ABC456", "1503435956.000247").unwrap()
}

fn step(phase: Phase, earlier: &str) -> Batch {
    let batch = of_incident(alone(&delivery("node.added", json!({}))), phase, "spot/all", None);
    Batch { earlier: Receipt::new(earlier), ..batch }
}

fn taken(ts: &str, thread: Option<&str>) -> Taken {
    let message = json!({"text": "x", "thread_ts": thread});
    Taken::read(&json!({"ok": true, "channel": "C123ABC456", "ts": ts, "message": message})).unwrap()
}

fn says(word: &str) -> Answer {
    Answer { status: 200, retry_after: None, body: json!({"ok": false, "error": word}).to_string() }
}

#[test]
fn an_incident_is_opened_added_to_in_its_thread_and_ended_in_its_first_message() {
    assert_eq!(Way::of(&step(Phase::Open, "")), Way::Post);
    assert_eq!(Way::of(&step(Phase::Open, ROOT)), Way::Reply(root()));
    assert_eq!(Way::of(&step(Phase::Resolve, ROOT)), Way::Change(root()));
    assert_eq!(Way::of(&step(Phase::Resolve, "")), Way::Post);
    for odd in ["1300000000000000001", "../../x", "C1", "C1:", ":1.2", "c1:1.2", "C1:1", "C1:1.x", "C1:1.2:3"] {
        assert_eq!(Way::of(&step(Phase::Resolve, odd)), Way::Post, "{odd}");
    }
}

#[test]
fn what_tells_of_several_things_is_neither_put_into_a_thread_nor_kept_for_one() {
    let group = Batch { earlier: Receipt::new(ROOT), ..many(interruptions(3, 2)) };
    assert_eq!(Way::of(&group), Way::Post);
    assert_eq!(Way::Post.receipt(taken("1.2", None), &group), None);
}

#[test]
fn a_storm_is_written_into_its_one_message_or_anew_where_that_is_gone() {
    let first = Batch { is_storm: true, ..many(interruptions(3, 2)) };
    assert_eq!(Way::of(&first), Way::Post);
    assert_eq!(Way::Post.receipt(taken("1503435956.000247", None), &first), Receipt::new(ROOT));
    let worse = Batch { earlier: Receipt::new(ROOT), ..first.clone() };
    assert_eq!(Way::of(&worse), Way::Post, "what is to be told anew has a name, but nothing it told before");
    let next = Batch { before: Some(Tally::default()), ..worse };
    assert_eq!(Way::of(&next), Way::Change(root()));
    assert_eq!(Way::Change(root()).receipt(taken("1503435956.000247", None), &next), Receipt::new(ROOT));
    for word in ["message_not_found", "cant_update_message", "edit_window_closed"] {
        assert_eq!(Way::Change(root()).instead(&says(word), &next), Some(Way::Post), "{word}");
    }
    assert_eq!(Way::of(&Batch { earlier: Receipt::new("elsewhere/7"), ..next }), Way::Post);
}

#[test]
fn each_way_has_its_address() {
    let place = Place { name: "#ops".to_owned(), is_everybodys: true };
    let addressed = |way: Way| {
        let body = way.addressed(json!({"text": "x", "unfurl_links": false, "unfurl_media": false}), &place);
        (way.method(), body)
    };
    let posted = json!({"text": "x", "unfurl_links": false, "unfurl_media": false, "channel": "#ops"});
    assert_eq!(addressed(Way::Post), ("chat.postMessage", posted));
    let reply = json!({
        "text": "x", "unfurl_links": false, "unfurl_media": false,
        "channel": "C123ABC456", "thread_ts": "1503435956.000247",
    });
    assert_eq!(addressed(Way::Reply(root())), ("chat.postMessage", reply));
    let change = json!({"text": "x", "channel": "C123ABC456", "ts": "1503435956.000247"});
    assert_eq!(addressed(Way::Change(root())), ("chat.update", change));
}

#[test]
fn what_cannot_be_changed_is_answered_and_what_is_not_there_is_told_anew() {
    let end = step(Phase::Resolve, ROOT);
    for word in ["cant_update_message", "edit_window_closed"] {
        assert_eq!(Way::Change(root()).instead(&says(word), &end), Some(Way::Reply(root())), "{word}");
    }
    // The channel of what was written before need not be the one that is meant now.
    for word in ["message_not_found", "channel_not_found", "not_in_channel", "is_archived", "restricted_action"] {
        assert_eq!(Way::Change(root()).instead(&says(word), &end), Some(Way::Post), "{word}");
    }
    for word in ["thread_not_found", "cannot_reply_to_message", "restricted_action_thread_locked", "is_archived"] {
        assert_eq!(Way::Reply(root()).instead(&says(word), &end), Some(Way::Post), "{word}");
    }
    for word in ["invalid_auth", "ratelimited", "internal_error", "something_new"] {
        assert_eq!(Way::Change(root()).instead(&says(word), &end), None, "{word}");
    }
    for word in ["message_not_found", "cant_update_message", "channel_not_found"] {
        assert_eq!(Way::Post.instead(&says(word), &end), None, "{word}");
    }
}

#[test]
fn an_incident_is_known_by_its_first_message() {
    let open = step(Phase::Open, "");
    let kept = |way: Way, taken| way.receipt(taken, &open).map(|receipt| receipt.as_str().to_owned());
    let first = taken("1503435956.000247", None);
    assert_eq!(kept(Way::Post, first.clone()).as_deref(), Some(ROOT));
    assert_eq!(kept(Way::Change(root()), first).as_deref(), Some(ROOT));
    let reply = taken("1503435999.000001", Some("1503435956.000247"));
    assert_eq!(kept(Way::Reply(root()), reply).as_deref(), Some(ROOT));
    // Its parent was deleted meanwhile: it stands in the channel, by itself.
    let alone = taken("1503435999.000001", None);
    assert_eq!(kept(Way::Reply(root()), alone).as_deref(), Some("C123ABC456:1503435999.000001"));
}
