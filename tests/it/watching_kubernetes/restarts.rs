//! What happens while the relay is away arrives once, as long as the cluster remembers it.

use std::collections::BTreeSet;

use castai_relay::names::CursorName;
use castai_relay::runtime::{Clock, SystemClock};
use castai_relay::store::{Cursor, Store};

use super::{at, configuration, crash, drained, told, until_watched, watching};
use crate::support::flaky_store::FlakyStore;
use crate::support::kubernetes::ApiServer;
use crate::support::process::House;
use crate::support::receivers::Receiver;
use crate::support::relay::TestRelay;

#[tokio::test]
async fn what_happened_during_a_restart_arrives_once() {
    let server = ApiServer::start().await;
    let mut old = crash("old", 1);
    old["lastTimestamp"] = at(-1).into();
    server.apply(old);
    let relay = watching(&server).await;
    until_watched(&server).await;
    server.apply(crash("before", 1));
    server.apply(drained("node-1", "spot-interruption"));
    assert_eq!(told(&relay, 2).await, ["BackOff-before-1", "Spot interruption"]);

    // An API server that does not answer is as good as a relay that is away.
    server.is_broken(true);
    server.apply(crash("before", 2));
    server.apply(crash("meanwhile", 1));
    server.apply(drained("node-2", "spot-interruption"));
    relay.pass(60);
    let again = relay.restart(&configuration(&server, "")).await;
    server.is_broken(false);
    let mut relay = again;
    relay.run_deliveries();
    let all = ["BackOff-before-1", "BackOff-before-2", "BackOff-meanwhile-1", "Spot interruption", "Spot interruption"];
    assert_eq!(told(&relay, 5).await, all);
    server.apply(crash("after", 1));
    assert_eq!(told(&relay, 6).await.len(), 6, "and what was old at the first start stays old");
}

#[tokio::test]
async fn after_a_long_quiet_time_nothing_is_told_again() {
    let server = ApiServer::start().await;
    let relay = watching(&server).await;
    server.apply(crash("before", 1));
    assert_eq!(told(&relay, 1).await.len(), 1);
    relay.pass(3 * 86_400);
    let mut relay = relay.restart(&configuration(&server, "")).await;
    relay.run_deliveries();
    until_watched(&server).await;
    server.apply(crash("after", 1));
    assert_eq!(told(&relay, 2).await, ["BackOff-after-1", "BackOff-before-1"]);
}

#[tokio::test]
async fn a_clock_that_ran_ahead_does_not_make_the_future_old() {
    let (server, store) = (ApiServer::start().await, FlakyStore::shared());
    let cursor = Cursor { name: CursorName::parse("kubernetes-components").unwrap(), value: at(86_400) };
    store.append(vec![], Some(cursor)).await.unwrap();
    server.apply(crash("now", 1));
    let mut relay = TestRelay::start_on(store, &configuration(&server, "")).await;
    relay.run_deliveries();
    assert_eq!(told(&relay, 1).await, ["BackOff-now-1"]);
}

/// A crash that happens now, by the clock of this machine.
fn crash_now(server: &ApiServer, name: &str) {
    let mut event = crash(name, 1);
    event["lastTimestamp"] = SystemClock.now().to_string().into();
    server.apply(event);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_is_killed_again_and_again_loses_nothing() {
    let (server, slack) = (ApiServer::start().await, Receiver::slack().await);
    let house = House::with(&format!(
        "server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
sources: {{ kubernetes: {} }}
targets: {{ slack-ops: {{ slack: {{ webhook_url: \"http://{}/services/T000/B000/secret\" }}, rate: unlimited }} }}
default_targets: [slack-ops]
",
        server.section(""),
        slack.address
    ));
    let mut happened = BTreeSet::new();
    let mut happens = |name: String| {
        crash_now(&server, &name);
        happened.insert(format!("BackOff-{name}-1"));
    };
    for round in 0..4 {
        let relay = house.serve().await;
        for number in 0..10 {
            happens(format!("{round}-{number}"));
        }
        slack.until_received(round * 10 + 1).await;
        relay.kill();
        happens(format!("{round}-dead"));
    }
    let relay = house.serve().await;
    let told = || -> BTreeSet<String> {
        let title = |text: &str| text.split(": ").next().unwrap_or_default().to_owned();
        slack.received().iter().map(|message| title(message.json()["text"].as_str().unwrap())).collect()
    };
    loop {
        let seen = slack.received().len();
        if happened.is_subset(&told()) {
            break;
        }
        slack.until_received(seen + 1).await;
    }
    assert_eq!(told(), happened);
    let metrics = relay.look("/metrics").await;
    assert!(metrics.contains("castai_relay_conflicting_duplicates_total 0\n"), "{metrics}");
}
