//! What of all events and deliveries is wanted: the flags that the lists share, and how a list is read to its end.
//!
//! What they may say is judged by the relay. Next: [`super::events`], [`super::deliveries`].

use std::io::{self, Write};

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::de::DeserializeOwned;

use super::Failure;
use super::running::RunningRelay;
use super::times;
use crate::event::delivery::DeliveryState;
use crate::event::{Severity, Timestamp};
use crate::http_client::Method;
use crate::names::{RouteName, SourceName, TargetName};
use crate::runtime::{Clock, SystemClock};

/// Items on a page, as many as the relay gives.
const PAGE: usize = 200;
/// Pages that are asked for: each may be short although there is more.
const MOST_PAGES: usize = 500;

/// What an event is about.
#[derive(Debug, Args)]
pub struct AboutArgs {
    /// Events of this type; with `.*` at its end, of all types that begin so
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Of the cluster with this name or id
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// At least so severe
    #[arg(long, value_name = "SEVERITY", value_parser = str::parse::<Severity>)]
    severity: Option<Severity>,
    /// Brought by this source
    #[arg(long, value_name = "NAME", value_parser = SourceName::parse)]
    source: Option<SourceName>,
    /// Owed to this target
    #[arg(long, value_name = "NAME", value_parser = TargetName::parse)]
    target: Option<TargetName>,
    /// Words that occur in it: whole words, in any order and case
    #[arg(long, value_name = "WORDS")]
    text: Option<String>,
}

/// Which of those that are kept.
#[derive(Debug, Args)]
pub struct WhichArgs {
    #[command(flatten)]
    about: AboutArgs,
    /// Owed by this route
    #[arg(long, value_name = "NAME", value_parser = RouteName::parse)]
    route: Option<RouteName>,
    /// With a delivery that stands so
    #[arg(long, value_name = "STATE", value_parser = PossibleValuesParser::new(DeliveryState::ALL.map(DeliveryState::as_str)))]
    state: Option<String>,
    /// Received then or later: 2026-11-21T06:00:00Z, or how long ago, such as 2h
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Received before then
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
}

/// Which of them, and how many.
#[derive(Debug, Args)]
pub struct FilterArgs {
    #[command(flatten)]
    which: WhichArgs,
    /// The first ones, from the oldest on; without it, the last ones, from the newest on
    #[arg(long)]
    oldest: bool,
    /// How many at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

fn moment(text: &str) -> Result<Timestamp, String> {
    times::moment(text, SystemClock.now())
}

/// A query as it is asked.
pub type Query = Vec<(&'static str, String)>;

fn said<T: ToString>(key: &'static str, value: Option<&T>) -> Option<(&'static str, String)> {
    value.map(|value| (key, value.to_string()))
}

impl AboutArgs {
    /// As it is asked.
    pub fn query(&self) -> Query {
        let all = [
            said("type", self.event_type.as_ref()),
            said("cluster", self.cluster.as_ref()),
            said("severity", self.severity.as_ref()),
            said("source", self.source.as_ref()),
            said("target", self.target.as_ref()),
            said("text", self.text.as_ref()),
        ];
        all.into_iter().flatten().collect()
    }
}

impl WhichArgs {
    /// As it is asked.
    pub fn query(&self) -> Query {
        let more = [
            said("route", self.route.as_ref()),
            said("state", self.state.as_ref()),
            said("since", self.since.as_ref()),
            said("until", self.until.as_ref()),
        ];
        self.about.query().into_iter().chain(more.into_iter().flatten()).collect()
    }
}

impl FilterArgs {
    fn query(&self) -> Query {
        let order = self.oldest.then(|| ("order", "oldest".to_owned()));
        self.which.query().into_iter().chain(order).collect()
    }

    /// All that fit, up to the limit, and the cursor of what follows, if there is more.
    ///
    /// # Errors
    /// As [`RunningRelay::ask`].
    pub async fn read<L: Paged>(
        &self,
        relay: &RunningRelay,
        path: &str,
    ) -> Result<(Vec<L::Item>, Option<String>), Failure> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let (mut items, mut cursor) = (Vec::new(), None);
        for _ in 0..MOST_PAGES {
            let page = ("limit", limit.saturating_sub(items.len()).min(PAGE).to_string());
            // The cursor is of the query it came from, whatever the size of the page.
            let query: Query =
                self.query().into_iter().chain([page]).chain(cursor.map(|cursor| ("cursor", cursor))).collect();
            let (found, next) = relay.ask::<L>(Method::Get, path, &query, None).await?.parts();
            items.extend(found);
            cursor = next;
            if cursor.is_none() || items.len() >= limit {
                break;
            }
        }
        Ok((items, cursor))
    }
}

/// Says on standard error that a list was cut.
pub fn say_that_there_is_more(next: Option<&str>) -> io::Result<()> {
    next.map_or(Ok(()), |_| writeln!(io::stderr(), "there is more; `--limit` says how many are shown"))
}

/// A page of a list.
pub trait Paged: DeserializeOwned {
    /// What is listed.
    type Item;

    /// What is on it, and the cursor of the next one.
    fn parts(self) -> (Vec<Self::Item>, Option<String>);
}
