//! Random stories: what is asked of the engines, in the order in which it happens.

use castai_relay::store::{End, Ruling};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::super::owed::*;
use super::*;

pub const TARGETS: [&str; 3] = ["slack", "oncall", "mail"];
pub const NAMES: [&str; 14] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "quiet", "raised"];
pub const CURSORS: [&str; 2] = ["audit", "backfill"];
const SOURCES: [&str; 2] = ["castai", "notifications"];
const BODIES: [&[u8]; 3] = [b"", b"{}", b"\xff"];
const KEYS: [&str; 2] = ["prod", "dev"];

/// One question. Times are in seconds from the present of the story.
#[derive(Debug, Clone)]
pub enum Step {
    Append(Vec<Given>, Option<(&'static str, u8)>),
    NoteConflict(&'static str),
    Claim {
        target: &'static str,
        lease: u64,
        limit: usize,
        old_limit: usize,
    },
    /// Of any attempt ever claimed, also one that is long over.
    Settle {
        claim: Index,
        attempt: Attempt,
        raise: Option<Given>,
    },
    /// A pause for so many seconds, or without an end, or its end.
    Order(&'static str, Option<Option<u64>>),
    Advance(u64),
    Prune {
        older_than: u64,
        limit: usize,
    },
}

/// An event and what it owes.
#[derive(Debug, Clone)]
pub struct Given {
    name: &'static str,
    source: &'static str,
    body: &'static [u8],
    targets: Vec<&'static str>,
    severity: Severity,
    group: Option<(&'static str, u64)>,
    storm: Option<bool>,
    incident: Option<Part>,
}

/// What an event does to an incident.
#[derive(Debug, Clone)]
enum Part {
    Opens(&'static str, Option<u64>),
    Ends(&'static str),
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub enum Attempt {
    Delivered(Option<&'static str>),
    Dead { ambiguous: bool },
    Retry { after: u64, ambiguous: bool, sign: Said },
}

/// What the target made of it.
#[derive(Debug, Clone, Copy)]
pub enum Said {
    Nothing,
    Busy(u64),
    Failing,
    Refusing,
}

impl Given {
    /// Received now.
    pub fn append(&self, now: u64) -> Append {
        let body = Bytes::from_static(self.body);
        let source = SourceName::parse(self.source).unwrap();
        let event = Event { source, body, ..event(self.name, now) };
        let mut append = told_as(owed_to(event, &self.targets), self.severity);
        if let Some((key, wait)) = self.group {
            append = grouped(append, key, wait);
        }
        append = match self.storm {
            Some(true) => spared(append),
            Some(false) => watched(append),
            None => append,
        };
        match &self.incident {
            Some(Part::Opens(key, Some(after))) => opens_for(append, key, *after),
            Some(Part::Opens(key, None)) => opens(append, key),
            Some(Part::Ends(key)) => ends(append, key),
            None => append,
        }
    }
}

impl Attempt {
    pub fn how(&self, now: u64) -> How {
        let (reason, detail) = (Reason::TargetFailed, "no".to_owned());
        match *self {
            Self::Delivered(receipt) => (Outcome::Delivered { receipt: receipt.and_then(Receipt::new) }, Sign::Well),
            Self::Dead { ambiguous } => (Outcome::Dead { reason, ambiguous, detail }, Sign::Well),
            Self::Retry { after, ambiguous, sign } => {
                let sign = match sign {
                    Said::Nothing => Sign::Nothing,
                    Said::Busy(seconds) => Sign::Busy { until: at(now + seconds) },
                    Said::Failing => Sign::Failing { reason, detail: detail.clone(), until: None },
                    Said::Refusing => Sign::Refusing { reason, detail: detail.clone() },
                };
                (Outcome::Retry { at: at(now + after), reason, ambiguous, detail }, sign)
            }
        }
    }
}

/// What holds for each target: they differ in everything there is.
pub fn script(name: &str) -> Script {
    let grouping = Script::default().groups("everything", 7, 3).storms("everything", 11);
    match name {
        "slack" => grouping.fallback("mail", 20).rate(500, 2).rewriting_storms().ruled(|candidate, _| {
            match candidate.event.id == id("quiet") && !candidate.ends_what_was_told {
                true => Ruling::End(End::Silenced { detail: "hush".to_owned() }),
                false => Ruling::Leave,
            }
        }),
        "oncall" => grouping.keeping_incidents().fallback("mail", 0).ruled(|candidate, now| {
            let detail = "too old, or nobody knows".to_owned();
            match candidate.interrupted || now > candidate.event.received_at.saturating_add(LEASE * 4) {
                true => Ruling::End(End::Dead { reason: Reason::Expired, detail }),
                false => Ruling::Leave,
            }
        }),
        _ => grouping.old_percent(20),
    }
}

fn given() -> impl Strategy<Value = Given> {
    let what = (select(&NAMES[..]), select(&SOURCES[..]), select(&BODIES[..]));
    let severity = select(vec![Severity::Info, Severity::Error, Severity::Critical]);
    let group = option::of((select(&KEYS[..]), 0..9_u64));
    let part = prop_oneof![
        3 => (select(&KEYS[..]), option::of(1..60_u64)).prop_map(|(key, after)| Part::Opens(key, after)),
        2 => select(&KEYS[..]).prop_map(Part::Ends),
    ];
    let ways = (severity, group, option::of(any::<bool>()), option::of(part));
    (what, subsequence(&TARGETS[..], 0..=3), ways).prop_map(|((name, source, body), targets, ways)| {
        let (severity, group, storm, incident) = ways;
        Given { name, source, body, targets, severity, group, storm, incident }
    })
}

fn attempt() -> impl Strategy<Value = Attempt> {
    let said = prop_oneof![
        2 => Just(Said::Nothing),
        1 => (0..30_u64).prop_map(Said::Busy),
        3 => Just(Said::Failing),
        1 => Just(Said::Refusing),
    ];
    prop_oneof![
        3 => option::of(select(vec!["ts-1", "ts-2"])).prop_map(Attempt::Delivered),
        1 => any::<bool>().prop_map(|ambiguous| Attempt::Dead { ambiguous }),
        4 => (0..20_u64, any::<bool>(), said)
            .prop_map(|(after, ambiguous, sign)| Attempt::Retry { after, ambiguous, sign }),
    ]
}

pub fn step() -> impl Strategy<Value = Step> {
    let settle = (any::<Index>(), attempt(), option::of(given()));
    prop_oneof![
        4 => (vec(given(), 0..4), option::of((select(&CURSORS[..]), 0..9_u8)))
            .prop_map(|(given, cursor)| Step::Append(given, cursor)),
        1 => select(&NAMES[..]).prop_map(Step::NoteConflict),
        5 => (select(&TARGETS[..]), 1..20_u64, 0..5_usize, 0..5_usize)
            .prop_map(|(target, lease, limit, old_limit)| Step::Claim { target, lease, limit, old_limit }),
        5 => settle.prop_map(|(claim, attempt, raise)| Step::Settle { claim, attempt, raise }),
        1 => (select(&TARGETS[..]), option::of(option::of(0..20_u64)))
            .prop_map(|(target, pause)| Step::Order(target, pause)),
        3 => (0..15_u64).prop_map(Step::Advance),
        1 => (0..30_u64, 0..5_usize).prop_map(|(older_than, limit)| Step::Prune { older_than, limit }),
    ]
}
