//! Backfill: what CAST AI's webhook did not bring, out of the list of notifications in CAST AI's API.
//!
//! Each round pages through the list, newest first, until nothing new can come ([`plan`]), and accepts what is not known
//! yet, oldest first, in steps; with the last step moves the cursor. So a kill or a failure at any point loses nothing,
//! and because ids deduplicate it doubles nothing. While a webhook is expected to bring them, the youngest notifications
//! are left to it; what it did not bring in time is a gap ([`gap`]). Knows the [`Inbox`] and CAST AI's API.

mod gap;
mod plan;
pub mod terms;

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use serde::Deserialize;

use crate::castai_api::notifications::Notification;
use crate::castai_api::webhooks::{WebhookConfig, is_same_url};
use crate::castai_api::{CastAi, Page};
use crate::config::Span;
use crate::event::relay::{self, Gap};
use crate::event::{Event, Timestamp};
use crate::names::{CursorName, EventId, SourceName, TargetName};
use crate::source::Inbox;
use crate::source::polling::{Poll, PollError};
use crate::source::webhook::WebhookPath;
use crate::source::wire::{self, Listed};
use crate::store::{Cursor, StoreError};
use crate::telemetry::Metrics;
use gap::Missed;
use plan::{OVERLAP, Plan, Position, Times, Turn};
use terms::Terms;

/// Notifications on a page.
const PAGE: u32 = 100;
/// Events in one transaction.
const STEP: usize = 100;
/// The most new notifications that are held in memory; beyond, they are accepted before the next page is read.
const MOST_HELD: usize = 2000;
/// How often the list is read as far down as the first round reads it, for what was written down long after it happened.
const SEARCH_EVERY: Duration = Duration::from_secs(3600);
/// The longest `webhook_grace`: a webhook that takes longer is not working.
const LONGEST_GRACE: Span = Span::from_secs(3600);
/// How long CAST AI may take to say which webhooks there are: what is late already must not wait for it.
const WEBHOOKS_PATIENCE: Duration = Duration::from_secs(10);

/// The section `sources.notifications`.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How often to ask.
    pub every: Span,
    /// How far back the very first round looks. Later ones go on where the last one ended, however long ago that was; what
    /// they happen to see of this age is told as well, so the store must remember it for as long.
    pub look_back: Span,
    /// Up to which age a notification goes by the routes. Kept by [`crate::route::LateRule`].
    pub page_if_younger_than: Option<Span>,
    /// Who hears of older ones. Kept by [`crate::route::LateRule`].
    pub older_notify: Option<Vec<TargetName>>,
    /// For how long a notification is left to the webhook. Without webhooks it is left to nobody.
    pub webhook_grace: Span,
    /// How long CAST AI may give no good answer before that is reported.
    pub silent_after: Span,
    /// How long events are kept, which is `store.retention`: what was told before and is older may be forgotten.
    #[serde(skip)]
    pub retention: Option<Span>,
    /// Added to every event; `category` also fills in for a category the list does not show.
    pub labels: BTreeMap<String, String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            every: Span::from_secs(60),
            look_back: Span::from_secs(24 * 3600),
            page_if_younger_than: None,
            older_notify: None,
            webhook_grace: Span::from_secs(120),
            silent_after: Span::from_secs(15 * 60),
            retention: None,
            labels: BTreeMap::new(),
        }
    }
}

impl Config {
    /// Values that cannot work, each with its key and what to write instead.
    pub fn impossible(&self) -> Vec<(&'static str, String)> {
        let (every, silent_after) = (self.every, self.silent_after);
        let hurry = every.get() < Duration::from_secs(1);
        let impatient = silent_after <= every;
        let patient = self.webhook_grace > LONGEST_GRACE;
        let mistakes = [
            (hurry, "every", "asking so often helps nobody; write at least `1s`".to_owned()),
            (impatient, "silent_after", format!("it is asked every {every} only; write more than that, such as `15m`")),
            (
                patient,
                "webhook_grace",
                format!("what the webhook does not bring would come that late; write at most {LONGEST_GRACE}"),
            ),
        ];
        mistakes.into_iter().filter(|(wrong, ..)| *wrong).map(|(_, key, mistake)| (key, mistake)).collect()
    }

