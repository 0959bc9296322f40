//! Slack's Web API: the message as a webhook takes it, and where it goes,
//! <https://docs.slack.dev/reference/methods/chat.postMessage> and <https://docs.slack.dev/reference/methods/chat.update>.

use super::Faults;
use super::slack::check_message;
use crate::support::receivers::Received;

/// The token in its header and nowhere else; a channel; and of a message that is there, its time stamp.
pub fn of_slacks_web_api(received: &Received) -> Vec<String> {
    let mut faults = Faults::default();
    let header = |name: &str| received.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let token = header("authorization").and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    faults.check(token.starts_with("xoxb-"), || "no token of a bot".to_owned());
    let body = String::from_utf8_lossy(&received.body);
    faults.check(!received.path.contains("xox") && !body.contains(token), || "the token is where it shows".to_owned());
    // Without it Slack warns in every answer.
    let charset = header("content-type").is_some_and(|value| value.ends_with("; charset=utf-8"));
    faults.check(charset, || "no charset".to_owned());
    let message = faults.json(received);
    let content = ["channel", "text", "blocks", "attachments"];
    match received.path.as_str() {
        "/api/chat.postMessage" => {
            let known = [&content[..], &["thread_ts", "unfurl_links", "unfurl_media"]].concat();
            faults.keys("the message", &message, &known);
            let folded = message["unfurl_links"] == false && message["unfurl_media"] == false;
            faults.check(folded, || "links unfold".to_owned());
        }
        "/api/chat.update" => {
            faults.keys("the change", &message, &[&content[..], &["ts"]].concat());
            // What is left out stays as it was.
            let is_whole = ["ts", "text", "blocks", "attachments"].iter().all(|key| message.get(key).is_some());
            faults.check(is_whole, || "a part of the old message stays".to_owned());
        }
        other => faults.0.push(format!("no method: {other}")),
    }
    for key in ["ts", "thread_ts"] {
        let is_ts = message[key].as_str().is_none_or(|ts| ts.split('.').all(|part| part.parse::<u64>().is_ok()));
        faults.check(message[key].is_null() || message[key].is_string() && is_ts, || format!("{key} {}", message[key]));
    }
    let channel = faults.text("the channel", &message["channel"], 81);
    faults.check(channel.starts_with(['#', 'C']), || format!("channel {channel}"));
    check_message(&mut faults, &message);
    faults.0
}
