//! The configuration as a whole: which section goes to which room, and what must fit together across them.
//!
//! Reads everything it can before it gives up, so that one run shows every mistake. Knows every room's section and no
//! YAML; where the text comes from is [`crate::config`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde::Deserialize;

use crate::config::{Loaded, Problem, Problems, Section, Span};
use crate::deliver::Policy;
use crate::names::{SourceName, TargetName};
use crate::notify::{Kit, NOTIFIERS, Notifier};
use crate::route::{Route, RoutingTable};
use crate::source::field_path::FieldPath;
use crate::source::verify::Verifier;
use crate::source::webhook::{self, WebhookPath};
use crate::source::wire::Fact;
use crate::store::{seen, sqlite};
use crate::telemetry::log_filter;
use crate::{admin, http_server, store};

/// The top level of the file.
const SECTIONS: &[&str] = &["server", "admin", "log", "store", "sources", "targets", "routes", "default_targets"];
/// What a target may set beside its kind.
const POLICY_KEYS: &[&str] = &["concurrency", "timeout", "retry", "max_age"];

/// Everything the relay was told, checked and compiled.
pub struct Settings {
    /// The public listener.
    pub server: http_server::Config,
    /// The admin listener.
    pub admin: admin::Config,
    /// What is logged.
    pub log: LogConfig,
    /// Where events are kept.
    pub engine: Engine,
    /// How long they are kept.
    pub retention: Span,
    /// How much the map in front of the store remembers.
    pub seen: seen::Limits,
    /// The webhook sources, by name.
    pub webhooks: Vec<WebhookSettings>,
    /// The targets, in the order written.
    pub targets: Vec<Target>,
    /// Who is told of what.
    pub table: Arc<RoutingTable>,
}

/// The section `log`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A filter in the syntax of `tracing-subscriber`, `info` or `info,castai_relay=debug`.
    #[serde(deserialize_with = "log_filter")]
    pub filter: String,
}

/// The chosen store.
#[derive(Debug, Clone)]
pub enum Engine {
    /// One file, one replica.
    Sqlite(sqlite::Config),
    /// For trials.
    Memory,
}

/// One webhook source.
pub struct WebhookSettings {
    /// Its name.
    pub name: SourceName,
    /// The path it is served under.
    pub path: WebhookPath,
    /// Who may send.
    pub verifier: Verifier,
    /// Added to every event.
    pub labels: BTreeMap<String, String>,
    /// Where to find facts that are not where they are looked for.
    pub fields: BTreeMap<Fact, FieldPath>,
}

/// One target, ready to be delivered to.
pub struct Target {
    /// Its name.
    pub name: TargetName,
    /// The word for its kind, `slack`.
    pub kind: &'static str,
    /// What speaks to it.
    pub notifier: Arc<dyn Notifier>,
    /// How it is delivered to.
    pub policy: Policy,
}

impl Settings {
    /// Reads every section for its room.
    ///
    /// # Errors
    /// With every mistake found, each with its place.
    pub fn read(loaded: &Loaded, kit: &Kit) -> Result<Self, Problems> {
        loaded.readable()?;
        let root = &loaded.root;
        root.only(SECTIONS);
        let read = Self::read_sections(root, kit);
        loaded.finish()?;
        let unexplained =
            || Problem::new(None, "", "a section could not be read and no reason was noted: a fault in the relay");
        read.ok_or_else(|| Problems::from(unexplained()))
    }

    fn read_sections(root: &Section, kit: &Kit) -> Option<Self> {
        let server = root.section("server").read::<http_server::Config>();
        for (key, mistake) in server.iter().flat_map(http_server::Config::impossible) {
            root.section("server").problem_at(key, mistake, &[], None);
        }
        let admin = root.section("admin").read();
        let log = root.section("log").read();
        let store = root.section("store").read::<store::Config>();
        if store.as_ref().is_some_and(|store| store.retention.get().is_zero()) {
            let mistake = "with a retention of zero nothing would be kept, and no repeat would be known; write `30d`";
            root.section("store").problem_at("retention", mistake, &[], None);
        }
        let engine = store.as_ref().and_then(|store| engine(root, store));
        let webhooks = webhooks(root, server.as_ref());
        let targets = targets(root, kit);
        let table = routing_table(root);
        let (store, server) = (store?, server?);
        Some(Self {
            server,
            admin: admin?,
            log: log?,
            engine: engine?,
            retention: store.retention,
            seen: store.seen,
            webhooks: webhooks?,
            targets: targets?,
            table: Arc::new(table?),
        })
    }
}

