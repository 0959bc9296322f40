//! What `castai doctor` says of a healthy relay, and that it finds each fault that is planted, names its cure, and finds
//! nothing else. The relay is a process of its own; CAST AI, Slack, PagerDuty and the ingress are reached by their real
//! names over TLS, and stood in for behind them.

mod account;
pub mod clinic;
mod nearby;
mod public;
mod webhook;

use clinic::Clinic;

#[tokio::test(flavor = "multi_thread")]
async fn of_a_healthy_relay_there_is_nothing_but_good_to_say() {
    let clinic = Clinic::open().await;
    let said = clinic.doctor("").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    insta::with_settings!({filters => vec![(r"\d+(s|m) ago", "[some time] ago")]}, {
        insta::assert_snapshot!(said.out);
    });
    for target in [&clinic.slack, &clinic.pagerduty] {
        let asked: Vec<_> = target.received().into_iter().map(|asked| (asked.path, asked.body.len())).collect();
        assert_eq!(asked, [("/".to_owned(), 0)], "nothing is sent");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_changes_nothing_at_castai_and_leaves_no_event_behind() {
    let clinic = Clinic::open().await;
    clinic.doctor("").await;
    let changes = clinic.us.asked("/v1/notifications/webhook-configurations");
    let changes = changes.iter().filter(|asked| asked.method != "GET").count();
    assert_eq!(changes, 1, "the one of the setting-up");
    let metrics = clinic.relay.look("/metrics").await;
    let counted = |outcome: &str| {
        let series = format!(r#"castai_relay_received_requests_total{{source="castai",outcome="{outcome}"}} "#);
        metrics.lines().find_map(|line| line.strip_prefix(&series)).unwrap().to_owned()
    };
    assert_eq!((counted("accepted").as_str(), counted("body_rejected").as_str()), ("0", "0"));
    assert_eq!((counted("probed").as_str(), counted("unauthorized").as_str()), ("1", "1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_can_read_it() {
    let clinic = Clinic::open().await;
    let said = clinic.doctor("--output json").await;
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &report["healthy"]), (0, &true.into()));
    let first = &report["checks"][0];
    assert_eq!(
        (first["area"].as_str(), first["check"].as_str(), first["verdict"].as_str()),
        (Some("CAST AI"), Some("api key"), Some("good"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_shows_no_secret_whatever_is_wrong() {
    let clinic = Clinic::open().await;
    clinic.us.world().keys.clear();
    clinic.webhook(|webhook| webhook["authKeys"]["Authorization"] = "Bearer somebody-elses-token".into());
    for output in ["", "--output json"] {
        let said = clinic.doctor(output).await;
        for secret in clinic::SECRETS.iter().chain(&["somebody-elses-token"]) {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{secret}: {}", said.out);
        }
    }
}
