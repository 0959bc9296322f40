//! What one day is made of: targets with their limits, routes, and what may go wrong; drawn from the seed, read as the
//! configuration is read.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use castai_relay::deliver::Policy;
use castai_relay::deliver::policy::Written;
use castai_relay::names::{RouteName, SourceName, TargetName};
use castai_relay::route::{LateRule, Route, RoutingTable};
use serde_json::{Map, Value, json};

use super::dice::Dice;

pub struct Plan {
    pub seed: u64,
    pub targets: Vec<Addressee>,
    pub routes: Vec<Value>,
    pub table: Arc<RoutingTable>,
    /// Whether it is kept in a file instead of in memory.
    pub on_disk: bool,
    /// How often a write fails while the disk is bad, in percent.
    pub bad_writes: u64,
}

/// Somebody who is told.
#[derive(Clone)]
pub struct Addressee {
    pub name: TargetName,
    pub policy: Policy,
    pub keeps_incidents: bool,
    /// Whether it can tell of many in one message where they are no incident.
    pub tells_many: bool,
    pub written: Value,
}

impl Plan {
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::of(seed);
        let count = dice.between(2, 5);
        let targets: Vec<Addressee> = (0..count).map(|index| addressee(index, count, &mut dice)).collect();
        let routes: Vec<Value> = (0..dice.between(1, 4)).map(|index| route(index, &targets, &mut dice)).collect();
        let last_resort = if dice.chance(60) { vec![dice.pick(&targets).name] } else { vec![] };
        let late = late_rule(&targets, &mut dice);
        let bad_writes = dice.pick(&[0, 0, 5, 30, 100]);
        Self::new(seed, targets, routes, last_resort, late, bad_writes)
    }

    pub fn new(
        seed: u64,
        targets: Vec<Addressee>,
        routes: Vec<Value>,
        last_resort: Vec<TargetName>,
        late: Vec<LateRule>,
        bad_writes: u64,
    ) -> Self {
        let read = |route: &Value| serde_json::from_value::<Route>(route.clone());
        let compiled = routes.iter().map(|route| read(route).unwrap_or_else(|error| panic!("{error}: {route}")));
        let table = RoutingTable::compile(compiled.collect(), last_resort).with_late_rules(late);
        Self { seed, targets, routes, table: Arc::new(table), on_disk: false, bad_writes }
    }

    pub fn addressee(&self, name: &TargetName) -> &Addressee {
        self.targets.iter().find(|target| target.name == *name).unwrap()
    }

    pub fn index_of(&self, name: &TargetName) -> u64 {
        self.targets.iter().position(|target| target.name == *name).unwrap() as u64
    }

    /// What is written of a route.
    pub fn route(&self, name: &RouteName) -> Option<&Value> {
        self.routes.iter().find(|route| route["name"] == name.as_str())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Addressee { name, keeps_incidents, tells_many, written, .. } in &self.targets {
            writeln!(f, "{name}: {written}, keeps incidents: {keeps_incidents}, tells many: {tells_many}")?;
        }
        self.routes.iter().try_for_each(|route| writeln!(f, "{route}"))?;
        writeln!(f, "default_targets: {:?}", self.table.default_targets())
    }
}

impl Addressee {
    pub fn new(name: &str, keeps_incidents: bool, written: Value) -> Self {
        let policy: Written = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(policy.clone().impossible(false, None), [], "{written}");
        let name = TargetName::parse(name).unwrap();
        Self { name, policy: policy.over(None, None), keeps_incidents, tells_many: true, written }
    }
}

fn name_of(index: u64) -> String {
    format!("target-{index}")
}

