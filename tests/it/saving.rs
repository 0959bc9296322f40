//! What was saved: a summary on each scheduled day, once, to the cent, whatever the clocks, the relay and CAST AI do.
//! Next: [`super::saving_through_trouble`]; [`super::castai_summary`] is the same on the command line.

use castai_relay::event::Timestamp;
use castai_relay::names::CursorName;
use castai_relay::runtime::Clock;
use castai_relay::store::StoredEvent;
use serde_json::{Value, json};

use crate::support::castai::StandIn;
use crate::support::castai::lists::List;
use crate::support::costs::{self, DEMO};
use crate::support::relay::TestRelay;

pub const DAILY: &str = "sources: { savings: {} }";
const IN_BERLIN: &str = "sources: { savings: { summary: { time_zone: Europe/Berlin } } }";
/// From the start of every test to the first nine o'clock.
pub const TO_NINE: u64 = 44 * 60 + 29;
pub const HOUR: u64 = 3600;
pub const DAY: u64 = 24 * HOUR;

/// A relay that has seen its first moment, with the clusters of the fixture, of which all that is asked is answered alike.
pub async fn running(config: &str) -> TestRelay {
    let relay = TestRelay::start(config).await;
    costs::of_the_fixture(relay.castai());
    relay.poll("savings").await.unwrap();
    relay
}

pub async fn summary(relay: &TestRelay, day: &str) -> Option<StoredEvent> {
    relay.find(&format!("summary/{day}")).await
}

/// Advances the clock to this moment.
fn pass_until(relay: &TestRelay, moment: &str) {
    relay.clock().advance(Timestamp::parse(moment).unwrap().saturating_since(relay.clock().now()));
}

