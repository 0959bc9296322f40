//! How a batch gets into its channel: as a message of its own, as an answer in the thread of its incident, or as a change
//! of the message that told of the beginning, or of the storm so far.
//!
//! Pure. A message is known by the id of its channel and by its time stamp, as Slack answered; both are kept as the
//! [`Receipt`]. Where what was written is not there any more, or cannot be changed, there is a way
//! [`instead`](Way::instead).

use serde_json::Value;

use super::channel::Place;
use super::verdict::{self, Obstacle};
use crate::event::batch::{Batch, Receipt};
use crate::http_client::Answer;

/// A message in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    /// The id of its channel: a name may be given to another one.
    channel: String,
    /// What it is called there.
    ts: String,
}

/// What Slack took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::notify) struct Taken {
    posted: Posted,
    /// What the message is called in whose thread it stands.
    thread: Option<String>,
}

/// How it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Way {
    /// By a message of its own.
    Post,
    /// In the thread of this one.
    Reply(Posted),
    /// By changing this one.
    Change(Posted),
}

impl Posted {
    fn new(channel: &str, ts: &str) -> Option<Self> {
        let is_number = |part: &str| (1..=20).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let is_ts = ts.split_once('.').is_some_and(|(seconds, rest)| is_number(seconds) && is_number(rest));
        let is_of_id = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit();
        let is_id = (1..=32).contains(&channel.len()) && channel.bytes().all(is_of_id);
        (is_id && is_ts).then(|| Self { channel: channel.to_owned(), ts: ts.to_owned() })
    }

    fn of(receipt: &Receipt) -> Option<Self> {
        receipt.as_str().split_once(':').and_then(|(channel, ts)| Self::new(channel, ts))
    }

    fn receipt(&self) -> Option<Receipt> {
        Receipt::new(&format!("{}:{}", self.channel, self.ts))
    }
}

impl Taken {
    /// What the answer calls the message.
    pub(super) fn read(answer: &Value) -> Option<Self> {
        let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        let posted = Posted::new(&text(answer, "channel")?, &text(answer, "ts")?)?;
        Some(Self { posted, thread: answer.get("message").and_then(|message| text(message, "thread_ts")) })
    }
}

impl Way {
    /// An incident's end is written into what told of its beginning, and what comes in between into the thread of that;
    /// what follows in a storm is written into the storm's message. All else that belongs to no one incident is told by
    /// itself, whatever was told before.
    pub(super) fn of(batch: &Batch) -> Self {
        if let Some(written) = batch.to_change() {
            return Posted::of(written).map_or(Self::Post, Self::Change);
        }
        let opening = batch.earlier.as_ref().filter(|_| batch.incident.is_some());
        opening.and_then(Posted::of).map_or(Self::Post, Self::Reply)
    }

    /// The channel it goes to, where that is known from what was told before: whatever the template would make of this event.
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Self::Post => None,
            Self::Reply(there) | Self::Change(there) => {
                Some(Place { name: there.channel.clone(), is_everybodys: false })
            }
        }
    }

    /// The method of the Web API.
    pub(super) fn method(&self) -> &'static str {
        match self {
            Self::Post | Self::Reply(_) => "chat.postMessage",
            Self::Change(_) => "chat.update",
        }
    }

    /// The message with where it goes. `chat.update` knows nothing of previews of links.
    pub(super) fn addressed(&self, mut message: Value, place: &Place) -> Value {
        let address = match self {
            Self::Post => vec![("channel", &place.name)],
            Self::Reply(to) => vec![("channel", &to.channel), ("thread_ts", &to.ts)],
            Self::Change(it) => vec![("channel", &it.channel), ("ts", &it.ts)],
        };
        for (key, value) in address {
            message[key] = Value::String(value.clone());
        }
        if let (Self::Change(_), Some(fields)) = (self, message.as_object_mut()) {
            fields.retain(|key, _| !key.starts_with("unfurl_"));
        }
        message
    }

    /// The next way, where this one is closed: the incident whose message cannot be changed any more is told of in its
    /// thread, and what is not there, or not to be reached, is told anew; so is a storm, whose next message can be changed
    /// again. A message of its own has no other way.
    pub(super) fn instead(&self, answer: &Answer, batch: &Batch) -> Option<Self> {
        match (self, verdict::obstacle(&answer.body)?) {
            (Self::Post, _) => None,
            (Self::Change(it), Obstacle::Unchangeable) if batch.incident.is_some() => Some(Self::Reply(it.clone())),
            _ => Some(Self::Post),
        }
    }

    /// By what the incident or the storm is known from now on. Nothing where the message tells of several things otherwise:
    /// it must neither be changed nor answered for the sake of one of them.
    pub(super) fn receipt(&self, taken: Taken, batch: &Batch) -> Option<Receipt> {
        if !batch.is_one_story() {
            return None;
        }
        match self {
            Self::Change(it) => it.receipt(),
            // Where the message is gone, Slack posts the answer as a message of its own, and says so only here.
            Self::Reply(to) if taken.thread.as_ref() == Some(&to.ts) => to.receipt(),
            Self::Post | Self::Reply(_) => taken.posted.receipt(),
        }
    }
}

#[cfg(test)]
mod tests;
