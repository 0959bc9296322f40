//! A batch as one mail: headers by which clients know it again and thread it, then the same story twice.
//!
//! Headers are made by lettre, never by joining strings, <https://www.rfc-editor.org/rfc/rfc5322>. Everything in a mail is ASCII
//! in lines of less than 998 bytes, so that every server takes it. Pure: the time is the batch's. Next file:
//! [`super::session`], which hands it over.

use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::words;
use crate::event::Timestamp;
use crate::event::batch::{Batch, Receipt};
use crate::names::hex;
use crate::notify::NotifyError;
use crate::notify::message::{Message, cut};
use crate::template::{Markup, Wording};

/// Characters of a subject; no client shows as many.
const LONGEST_SUBJECT: usize = 200;

/// Who writes to whom.
pub(super) struct Correspondents {
    pub(super) from: Mailbox,
    pub(super) to: Mailbox,
    pub(super) reply_to: Option<Mailbox>,
    pub(super) list_id: String,
}

/// One mail, complete.
pub(super) struct Mail {
    /// As it is sent, lines ended by CRLF.
    pub(super) bytes: Vec<u8>,
    /// Both parts before they were encoded.
    pub(super) plain: String,
    pub(super) html: String,
    /// By which the next mail about the same incident finds this one's subject.
    pub(super) receipt: Option<Receipt>,
}

impl Mail {
    /// Says it.
    ///
    /// # Errors
    /// When lettre cannot make a mail of it, which is not known to happen.
    pub(super) fn write(between: &Correspondents, batch: &Batch, wording: &Wording) -> Result<Self, NotifyError> {
        let message = Message::compose(batch, wording, Markup::Html);
        let plain = words::plain(&Message::compose(batch, wording, Markup::Plain));
        let html = words::html(&message);
        let domain = between.from.email.domain();
        let id = name_of(batch);
        let thread = thread_of(batch);
        let subject = subject(&message, batch, thread.as_deref());
        let mut building = lettre::Message::builder()
            .message_id(Some(format!("<{id}@{domain}>")))
            .date(at(batch.claimed_at))
            .from(between.from.clone())
            .to(between.to.clone())
            .subject(subject.clone());
        if let Some(reply_to) = &between.reply_to {
            building = building.reply_to(reply_to.clone());
        }
        if let Some(thread) = &thread {
            let root = format!("<{thread}@{domain}>");
            building = building.in_reply_to(root.clone()).references(root);
        }
        let parts = MultiPart::alternative()
            .boundary(format!("=_{id}"))
            .singlepart(part(ContentType::TEXT_PLAIN, &plain)?)
            .singlepart(part(ContentType::TEXT_HTML, &html)?);
        let mail = building
            .raw_header(fixed("Auto-Submitted", "auto-generated"))
            .raw_header(fixed("X-Auto-Response-Suppress", "All"))
            .raw_header(fixed("List-Id", &between.list_id))
            .multipart(parts)
            .map_err(|error| NotifyError::message_refused(format!("no mail can be made of it: {error}")))?;
        let receipt = thread.and_then(|thread| Receipt::new(&format!("{thread}\n{subject}")));
        Ok(Self { bytes: mail.formatted(), plain, html, receipt })
    }

    /// The headers, for people.
    pub(super) fn headers(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes).replace("\r\n", "\n");
        text.split_once("\n\n").map_or(text.clone(), |(headers, _)| headers.to_owned())
    }
}

fn part(kind: ContentType, text: &str) -> Result<SinglePart, NotifyError> {
    let encoding = ContentTransferEncoding::QuotedPrintable;
    let body = Body::new_with_encoding(text.to_owned(), encoding)
        .map_err(|_| NotifyError::message_refused("a part of the mail cannot be encoded"))?;
    Ok(SinglePart::builder().header(kind).body(body))
}

fn fixed(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn at(time: Timestamp) -> SystemTime {
    let since_epoch = Duration::from_millis(u64::try_from(time.as_millis()).unwrap_or_default());
    SystemTime::UNIX_EPOCH.checked_add(since_epoch).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The same for each attempt to deliver the same, on whichever machine: servers and clients that know a mail again by its
/// Message-ID show it once. What has grown since is another mail, or the addition would be dropped as known. The row of a delivery
/// says nothing outside its database, so the event's own id goes in.
fn name_of(batch: &Batch) -> String {
    let event = batch.first_event();
    let what = [batch.target().as_str(), event.id.as_str()].map(str::to_owned);
    let when = event.received_at.as_millis().to_string();
    let rows = batch.deliveries.iter().map(|id| id.row().to_string());
    format!("{}.{}", batch.first().row(), digest(what.into_iter().chain([when]).chain(rows)))
}

/// One name for all that is told of an incident, from its beginning to its end; none without one. No mail need have it: clients
/// put together what refers to the same, <https://www.jwz.org/doc/threading.html>.
fn thread_of(batch: &Batch) -> Option<String> {
    let incident = batch.incident.as_ref()?;
    let when = incident.opened_at.as_millis().to_string();
    Some(format!("incident.{}", digest([batch.target().as_str(), incident.key.as_str(), &when].map(str::to_owned))))
}

fn digest(parts: impl IntoIterator<Item = String>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        // With its length, so that no two lists of parts are one text.
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    hex(hash.finalize().get(..16).unwrap_or_default())
}

/// The headline; of an incident that was told of before, the first one's, because Gmail threads by it. What is
/// new then stands in the first line of the text, which lists of mails show as well.
fn subject(message: &Message, batch: &Batch, thread: Option<&str>) -> String {
    let earlier = batch.earlier.as_ref().and_then(|receipt| receipt.as_str().split_once('\n'));
    let earlier = earlier.filter(|(of, _)| Some(*of) == thread).map(|(_, subject)| subject.to_owned());
    earlier.unwrap_or_else(|| cut(&message.headline, LONGEST_SUBJECT))
}

#[cfg(test)]
#[path = "tests/mail.rs"]
mod tests;
