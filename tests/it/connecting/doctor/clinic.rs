//! A healthy relay with all that is around it, in which each test plants a fault.

use std::sync::Arc;
use std::time::Duration;

use castai_relay::event::Timestamp;
use castai_relay::names::{CursorName, SourceName};
use castai_relay::runtime::{Clock, SystemClock};
use castai_relay::source::pulse::record::{Heard, Record};
use castai_relay::store::sqlite::SqliteStore;
use castai_relay::store::{Cursor, Store};
use serde_json::{Value, json};

use crate::support::castai::answers::Stored;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn};
use crate::support::internet::Internet;
use crate::support::process::{House, Relay, Said, run};
use crate::support::receivers::Receiver;

/// What must never be shown.
pub const SECRETS: &[&str] = &[KEY, "webhook-token", "slack-secret", "0123456789abcdef0123456789abcdef"];

/// The organisation of the healthy key.
pub const ORGANIZATION: &str = "6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10";

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0, public_url: "https://relay.example.com" }
admin: { listen: 127.0.0.1:0 }
store: { sqlite: { path: relay.db } }
castai: { api_url: us, api_key: "{{KEY}}" }
sources:
  webhooks:
    castai: { path: /castai/events, verify: { bearer: [ "webhook-token" ] }, silent_after: 12h }
  notifications: {}
  audit_log: {}
  savings: {}
targets:
  slack-ops: { slack: { webhook_url: "https://hooks.slack.com/services/T000/B000/slack-secret" } }
  oncall: { pagerduty: { routing_key: "0123456789abcdef0123456789abcdef" } }
  console: { log: {} }
"#;

pub struct Clinic {
    pub us: StandIn,
    pub eu: StandIn,
    pub slack: Receiver,
    pub internet: Internet,
    pub relay: Relay,
    pub house: House,
    /// Only there to be reached.
    pub pagerduty: Receiver,
}

/// One finding that is not good: `✗ check about: found → cure`.
#[derive(Debug)]
pub struct Finding {
    /// `✗ webhook castai`.
    pub what: String,
    pub found: String,
    pub cure: String,
}

impl Clinic {
    /// Two regions, of which `us` knows the key; a relay that was heard of a minute ago; a webhook set up by `castai setup`.
    pub async fn open() -> Self {
        let (us, eu, internet) = (StandIn::start().await, StandIn::start().await, Internet::start().await);
        let (slack, pagerduty) = (Receiver::slack().await, Receiver::pagerduty().await);
        eu.world().keys.clear();
        us.push(List::Clusters, [cluster("c1", "prod-eu"), cluster("c2", "dev-eu")]);
        us.world().stored.push(Stored::at("/v1/cost-reports/clusters/c1/estimated-savings", json!({})));
        let house = House::with(&CONFIGURATION.replace("{{KEY}}", KEY));
        remember(&house, Duration::from_secs(60), Duration::from_secs(5)).await;
        for (name, at) in [
            ("api.cast.ai", us.address),
            ("api.eu.cast.ai", eu.address),
            ("hooks.slack.com", slack.address),
            ("events.pagerduty.com", pagerduty.address),
        ] {
            internet.host(name, at);
        }
        let relay = house.serve_with(&internet.variables()).await;
        internet.host("relay.example.com", relay.public);
        let clinic = Self { us, eu, slack, internet, relay, house, pagerduty };
        let setup = clinic.castai("setup --apply").await;
        assert_eq!((setup.code, setup.err.as_str()), (0, ""), "{}", setup.out);
        clinic.webhook(|webhook| webhook["organizationId"] = ORGANIZATION.into());
        clinic
    }

    pub async fn doctor(&self, arguments: &str) -> Said {
        self.castai(&format!("doctor --patience 20 {arguments}")).await
    }

