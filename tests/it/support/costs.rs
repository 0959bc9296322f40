//! What the stand-in for CAST AI tells of costs: the fixture's numbers, and others.

use serde_json::{Value, json};

use super::bodies::fixture;
use super::castai::StandIn;
use super::castai::answers::Stored;
use super::castai::lists::List;

/// The cluster of the fixture that has figures.
pub const DEMO: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21";
/// The one that CAST AI only watches.
pub const READ_ONLY: &str = "9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a22";

fn json_of(name: &str) -> Value {
    serde_json::from_slice(&fixture(&format!("castai/cost/{name}"))).unwrap()
}

fn report_of(cluster: &str, report: &str) -> String {
    format!("/v1/cost-reports/clusters/{cluster}/{report}")
}

pub fn savings_of(cluster: &str) -> String {
    report_of(cluster, "savings")
}

/// Three clusters, of which one has figures, the same for every time; one is only watched, one has no reports.
pub fn of_the_fixture(castai: &StandIn) {
    let clusters = json_of("built-external-clusters.json");
    castai.push(List::Clusters, clusters["items"].as_array().unwrap().clone());
    let efficiency = json!({"summary": {"cpuOverprovisioningPercent": "31.5", "ramOverprovisioningPercent": "20"}});
    castai.world().read_only.insert(READ_ONLY.to_owned());
    castai.world().stored.extend([
        Stored::at(&savings_of(DEMO), json_of("built-savings-3-days.json")),
        Stored::at(&report_of(DEMO, "efficiency"), efficiency),
    ]);
    tell_offers(castai, DEMO);
}

/// The prices of the fixture.
pub fn tell_offers(castai: &StandIn, cluster: &str) {
    let offers = Stored::at(&report_of(cluster, "estimated-savings"), json_of("built-estimated-savings.json"));
    castai.world().stored.push(offers);
}

pub fn cluster(id: &str, name: &str, created_at: &str) -> Value {
    json!({"id": id, "name": name, "status": "ready", "createdAt": created_at, "isPhase2": true})
}

pub fn deleted() -> Value {
    let mut gone = cluster("gone", "deleted-cluster", "2025-09-30T00:00:00Z");
    gone["deletedAt"] = json!("2026-11-01T00:00:00Z");
    gone
}

/// The same for every time.
pub fn tell(castai: &StandIn, cluster: &str, cost: &str, savings: &str) {
    castai.world().stored.push(Stored::at(&savings_of(cluster), report(cost, savings)));
}

/// For exactly this time.
pub fn tell_between(castai: &StandIn, cluster: &str, from: &str, to: &str, cost: &str, savings: &str) {
    let stored = Stored::at(&savings_of(cluster), report(cost, savings)).when("startTime", from).when("endTime", to);
    castai.world().stored.push(stored);
}

fn report(cost: &str, savings: &str) -> Value {
    json!({"items": [], "summary": {"totalCost": cost, "totalSavings": savings}})
}
