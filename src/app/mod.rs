//! The composition root: wires the rooms together, once, and runs them.
//!
//! May import everything; nobody imports it but the command line. [`settings`] turns the configuration into the rooms'
//! own settings; [`sources`] builds what is asked; [`upkeep`] keeps the house tidy while it runs. Building and spawning are two steps, so that tests can
//! build the whole relay and turn the delivery cranks by hand.

pub mod settings;
mod sources;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;

use crate::admin::targets::Overseen;
use crate::admin::{self, Admin};
use crate::castai_api::CastAi;
use crate::deliver::quiet::Quiet;
use crate::deliver::replay::Replayer;
use crate::deliver::{Deliverer, Tools, Turn};
use crate::http_server::{self, Listener, Server};
use crate::live::Live;
use crate::names::{DrillName, SourceName, TargetName};
use crate::notify::removed::Removed;
use crate::runtime::{Clock, Doorbell, Lifecycle};
use crate::source::Inbox;
use crate::source::drills::script::Stage;
use crate::source::drills::{Drill, Drills};
use crate::source::polling::{PollError, Poller};
use crate::source::pulse::Pulse;
use crate::source::webhook::{self, Webhook};
use crate::source::wire::Mapping;
use crate::store::memory::MemoryStore;
use crate::store::seen::Seen;
use crate::store::sqlite::{OpenError, SqliteStore};
use crate::store::{Store, StoreError};
use crate::telemetry::Metrics;
use settings::{Engine, Settings, Target};
use sources::{Start, WaysIn};
use upkeep::Upkeep;

/// The relay could not start; nothing was served.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener could not be bound.
    #[error(transparent)]
    Listen(#[from] std::io::Error),
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store opened but did not answer.
    #[error(transparent)]
    StoreRead(#[from] StoreError),
    /// What says where the cluster's API server is cannot be read.
    #[error("sources.kubernetes: {0}")]
    Kubernetes(String),
}

/// The whole relay, built and not yet running.
pub struct App {
    /// The store, for those who look on.
    pub store: Arc<dyn Store>,
    /// The one door, for events that come another way than by HTTP.
    pub inbox: Arc<Inbox>,
    deliverers: Vec<Arc<Deliverer>>,
    pollers: Vec<Arc<Poller>>,
    watches: Option<Start>,
    public: (Listener, Server),
    admin: (Listener, Server),
    upkeep: Upkeep,
    silences: Freshening,
    replayer: Arc<Replayer>,
    life: Lifecycle,
}

impl App {
    /// Opens the store, binds both listeners and builds every room. Nothing is accepted or delivered yet.
    ///
    /// # Errors
    /// When the store cannot be opened or an address cannot be bound.
    pub async fn build(settings: Settings, clock: Arc<dyn Clock>, life: Lifecycle) -> Result<Self, StartError> {
        let metrics = metrics(&settings);
        let store = open(&settings.engine, &metrics)?;
        Self::build_on(store, metrics, settings, clock, life).await
    }

    /// The same on a store that is open already.
    ///
    /// # Errors
    /// When the store does not answer or an address cannot be bound.
    pub async fn build_on(
        store: Arc<dyn Store>,
        metrics: Arc<Metrics>,
        settings: Settings,
        clock: Arc<dyn Clock>,
        life: Lifecycle,
    ) -> Result<Self, StartError> {
        let targets: Vec<TargetName> = settings.targets.iter().map(|target| target.name.clone()).collect();
        let stages = settings.stages();
        store.keep_table(settings.kept_table, clock.now()).await?;
        let removed = removed_targets(&*store, &targets).await?;
        let bell = Arc::new(Doorbell::for_targets(targets.iter().chain(&removed).cloned()));
        let quiet = Arc::new(Quiet::load(settings.table.clone(), store.clone(), clock.now()).await?);
        let live = Live::default();
        let tools = Tools { store, table: settings.table, quiet: quiet.clone(), clock, bell, metrics, live };

        tools.metrics.configured(tools.clock.now());
        let pulse = sources::pulse(&settings.sources, &tools).await?;
        let inbox = Arc::new(inbox(&tools, Seen::new(settings.seen), pulse.clone()));
        let watched = sources::watched(&settings.sources);
        let ways_in = WaysIn::of(&settings.sources, &settings.server, settings.castai.as_ref(), &tools).await?;
        let drills = drills(settings.drills, stages, &inbox, &tools);
        let castai = settings.castai.map(|config| CastAi::new(config, settings.http, tools.clock.clone()));
        let pollers = sources::pollers(&settings.sources, &ways_in, castai.as_ref(), &drills, &inbox, &tools);
        let limits = Arc::new(settings.server);
        let settings::Sources { webhooks, kubernetes, .. } = settings.sources;
        let webhooks = webhooks.into_iter();
        let webhooks = webhooks.map(|webhook| build_webhook(webhook, &ways_in, &tools, &inbox, &limits));
        let router = webhook::router(webhooks);
        let public = Server::for_senders((*limits).clone(), router, tools.metrics.clone(), life.clone());
        let public = (Listener::bind(limits.listen).await?, public);
        let (deliverers, overseen) = deliverers(settings.targets, removed, &tools);
        let looking = Admin {
            store: tools.store.clone(),
            metrics: tools.metrics.clone(),
            clock: tools.clock.clone(),
            life: life.clone(),
            targets: overseen,
            table: tools.table.clone(),
            read_table: settings::read_back,
            sources: watched,
            drills,
            pulse,
            bell: tools.bell.clone(),
            quiet: quiet.clone(),
            live: tools.live.clone(),
            tokens: settings.admin.all_tokens(),
            engine: settings.engine.name(),
            started_at: tools.clock.now(),
            limits: limits.clone(),
        };
        // Probes must hear that the relay is stopping until it has stopped.
        let admin = Server::new((*limits).clone(), admin::router(looking), tools.metrics.clone(), life.epilogue());
        let admin = (Listener::bind(settings.admin.listen).await?, admin);
        let upkeep = Upkeep::new(tools.store.clone(), tools.clock.clone(), tools.metrics.clone(), settings.retention);
        let watches = sources::watches(kubernetes, &inbox, &tools).await?;
        let replayer = Arc::new(Replayer::new(tools.clone()));
        let (store, silences) = (tools.store, Freshening { quiet, clock: tools.clock });
        Ok(Self { store, inbox, deliverers, pollers, watches, public, admin, upkeep, silences, replayer, life })
    }

    /// Where events are taken in.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn public_address(&self) -> std::io::Result<SocketAddr> {
        self.public.0.address()
    }

    /// Where operators look in.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn admin_address(&self) -> std::io::Result<SocketAddr> {
        self.admin.0.address()
    }

    /// The cranks, one for each target, for those who turn them by hand.
    pub fn deliverers(&self) -> &[Arc<Deliverer>] {
        &self.deliverers
    }

    /// Starts both listeners; deliveries stay where they are, and nobody is asked for events.
    pub fn spawn_servers(self) -> Parked {
        let Self { inbox, deliverers, pollers, watches, public, admin, upkeep, silences, replayer, life, .. } = self;
        life.spawn("public listener", public.1.run(public.0));
        life.epilogue().spawn("admin listener", admin.1.run(admin.0));
        Parked { inbox, deliverers, pollers, watches, upkeep, silences, replayer, life }
    }

    /// Starts everything.
    pub fn spawn(self) {
        self.spawn_servers().spawn_rest();
    }
}

