//! What `castai setup` shows, what it changes at CAST AI, and what it leaves alone.

use castai_relay::castai_api::console_template::Form;
use serde_json::{Value, json};

use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, StandIn};
use crate::support::process::{House, Said, run};

const WEBHOOKS: &str = "/v1/notifications/webhook-configurations";

/// A relay that is known as `relay.example.com`, and a CAST AI to be set up.
struct Office {
    castai: StandIn,
    house: House,
}

impl Office {
    async fn open() -> Self {
        let castai = StandIn::start().await;
        let house = House::with(&format!(
            r#"
server: {{ listen: 127.0.0.1:0, public_url: "https://relay.example.com" }}
castai: {{ api_url: "http://{}", api_key: "{KEY}", timeout: 5s }}
sources:
  webhooks:
    castai: {{ path: /castai/events, verify: {{ bearer: [ "new-webhook-token", "old-webhook-token" ] }} }}
    security: {{ path: /security, labels: {{ category: Security }}, verify: {{ bearer: [ "new-webhook-token" ] }} }}
    hmac: {{ path: /hmac, verify: {{ hmac: {{ header: X-Hub-Signature-256, secrets: [ "new-webhook-token" ] }} }} }}
"#,
            castai.address
        ));
        Self { castai, house }
    }

    async fn setup(&self, arguments: &str) -> Said {
        let arguments = format!("castai setup --config relay.yaml {arguments}");
        let folder = self.house.path().to_owned();
        let running = move || run(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), &[]);
        let said = tokio::task::spawn_blocking(running).await.unwrap();
        for secret in [KEY, "webhook-token", "ingress-secret"] {
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
        }
        said
    }

    /// What is set up at CAST AI now.
    fn webhooks(&self) -> Vec<Value> {
        self.castai.world().lists.get(&List::WebhookConfigurations).cloned().unwrap_or_default()
    }

    /// How often something was to be changed.
    fn changes(&self) -> usize {
        let paths = [WEBHOOKS.to_owned()].into_iter().chain((0..9).map(|n| format!("{WEBHOOKS}/webhook-{n}")));
        let asked = paths.chain([format!("{WEBHOOKS}/w1")]).flat_map(|path| self.castai.asked(&path));
        asked.filter(|asked| asked.method != "GET").count()
    }
}

