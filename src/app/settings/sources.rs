//! The section `sources`: who may send, and who is asked.
//!
//! Gives each source its own settings and checks what must fit together between them and the listener.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{collect, named};
use crate::config::{Section, Span};
use crate::event::Event;
use crate::names::SourceName;
use crate::source::audit_log;
use crate::source::field_path::FieldPath;
use crate::source::kubernetes;
use crate::source::notifications;
use crate::source::savings;
use crate::source::verify::Verifier;
use crate::source::webhook::{self, WebhookPath};
use crate::source::wire::Fact;
use crate::{http_server, store};

/// Sources that ask CAST AI's API.
const ASKING_CASTAI: &[&str] = &["notifications", "audit_log", "savings"];

/// Where events come from.
pub struct Sources {
    /// The webhook sources, by name.
    pub webhooks: Vec<WebhookSettings>,
    /// What the webhooks left out, from CAST AI's list.
    pub notifications: Option<notifications::Config>,
    /// CAST AI's audit log, if it is read.
    pub audit_log: Option<Arc<audit_log::config::Config>>,
    /// CAST AI's savings reports, if they are asked for.
    pub savings: Option<savings::Config>,
    /// The cluster that is watched.
    pub kubernetes: Option<kubernetes::Config>,
}

impl Sources {
    /// Those that are asked, by name.
    pub fn polled(&self) -> Vec<SourceName> {
        let notifications = self.notifications.as_ref().map(|_| SourceName::notifications());
        let audit_log = self.audit_log.as_ref().map(|_| SourceName::audit_log());
        let savings = self.savings.as_ref().map(|_| SourceName::savings());
        let kubernetes = self.kubernetes.as_ref().map(|_| SourceName::kubernetes());
        [notifications, audit_log, savings, kubernetes].into_iter().flatten().collect()
    }

    /// All of them, by name.
    pub fn names(&self) -> Vec<SourceName> {
        let webhooks = self.webhooks.iter().map(|webhook| webhook.name.clone());
        webhooks.chain(self.polled()).collect()
    }

    /// How long each of them may be silent, where that has a limit.
    pub fn silence_limits(&self) -> Vec<(SourceName, Duration)> {
        let limit = |webhook: &WebhookSettings| Some((webhook.name.clone(), webhook.silent_after?.get()));
        let notifications = self.notifications.as_ref().map(|config| config.silent_after.get());
        let audit_log = self.audit_log.as_ref().map(|config| config.silent_after.get());
        let savings = self.savings.as_ref().and_then(savings::Config::silent_after);
        let kubernetes = self.kubernetes.as_ref();
        let asked = [
            notifications.map(|limit| (SourceName::notifications(), limit)),
            audit_log.map(|limit| (SourceName::audit_log(), limit)),
            savings.map(|limit| (SourceName::savings(), limit)),
            kubernetes.map(|config| (SourceName::kubernetes(), config.silent_after.get())),
        ];
        self.webhooks.iter().filter_map(limit).chain(asked.into_iter().flatten()).collect()
    }
}

/// One webhook source.
pub struct WebhookSettings {
    /// Its name.
    pub name: SourceName,
    /// The path it is served under.
    pub path: WebhookPath,
    /// Who may send.
    pub verifier: Verifier,
    /// How long it may send nothing before that is reported.
    pub silent_after: Option<Span>,
    /// Added to every event.
    pub labels: BTreeMap<String, String>,
    /// Where to find facts that are not where they are looked for.
    pub fields: BTreeMap<Fact, FieldPath>,
}

/// Reads every source. `server` is where webhooks are served, and `retention` how long events are kept, if these could
/// be read.
pub(super) fn read(root: &Section, server: Option<&http_server::Config>, retention: Option<Span>) -> Option<Sources> {
    let sources = root.section("sources");
    sources.only(&["webhooks", "notifications", "audit_log", "savings", "kubernetes"]);
    check_castai(root, &sources);
    let webhooks = webhooks(&sources, server);
    let notifications = sources.optional("notifications", |section| notifications(section, retention));
    let audit_log = sources.optional("audit_log", |section| audit_log(section, retention));
    let savings = sources.optional("savings", savings);
    let kubernetes = sources.optional("kubernetes", kubernetes::Config::read);
    Some(Sources {
        webhooks: webhooks?,
        notifications: notifications?,
        audit_log: audit_log?,
        savings: savings?,
        kubernetes: kubernetes?,
    })
}

fn savings(section: &Section) -> Option<savings::Config> {
    let config = section.read::<savings::Config>();
    for (key, mistake) in config.iter().flat_map(savings::Config::impossible) {
        section.problem_at(&key, mistake, &[], None);
    }
    config
}