/// A relay that takes in what is sent to it, asks nobody and does not deliver yet.
pub struct Parked {
    inbox: Arc<Inbox>,
    deliverers: Vec<Arc<Deliverer>>,
    pollers: Vec<Arc<Poller>>,
    watches: Option<Start>,
    upkeep: Upkeep,
    silences: Freshening,
    replayer: Arc<Replayer>,
    life: Lifecycle,
}

/// What keeps the silences as the store has them.
struct Freshening {
    quiet: Arc<Quiet>,
    clock: Arc<dyn Clock>,
}

impl Parked {
    /// Starts the sources that have to be asked, the delivery loops and the upkeep.
    pub fn spawn_rest(self) {
        if let Some(watches) = self.watches {
            self.life.spawn("watches of the cluster", watches(self.life.clone()));
        }
        for poller in self.pollers {
            self.life.spawn("polled source", poller.run(self.life.clone()));
        }
        for deliverer in self.deliverers {
            self.life.spawn("delivery loop", deliverer.run(self.life.clone()));
        }
        self.life.spawn("repeats", self.inbox.keep_writing_repeats_down(self.life.clone()));
        self.life.spawn("replays", self.replayer.run(self.life.clone()));
        self.life.spawn("upkeep", self.upkeep.run(self.life.clone()));
        let Freshening { quiet, clock } = self.silences;
        self.life.spawn("silences", quiet.keep_fresh(clock, self.life.clone()));
    }

    /// Has the next part of a replay owed again, if one is due.
    ///
    /// # Errors
    /// When the store could not do it.
    pub async fn replay(&self) -> Result<Turn, StoreError> {
        self.replayer.step().await
    }

    /// Turns every delivery crank until none finds anything due now.
    ///
    /// # Errors
    /// When the store could not claim.
    pub async fn deliver_until_idle(&self) -> Result<(), StoreError> {
        loop {
            let mut worked = false;
            for deliverer in &self.deliverers {
                worked |= deliverer.step().await? == Turn::Worked;
            }
            if !worked {
                return Ok(());
            }
        }
    }