/// Made by somebody long ago, with almost everything wrong.
fn neglected() -> Value {
    json!({
        "id": "w1",
        "organizationId": "6f0c1c1e-7f0a-4b1f-9f5a-2f4f5f0e9a10",
        "name": "relay",
        "callbackUrl": "https://relay.example.com/castai/events",
        "severityTriggers": ["CRITICAL"],
        "clusterTriggers": {"clusterIds": ["9f2d3a54-2c6b-4f5e-8a0b-1d7c5e3f4a21"]},
        "includeClusterless": false,
        "authKeys": {"authorization": "Bearer old-webhook-token", "X-Ingress-Key": "ingress-secret"},
        "requestTemplate": "{ \"text\": \"{{ .Name }}\" }",
        "status": "FailedToConnect",
        "error": "400 Bad Request",
        "retryPolicy": {"attempts": 3},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_every_field_and_changes_nothing() {
    let office = Office::open().await;
    let said = office.setup("").await;
    assert_eq!((said.code, said.err.as_str(), office.changes()), (1, "", 0));
    let out = said.out.replace(&office.castai.address.to_string(), "castai");
    insta::assert_snapshot!(out);
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_it_makes_the_configuration_and_a_second_run_has_nothing_to_do() {
    let office = Office::open().await;
    let said = office.setup("--apply").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    assert!(said.out.ends_with("created\nCAST AI says: CanConnect\n"), "{}", said.out);
    let [made] = office.webhooks().try_into().unwrap();
    assert_eq!(made["callbackUrl"], "https://relay.example.com/castai/events");
    assert_eq!(
        made["authKeys"],
        json!({"Content-Type": "application/json", "Authorization": "Bearer new-webhook-token"})
    );
    assert_eq!(made["severityTriggers"], json!(["CRITICAL", "ERROR", "WARNING", "INFO", "SUCCESS"]));
    assert_eq!(made["requestTemplate"], Form::Json.text(None));
    assert_eq!((&made["includeClusterless"], &made["clusterTriggers"]), (&json!(true), &json!({"clusterIds": []})));

    for arguments in ["", "--apply"] {
        let again = office.setup(arguments).await;
        assert_eq!((again.code, office.changes()), (0, 1), "{again:?}");
        assert!(again.out.contains("nothing to do") && again.out.contains("CanConnect"), "{}", again.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_shows_what_differs_and_keeps_what_it_does_not_know() {
    let office = Office::open().await;
    office.castai.push(List::WebhookConfigurations, [neglected()]);
    let shown = office.setup("--severity all --cluster all").await;
    assert_eq!((shown.code, office.webhooks()), (1, vec![neglected()]));
    let out = shown.out.replace(&office.castai.address.to_string(), "castai");
    insta::assert_snapshot!(out);

    let said = office.setup("--severity all --cluster all --apply").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let [changed] = office.webhooks().try_into().unwrap();
    assert_eq!((&changed["id"], &changed["name"]), (&json!("w1"), &json!("relay")));
    assert_eq!(changed["retryPolicy"], json!({"attempts": 3}));
    let keys = json!({
        "Content-Type": "application/json",
        "Authorization": "Bearer new-webhook-token",
        "X-Ingress-Key": "ingress-secret",
    });
    assert_eq!(changed["authKeys"], keys, "the header for the ingress stays");
    assert_eq!(office.changes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_header_whose_value_is_not_told_is_not_overwritten() {
    let office = Office::open().await;
    let mut masked = neglected();
    masked["authKeys"]["X-Ingress-Key"] = "****".into();
    office.castai.push(List::WebhookConfigurations, [masked.clone()]);
    for arguments in ["", "--apply"] {
        let said = office.setup(arguments).await;
        assert_eq!((said.code, office.changes()), (1, 0), "{said:?}");
        assert!(said.out.contains("request template"), "what differs is shown all the same: {said:?}");
        assert!(said.err.contains("the header `X-Ingress-Key`"), "{said:?}");
        assert!(said.err.contains("by hand in the console") && !said.out.contains("makes it so"), "{said:?}");
    }
    assert_eq!(office.webhooks(), [masked]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_read_is_not_doubled() {
    let office = Office::open().await;
    let mut odd = neglected();
    odd["authKeys"] = "ingress-secret".into();
    office.castai.push(List::WebhookConfigurations, [odd]);
    for arguments in ["", "--apply"] {
        let said = office.setup(arguments).await;
        assert_eq!((said.code, office.changes()), (1, 0), "{said:?}");
        assert!(said.err.contains("`relay` (w1)") && said.err.contains("castai template"), "{said:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_the_url_is_shown_neither_as_it_is_nor_in_what_castai_says() {
    let office = Office::open().await;
    let mut keyed = neglected();
    keyed["name"] = "castai-relay (castai)".into();
    keyed["callbackUrl"] = "https://me:ingress-secret@relay.example.com/castai/events?key=ingress-secret".into();
    office.castai.push(List::WebhookConfigurations, [keyed]);
    let failed = r#"Post "https://me:ingress-secret@relay.example.com/castai/events?key=ingress-secret": EOF"#;
    office.castai.world().webhook_verdict = ("FailedToConnect".into(), failed.into());
    let said = office.setup("").await;
    assert!(said.out.contains("https://…@relay.example.com/castai/events?…"), "{}", said.out);
    let said = office.setup("--apply").await;
    assert!(said.out.contains(r#"Post "https://…@relay.example.com/castai/events?…": EOF"#), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_stands_for_a_category_is_set_up_for_that_one_only() {
    let office = Office::open().await;
    let said = office.setup("--source security --apply").await;
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    let [made] = office.webhooks().try_into().unwrap();
    assert_eq!(made["category"], "Security");
    assert!(made["requestTemplate"].as_str().unwrap().contains(r#""category": "Security""#), "{made}");
    let again = office.setup("--source security").await;
    assert!(again.code == 0 && !again.out.contains("already covers"), "{again:?}");
    let wider = office.setup("").await;
    assert!(wider.out.contains("! `castai-relay (castai)` (all categories) already covers Security"), "{wider:?}");
    let asked_for = office.setup("--source security --category all").await;
    assert!(asked_for.code == 1 && asked_for.out.contains("category"), "{asked_for:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_castai_says_of_its_first_call_is_the_verdict() {
    let office = Office::open().await;
    office.castai.world().webhook_verdict = ("FailedToConnect".into(), "401 Unauthorized".into());
    let said = office.setup("--apply").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.out.contains("CAST AI could not call it: 401 Unauthorized"), "{}", said.out);
    assert!(said.out.contains("castai doctor"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_only_read_is_told_how_to_go_on_by_hand() {
    let office = Office::open().await;
    let forbidden = Fault::status(403, "forbidden");
    let listed = Fault::Instead { status: 200, headers: vec![], body: "{}".into() };
    office.castai.world().faults = vec![(WEBHOOKS.to_owned(), listed), (WEBHOOKS.to_owned(), forbidden)];
    let said = office.setup("--apply").await;
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("castai-relay castai template"), "{}", said.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_that_could_be_meant_are_named() {
    let office = Office::open().await;
    let other = |name: &str, id: &str| {
        let mut webhook = neglected();
        (webhook["name"], webhook["id"]) = (name.into(), id.into());
        webhook
    };
    office.castai.push(List::WebhookConfigurations, [other("security", "w1"), other("the rest", "w2")]);
    let said = office.setup("").await;
    assert_eq!(said.code, 1);
    assert!(said.err.contains("`security`, `the rest`") && said.err.contains("--name"), "{}", said.err);
    assert!(office.setup("--name security").await.out.contains("`security` (w1)"));
    assert_eq!(office.changes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_set_up_is_said_with_its_cure() {
    let office = Office::open().await;
    let hmac = office.setup("--source hmac").await;
    assert!(hmac.code == 1 && hmac.err.contains("CAST AI cannot sign"), "{hmac:?}");
    for misuse in ["--severity fatal", "--category {{x}}", "--form xml"] {
        assert_eq!(office.setup(misuse).await.code, 2, "{misuse}");
    }
    let sources = "sources: { webhooks: { castai: { path: /castai/events } } }";
    let known = r#"server: { listen: 127.0.0.1:0, public_url: "https://relay.example.com" }"#;
    let asked = r#"castai: { api_key: "key" }"#;
    for (configuration, cure) in [
        (format!("server: {{ listen: 127.0.0.1:0 }}\n{asked}\n{sources}"), "set `server.public_url`"),
        (format!("{known}\n{sources}"), "castai: { api_url: us"),
    ] {
        let said = run(House::with(&configuration).path(), &["castai", "setup", "--config", "relay.yaml"], &[]);
        assert!(said.code == 1 && said.err.contains(cure), "{said:?}");
    }
}