fn engine(root: &Section, store: &store::Config) -> Option<Engine> {
    match (&store.sqlite, &store.memory) {
        (Some(_), Some(_)) => {
            root.section("store").problem("`sqlite` and `memory` are both written; keep one of them");
            None
        }
        (None, Some(_)) => Some(Engine::Memory),
        (sqlite, None) => Some(Engine::Sqlite(sqlite.clone().unwrap_or_default())),
    }
}

fn webhooks(root: &Section, server: Option<&http_server::Config>) -> Option<Vec<WebhookSettings>> {
    let sources = root.section("sources");
    sources.only(&["webhooks"]);
    let exposed = server.map(|server| server.listen).filter(|listen| !listen.ip().is_loopback());
    let Some(entries) = sources.child("webhooks").map(|webhooks| webhooks.entries()) else {
        return default_webhook(&sources, exposed).map(|webhook| vec![webhook]);
    };
    let mut by_path = BTreeMap::new();
    let mut all = Some(Vec::new());
    for (name, entry) in entries {
        let own_name = named(&entry, &name, SourceName::parse).filter(|name| !is_ours(&entry, name));
        let read = own_name.zip(entry.read::<webhook::Config>());
        let read = read.and_then(|(name, config)| webhook(&entry, name, config, exposed));
        if let Some(other) = read.as_ref().and_then(|webhook| by_path.insert(webhook.path.clone(), name.clone())) {
            entry.problem(format!("source `{other}` has the same `path`; each source needs its own"));
        }
        collect(&mut all, read);
    }
    all
}

/// Events of a source called like the relay itself would be taken for the relay's own reports.
fn is_ours(entry: &Section, name: &SourceName) -> bool {
    let ours = *name == SourceName::relay();
    if ours {
        entry.problem("the source name `relay` is the relay's own; choose another one");
    }
    ours
}

fn default_webhook(sources: &Section, exposed: Option<SocketAddr>) -> Option<WebhookSettings> {
    let (name, path) = (SourceName::parse("castai").ok()?, WebhookPath::parse("/castai/events")?);
    let config = webhook::Config { path, verify: None, labels: BTreeMap::new(), fields: BTreeMap::new() };
    webhook(sources, name, config, exposed)
}

/// `exposed` is where others than this machine can reach the source, if they can.
fn webhook(
    entry: &Section,
    name: SourceName,
    config: webhook::Config,
    exposed: Option<SocketAddr>,
) -> Option<WebhookSettings> {
    let webhook::Config { path, verify, labels, fields } = config;
    let verifier = match (verify, exposed) {
        (Some(verifier), _) => verifier,
        (None, None) => Verifier::None,
        (None, Some(listen)) => {
            let mistake = format!("webhook source `{name}` verifies nobody, and anybody can reach it on {listen}");
            entry.problem_at("", mistake, &[], Some(verify_hint(&name, &path)));
            return None;
        }
    };
    Some(WebhookSettings { name, path, verifier, labels, fields })
}

fn verify_hint(name: &SourceName, path: &WebhookPath) -> String {
    let path = path.as_str();
    format!(
        "say how a sender proves itself, for example
sources:
  webhooks:
    {name}:
      path: {path}
      verify: {{ bearer: [ {{ env: CASTAI_WEBHOOK_TOKEN }} ] }}
or, to let anybody send, `verify: none`; on a loopback address (`server.listen: 127.0.0.1:8080`) nothing is needed"
    )
}

fn targets(root: &Section, kit: &Kit) -> Option<Vec<Target>> {
    let mut all = Some(Vec::new());
    for (name, entry) in root.section("targets").entries() {
        let (policy, kind) = entry.split(POLICY_KEYS);
        // Of what is empty, `build_notifier` says all there is to say.
        let policy = if entry.is_empty() { None } else { policy.read::<Policy>() };
        let policy = policy.filter(|policy| is_possible(&entry, policy));
        let name = named(&entry, &name, TargetName::parse);
        let built = build_notifier(&kind, kit);
        let target = name.zip(policy).zip(built);
        collect(&mut all, target.map(|((name, policy), (kind, notifier))| Target { name, kind, notifier, policy }));
    }
    all
}

fn is_possible(entry: &Section, policy: &Policy) -> bool {
    let concurrency = (1..=64).contains(&policy.concurrency);
    if !concurrency {
        entry.problem_at("concurrency", "`concurrency` must be from 1 to 64", &[], None);
    }
    let timeout = !policy.timeout.get().is_zero();
    if !timeout {
        entry.problem_at("timeout", "`timeout` must be more than zero", &[], None);
    }
    concurrency && timeout
}

