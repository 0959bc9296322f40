//! `/api/v1/stream`: what happens, as it happens, as Server-Sent Events.
//!
//! New events are read from the store whenever there are some, so that none is left out, each has its place, and whoever comes
//! back with the last place goes on there. Outcomes are told from memory. Who is too far behind for either is told so
//! ([`Resync`]) and has to list what was missed. A stream ends when the relay is asked to stop. Next: [`crate::live`].

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::deliveries::About;
use super::events::{LIST, Shown};
use super::filter::{self, short};
use super::operation::{Answer, Call, Heeded, Nothing};
use super::page;
use super::read::given;
use super::{Admin, PATIENCE};
use crate::event::delivery::{DeliveryState, Outcome, Reason};
use crate::event::{Event, Severity, Timestamp};
use crate::http_server::ApiError;
use crate::live::{self, Heard, MOST_WATCHERS, News, Watch};
use crate::names::{DeliveryId, RouteName, SourceName, TargetName};
use crate::store::StoreError;
use crate::store::query::{EventFilter, EventRow, Listed, Order, OwedFilter, Slice};

/// Silence is broken by a comment after this time, so that both sides see whether the other one is there.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events that are told again to who comes back.
const MOST_TOLD_AGAIN: usize = 1_000;
/// Events that are read at a time.
const STRETCH: usize = 100;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// The same, for the document.
pub const GO_ON: Heeded = Heeded {
    name: "Last-Event-ID",
    description: "From the event behind this place on, as `after`; where both are said, this one counts. An empty one says nothing.",
    pattern: "^[0-9]{0,18}$",
};
/// Tells reverse proxies not to wait for more.
const UNBUFFERED: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));

/// What may be asked for. Everything that is said must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Of events of this type; with `.*` at its end, of all types that begin so.
    #[serde(default, rename = "type", deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    event_type: Option<String>,
    /// Of the cluster with this name or id.
    #[serde(default, deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    cluster: Option<String>,
    /// At least so severe.
    #[serde(default, deserialize_with = "given")]
    severity: Option<Severity>,
    /// Brought by this source.
    #[serde(default, deserialize_with = "given")]
    source: Option<SourceName>,
    /// Owed to this target.
    #[serde(default, deserialize_with = "given")]
    target: Option<TargetName>,
    /// Words that occur in the event: whole words, in any order and case.
    #[serde(default, deserialize_with = "short")]
    #[schemars(length(min = 1, max = 255))]
    text: Option<String>,
    /// From the event behind this place on; without it, from now on. The header `Last-Event-ID` says the same, and comes first.
    #[serde(default, deserialize_with = "given")]
    #[schemars(regex(pattern = r"^[0-9]{1,18}$"))]
    after: Option<String>,
}

/// The end of an attempt: the data of `attempted`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Attempted {
    /// When.
    pub at: Timestamp,
    /// How: `delivered`, `retry` or `dead`.
    pub outcome: String,
    /// To whom.
    pub target: TargetName,
    /// By which route.
    pub route: RouteName,
    /// The delivery; where one message told of many, the first of them.
    pub delivery: DeliveryId,
    /// How many one message told of.
    pub deliveries: usize,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// What it told of; of many, the worst.
    pub event: About,
    /// Why it failed.
    pub reason: Option<Reason>,
    /// The same in words.
    pub detail: Option<String>,
    /// When it is tried again at the earliest.
    pub again_at: Option<Timestamp>,
}

/// The end of a delivery that was not delivered: the data of `ended`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How it stands now.
    pub state: DeliveryState,
    /// To whom it was owed.
    pub target: TargetName,
    /// Which delivery.
    pub delivery: DeliveryId,
    /// What it was to tell of; nothing where that cannot be read.
    pub event: Option<About>,
    /// The reason of a dead letter.
    pub reason: Option<Reason>,
    /// Why, in words.
    pub detail: String,
}

/// Something was left out: the data of `resync`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// The place of the last event that was told.
    pub after: i64,
    /// The stream goes on behind this place: events between the two were not told.
    pub to: i64,
    /// The cursor to list them from, with `order=oldest` and the same filter: `GET /api/v1/events`.
    pub cursor: String,
    /// Outcomes that were not told.
    pub outcomes: u64,
}

/// A stream of events.
pub struct Streamed(Response);

impl Answer for Streamed {
    const STATUS: StatusCode = StatusCode::OK;
    const CONTENT_TYPE: &'static str = "text/event-stream";

