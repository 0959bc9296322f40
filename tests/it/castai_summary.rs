//! `castai summary`: what was saved, on the terminal and through the routes of a running relay.

use castai_relay::names::EventId;
use castai_relay::store::Store;
use castai_relay::store::sqlite::SqliteStore;
use serde_json::Value;

use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn};
use crate::support::costs::{self, DEMO};
use crate::support::process::{House, Said, run};

/// A folder whose configuration asks this stand-in.
fn house(castai: &StandIn) -> House {
    House::with(&format!(
        r#"
server: {{ listen: 127.0.0.1:0 }}
admin: {{ listen: 127.0.0.1:0 }}
store: {{ sqlite: {{ path: relay.db }} }}
castai: {{ api_url: "http://{}", api_key: "{KEY}", organization_id: org-1 }}
sources:
  webhooks: {{ first: {{ path: /first, verify: {{ bearer: [ "webhook-token" ] }} }}, second: {{ path: /second }} }}
"#,
        castai.address
    ))
}

async fn of_the_fixture() -> StandIn {
    let castai = StandIn::start().await;
    costs::of_the_fixture(&castai);
    castai.push(List::Clusters, [costs::cluster("young", "young-cluster", "2026-10-01T00:00:00Z")]);
    costs::tell(&castai, "young", "1234.5", "0");
    // The thirty days before the sixth of October, and the thirty before those.
    let (first, middle, day) = ("2026-08-07T00:00:00Z", "2026-09-06T00:00:00Z", "2026-10-06T00:00:00Z");
    costs::tell_between(&castai, DEMO, first, middle, "2000", "1000");
    costs::tell_between(&castai, DEMO, middle, day, "2210.417700", "1107.681200");
    castai
}

async fn summary(house: &House, arguments: &str) -> Said {
    let folder = house.path().to_owned();
    let arguments = format!("castai summary --config relay.yaml {arguments}");
    let asking = move || run(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), &[]);
    tokio::task::spawn_blocking(asking).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_a_table_for_people() {
    let castai = of_the_fixture().await;
    let said = summary(&house(&castai), "--day 2026-10-06").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_json_for_programs() {
    let castai = of_the_fixture().await;
    let said = summary(&house(&castai), "--day 2026-10-06 --output json").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    insta::assert_snapshot!(said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn posted_it_goes_through_the_routes_and_never_shadows_the_scheduled_one() {
    let castai = of_the_fixture().await;
    let house = house(&castai);
    let relay = house.serve().await;
    let said = summary(&house, &format!("--post --url http://{}", relay.public)).await;
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.starts_with("CAST AI savings of "), "{}", said.out);
    let answer: Value = serde_json::from_str(said.err.split("200 ").nth(1).unwrap()).unwrap();
    assert_eq!((&answer["received"], &answer["duplicate"]), (&Value::Bool(true), &Value::Bool(false)), "{}", said.err);
    let id = answer["id"].as_str().unwrap().to_owned();
    let (today, time) = id.strip_prefix("org-1/summary/").and_then(|own| own.split_once('/')).unwrap();
    assert!(time.starts_with(today) && time.ends_with('Z'), "{id}");
    relay.until_logged("CAST AI savings of").await;
    relay.kill();

    let store = SqliteStore::open(&house.path().join("relay.db"), std::sync::Arc::new(|_, _| {})).unwrap();
    let stored = store.event(&EventId::parse(&id).unwrap()).await.unwrap().unwrap().event;
    assert_eq!((stored.type_name(), stored.source.as_str()), ("savings.summary", "first"));
    assert_eq!(stored.data["total"]["trailing_30_days"]["realised"], "1107.6812");
    assert_eq!(stored.notes, [] as [&str; 0]);
    assert!(store.event(&EventId::parse(&format!("org-1/summary/{today}")).unwrap()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_its_cure() {
    let castai = of_the_fixture().await;
    let house = house(&castai);
    let early = summary(&house, "--day 9999-01-01").await;
    assert!(early.code == 2 && early.err.contains("has not come yet"), "{early:?}");
    let no_relay = summary(&house, "--post --url http://127.0.0.1:1").await;
    assert!(no_relay.code == 1 && no_relay.err.contains("is `castai-relay serve` running"), "{no_relay:?}");
    assert!(no_relay.out.starts_with("CAST AI savings of "), "the table is printed all the same");
    castai.world().keys.clear();
    let refused = summary(&house, "").await;
    assert_eq!((refused.code, refused.out.as_str()), (1, ""));
    assert!(refused.err.contains("does not accept the API key") && !refused.err.contains(KEY), "{refused:?}");
    for misused in ["--day tomorrow", "--output xml", "--url http://127.0.0.1:1"] {
        assert_eq!(summary(&house, misused).await.code, 2, "{misused}");
    }
    let unasked = House::with("server: { listen: 127.0.0.1:0 }");
    let said = summary(&unasked, "").await;
    assert!(said.code == 1 && said.err.contains("hint: write `castai: { api_url: us"), "{said:?}");
}