/// The whole message Slack was shown last, as text.
pub fn told(relay: &TestRelay) -> String {
    let message = relay.slack().received().last().unwrap().json();
    let texts = message["attachments"][0]["blocks"].as_array().unwrap().iter().flat_map(|block| {
        let own = block["text"]["text"].as_str().into_iter();
        let fields = block["fields"].as_array().into_iter().flatten().filter_map(|field| field["text"].as_str());
        own.chain(fields).map(str::to_owned).collect::<Vec<_>>()
    });
    let title = message["blocks"][0]["text"]["text"].as_str().unwrap().to_owned();
    std::iter::once(title).chain(texts).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn the_numbers_of_the_fixture_are_told_to_the_cent() {
    let relay = running(DAILY).await;
    let castai = relay.castai();
    castai.push(List::Clusters, [costs::cluster("young", "young-cluster", "2026-11-10T00:00:00Z"), costs::deleted()]);
    costs::tell(castai, "young", "100", "0");
    costs::tell_offers(castai, "young");
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();

    let event = summary(&relay, "2026-11-20").await.unwrap().event;
    assert_eq!(event.source.as_str(), "savings");
    assert_eq!(event.occurred_at.unwrap().to_string(), "2026-11-20T09:00:00Z");
    let total = &event.data["total"]["trailing_30_days"];
    assert_eq!((&total["cost"], &total["realised"]), (&json!("2310.4177"), &json!("1107.6812")));
    assert_eq!(total["realised_percent"], "33.38", "of the cluster whose savings are known");
    assert_eq!((&total["cost_not_available"], &total["realised_not_available"]), (&json!(2), &json!(3)));
    assert_eq!(event.data["total"]["potential"]["layman"]["monthly"], "19376.51");
    assert_eq!(event.data["total"]["potential"]["spot_instances"]["monthly"], "19631.6");
    assert_eq!(event.data["total"]["potential"]["spot_only"]["monthly"], "30048.38");

    let rows = event.data["clusters"].as_array().unwrap();
    let row = |name: &str| rows.iter().find(|row| row["name"] == name).unwrap();
    assert_eq!(rows.len(), 4, "the deleted one has no part in it");
    assert_eq!(row("demo-cluster")["efficiency"]["cpu_overprovisioned_percent"], "31.5");
    assert_eq!(row("readonly-cluster")["not_available"], "read-only");
    assert_eq!(row("young-cluster")["not_available"], "younger than 14 days");
    assert_eq!(row("offline-cluster")["not_available"], "CAST AI answers 404: not found");
    for name in ["readonly-cluster", "young-cluster", "offline-cluster"] {
        let figures = row(name);
        assert_eq!(figures["trailing_30_days"]["realised"], Value::Null, "{name}");
        assert_eq!(figures["month_to_date"]["realised"], Value::Null, "{name}");
        assert_eq!(figures["potential"]["layman"]["monthly"], Value::Null, "{name}");
    }
    relay.deliver().await;
    insta::assert_snapshot!(told(&relay));
}

#[tokio::test]
async fn each_period_is_asked_for_by_the_calendar_and_compared_with_the_one_before() {
    let relay = TestRelay::start(DAILY).await;
    let castai = relay.castai();
    castai.push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    let day = |day: &str| format!("{day}T00:00:00Z");
    for (from, to, cost, savings) in [
        ("2026-10-21", "2026-11-20", "3000.10", "1000.01"),
        ("2026-09-21", "2026-10-21", "2500.05", "800.00"),
        ("2026-11-01", "2026-11-20", "1900.00", "0.00"),
        ("2026-10-01", "2026-10-20", "1900.00", "-10.00"),
    ] {
        costs::tell_between(castai, DEMO, &day(from), &day(to), cost, savings);
    }
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    let data = summary(&relay, "2026-11-20").await.unwrap().event.data;
    for figures in [&data["total"], &data["clusters"][0]] {
        let trailing = &figures["trailing_30_days"];
        assert_eq!(trailing["cost_change"], json!({"amount": "500.05", "percent": "20"}));
        assert_eq!(trailing["realised_change"], json!({"amount": "200.01", "percent": "25"}));
        let month = &figures["month_to_date"];
        assert_eq!((&month["realised"], &month["realised_percent"]), (&json!("0"), &json!("0")), "zero is a figure");
        assert_eq!(month["realised_change"], json!({"amount": "10", "percent": "100"}));
        assert_eq!(month["cost_change"], json!({"amount": "0", "percent": "0"}));
    }
}

/// Looks in every hour for some days, and says when each new summary came.
async fn hour_by_hour(relay: &TestRelay, hours: u64) -> Vec<String> {
    let mut came = Vec::new();
    for _ in 0..hours {
        relay.pass(HOUR);
        let before = relay.slack().received().len();
        relay.poll("savings").await.unwrap();
        relay.deliver().await;
        let new = relay.slack().received().len() - before;
        came.extend(std::iter::repeat_n(relay.clock().now().to_string(), new));
    }
    came
}

#[tokio::test]
async fn summer_time_comes_and_the_summary_stays_at_nine_and_right_to_the_cent() {
    let relay = TestRelay::start(IN_BERLIN).await;
    let castai = relay.castai();
    castai.push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    costs::tell(castai, DEMO, "1", "1");
    // The day after the change: its periods begin in winter and end in summer.
    let (winter, summer) = ("2027-02-27T23:00:00Z", "2027-03-29T22:00:00Z");
    costs::tell_between(castai, DEMO, winter, summer, "2210.417700", "1107.681200");
    costs::tell_between(castai, DEMO, "2027-02-28T23:00:00Z", summer, "2100.30", "1007.07");
    pass_until(&relay, "2027-03-26T23:00:00Z");
    relay.poll("savings").await.unwrap();
    let came = hour_by_hour(&relay, 4 * 24).await;
    assert_eq!(came, ["2027-03-27T08:00:00Z", "2027-03-28T07:00:00Z", "2027-03-29T07:00:00Z", "2027-03-30T07:00:00Z"]);
    let data = summary(&relay, "2027-03-30").await.unwrap().event.data;
    assert_eq!(data["total"]["trailing_30_days"]["realised"], "1107.6812");
    assert_eq!(data["total"]["month_to_date"]["realised"], "1007.07");
    assert_eq!(data["trailing_30_days"]["present"], json!({"first": "2027-02-28", "last": "2027-03-29", "days": 30}));
}

#[tokio::test]
async fn winter_time_comes_and_the_summary_stays_at_nine_and_right_to_the_cent() {
    let relay = TestRelay::start(IN_BERLIN).await;
    let castai = relay.castai();
    castai.push(List::Clusters, [costs::cluster(DEMO, "demo-cluster", "2025-09-30T00:00:00Z")]);
    costs::tell(castai, DEMO, "1", "1");
    // The first of November: the month to date is all of October, the longest month there is.
    let (summer, winter) = ("2027-09-30T22:00:00Z", "2027-10-31T23:00:00Z");
    costs::tell_between(castai, DEMO, summer, winter, "2210.417700", "1107.681200");
    costs::tell_between(castai, DEMO, "2027-10-01T22:00:00Z", winter, "2100.30", "1007.07");
    pass_until(&relay, "2027-10-29T22:00:00Z");
    relay.poll("savings").await.unwrap();
    let came = hour_by_hour(&relay, 3 * 24 + 12).await;
    assert_eq!(came, ["2027-10-30T07:00:00Z", "2027-10-31T08:00:00Z", "2027-11-01T08:00:00Z", "2027-11-02T08:00:00Z"]);
    let data = summary(&relay, "2027-11-01").await.unwrap().event.data;
    assert_eq!(data["total"]["month_to_date"]["realised"], "1107.6812");
    assert_eq!(data["total"]["trailing_30_days"]["realised"], "1007.07");
    assert_eq!(data["month_to_date"]["present"], json!({"first": "2027-10-01", "last": "2027-10-31", "days": 31}));
}

#[tokio::test]
async fn a_relay_that_is_new_promises_nothing_for_the_past() {
    let relay = running(DAILY).await;
    relay.poll("savings").await.unwrap();
    assert!(relay.castai().asked("/v1/kubernetes/external-clusters").is_empty(), "CAST AI is not even asked");
    relay.pass(TO_NINE - 1);
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-19").await.is_none() && summary(&relay, "2026-11-20").await.is_none());
    relay.pass(1);
    relay.poll("savings").await.unwrap();
    assert!(summary(&relay, "2026-11-20").await.is_some());
}

#[tokio::test]
async fn an_organisation_without_clusters_hears_what_may_be_missing() {
    let relay = TestRelay::start(DAILY).await;
    relay.poll("savings").await.unwrap();
    relay.pass(TO_NINE);
    let error = relay.poll("savings").await.unwrap_err().detail;
    assert!(error.contains("lists no cluster") && error.contains("`castai.organization_id`"), "{error}");
    assert!(summary(&relay, "2026-11-20").await.is_none(), "there is time to set it right");
    relay.pass(3 * HOUR);
    relay.poll("savings").await.unwrap();
    relay.deliver().await;
    assert!(told(&relay).contains("CAST AI lists no cluster. If there are some, set `castai.organization_id`"));
}

#[tokio::test]
async fn a_webhook_may_bring_a_summary_too_and_it_is_told_as_one() {
    let relay = TestRelay::start("").await;
    let total = json!({"trailing_30_days": {"realised": "1107.6812"}});
    let body = json!({"eventType": "savings.summary", "id": "s-1", "data": {"day": "2026-10-06", "total": total}});
    relay.accept(body.to_string()).await;
    relay.deliver().await;
    let title = "CAST AI savings of 2026-10-06: $1,107.68 realised in 30 days, n/a a month possible";
    assert_eq!(relay.slack_titles(), [title]);
}

/// With the relay's own loops the summary comes when the clock says so.
#[tokio::test]
async fn left_to_itself_the_relay_asks_at_nine() {
    let mut relay = TestRelay::start(DAILY).await;
    costs::of_the_fixture(relay.castai());
    relay.run_deliveries();
    let first_round = || async {
        let name = CursorName::savings_summary();
        relay.inbox.cursor(&name).await.unwrap().is_some()
    };
    while !first_round().await {
        tokio::task::yield_now().await;
    }
    relay.pass(TO_NINE);
    relay.slack().until_received(1).await;
    assert!(summary(&relay, "2026-11-20").await.is_some());
}

#[tokio::test]
async fn what_is_asked_of_cast_ai_is_asked_as_it_wants_it() {
    let relay = running(DAILY).await;
    relay.pass(TO_NINE);
    relay.poll("savings").await.unwrap();
    let asked: &StandIn = relay.castai();
    let times: Vec<_> = asked
        .asked(&costs::savings_of(DEMO))
        .iter()
        .map(|asked| (asked.query("startTime").unwrap().to_owned(), asked.query("endTime").unwrap().to_owned()))
        .collect();
    let day = |day: &str| format!("{day}T00:00:00Z");
    assert_eq!(
        times,
        [
            (day("2026-10-21"), day("2026-11-20")),
            (day("2026-09-21"), day("2026-10-21")),
            (day("2026-11-01"), day("2026-11-20")),
            (day("2026-10-01"), day("2026-10-20")),
        ]
    );
    assert_eq!(asked.asked(&costs::savings_of(costs::READ_ONLY)).len(), 1, "once refused, it is not asked again");
    assert_eq!(asked.asked("/v1/kubernetes/external-clusters").len(), 1);
}