    fn schema(generator: &mut SchemaGenerator) -> Schema {
        let data = [
            generator.subschema_for::<Shown>(),
            generator.subschema_for::<Attempted>(),
            generator.subschema_for::<Ended>(),
            generator.subschema_for::<Resync>(),
        ];
        json_schema!({
            "type": "string",
            "description": "Server-Sent Events `accepted` (an event as it is listed, its place as id), `attempted`, `ended` and `resync`; \
                            the data of each is JSON.",
            "contentMediaType": "application/json",
            "contentSchema": {"oneOf": data},
        })
    }

    fn into_response(self) -> Response {
        self.0
    }
}

/// `GET`.
pub async fn open(call: Call<Nothing, Wanted>) -> Result<Streamed, ApiError> {
    let Call { admin, query, headers, .. } = call;
    let after = place_to_go_on_from(&headers, query.after.as_deref())?;
    let filter = query.filter()?;
    let watch = admin.live.watch().ok_or_else(|| {
        let hint = "close one that is not needed, or list what there is: `GET /api/v1/events`";
        ApiError::too_many(format!("{MOST_WATCHERS} streams are open"), hint)
    })?;
    let place = match after {
        Some(place) => place,
        None => admin.ask(newest_place(&admin)).await?,
    };
    let telling = Telling { admin, watch, filter, place, ready: VecDeque::new(), is_behind: true, told_again: 0 };
    let told = stream::unfold(telling, |mut telling| async move {
        let next = telling.next().await?;
        Some((Ok::<_, Infallible>(next), telling))
    });
    let told = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(Streamed(([UNBUFFERED], told).into_response()))
}