/// What asks CAST AI needs to know how.
fn check_castai(root: &Section, sources: &Section) {
    if root.child("castai").is_some() {
        return;
    }
    for name in ASKING_CASTAI.iter().filter(|name| sources.child(name).is_some()) {
        let hint = "say how CAST AI is asked, for example\ncastai: { api_url: us, api_key: { env: CASTAI_API_KEY } }";
        let mistake = format!("`{name}` asks CAST AI, and there is no section `castai`");
        sources.problem_at(name, mistake, &[], Some(hint.to_owned()));
    }
}

/// What the store has forgotten would be taken for new.
pub(super) fn check_memory(root: &Section, sources: Option<&Sources>, store: Option<&store::Config>) {
    let notifications = sources.and_then(|sources| sources.notifications.as_ref());
    let Some((notifications, store)) = notifications.zip(store) else { return };
    let section = root.section("sources").section("notifications");
    for (key, mistake, hint) in notifications.forgotten(store.retention) {
        section.problem_at(key, mistake, &[], Some(hint));
    }
}

fn notifications(section: &Section, retention: Option<Span>) -> Option<notifications::Config> {
    let config = section.read::<notifications::Config>()?;
    let config = notifications::Config { retention, ..config };
    for (key, mistake) in config.impossible() {
        section.problem_at(key, mistake, &[], None);
    }
    check_labels(section, &config.labels);
    Some(config)
}

/// What is marked as a drill must be one.
fn check_labels(section: &Section, labels: &BTreeMap<String, String>) {
    if labels.contains_key(Event::DRILL_LABEL) {
        let label = Event::DRILL_LABEL;
        let mistake = format!("the label `{label}` belongs to the relay: it marks the events of drills");
        section.problem_at(&format!("labels.{label}"), mistake, &[], Some("call it something else".to_owned()));
    }
}

fn audit_log(section: &Section, retention: Option<Span>) -> Option<Arc<audit_log::config::Config>> {
    let config = section.read::<audit_log::config::Config>()?;
    let config = audit_log::config::Config { retention, ..config };
    for (key, mistake) in retention.map(|retention| config.impossible(retention)).unwrap_or_default() {
        section.problem_at(key, mistake, &[], None);
    }
    Some(Arc::new(config))
}

fn webhooks(sources: &Section, server: Option<&http_server::Config>) -> Option<Vec<WebhookSettings>> {
    let exposed = server.map(|server| server.listen).filter(|listen| !listen.ip().is_loopback());
    let Some(entries) = sources.child("webhooks").map(|webhooks| webhooks.entries()) else {
        return default_webhook(sources, exposed).map(|webhook| vec![webhook]);
    };
    let mut by_path = BTreeMap::new();
    let mut all = Some(Vec::new());
    for (name, entry) in entries {
        let own_name = named(&entry, &name, SourceName::parse).filter(|name| !is_built_in(&entry, name));
        let read = own_name.zip(entry.read::<webhook::Config>());
        let read = read.and_then(|(name, config)| webhook(&entry, name, config, exposed));
        if let Some(other) = read.as_ref().and_then(|webhook| by_path.insert(webhook.path.clone(), name.clone())) {
            entry.problem(format!("source `{other}` has the same `path`; each source needs its own"));
        }
        collect(&mut all, read);
    }
    all
}

/// Events of a webhook called like a built-in source would be taken for that source's.
fn is_built_in(entry: &Section, name: &SourceName) -> bool {
    let built_in = name.is_built_in();
    if built_in {
        entry.problem(format!("the source name `{name}` belongs to a source that is built in; choose another one"));
    }
    built_in
}

fn default_webhook(sources: &Section, exposed: Option<SocketAddr>) -> Option<WebhookSettings> {
    let (name, path) = (SourceName::parse("castai").ok()?, WebhookPath::parse("/castai/events")?);
    let (labels, fields) = (BTreeMap::new(), BTreeMap::new());
    let config = webhook::Config { path, verify: None, silent_after: None, labels, fields };
    webhook(sources, name, config, exposed)
}

/// `exposed` is where others than this machine can reach the source, if they can.
fn webhook(
    entry: &Section,
    name: SourceName,
    config: webhook::Config,
    exposed: Option<SocketAddr>,
) -> Option<WebhookSettings> {
    let webhook::Config { path, verify, silent_after, labels, fields } = config;
    check_labels(entry, &labels);
    let verifier = match (verify, exposed) {
        (Some(verifier), _) => verifier,
        (None, None) => Verifier::None,
        (None, Some(listen)) => {
            let mistake = format!("webhook source `{name}` verifies nobody, and anybody can reach it on {listen}");
            entry.problem_at("", mistake, &[], Some(verify_hint(&name, &path)));
            return None;
        }
    };
    Some(WebhookSettings { name, path, verifier, silent_after, labels, fields })
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
