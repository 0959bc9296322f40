//! The routing table that was in force is kept as text, and what is compiled from that is the same table.

use std::path::{Path, PathBuf};

use castai_relay::app::settings::{Settings, read_back};
use castai_relay::config;
use castai_relay::http_client::HttpClient;
use castai_relay::notify::Kit;
use castai_relay::route::{Route, RoutingTable};

const SECRETS: [(&str, &str); 4] = [
    ("CASTAI_API_KEY", "castai-api-key"),
    ("CASTAI_WEBHOOK_TOKEN", "webhook-token-webhook-token"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T000/B000/slack-secret"),
    ("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
];

fn settings(files: &[PathBuf]) -> Settings {
    let kit = Kit { http: HttpClient::new().unwrap() };
    Settings::read(&config::load(files, Vec::new()), &kit).unwrap_or_else(|problems| panic!("{problems}"))
}

/// All that a table says, in words.
fn told(table: &RoutingTable) -> Vec<String> {
    let route = |route: &Route| {
        let together = [route.group.as_ref().map(ToString::to_string), route.storm.as_ref().map(ToString::to_string)];
        let incident = route.incident.as_ref().map(ToString::to_string);
        let Route { name, matcher, notify, stop, severity, message, .. } = route;
        let hours = route.hours_in_words();
        format!("{name}: {matcher} {notify:?} {stop} {severity:?} {message:?} {hours:?} {together:?} {incident:?}")
    };
    let late = table.late_rules().map(|rule| format!("{rule:?}"));
    table.routes().map(route).chain(late).chain([format!("{:?}", table.default_targets())]).collect()
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("relay.yaml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

fn reads_back(files: &[PathBuf]) {
    let settings = settings(files);
    let text = &settings.kept_table.text;
    assert!(SECRETS.iter().all(|(_, secret)| !text.contains(secret)), "{text}");
    let again = read_back(text).unwrap_or_else(|problems| panic!("{problems}\n{text}"));
    assert_eq!(told(&again), told(&settings.table));
    assert_eq!(settings.table.id(), Some(settings.kept_table.id));
}

#[test]
fn the_example_reads_back_as_it_was() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/example.yaml");
    let text = SECRETS.iter().fold(std::fs::read_to_string(example).unwrap(), |text, (name, value)| {
        text.replace(&format!("{{ env: {name} }}"), &format!("\"{value}\""))
    });
    let (_folder, file) = written(&text);
    reads_back(&[file]);
}

#[test]
fn a_table_with_everything_in_it_reads_back_as_it_was() {
    let (_folder, file) = written(
        r#"
server: { listen: 127.0.0.1:0 }
castai: { api_key: castai-api-key }
sources:
  notifications: { page_if_younger_than: 2h, older_notify: [console] }
  audit_log: {}
targets:
  slack-ops: { slack: { webhook_url: "https://hooks.slack.com/services/T000/B000/slack-secret" }, max_age: 48h, fallback: console }
routes:
  - name: everything
    match: { type: ["node.*", "/^a b$/"], severity: ">= warning", data.savingsImpact: 0.5, labels.x: "0123", not: { cluster: "dev-*" }, when: "event.data.nodes | default(0) > 3" }
    notify: [slack-ops, console]
    stop: true
    severity: critical
    active: [ { days: [mon-fri], times: ["08:00-18:00"], time_zone: Europe/Berlin } ]
    message: { title: "Spot: {{ event.data.nodeName }} \"quoted\" } ]", text: "two\nlines", links: [ { text: Console, url: "https://console.cast.ai/" } ] }
    group: { by: [cluster], wait: 10s, interval: 5m, max_events: 1000 }
    storm: { above: 30/m, never: { severity: critical }, interval: 1m }
    incident: { key: "spot/{{ event.cluster.id }}", severity: error, resolve_when: { type: node.added }, resolve_after: 30h }
default_targets: []
"#,
    );
    reads_back(&[file]);
}

#[test]
fn without_any_route_it_reads_back_too() {
    let (_folder, file) = written("server: { listen: 127.0.0.1:0 }");
    reads_back(&[file]);
}