    /// Asks every source of this name once, whether it is time or not.
    ///
    /// # Errors
    /// When a source could not be read.
    pub async fn poll(&self, source: &SourceName) -> Result<(), PollError> {
        for poller in self.pollers.iter().filter(|poller| poller.source() == *source) {
            poller.step().await?;
        }
        Ok(())
    }

    /// Forgets what is older than the retention time, as the upkeep does now and then.
    pub async fn tidy_up(&self) {
        self.upkeep.tidy_up().await;
    }
}

/// All metrics at zero for what is configured.
pub fn metrics(settings: &Settings) -> Arc<Metrics> {
    let webhooks: Vec<_> = settings.sources.webhooks.iter().map(|webhook| webhook.name.clone()).collect();
    let polled: Vec<_> = settings.sources.polled().into_iter().chain([SourceName::relay()]).collect();
    let targets: Vec<_> = settings.targets.iter().map(|target| target.name.clone()).collect();
    let drills: Vec<_> =
        settings.drills.iter().map(|drill| drill.name.clone()).chain([DrillName::on_demand()]).collect();
    Arc::new(Metrics::new(&webhooks, &polled, &targets).with_routes(&settings.table.names()).with_drills(&drills))
}

fn open(engine: &Engine, metrics: &Arc<Metrics>) -> Result<Arc<dyn Store>, OpenError> {
    let metrics = metrics.clone();
    Ok(match engine {
        Engine::Memory => Arc::new(MemoryStore::default()),
        Engine::Sqlite(config) => {
            let observe = Arc::new(move |writes, took| metrics.committed(writes, took));
            Arc::new(SqliteStore::open(&config.path, observe)?)
        }
    })
}

/// Targets that are still owed something but are no longer configured. Their deliveries must not wait for ever.
async fn removed_targets(store: &dyn Store, configured: &[TargetName]) -> Result<Vec<TargetName>, StoreError> {
    let waiting = store.backlog().await?;
    let owed = waiting.into_iter().filter(|(_, backlog)| backlog.pending > 0).map(|(target, _)| target);
    let removed: Vec<_> = owed.filter(|target| !configured.contains(target)).collect();
    for target in &removed {
        tracing::error!(target.name = %target, "deliveries wait for a target that is no longer configured; they become dead letters");
    }
    Ok(removed)
}

fn inbox(tools: &Tools, seen: Seen, pulse: Arc<Pulse>) -> Inbox {
    let Tools { store, table, clock, bell, metrics, live, .. } = tools.clone();
    Inbox::new(store, seen, table, bell, clock, metrics, pulse).telling(live)
}

fn drills(configured: Vec<Drill>, stages: Vec<Stage>, inbox: &Arc<Inbox>, tools: &Tools) -> Arc<Drills> {
    for drill in &configured {
        if let Some(doubt) = settings::doubt(drill, &tools.table) {
            tracing::warn!(drill = %drill.name, doubt, "a drill cannot pass as it is configured");
        }
    }
    Arc::new(Drills::new(configured, stages, inbox.clone(), tools.metrics.clone()))
}

fn build_webhook(
    settings: settings::WebhookSettings,
    ways_in: &WaysIn,
    tools: &Tools,
    inbox: &Arc<Inbox>,
    limits: &Arc<http_server::Config>,
) -> (webhook::WebhookPath, Webhook) {
    let settings::WebhookSettings { name, path, verifier, silent_after: _, labels, fields } = settings;
    let source = Webhook {
        metrics: tools.metrics.of_source(&name),
        name,
        verifier,
        mapping: Mapping { fields, labels },
        terms: ways_in.terms(),
        inbox: inbox.clone(),
        limits: limits.clone(),
        clock: tools.clock.clone(),
    };
    (path, source)
}

/// All deliverers, and those that operators see: what is configured.
fn deliverers(targets: Vec<Target>, removed: Vec<TargetName>, tools: &Tools) -> (Vec<Arc<Deliverer>>, Arc<[Overseen]>) {
    let build = |name, notifier, policy, message| {
        let deliverer = Deliverer::new(name, notifier, policy, tools.clone());
        Arc::new(deliverer.saying(message))
    };
    let configured = targets.into_iter().map(|target| {
        let Target { name, kind, notifier, policy, message, http: _ } = target;
        Overseen { kind, deliverer: build(name, notifier, policy, message) }
    });
    let overseen: Arc<[Overseen]> = configured.collect();
    let gone = removed.into_iter().map(|name| build(name, Removed::notifier(), Default::default(), Default::default()));
    (overseen.iter().map(|target| target.deliverer.clone()).chain(gone).collect(), overseen)
}
