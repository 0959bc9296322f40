//! Drills on demand, by the API: who may, what may be played, and what is kept of it.

use super::*;

/// What operators did, newest first.
async fn acts(relay: &TestRelay) -> Vec<String> {
    let acts = look(relay, "acts").await["acts"].as_array().unwrap().clone();
    let told = |act: &Value| {
        let text = |key: &str| act[key].as_str().unwrap_or("nobody").to_owned();
        let event = act["detail"]["event_id"].as_str().unwrap_or_default();
        format!("{} {} by {} {event}", text("what"), text("subject"), text("by_whom"))
    };
    acts.iter().map(told).collect()
}

#[tokio::test]
async fn a_configured_drill_can_be_run_now() {
    let relay = TestRelay::start(CONFIG).await;
    let answer = call(&relay, "POST", "drills/spot-page/run", json!({"by": "ada"})).await;
    let event = "drill/spot-page/2026-11-20T08:15:31Z";
    let expected = json!({"drill": "spot-page", "event_id": event, "until": "2026-11-20T08:20:31Z"});
    assert_eq!((answer.status, answer.json()), (201, expected), "{answer:?}");
    assert_eq!(answer.header("location"), Some("/api/v1/drills/spot-page"));
    assert_eq!(begin(&relay, "drills/spot-page/run", json!({"by": "bob"})).await, event, "one for each moment");
    assert_eq!(acts(&relay).await, [format!("drill_begun spot-page by ada {event}")]);
    relay.deliver().await;
    round(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["passed"]);
    assert_eq!(look(&relay, "drills/spot-page").await["runs"][0]["by"], "ada");
    until_nine(&relay).await;
    assert_eq!(results(&relay, "spot-page").await, ["under way", "passed"], "the schedule goes on");
}

#[tokio::test]
async fn an_event_of_ones_own_can_be_played_and_so_can_a_sample() {
    let relay = TestRelay::start(CONFIG).await;
    let sample = begin_sample(&relay, "node.spot_interrupted").await;
    relay.pass(1);
    let body = json!({"event": {"eventType": "node.spot_interrupted", "data": {"nodeName": "mine"}}, "within": "1m", "by": "ada", "source": "castai"});
    let own = begin(&relay, "drills", body).await;
    assert_eq!(relay.event(&own).await.event.data["nodeName"], "mine");
    relay.deliver().await;
    round(&relay).await;
    assert_eq!(results(&relay, "on-demand").await, ["passed", "passed"]);
    let listed = look(&relay, "drills").await["drills"].clone();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let (configured, on_demand) = (&listed[0], &listed[1]);
    assert_eq!((&configured["schedule"], &configured["within"]), (&json!("0 9 * * * in UTC"), &json!("5m")));
    assert_eq!(configured["next"], "2026-11-20T09:00:00Z");
    assert_eq!((&on_demand["name"], &on_demand["schedule"]), (&json!("on-demand"), &Value::Null));
    assert_eq!(on_demand["runs"][1]["event_id"], sample);
}

#[tokio::test]
async fn what_cannot_be_meant_is_refused_and_begins_nothing() {
    let relay = TestRelay::start(CONFIG).await;
    for (body, part) in [
        (json!({"by": "ada"}), "neither is written"),
        (json!({"by": "ada", "sample": "unknown", "event": {}}), "both are written"),
        (json!({"by": " ", "sample": "unknown"}), "`by` is missing or blank"),
        (json!({"by": "ada", "sample": "nothing"}), "there is no sample `nothing`"),
        (json!({"by": "ada", "sample": "broken"}), "the event cannot be read: the body is not JSON"),
        (json!({"by": "ada", "sample": "unknown", "within": "2d"}), "out of range: from 1s to 1d"),
        (json!({"by": "ada", "sample": "unknown", "source": "audit_log"}), "no such webhook source"),
        (json!({"by": "ada", "sampel": "unknown"}), "unknown field `sampel`"),
    ] {
        let answer = call(&relay, "POST", "drills", body).await;
        assert_eq!(answer.status, 400, "{part}: {answer:?}");
        assert!(answer.body.contains(part), "{part}: {answer:?}");
    }
    for (drill, status) in [("nothing", 404), ("on-demand", 409), ("No!", 404)] {
        let answer = call(&relay, "POST", &format!("drills/{drill}/run"), json!({"by": "ada"})).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    assert_eq!(acts(&relay).await, [""; 0]);
    assert_eq!(results(&relay, "on-demand").await, [""; 0]);
}

#[tokio::test]
async fn a_few_may_be_under_way_at_a_time() {
    let relay = TestRelay::start(CONFIG).await;
    for _ in 0..8 {
        begin_sample(&relay, "unknown").await;
        relay.pass(1);
    }
    let more = json!({"sample": "unknown", "by": "ada"});
    let answer = call(&relay, "POST", "drills", more.clone()).await;
    assert_eq!((answer.status, answer.code().as_str()), (409, "too_many"), "{answer:?}");
    round(&relay).await;
    begin(&relay, "drills", more).await;
}
