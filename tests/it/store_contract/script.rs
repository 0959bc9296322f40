//! A judge that decides as the clause wants it, and the terms that go with it.

use std::collections::BTreeMap;
use std::fmt;

use castai_relay::event::batch::{Gathering, Pace};
use castai_relay::store::{Candidate, Fallback, Judge, News, Ruling};
use castai_relay::target::Limits;
use castai_relay::target::limit::RateLimit;

use super::*;

type Rule = Arc<dyn Fn(&Candidate<'_>, Timestamp) -> Ruling + Send + Sync>;
type Report = Arc<dyn Fn(News<'_>, Timestamp) -> Vec<Append> + Send + Sync>;

/// What a clause wants to hold for a target: at first, nothing.
#[derive(Clone)]
pub struct Script {
    gathering: BTreeMap<RouteName, Gathering>,
    rule: Rule,
    report: Report,
    limits: Limits,
    lease: Duration,
    fallback: Option<Fallback>,
    keeps_incidents: bool,
    rewrites_storms: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            gathering: BTreeMap::new(),
            rule: Arc::new(|_, _| Ruling::Leave),
            report: Arc::new(|_, _| Vec::new()),
            limits: Limits::default(),
            lease: LEASE,
            fallback: None,
            keeps_incidents: false,
            rewrites_storms: false,
        }
    }
}

impl Script {
    /// What holds for the target.
    pub fn terms(&self) -> Terms {
        Terms {
            tells_many: true,
            rewrites_storms: self.rewrites_storms,
            limits: self.limits,
            lease: self.lease,
            fallback: self.fallback.clone(),
            keeps_incidents: self.keeps_incidents,
            judge: Arc::new(self.clone()),
        }
    }

    /// What is claimed is held for so many seconds.
    pub fn lease(self, seconds: u64) -> Self {
        Self { lease: Duration::from_secs(seconds), ..self }
    }

    /// The deliveries of a route that have a group leave together, every so many seconds, so many at most.
    pub fn groups(mut self, name: &str, interval: u64, max_events: usize) -> Self {
        self.gathering.entry(route(name)).or_default().group = Some(pace(interval, max_events));
        self
    }

    /// In a storm the deliveries of a route leave together, every so many seconds.
    pub fn storms(mut self, name: &str, interval: u64) -> Self {
        self.gathering.entry(route(name)).or_default().storm = Some(pace(interval, 1000));
        self
    }

    /// Who may leave.
    pub fn ruled(self, rule: impl Fn(&Candidate<'_>, Timestamp) -> Ruling + Send + Sync + 'static) -> Self {
        Self { rule: Arc::new(rule), ..self }
    }

    /// What news give rise to.
    pub fn reporting(self, report: impl Fn(News<'_>, Timestamp) -> Vec<Append> + Send + Sync + 'static) -> Self {
        Self { report: Arc::new(report), ..self }
    }

    /// All news give rise to this.
    pub fn raising(self, raised: Vec<Append>) -> Self {
        self.reporting(move |_, _| raised.clone())
    }

    /// One every so many milliseconds, so many at once.
    pub fn rate(self, every: u64, burst: u32) -> Self {
        let rate = Some(RateLimit { every: Duration::from_millis(every), burst });
        Self { limits: Limits { rate, ..self.limits }, ..self }
    }

    /// Of a hundred, so many are old ones while there is fresh news.
    pub fn old_percent(self, old_percent: u32) -> Self {
        Self { limits: Limits { old_percent, ..self.limits }, ..self }
    }

    /// Who is told instead, and how many seconds the target may be shut before.
    pub fn fallback(self, to: &str, after: u64) -> Self {
        Self { fallback: Some(Fallback { to: target(to), after: Duration::from_secs(after) }), ..self }
    }

    /// The target opens and ends incidents itself.
    pub fn keeping_incidents(self) -> Self {
        Self { keeps_incidents: true, ..self }
    }

    /// The target's messages can be changed: a storm is one of them.
    pub fn rewriting_storms(self) -> Self {
        Self { rewrites_storms: true, ..self }
    }
}

fn pace(interval: u64, max_events: usize) -> Pace {
    Pace { interval: Duration::from_secs(interval), max_events }
}

impl Judge for Script {
    fn gathering(&self, route: &RouteName) -> Gathering {
        self.gathering.get(route).copied().unwrap_or_default()
    }

    fn ruling(&self, candidate: &Candidate<'_>, now: Timestamp) -> Ruling {
        (self.rule)(candidate, now)
    }

    fn report(&self, news: News<'_>, now: Timestamp) -> Vec<Append> {
        (self.report)(news, now)
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { gathering, limits, fallback, keeps_incidents, .. } = self;
        f.debug_tuple("Script").field(gathering).field(limits).field(fallback).field(keeps_incidents).finish()
    }
}