fn addressee(index: u64, count: u64, dice: &mut Dice) -> Addressee {
    let mut written = Map::new();
    if dice.chance(60) {
        written.insert("rate".into(), dice.pick(&["1/s", "5/s", "30/m", "7/m", "200/h"]).into());
        written.insert("burst".into(), dice.pick(&[1, 1, 3, 20]).into());
    }
    written.insert("concurrency".into(), dice.between(1, 5).into());
    written.insert("timeout".into(), dice.pick(&["1s", "5s", "15s", "60s"]).into());
    let (base, cap) = (dice.pick(&["200ms", "1s", "5s"]), dice.pick(&["5s", "60s", "300s"]));
    let share = dice.pick(&["10%", "50%", "90%"]);
    written.insert("retry".into(), json!({ "base": base, "cap": cap, "share": share }));
    let max_age = dice.pick(&["2m", "20m", "3h", "24h", "24h"]);
    written.insert("max_age".into(), max_age.into());
    written.insert("ambiguous".into(), dice.pick(&["resend", "resend", "give_up"]).into());
    // Only towards the last one, so that nothing goes round.
    if index + 1 < count && dice.chance(50) {
        written.insert("fallback".into(), name_of(dice.between(index + 1, count - 1)).into());
        let after = dice.pick(&["30s", "5m", "15m"]);
        // What is given up before it falls back cannot be meant.
        written.insert("fallback_after".into(), if max_age == "2m" { "30s" } else { after }.into());
    }
    let addressee = Addressee::new(&name_of(index), dice.chance(40), written.into());
    Addressee { tells_many: !addressee.keeps_incidents || dice.chance(60), ..addressee }
}

fn route(index: u64, targets: &[Addressee], dice: &mut Dice) -> Value {
    let matches = [
        json!({}),
        json!({ "type": "trouble.*" }),
        json!({ "type": ["trouble.begun", "news.told"] }),
        json!({ "type": "news.*", "severity": ">= warning" }),
        json!({ "type": "relay.*" }),
        json!({ "cluster": ["red", "blue"] }),
    ];
    let mut notify: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    notify.retain(|_| dice.chance(50));
    if notify.is_empty() && dice.chance(90) {
        notify.push(targets[0].name.as_str());
    }
    let mut route = Map::new();
    route.insert("name".into(), format!("route-{index}").into());
    route.insert("match".into(), dice.pick(&matches));
    route.insert("notify".into(), json!(notify));
    route.insert("stop".into(), dice.chance(15).into());
    let rules = [("group", 50, group(dice)), ("storm", 40, storm(dice)), ("incident", 60, incident(dice))];
    for (key, percent, rule) in rules {
        if dice.chance(percent) {
            route.insert(key.into(), rule);
        }
    }
    if dice.chance(20) {
        route.insert("severity".into(), dice.pick(&["info", "critical"]).into());
    }
    if dice.chance(20) {
        let key = dice.pick(&["active", "muted"]);
        route.insert(key.into(), json!([{ "times": [dice.pick(&["08:00-18:00", "22:00-06:00"])] }]));
    }
    route.into()
}

fn group(dice: &mut Dice) -> Value {
    json!({
        "by": dice.pick(&[json!([]), json!(["cluster"]), json!(["data.key"]), json!(["type", "severity"])]),
        "wait": dice.pick(&["0s", "3s", "10s", "60s"]),
        "interval": dice.pick(&["0s", "10s", "60s", "300s"]),
        "max_events": dice.pick(&[2, 3, 10, 1000]),
    })
}

fn storm(dice: &mut Dice) -> Value {
    let mut storm = Map::new();
    storm.insert("above".into(), dice.pick(&["3/s", "5/m", "10/m", "30/h"]).into());
    storm.insert("interval".into(), dice.pick(&["5s", "60s", "600s"]).into());
    if dice.chance(50) {
        storm.insert("never".into(), json!({ "severity": "critical" }));
    }
    storm.into()
}

fn incident(dice: &mut Dice) -> Value {
    let mut incident = Map::new();
    incident.insert("key".into(), dice.pick(&["{{ event.data.key }}", "{{ event.cluster.id }}", "one for all"]).into());
    let both = dice.below(3);
    if both != 0 {
        let end = dice.pick(&["trouble.over", "trouble.over", "trouble.over", "relay.target_resumed"]);
        incident.insert("resolve_when".into(), json!({ "type": end }));
    }
    if both != 1 {
        incident.insert("resolve_after".into(), dice.pick(&["1s", "2m", "20m", "2h"]).into());
    }
    if dice.chance(30) {
        incident.insert("severity".into(), "error".into());
    }
    incident.into()
}

fn late_rule(targets: &[Addressee], dice: &mut Dice) -> Vec<LateRule> {
    let instead = if dice.chance(70) { vec![dice.pick(targets).name] } else { vec![] };
    let rule = LateRule::new(SourceName::notifications(), Duration::from_secs(3600), instead);
    if dice.chance(50) { vec![rule] } else { vec![] }
}