    /// What would be told again because the store forgets it after `retention`: the key, the mistake and a hint.
    pub fn forgotten(&self, retention: Span) -> Vec<(&'static str, String, String)> {
        let Self { look_back, webhook_grace: grace, .. } = *self;
        let hint = |most: Span| format!("write at most `{most}`, or a longer `store.retention`");
        let kept = format!("events are kept for {retention} only: older ones would be told again");
        let overlap = Span::from_secs(OVERLAP.as_secs());
        let most_grace = Span::from_secs(retention.get().saturating_sub(OVERLAP).as_secs());
        let mistakes = [
            (look_back > retention, "look_back", format!("`look_back` is {look_back}, but {kept}"), hint(retention)),
            (
                grace > most_grace,
                "webhook_grace",
                format!("`webhook_grace` is {grace}, each round reads {overlap} more, but {kept}"),
                hint(most_grace),
            ),
        ];
        let wrong = mistakes.into_iter().filter(|(wrong, ..)| *wrong);
        wrong.map(|(_, key, mistake, hint)| (key, mistake, hint)).collect()
    }
}

/// Where CAST AI may reach us itself.
#[derive(Debug, Clone)]
pub struct Door {
    /// The path of a webhook source.
    pub path: WebhookPath,
    /// The whole URL, where it is known how others reach us.
    pub url: Option<String>,
}

impl Door {
    /// Whether this configuration calls it.
    fn is_called_by(&self, webhook: &WebhookConfig) -> bool {
        match &self.url {
            Some(url) => is_same_url(&webhook.bare_url(), url),
            None => webhook.calls(self.path.as_str()),
        }
    }
}

/// The source at work.
pub struct Backfill {
    castai: CastAi,
    inbox: Arc<Inbox>,
    config: Config,
    webhooks: Vec<Door>,
    terms: Arc<Terms>,
    metrics: Arc<Metrics>,
    has_told_of_disorder: AtomicBool,
    /// When the list was last read that far down.
    searched_at: Mutex<Option<Timestamp>>,
}

/// A notification that is not known yet.
struct News {
    event: Event,
    times: Times,
    /// As CAST AI's client understands it; absent where it does not, which costs no event but says nothing of a gap.
    notification: Option<Notification>,
}

