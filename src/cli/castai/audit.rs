//! `castai audit`: what was done lately, by whom, out of CAST AI's audit log; and with `--follow` what is done now.
//!
//! Asks CAST AI itself and touches no store. Oldest first, as people read logs, so that the newest stands at the end
//! and `--follow` goes on below it. Next: [`mod@print`], how it looks.

mod print;

use std::collections::{HashSet, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::client;
use crate::app::settings::Settings;
use crate::castai_api::ApiError;
use crate::castai_api::audit::Version;
use crate::cli::{ConfigArgs, Failure, Verdict};
use crate::config::Span;
use crate::event::Timestamp;
use crate::names::EventId;
use crate::runtime::{Clock, Lifecycle, SystemClock};
use crate::source::audit_log::config::Config;
use crate::source::audit_log::filter::{AtLeast, Clusters, Words};
use crate::source::audit_log::reader::{Found, Reader};
use print::Printer;

/// What `castai audit` takes.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// From how long ago on: 30m, 24h, 7d; CAST AI keeps 90 days
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = since)]
    since: Span,
    /// Only this cluster, by id, name or glob; repeatable
    #[arg(long, value_name = "CLUSTER")]
    cluster: Vec<String>,
    /// Only this domain, such as autoscaler; repeatable; v2 only
    #[arg(long, value_name = "DOMAIN")]
    domain: Vec<String>,
    /// Only this kind of resource, such as node; repeatable; v2 only
    #[arg(long, value_name = "RESOURCE")]
    resource: Vec<String>,
    /// Only this action, such as added; repeatable; v2 only
    #[arg(long, value_name = "ACTION")]
    action: Vec<String>,
    /// Only what is at least so bad: info, success, warning, error or critical
    #[arg(long, value_name = "SEVERITY")]
    severity: Option<AtLeast>,
    /// The last so many
    #[arg(long, short = 'n', value_name = "NUMBER", default_value = "50",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    limit: usize,
    /// How to print it; json is one object on each line
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// Go on, and print what is new, until stopped
    #[arg(long, short = 'f')]
    follow: bool,
    /// How often to ask for what is new
    #[arg(long, value_name = "DURATION", default_value = "5s", requires = "follow", value_parser = every)]
    every: Span,
    /// Which API to ask; without it, as `sources.audit_log` says, else v2
    #[arg(long, value_name = "VERSION")]
    api: Option<Api>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Api {
    V1,
    V2,
}

impl From<Api> for Version {
    fn from(api: Api) -> Self {
        match api {
            Api::V1 => Self::V1,
            Api::V2 => Self::V2,
        }
    }
}

/// What is older CAST AI does not keep.
const KEPT: Duration = Duration::from_secs(90 * 86_400);
/// Asking more often helps nobody.
const SHORTEST: Duration = Duration::from_secs(1);

fn since(text: &str) -> Result<Span, String> {
    let since: Span = text.parse()?;
    (since.get() <= KEPT).then_some(since).ok_or_else(|| "CAST AI keeps 90 days: write at most `90d`".to_owned())
}

fn every(text: &str) -> Result<Span, String> {
    let every: Span = text.parse()?;
    (every.get() >= SHORTEST).then_some(every).ok_or_else(|| "write at least `1s`".to_owned())
}

/// Prints what was done, and with `--follow` what is done, until the reader or the user has enough.
pub async fn run(args: &AuditArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let config = Arc::new(args.wanted(&settings).map_err(Failure::Misuse)?);
    let reader = Reader::new(client(&settings)?, config.clone());
    let mut printer = Printer::new(args.output == Output::Json, out);
    let mut log = Log { reader: &reader, seen: Seen::default() };
    let now = SystemClock.now();
    let since = now.saturating_sub(args.since.get());
    // Who follows must know all that was there before, also what is not shown of it.
    let mut found = log.new_ones(since, now, if args.follow { MOST } else { args.limit }).await?;
    found.told.drain(..found.told.len().saturating_sub(args.limit));
    if found.told.is_empty() && !args.follow {
        writeln!(io::stderr(), "nothing of what is asked for was done in the last {}", args.since)?;
    }
    printer.print(&found)?;
    if args.follow {
        let life = Lifecycle::default();
        life.obey_signals()?;
        let reach = config.overlap.get().saturating_add(args.every.get());
        tokio::select! {
            ended = follow(&mut log, &mut printer, since, reach, args.every) => return ended,
            () = life.stopping() => {}
        }
    }
    Ok(Verdict::Good)
}

/// More than are done between two questions.
const MOST: usize = 10_000;

/// Asks again and again, each time from so long ago that what comes into the log late is seen, too.
async fn follow(
    log: &mut Log<'_>,
    printer: &mut Printer<'_>,
    since: Timestamp,
    reach: Duration,
    every: Span,
) -> Result<Verdict, Failure> {
    loop {
        SystemClock.sleep_until(SystemClock.now().saturating_add(every.get())).await;
        let now = SystemClock.now();
        match log.new_ones(now.saturating_sub(reach).max(since), now, MOST).await {
            Ok(found) => printer.print(&found)?,
            Err(error) if error.is_transient() => writeln!(io::stderr(), "{error}")?,
            Err(error) => return Err(error.into()),
        }
    }
}

impl AuditArgs {
    /// What the configuration says of the log, with what was typed instead of its filters.
    fn wanted(&self, settings: &Settings) -> anyhow::Result<Config> {
        let configured = settings.sources.audit_log.as_deref();
        let version = self.api.map(Version::from).or(configured.map(|config| config.version)).unwrap_or_default();
        let config = Config {
            version,
            clusters: Clusters::parse(&self.cluster)?,
            domains: Words::parse(self.domain.clone())?,
            resources: Words::parse(self.resource.clone())?,
            actions: Words::parse(self.action.clone())?,
            severity: self.severity,
            types: configured.map(|config| config.types.clone()).unwrap_or_default(),
            ..Config::default()
        };
        match config.impossible(settings.retention).into_iter().find(|(key, _)| V2_ONLY.contains(key)) {
            Some((key, _)) => {
                Err(anyhow::anyhow!("records of v1 have no {key}; ask with `--api v2`, or without that filter"))
            }
            None => Ok(config),
        }
    }
}

/// The only filters that can be wrong together with something else.
const V2_ONLY: [&str; 3] = ["domains", "resources", "actions"];

/// The log, and what of it was printed already.
struct Log<'a> {
    reader: &'a Reader,
    seen: Seen,
}

impl Log<'_> {
    async fn new_ones(&mut self, from: Timestamp, now: Timestamp, most: usize) -> Result<Found, ApiError> {
        let mut found = self.reader.between(from, now, most).await?;
        found.told.retain(|told| told.events.first().is_some_and(|event| self.seen.insert(&event.id)));
        Ok(found)
    }
}

/// Ids that were printed, the last ones.
#[derive(Default)]
struct Seen {
    ids: HashSet<EventId>,
    order: VecDeque<EventId>,
}

impl Seen {
    /// More than one question brings.
    const MOST: usize = 50_000;

    /// Whether it is new.
    fn insert(&mut self, id: &EventId) -> bool {
        let new = self.ids.insert(id.clone());
        if new {
            self.order.push_back(id.clone());
        }
        while self.order.len() > Self::MOST {
            if let Some(gone) = self.order.pop_front() {
                self.ids.remove(&gone);
            }
        }
        new
    }
}
