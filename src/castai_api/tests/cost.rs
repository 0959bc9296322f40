//! What the cost reports say, and what they leave out.

use serde_json::{Value, json};

use super::*;

fn dec(text: &str) -> Option<Decimal> {
    Some(text.parse().unwrap())
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_str(&value.to_string()).unwrap()
}

#[test]
fn the_totals_are_read_to_the_last_digit() {
    let text = include_str!("../../../tests/fixtures/castai/cost/built-savings-3-days.json");
    let totals = serde_json::from_str::<SavingsReport>(text).unwrap().summary;
    assert_eq!((totals.total_cost, totals.total_savings), (dec("2210.4177"), dec("1107.6812")));
}

#[test]
fn each_way_to_save_has_its_prices() {
    let text = include_str!("../../../tests/fixtures/castai/cost/built-estimated-savings.json");
    let ways = serde_json::from_str::<EstimatedSavings>(text).unwrap().recommendations;
    let prices = |way: Option<Recommendation>| way.map(|way| (way.monthly.price_before, way.monthly.price_after));
    assert_eq!(prices(ways.layman), Some((dec("34616"), dec("15239.49"))));
    assert_eq!(prices(ways.spot_instances), Some((dec("34616"), dec("14984.40"))));
    assert_eq!(prices(ways.spot_only), Some((dec("34616"), dec("4567.62"))));
}

#[test]
fn what_is_left_out_is_not_zero() {
    for silent in [json!({}), json!({"summary": null}), json!({"summary": {}}), json!({"summary": {"totalCost": ""}})] {
        assert_eq!(read::<SavingsReport>(silent.clone()).summary, SavingsTotals::default(), "{silent}");
    }
    let zero: SavingsReport = read(json!({"summary": {"totalCost": "0", "totalSavings": 0}}));
    assert_eq!((zero.summary.total_cost, zero.summary.total_savings), (dec("0"), dec("0")));
    assert_eq!(read::<EstimatedSavings>(json!({"recommendations": {"SpotOnly": null}})), EstimatedSavings::default());
    assert_eq!(read::<EfficiencyReport>(json!({"noDataReason": "NoMetricsServer"})), EfficiencyReport::default());
}

#[test]
fn unknown_ways_and_fields_do_no_harm() {
    let more =
        json!({"recommendations": {"Arm": {"monthly": "?"}, "Layman": {"monthly": {"priceBefore": "2"}, "x": 1}}});
    let ways = read::<EstimatedSavings>(more).recommendations;
    assert_eq!(ways.layman.map(|way| way.monthly.price_before), Some(dec("2")));
}

#[test]
fn an_amount_nobody_spends_is_refused() {
    let absurd = json!({"summary": {"totalCost": "99999999999999999999"}}).to_string();
    let said = serde_json::from_str::<SavingsReport>(&absurd).unwrap_err().to_string();
    assert!(said.contains("million billion dollars"), "{said}");
}

#[test]
fn shares_are_told_of_processors_and_memory() {
    let told = json!({"summary": {"cpuOverprovisioningPercent": "31.5", "ramOverprovisioningPercent": "20"}});
    let totals = read::<EfficiencyReport>(told).summary;
    assert_eq!((totals.cpu_overprovisioning_percent, totals.ram_overprovisioning_percent), (dec("31.5"), dec("20")));
}

#[test]
fn an_id_cannot_lead_to_another_path() {
    assert_eq!(path("9f2d-a_b", "savings"), "/v1/cost-reports/clusters/9f2d-a_b/savings");
    assert_eq!(path("../../secrets?x=", "savings"), "/v1/cost-reports/clusters/secretsx/savings");
}