    pub async fn castai(&self, arguments: &str) -> Said {
        let arguments = format!("castai {arguments} --config relay.yaml");
        let (folder, variables) = (self.house.path().to_owned(), self.internet.variables());
        let running = move || {
            let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            run(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), &variables)
        };
        tokio::task::spawn_blocking(running).await.unwrap()
    }

    /// Every finding that is not good and not merely unknown. The exit code must agree.
    pub async fn findings(&self) -> Vec<Finding> {
        let said = self.doctor("--output json").await;
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let checks = report["checks"].as_array().unwrap();
        let signs = [("wrong", "✗"), ("warning", "!")];
        let signed =
            checks.iter().filter_map(|line| Some((line, signs.iter().find(|(word, _)| line["verdict"] == *word)?)));
        let findings: Vec<Finding> = signed
            .map(|(line, (_, sign))| Finding {
                what: format!("{sign} {} {}", text(line, "check"), text(line, "about")).trim().to_owned(),
                found: text(line, "found"),
                cure: text(line, "cure"),
            })
            .collect();
        let is_wrong = findings.iter().any(|finding| finding.what.starts_with('✗'));
        assert_eq!((said.code == 1, report["healthy"] == false), (is_wrong, is_wrong), "{findings:#?}");
        findings
    }

    /// The one finding there is; it must be `what`, with these words in what was found and in the cure.
    pub async fn finds(&self, what: &str, found: &str, cure: &str) {
        let findings = self.findings().await;
        let [finding] = findings.as_slice() else { panic!("{findings:#?}") };
        assert_eq!(finding.what, what, "{finding:#?}");
        assert!(finding.found.contains(found), "{finding:#?}");
        assert!(finding.cure.contains(cure), "{finding:#?}");
    }

    /// The same where the fault shows in several places, each in its own line.
    pub async fn finds_all(&self, expected: &[&str]) -> Vec<Finding> {
        let findings = self.findings().await;
        let what: Vec<&str> = findings.iter().map(|finding| finding.what.as_str()).collect();
        assert_eq!(what, expected, "{findings:#?}");
        findings
    }

    /// Changes the webhook configuration at CAST AI behind everybody's back.
    pub fn webhook(&self, change: impl FnOnce(&mut Value)) {
        let mut world = self.us.world();
        change(&mut world.lists.get_mut(&List::WebhookConfigurations).unwrap()[0]);
    }

    /// The configuration as the diagnosis reads it.
    pub fn configuration(&self) -> String {
        std::fs::read_to_string(self.house.path().join("relay.yaml")).unwrap()
    }

    /// Runs a command as it was recommended, with our configuration.
    pub async fn shell(&self, command: &str) -> Said {
        let program = env!("CARGO_BIN_EXE_castai-relay");
        let command = format!("{} --config relay.yaml", command.replacen("castai-relay", program, 1));
        let mut shell = std::process::Command::new("/bin/sh");
        shell.env_clear().envs(self.internet.variables()).current_dir(self.house.path()).args(["-c", &command]);
        let output = tokio::task::spawn_blocking(move || shell.output().unwrap()).await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Changes the configuration that the diagnosis reads; the relay goes on with the one it has.
    pub fn configure(&self, from: &str, to: &str) {
        let text = self.configuration();
        assert!(text.contains(from), "{from} not in {text}");
        std::fs::write(self.house.path().join("relay.yaml"), text.replace(from, to)).unwrap();
    }
}

pub fn cluster(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "status": "ready", "isPhase2": true, "createdAt": "2026-01-01T00:00:00Z"})
}

/// One that CAST AI does not manage.
pub fn watched(id: &str) -> Value {
    let mut cluster = cluster(id, "read-only");
    cluster["isPhase2"] = false.into();
    cluster
}

/// As if the relay had run here until now, and webhook and notifications been last heard so long ago.
pub async fn remember(house: &House, webhook: Duration, notifications: Duration) {
    let store = SqliteStore::open(&house.path().join("relay.db"), Arc::new(|_, _| ())).unwrap();
    let now = SystemClock.now();
    let at = |ago: Duration| Timestamp::from_millis(now.as_millis() - i64::try_from(ago.as_millis()).unwrap());
    let since = at(Duration::from_secs(90 * 86_400));
    let castai = Heard { since, heard_at: Some(at(webhook)), event_at: Some(at(webhook)) };
    let asked = Heard { since, heard_at: Some(at(notifications)), event_at: None };
    let answered = Heard { heard_at: Some(now), ..asked };
    let sources = [
        (SourceName::parse("castai").unwrap(), castai),
        (SourceName::notifications(), asked),
        (SourceName::audit_log(), answered),
        (SourceName::savings(), answered),
    ]
    .into();
    let record = Record { alive_at: now, outages: vec![], sources };
    let cursor = Cursor { name: CursorName::pulse(), value: record.written() };
    store.append(vec![], Some(cursor)).await.unwrap();
}