fn build_notifier(kind: &Section, kit: &Kit) -> Option<(&'static str, Arc<dyn Notifier>)> {
    let known: Vec<&str> = NOTIFIERS.iter().map(|(name, _)| *name).collect();
    kind.only(&[&known, POLICY_KEYS].concat());
    let mut named = NOTIFIERS.iter().filter_map(|(name, build)| Some((*name, build, kind.child(name)?)));
    match (named.next(), named.next()) {
        (Some((name, build, settings)), None) => Some((name, build(&settings, kit)?)),
        (Some((one, ..)), Some((other, ..))) => {
            kind.problem(format!("`{one}` and `{other}` are two kinds of target; write two targets"));
            None
        }
        (None, _) if kind.is_empty() => {
            kind.problem(format!("the target has no kind; write one of {}", known.join(", ")));
            None
        }
        (None, _) => {
            note_kind_without_settings(kind, &known);
            None
        }
    }
}

/// `log:` with nothing after it is no kind, but it was meant as one.
fn note_kind_without_settings(kind: &Section, known: &[&str]) {
    for (name, _) in kind.entries().into_iter().filter(|(name, _)| known.contains(&name.as_str())) {
        let hint = format!("write `{name}: {{ … }}`, or `{name}: {{}}` where there is nothing to set");
        kind.problem_at(&name, format!("nothing is written after `{name}:`"), &[], Some(hint));
    }
}

fn routing_table(root: &Section) -> Option<RoutingTable> {
    let defined = defined_targets(&root.section("targets"));
    let mut routes = Some(Vec::new());
    for item in root.child("routes").map(|routes| routes.items()).unwrap_or_default() {
        collect(&mut routes, item.read::<Route>());
        // Apart from the route, which may have other mistakes.
        let notify = item.child("notify").and_then(|notify| notify.read::<Vec<TargetName>>());
        check_targets(&item, "notify", &notify.unwrap_or_default(), defined.as_deref());
    }
    let default_targets: Vec<TargetName> = match root.child("default_targets") {
        Some(list) => list.read()?,
        None => Vec::new(),
    };
    check_targets(root, "default_targets", &default_targets, defined.as_deref());
    let table = RoutingTable::compile(routes?, default_targets);
    check_table(root, &table);
    Some(table)
}

/// The names of the targets, in order; `None` when what is written there has none.
fn defined_targets(targets: &Section) -> Option<Vec<String>> {
    let mut names: Vec<String> = targets.entries().into_iter().map(|(name, _)| name).collect();
    names.sort();
    (targets.is_empty() || !names.is_empty()).then_some(names)
}

fn check_targets(place: &Section, key: &str, named: &[TargetName], defined: Option<&[String]>) {
    let Some(defined) = defined else { return };
    for (index, target) in
        named.iter().enumerate().filter(|(_, target)| !defined.iter().any(|known| target.as_str() == *known))
    {
        let message = format!("target `{target}` is not defined");
        place.problem_at(&format!("{key}[{index}]"), message, defined, None);
    }
}

fn check_table(root: &Section, table: &RoutingTable) {
    let at = |name: &crate::names::RouteName| {
        let index = table.routes().enumerate().filter(|(_, route)| route.name == *name).last();
        format!("routes[{}]", index.map_or(0, |(index, _)| index))
    };
    for name in table.ambiguous_names() {
        let message = format!("more than one route is called `{name}`; each needs its own name");
        root.problem_at(&at(&name), message, &[], None);
    }
    for (route, blocker) in table.unreachable() {
        let message = format!("route `{route}` can never match: `{blocker}` before it matches everything and stops");
        let hint = format!("move `{blocker}` to the end, or remove its `stop`");
        root.problem_at(&at(&route), message, &[], Some(hint));
    }
}

fn named<T>(entry: &Section, name: &str, parse: fn(&str) -> Result<T, crate::names::NameError>) -> Option<T> {
    parse(name).map_err(|error| entry.problem(error.to_string())).ok()
}

/// Collects as long as everything was good; what comes after a mistake is still read, for its own mistakes.
fn collect<T>(all: &mut Option<Vec<T>>, item: Option<T>) {
    match (all.as_mut(), item) {
        (Some(list), Some(item)) => list.push(item),
        _ => *all = None,
    }
}
