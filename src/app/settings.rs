//! The configuration as a whole: which section goes to which room, and what must fit together across them.
//!
//! Reads everything it can before it gives up, so that one run shows every mistake. [`sources`], [`targets`],
//! [`connections`], [`drills`] and [`routes`] read the sections that are more than one value. Knows every room's section and no YAML; where the text
//! comes from is [`crate::config`].

mod connections;
mod drills;
mod routes;
mod sources;
mod targets;

use std::sync::Arc;

use serde::Deserialize;

pub use drills::doubt;
pub use routes::read_back;
pub use sources::{Sources, WebhookSettings};
pub use targets::Target;

use crate::config::{Loaded, Problem, Problems, Section, Span};
use crate::event::ledger::KeptTable;
use crate::http_client::{Connection, HttpClient};
use crate::names::NameError;
use crate::notify::Kit;
use crate::route::RoutingTable;
use crate::source::drills::Drill;
use crate::source::drills::script::Stage;
use crate::store::{seen, sqlite};
use crate::telemetry::{self, log_filter};
use crate::{admin, castai_api, http_server, store};
use connections::Connections;

/// The top level of the file.
const SECTIONS: &[&str] = &[
    "server",
    "admin",
    "log",
    "store",
    "castai",
    "sources",
    "targets",
    "routes",
    "default_targets",
    "drills",
    "telemetry",
    connections::CONNECTION,
];

/// Everything the relay was told, checked and compiled.
pub struct Settings {
    /// The public listener.
    pub server: http_server::Config,
    /// The admin listener.
    pub admin: admin::Config,
    /// What is logged.
    pub log: LogConfig,
    /// Who else watches.
    pub telemetry: telemetry::otlp::Config,
    /// Where events are kept.
    pub engine: Engine,
    /// How long they are kept.
    pub retention: Span,
    /// How much the map in front of the store remembers.
    pub seen: seen::Limits,
    /// How CAST AI is asked, by what asks it.
    pub castai: Option<castai_api::Config>,
    /// Where events come from.
    pub sources: Sources,
    /// The targets, in the order written.
    pub targets: Vec<Target>,
    /// Who is told of what.
    pub table: Arc<RoutingTable>,
    /// What is played now and then to see whether it is told.
    pub drills: Vec<Drill>,
    /// What that table is made of.
    pub kept_table: KeptTable,
    /// What goes out by HTTP goes by this, but for what goes to targets, which have clients of their own.
    pub http: HttpClient,
    /// How targets are connected to that have nothing of their own.
    pub connection: Connection,
}

/// What says who is told, and where it can be tried on what came: all that is read where nothing runs.
pub struct Routing {
    /// Who is told of what.
    pub table: RoutingTable,
    /// Where events are kept.
    pub engine: Engine,
}

impl Routing {
    /// Reads the sections of routing and of the store, and nothing else: no secret need be there.
    ///
    /// # Errors
    /// With every mistake found in them, each with its place.
    pub fn read(loaded: &Loaded) -> Result<Self, Problems> {
        loaded.readable()?;
        let root = &loaded.root;
        root.only(SECTIONS);
        let store = root.section("store").read::<store::Config>();
        let table = routes::read(root, store.as_ref().map(|store| store.retention));
        let engine = store.as_ref().and_then(|store| engine(root, store));
        loaded.finish()?;
        table.zip(engine).map(|(table, engine)| Self { table, engine }).ok_or_else(unexplained)
    }
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

impl Engine {
    /// The word for it in the configuration.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Memory => "memory",
        }
    }
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
        read.ok_or_else(unexplained)
    }

    fn read_sections(root: &Section, kit: &Kit) -> Option<Self> {
        let server = root.section("server").read::<http_server::Config>();
        for (key, mistake) in server.iter().flat_map(http_server::Config::impossible) {
            root.section("server").problem_at(key, mistake, &[], None);
        }
        let admin = root.section("admin").read::<admin::Config>();
        for (place, mistake) in admin.iter().flat_map(admin::Config::impossible) {
            root.section("admin").problem_at(&place, mistake, &[], None);
        }
        let log = root.section("log").read();
        let telemetry = telemetry::otlp::Config::read(&root.section("telemetry"));
        let store = root.section("store").read::<store::Config>();
        if store.as_ref().is_some_and(|store| store.retention.get().is_zero()) {
            let mistake = "with a retention of zero nothing would be kept, and no repeat would be known; write `30d`";
            root.section("store").problem_at("retention", mistake, &[], None);
        }
        let engine = store.as_ref().and_then(|store| engine(root, store));
        let castai = root.optional("castai", Section::read::<castai_api::Config>);
        let sources = sources::read(root, server.as_ref(), store.as_ref().map(|store| store.retention));
        check_public_url(root, server.as_ref(), sources.as_ref());
        sources::check_memory(root, sources.as_ref(), store.as_ref());
        let mut clients = Connections::read(root, kit);
        let targets = targets::read(root, &mut clients);
        let table = routes::read(root, store.as_ref().map(|store| store.retention));
        let drills = drills::read(root, sources.as_ref(), table.as_ref());
        let kept_table = KeptTable::new(routes::written_out(root));
        let (store, server) = (store?, server?);
        Some(Self {
            server,
            admin: admin?,
            log: log?,
            telemetry: telemetry?,
            engine: engine?,
            retention: store.retention,
            seen: store.seen,
            castai: castai?,
            sources: sources?,
            targets: targets?,
            table: Arc::new(table?.called(kept_table.id)),
            drills: drills?,
            kept_table,
            http: clients.client(root),
            connection: clients.of_targets(),
        })
    }

    /// The targets with a connection of their own.
    pub fn targets_connected_otherwise(&self) -> impl Iterator<Item = &Target> {
        self.targets.iter().filter(|target| *target.http.connection() != self.connection)
    }

    /// What drills may play.
    pub fn stages(&self) -> Vec<Stage> {
        drills::stages(&self.sources.webhooks)
    }

    /// Where CAST AI reaches this source, if it is said where others reach us.
    pub fn callback_url(&self, webhook: &WebhookSettings) -> Option<String> {
        self.server.public_url.as_ref().map(|public| public.at(webhook.path.as_str()))
    }
}

fn unexplained() -> Problems {
    Problem::new(None, "", "a section could not be read and no reason was noted: a fault in the relay").into()
}

/// The path of a source is added to the public URL, so it must not stand there already.
fn check_public_url(root: &Section, server: Option<&http_server::Config>, sources: Option<&Sources>) {
    let Some((public, sources)) = server.and_then(|server| server.public_url.as_ref()).zip(sources) else { return };
    let written = public.to_string();
    let base = sources.webhooks.iter().find_map(|webhook| written.strip_suffix(webhook.path.as_str()));
    if let Some(base) = base {
        let mistake = "`public_url` ends in the path of a source, which is added to it";
        root.section("server").problem_at("public_url", mistake, &[], Some(format!("write `{base}`")));
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

fn named<T>(entry: &Section, name: &str, parse: fn(&str) -> Result<T, NameError>) -> Option<T> {
    parse(name).map_err(|error| entry.problem(error.to_string())).ok()
}

/// Collects as long as everything was good; what comes after a mistake is still read, for its own mistakes.
fn collect<T>(all: &mut Option<Vec<T>>, item: Option<T>) {
    match (all.as_mut(), item) {
        (Some(list), Some(item)) => list.push(item),
        _ => *all = None,
    }
}
