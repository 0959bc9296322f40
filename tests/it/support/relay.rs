//! The whole relay in this process: real listeners, a real store, real HTTP on both sides; only the time is ours, and
//! nothing is delivered until a test turns the crank.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use castai_relay::app::settings::Settings;
use castai_relay::app::{self, App, Parked};
use castai_relay::config;
use castai_relay::deliver::Turn;
use castai_relay::event::Timestamp;
use castai_relay::http_client::HttpClient;
use castai_relay::names::{EventId, SourceName};
use castai_relay::notify::Kit;
use castai_relay::runtime::{Clock, Lifecycle, ManualClock, RunDown};
use castai_relay::source::Inbox;
use castai_relay::source::polling::PollError;
use castai_relay::store::{DeliveryRow, Store, StoredEvent};
use serde_json::Value;
use tempfile::TempDir;

use super::castai::{self, StandIn};
use super::http::{Answer, PATIENCE, ask};
use super::hurried_clock::HurriedClock;
use super::receivers::{Received, Receiver};

/// When every test begins.
pub const START: &str = "2026-11-20T08:15:31Z";

/// Two targets, one route; each test writes its own file on top. As fast as they can, because a test that is not about
/// rates should not have to wait for them.
const BASE: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
store: { sqlite: { path: "{{FOLDER}}/relay.db" } }
castai: { api_url: "http://{{CASTAI}}", api_key: "{{KEY}}" }
targets:
  slack-ops: { slack: { webhook_url: "http://{{SLACK}}/services/T000/B000/XXXXXXXXXXXX" }, rate: unlimited }
  oncall:
    pagerduty: { routing_key: "0123456789abcdef0123456789abcdef", url: "http://{{PAGERDUTY}}/v2/enqueue" }
    rate: unlimited
routes:
  - { name: all-news, match: {}, notify: [slack-ops] }
default_targets: []
"#;

/// What outlives a restart: the disk, the time, and those who are told.
struct World {
    folder: TempDir,
    clock: ManualClock,
    slack: Receiver,
    pagerduty: Receiver,
    castai: StandIn,
    /// Whether the relay's waits move the time; then only a crank may run it.
    hurried: bool,
    /// Instead of the SQLite file.
    store: Option<Arc<dyn Store>>,
}

/// A relay that takes events in. It ends with its runtime, or when told to.
pub struct TestRelay {
    pub public: SocketAddr,
    pub admin: SocketAddr,
    pub store: Arc<dyn Store>,
    pub inbox: Arc<Inbox>,
    pub life: Lifecycle,
    parked: Option<Parked>,
    world: World,
}

impl TestRelay {
    /// On a SQLite file of its own, with `config` on top of the base.
    pub async fn start(config: &str) -> Self {
        World::new(None).await.start(config).await
    }

    /// The same, with every wait over at once: for what tries CAST AI again and again. Nothing may run by itself then.
    pub async fn start_hurried(config: &str) -> Self {
        let world = World::new(None).await;
        World { hurried: true, ..world }.start(config).await
    }

    /// The same on `store`.
    pub async fn start_on(store: Arc<dyn Store>, config: &str) -> Self {
        World::new(Some(store)).await.start(config).await
    }

    /// Stops it, waits for its end, and starts it again on what it left behind.
    pub async fn restart(self, config: &str) -> Self {
        self.restart_after(RunDown::Clean, config).await
    }

    /// The same where the end is not, or was not, a clean one.
    pub async fn restart_after(self, end: RunDown, config: &str) -> Self {
        let Self { life, parked, store, inbox, world, .. } = self;
        life.stop();
        drop((parked, store, inbox));
        assert_eq!(life.run_down(PATIENCE).await, end);
        world.start(config).await
    }

    /// POST to the default source.
    pub async fn send(&self, body: impl AsRef<[u8]>) -> Answer {
        self.post("/castai/events", &[], body).await
    }