fn place_to_go_on_from(headers: &HeaderMap, after: Option<&str>) -> Result<Option<i64>, ApiError> {
    let last = headers.get(LAST_EVENT_ID).map(|value| value.to_str().unwrap_or("?"));
    let is_place = |text: &&str| (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let read = |text: &str| {
        let place = Some(text).filter(is_place).and_then(|text| text.parse().ok());
        let hint = "a place is the id of an `accepted` of this stream, or `place` of an event in a list";
        place.ok_or_else(|| ApiError::not_allowed("the stream cannot go on from there: that is no place", hint))
    };
    last.filter(|text| !text.is_empty()).or(after).map(read).transpose()
}

async fn newest_place(admin: &Admin) -> Result<i64, StoreError> {
    let newest = admin.store.events(EventFilter::default(), Slice::first(1, Order::NewestFirst)).await?;
    Ok(newest.items.first().map_or(0, |row| row.place))
}

impl Wanted {
    fn filter(self) -> Result<EventFilter, ApiError> {
        let Self { event_type, cluster, severity, source, target, text, .. } = self;
        let owed = OwedFilter { target, ..OwedFilter::default() };
        let text = filter::words(text)?;
        Ok(EventFilter { event_type, cluster, severity, source, text, owed, ..EventFilter::default() })
    }
}

/// A stream on its way.
struct Telling {
    admin: Admin,
    watch: Watch,
    filter: EventFilter,
    /// Of the last event that was read.
    place: i64,
    /// What is to be sent.
    ready: VecDeque<sse::Event>,
    /// Whether there may be events behind that place.
    is_behind: bool,
    /// Events that were read since it was last up to date.
    told_again: usize,
}

impl Telling {
    /// The next thing to send; `None` at the end.
    async fn next(&mut self) -> Option<sse::Event> {
        let life = self.admin.life.clone();
        loop {
            if let Some(ready) = self.ready.pop_front() {
                return Some(ready);
            }
            let went_on = tokio::select! {
                biased;
                () = life.stopping() => return None,
                went_on = self.go_on() => went_on,
            };
            if let Err(error) = went_on? {
                // Whoever comes back goes on where this one ended.
                tracing::error!(%error, "a stream ended because the store failed it");
                return None;
            }
        }
    }

    /// Waits for something to tell, which may come to nothing; `None` when nothing will come.
    async fn go_on(&mut self) -> Option<Result<(), StoreError>> {
        if self.is_behind {
            return Some(self.read_on().await);
        }
        match self.watch.next().await? {
            Heard::Arrivals => self.is_behind = true,
            Heard::Missed(outcomes) => self.say("resync", Some(self.place), &self.missed(self.place, outcomes)),
            Heard::News(News::Attempted(attempted)) => self.attempted(&attempted),
            Heard::News(News::Ended(ended, at)) => return Some(self.ended(&ended, at).await),
        }
        Some(Ok(()))
    }

    /// The next stretch of events, or an end of that where too many have to be told again.
    async fn read_on(&mut self) -> Result<(), StoreError> {
        if self.told_again >= MOST_TOLD_AGAIN {
            let to = newest_place(&self.admin).await?.max(self.place);
            let missed = self.missed(to, 0);
            (self.place, self.told_again) = (to, 0);
            self.say("resync", Some(to), &missed);
            return Ok(());
        }
        let slice = Slice { after: Some(self.place), limit: STRETCH, order: Order::OldestFirst };
        let Listed { items, next } = within(self.admin.store.events(EventFilter::default(), slice)).await?;
        self.is_behind = next.is_some();
        self.told_again = if self.is_behind { self.told_again + items.len() } else { 0 };
        for row in items {
            self.place = row.place;
            if self.filter.fits(&row.event) && self.is_owed(&row) {
                self.say("accepted", Some(row.place), &Shown::from(row));
            }
        }
        Ok(())
    }

    fn is_owed(&self, row: &EventRow) -> bool {
        self.filter.owed.target.as_ref().is_none_or(|target| row.owed.contains_key(target))
    }

    fn is_to(&self, target: &TargetName) -> bool {
        self.filter.owed.target.as_ref().is_none_or(|wanted| wanted == target)
    }

    fn missed(&self, to: i64, outcomes: u64) -> Resync {
        let page = filter::page(LIST, &self.filter, Order::OldestFirst, page::USUAL, None);
        let cursor = page.map(|page| page.next(self.place)).unwrap_or_default();
        Resync { after: self.place, to, cursor, outcomes }
    }

    fn attempted(&mut self, attempted: &live::Attempted) {
        let batch = &attempted.batch;
        let is_wanted = batch.shown.iter().any(|shown| self.filter.fits(&shown.event));
        if is_wanted && self.is_to(batch.target()) {
            self.say("attempted", None, &Attempted::from(attempted));
        }
    }

    async fn ended(&mut self, ended: &live::Ended, at: Timestamp) -> Result<(), StoreError> {
        if !self.is_to(&ended.target) {
            return Ok(());
        }
        let before = Slice { after: Some(ended.delivery.row() - 1), limit: 1, order: Order::OldestFirst };
        let found = within(self.admin.store.deliveries(EventFilter::default(), before)).await?;
        let row = found.items.into_iter().find(|row| row.place() == ended.delivery);
        let event: Option<Event> = row.and_then(|row| row.event);
        if event.as_ref().is_none_or(|event| self.filter.fits(event)) {
            let live::Ended { delivery, target, state, reason, detail } = ended.clone();
            let event = event.as_ref().map(About::of);
            self.say("ended", None, &Ended { at, state, target, delivery, event, reason, detail });
        }
        Ok(())
    }

    fn say(&mut self, what: &str, place: Option<i64>, data: &impl Serialize) {
        // Our own values are made of texts and numbers, which JSON can always write.
        let Ok(data) = serde_json::to_string(data) else { return };
        let event = sse::Event::default().event(what).data(data);
        self.ready.push_back(match place {
            Some(place) => event.id(place.to_string()),
            None => event,
        });
    }
}

/// What the store answers, if it does so in time.
async fn within<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError { doing: "tell of what happens", detail: "it did not answer in time".to_owned() };
    tokio::time::timeout(PATIENCE, answer).await.map_err(late)?
}

impl From<&live::Attempted> for Attempted {
    fn from(live::Attempted { batch, outcome, at }: &live::Attempted) -> Self {
        let (reason, detail, again_at) = match outcome {
            Outcome::Delivered { .. } => (None, None, None),
            Outcome::Retry { at, reason, detail, .. } => (Some(*reason), Some(detail.clone()), Some(*at)),
            Outcome::Dead { reason, detail, .. } => (Some(*reason), Some(detail.clone()), None),
        };
        Self {
            at: *at,
            outcome: outcome.as_str().to_owned(),
            target: batch.target().clone(),
            route: batch.route().clone(),
            delivery: batch.first(),
            deliveries: batch.deliveries.len(),
            attempt: batch.attempt,
            event: About::of(&batch.lead().event),
            reason,
            detail,
            again_at,
        }
    }
}