impl Backfill {
    /// Asks `castai` and hands what is new to `inbox`. `webhooks` are the ways by which CAST AI may reach us itself; what
    /// they and the list must know of each other is in `terms`.
    pub fn new(
        castai: CastAi,
        inbox: Arc<Inbox>,
        config: Config,
        webhooks: Vec<Door>,
        terms: Arc<Terms>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            castai,
            inbox,
            config,
            webhooks,
            terms,
            metrics,
            has_told_of_disorder: AtomicBool::new(false),
            searched_at: Mutex::default(),
        }
    }

    fn cursor_name(&self) -> CursorName {
        CursorName::of(&self.source())
    }

    /// For how long notifications are left to the webhook.
    fn grace(&self) -> Duration {
        if self.webhooks.is_empty() { Duration::ZERO } else { self.config.webhook_grace.get() }
    }

    fn searched_at(&self) -> MutexGuard<'_, Option<Timestamp>> {
        self.searched_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn plan(&self, now: Timestamp) -> Result<Plan, StoreError> {
        let kept = self.inbox.cursor(&self.cursor_name()).await?;
        let position = kept.and_then(|text| {
            let position = Position::read(&text);
            position
                .inspect_err(|error| tracing::error!(%error, "the cursor cannot be read; looking back as at first"))
                .ok()
        });
        let plan = Plan::new(position, self.config.look_back.get(), self.grace(), now);
        let retention = self.config.retention.map_or(Duration::MAX, Span::get);
        Ok(plan.remembering(position, retention))
    }

    /// What of a page is new and due.
    async fn news(
        &self,
        page: Page<Notification>,
        plan: &mut Plan,
        known: &mut HashSet<EventId>,
        now: Timestamp,
    ) -> Result<Vec<News>, StoreError> {
        let readable = page.items.into_iter().map(|item| (item.raw.clone(), Some(item)));
        let unreadable = page.unreadable.into_iter().map(|item| (item.raw, None));
        let mut news = Vec::new();
        for (raw, notification) in readable.chain(unreadable) {
            let (item, ids) = self.read(raw, notification, now);
            if plan.turn_of(item.times) == Turn::Due && !self.is_known(&ids, known).await? {
                plan.found_news();
                news.push(item);
            }
        }
        Ok(news)
    }

    /// The event of an item, and every id that it may be known by.
    fn read(&self, raw: Bytes, notification: Option<Notification>, now: Timestamp) -> (News, [EventId; 2]) {
        match wire::read_listed(&raw, &self.source(), &self.config.labels, now) {
            Ok(Listed { event, bare_id, written_at }) => {
                let times = Times { happened_at: event.occurred_at, written_at };
                event.organization.iter().for_each(|organization| self.terms.shows(organization));
                let ids = [event.id.clone(), bare_id];
                (News { event, times, notification }, ids)
            }
            Err(problem) => {
                let event = relay::item_rejected(&self.source(), raw, &problem.message, now);
                let ids = [event.id.clone(), event.id.clone()];
                (News { event, times: Times::default(), notification: None }, ids)
            }
        }
    }

    /// Whether it is safe with us, or was found in this round before. `known` are the ids of this round.
    async fn is_known(&self, ids: &[EventId; 2], known: &mut HashSet<EventId>) -> Result<bool, StoreError> {
        if !known.insert(ids[0].clone()) {
            return Ok(true);
        }
        Ok(self.inbox.knows(&ids[0]).await? || self.inbox.knows(&ids[1]).await?)
    }

    /// Accepts what is new, oldest first, in steps; the last one moves the cursor. A gap is told in the first step: after
    /// it, what was missed is known, and nobody could tell any more.
    async fn accept(&self, mut news: Vec<News>, cursor: Option<Cursor>, now: Timestamp) -> Result<(), StoreError> {
        news.sort_by_key(|item| item.times.place());
        let gap = self.gap(&news).await;
        let report = gap.as_ref().map(|gap| relay::webhook_gap(gap, now));
        let mut events = report.into_iter().chain(news.into_iter().map(|item| item.event)).peekable();
        let mut cursor = cursor;
        while events.peek().is_some() || cursor.is_some() {
            let step: Vec<Event> = events.by_ref().take(STEP).collect();
            let with = if events.peek().is_none() { cursor.take() } else { None };
            self.inbox.accept_all(step, with).await?;
        }
        if let Some(gap) = gap {
            self.metrics.missed_by_webhook(gap.missed);
            let webhook = gap.webhooks.first().map_or("", |webhook| webhook.name.as_str());
            tracing::warn!(gap.missed, webhook, "CAST AI's webhook did not bring what it should have");
        }
        Ok(())
    }

    /// What of it the webhook should have brought, if anything.
    async fn gap(&self, news: &[News]) -> Option<Gap> {
        if self.grace().is_zero() {
            return None;
        }
        let missed: Vec<Missed<'_>> = news.iter().filter_map(|item| self.missed(item)).collect();
        if missed.is_empty() {
            return None;
        }
        let asked = tokio::time::timeout(WEBHOOKS_PATIENCE, self.castai.webhooks()).await;
        let webhooks = match asked {
            Ok(answer) => answer.map(|page| page.items).map_err(|error| error.to_string()),
            Err(_) => Err(format!("CAST AI gave no answer within {} s", WEBHOOKS_PATIENCE.as_secs())),
        };
        let ours = |webhook: &WebhookConfig| self.webhooks.iter().any(|door| door.is_called_by(webhook));
        let ours = webhooks.map(|all| all.into_iter().filter(ours).collect::<Vec<_>>());
        gap::judge(&missed, ours.as_deref().map_err(String::as_str))
    }

    /// A notification of a time when a call of the webhook would have reached us, and did not unrecognised.
    fn missed<'n>(&self, item: &'n News) -> Option<Missed<'n>> {
        let written_at = item.times.news_at()?;
        let notification = item.notification.as_ref()?;
        let did_not_come = !self.terms.may_have_come_without_id(written_at);
        (did_not_come && self.inbox.pulse().was_up(written_at, self.grace()))
            .then_some(Missed { notification, written_at })
    }
}

#[async_trait]
impl Poll for Backfill {
    fn source(&self) -> SourceName {
        SourceName::notifications()
    }

    async fn poll(&self, now: Timestamp) -> Result<(), PollError> {
        let mut plan = self.plan(now).await?;
        let is_search = self.searched_at().is_none_or(|at| now.saturating_since(at) >= SEARCH_EVERY);
        if is_search {
            plan.read_all_that_is_told();
        }
        let (mut news, mut known) = (Vec::new(), HashSet::new());
        let mut pages = self.castai.notifications(PAGE);
        let ended = loop {
            match pages.next().await {
                Ok(Some(page)) => news.extend(self.news(page, &mut plan, &mut known, now).await?),
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
            if plan.ends_with_this_page() {
                break Ok(());
            }
            if news.len() >= MOST_HELD {
                tracing::warn!(
                    held = news.len(),
                    "there is more to fetch than is held at a time; newer ones come first"
                );
                self.accept(std::mem::take(&mut news), None, now).await?;
            }
        };
        if !plan.is_in_order() && !self.has_told_of_disorder.swap(true, Ordering::Relaxed) {
            tracing::warn!("CAST AI's list of notifications is not in order; it is read to its end every time");
        }
        // Without its end nobody knows how far the list was read, but what was read need not wait.
        let cursor =
            ended.is_ok().then(|| Cursor { name: self.cursor_name(), value: self.terms.written_with(plan.position()) });
        self.accept(news, cursor, now).await?;
        if is_search && ended.is_ok() {
            *self.searched_at() = Some(now);
        }
        ended.map_err(PollError::from)
    }

    fn next_after(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.config.every.get())
    }
}