    /// Sends an event that must be accepted as new, and returns its id.
    pub async fn accept(&self, body: impl AsRef<[u8]>) -> EventId {
        let answer = self.send(body).await;
        assert_eq!((answer.status, &answer.json()["duplicate"]), (200, &Value::Bool(false)), "{answer:?}");
        EventId::parse(answer.json()["id"].as_str().unwrap()).unwrap()
    }

    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        ask(self.public, "POST", path, headers, body.as_ref()).await
    }

    /// GET on the admin listener.
    pub async fn look(&self, path: &str) -> Answer {
        ask(self.admin, "GET", path, &[], b"").await
    }

    /// One sample of `/metrics`; `series` is its name with its labels as written there.
    pub async fn metric(&self, series: &str) -> f64 {
        let metrics = self.look("/metrics").await.body;
        let sample = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        sample.unwrap_or_else(|| panic!("no {series} in:\n{metrics}")).parse().unwrap()
    }

    /// How many requests to the source `castai` came to this end.
    pub async fn received(&self, outcome: &str) -> f64 {
        self.metric(&format!(r#"castai_relay_received_requests_total{{source="castai",outcome="{outcome}"}}"#)).await
    }

    /// The event with its story, which must exist.
    pub async fn event(&self, id: &str) -> StoredEvent {
        self.find(id).await.unwrap_or_else(|| panic!("no event {id}"))
    }

    pub async fn find(&self, id: &str) -> Option<StoredEvent> {
        self.store.event(&EventId::parse(id).unwrap()).await.unwrap()
    }

    /// The event's only delivery.
    pub async fn delivery(&self, id: &str) -> DeliveryRow {
        let [delivery] = <[_; 1]>::try_from(self.event(id).await.deliveries).unwrap();
        delivery
    }

    /// Turns the cranks until nothing is due now.
    pub async fn deliver(&self) {
        self.parked.as_ref().expect("deliveries run by themselves").deliver_until_idle().await.unwrap();
    }

    /// Has the next part of a replay owed again, if one is due.
    pub async fn replay(&self) -> Turn {
        self.parked.as_ref().expect("replays run by themselves").replay().await.unwrap()
    }

    /// Asks the source of this name once.
    pub async fn poll(&self, source: &str) -> Result<(), PollError> {
        let source = SourceName::parse(source).unwrap();
        self.parked.as_ref().expect("sources are asked by themselves").poll(&source).await
    }

    /// The cranks, for a test that turns them elsewhere.
    pub fn take_cranks(&mut self) -> Parked {
        self.parked.take().unwrap()
    }

    /// From now on deliveries run by themselves.
    pub fn run_deliveries(&mut self) {
        self.take_cranks().spawn_rest();
    }

    pub async fn tidy_up(&self) {
        self.parked.as_ref().unwrap().tidy_up().await;
    }

    pub fn clock(&self) -> &ManualClock {
        &self.world.clock
    }

    pub fn pass(&self, seconds: u64) {
        self.world.clock.advance(Duration::from_secs(seconds));
    }

    pub fn slack(&self) -> &Receiver {
        &self.world.slack
    }

    pub fn pagerduty(&self) -> &Receiver {
        &self.world.pagerduty
    }

    pub fn castai(&self) -> &StandIn {
        &self.world.castai
    }

    /// The titles Slack was shown, in order.
    pub fn slack_titles(&self) -> Vec<String> {
        self.slack().received().iter().map(title).collect()
    }
}

/// The header of a Slack message.
pub fn title(message: &Received) -> String {
    message.json()["blocks"][0]["text"]["text"].as_str().unwrap().to_owned()
}

/// What is wrong with this configuration on top of the base.
pub async fn refusal(config: &str) -> String {
    match World::new(None).await.settings(config) {
        Ok(_) => panic!("the configuration is allowed"),
        Err(problems) => problems.to_string(),
    }
}

impl World {
    async fn new(store: Option<Arc<dyn Store>>) -> Self {
        let clock = ManualClock::starting_at(Timestamp::parse(START).unwrap());
        let (slack, pagerduty) = (Receiver::slack().await, Receiver::pagerduty().await);
        let (folder, castai) = (tempfile::tempdir().unwrap(), StandIn::start().await);
        Self { folder, clock, slack, pagerduty, castai, hurried: false, store }
    }

    fn settings(&self, config: &str) -> Result<Settings, config::Problems> {
        let files = [("base.yaml", BASE), ("test.yaml", config)].map(|(name, text)| self.write(name, text));
        Settings::read(&config::load(&files, Vec::new()), &KIT)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let text = text
            .replace("{{FOLDER}}", &self.folder.path().display().to_string())
            .replace("{{SLACK}}", &self.slack.address.to_string())
            .replace("{{PAGERDUTY}}", &self.pagerduty.address.to_string())
            .replace("{{CASTAI}}", &self.castai.address.to_string())
            .replace("{{KEY}}", castai::KEY);
        let file = self.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    async fn start(self, config: &str) -> TestRelay {
        let settings = self.settings(config).unwrap_or_else(|problems| panic!("{problems}"));
        let life = Lifecycle::default();
        let clock: Arc<dyn Clock> = match self.hurried {
            true => Arc::new(HurriedClock::moving(self.clock.clone())),
            false => Arc::new(self.clock.clone()),
        };
        let built = match self.store.clone() {
            Some(store) => App::build_on(store, app::metrics(&settings), settings, clock, life.clone()).await,
            None => App::build(settings, clock, life.clone()).await,
        };
        let app = built.unwrap_or_else(|error| panic!("{error}"));
        TestRelay {
            public: app.public_address().unwrap(),
            admin: app.admin_address().unwrap(),
            store: app.store.clone(),
            inbox: app.inbox.clone(),
            life,
            parked: Some(app.spawn_servers()),
            world: self,
        }
    }
}

/// Reading the machine's CA certificates takes longer than most tests.
static KIT: LazyLock<Kit> = LazyLock::new(|| Kit { http: HttpClient::new().unwrap() });
