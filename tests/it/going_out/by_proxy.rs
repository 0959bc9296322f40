//! Through a proxy: with credentials that never show, past it, and what can be judged behind it.

use serde_json::Value;

use super::*;
use crate::support::castai::{KEY, StandIn};
use crate::support::internet::Internet;
use crate::support::process::{House, run};
use crate::support::receivers::Receiver;
use crate::support::relay::refusal;

const SLACK: &str = "hooks.slack.com";
const PASSWORD: &str = "s3cretWordOfTheProxy";

/// A world in which Slack is `slack`, behind a proxy that lets `ada` through.
async fn world(slack: &Receiver) -> Internet {
    let internet = Internet::start().await;
    internet.host("hooks.slack.com", slack.address);
    internet.demand(&format!("ada:{PASSWORD}"));
    internet
}

/// `slack-ops` at `host`, by the proxy, as whom `credentials` say; `own` is the target's own `connection`.
fn behind(internet: &Internet, credentials: &str, host: &str, own: &str) -> String {
    let proxy = format!("http://{credentials}{}", internet.proxy());
    let common = format!("connection: {{ proxy: \"{proxy}\", ca: \"{{{{AUTHORITY}}}}\" }}");
    configuration(&format!("https://{host}"), &format!("connection: {{ {own} }}"), &common)
}

#[tokio::test]
async fn a_message_goes_by_the_proxy_to_a_name_that_only_the_proxy_knows() {
    let slack = Receiver::slack().await;
    let internet = world(&slack).await;
    let relay = TestRelay::start(&behind(&internet, &format!("ada:{PASSWORD}@"), SLACK, "")).await;
    assert_eq!(fate(&relay).await, Ok(()));
    assert_eq!(slack.received()[0].path, PATH);
    let asked = internet.asked();
    assert!(asked.len() == 1 && asked[0].starts_with("CONNECT hooks.slack.com:443 HTTP/1.1\r\n"), "{asked:?}");
    assert!(!asked[0].contains("/services/"), "the proxy sees the host and no key: {asked:?}");
}

#[tokio::test]
async fn a_proxy_that_lets_nobody_through_is_named_and_its_password_is_not() {
    let slack = Receiver::slack().await;
    let internet = world(&slack).await;
    for credentials in ["", "ada:wr0ngWordOfTheProxy@"] {
        let relay = TestRelay::start(&behind(&internet, credentials, SLACK, "")).await;
        let words = refused(&relay).await;
        assert!(words.contains(&format!("hooks.slack.com, by the proxy http://{}: ", internet.proxy())), "{words}");
        assert!(words.contains("proxy auth") && !words.contains("wr0ng"), "{words}");
    }
    assert!(slack.received().is_empty());
}

#[tokio::test]
async fn what_goes_past_the_proxy_is_not_asked_of_it() {
    let slack = Receiver::slack().await;
    let internet = world(&slack).await;
    let own = ["no_proxy: [hooks.invalid]", "no_proxy: [example.com, .invalid]", "no_proxy: [\"*\"]", "proxy: none"];
    for own in own {
        // There is no such name; the proxy would say so otherwise.
        let config = behind(&internet, "", "nowhere.hooks.invalid", own);
        let words = refused(&TestRelay::start(&config).await).await;
        assert!(!words.contains("by the proxy"), "{own}: {words}");
    }
    assert!(internet.asked().is_empty(), "{:?}", internet.asked());
}

#[tokio::test]
async fn this_machine_is_never_reached_by_a_proxy() {
    let slack = Receiver::slack().await;
    let internet = world(&slack).await;
    let relay = TestRelay::start(&format!("connection: {{ proxy: \"http://{}\" }}", internet.proxy())).await;
    assert_eq!(fate(&relay).await, Ok(()));
    assert!(internet.asked().is_empty(), "{:?}", internet.asked());
}

#[tokio::test]
async fn behind_a_proxy_a_list_needs_the_name() {
    let slack = Receiver::slack().await;
    let internet = world(&slack).await;
    let credentials = format!("ada:{PASSWORD}@");
    let complaint = refusal(&behind(&internet, &credentials, SLACK, "allow: [10.0.0.0/8, public]")).await;
    assert!(complaint.contains("only its name can be judged") && !complaint.contains(PASSWORD), "{complaint}");
    for allow in ["allow: [hooks.slack.com]", "allow: [.slack.com]"] {
        let relay = TestRelay::start(&behind(&internet, &credentials, SLACK, allow)).await;
        assert_eq!(fate(&relay).await, Ok(()), "{allow}");
    }
    let complaint = refusal(&behind(&internet, &credentials, "metadata.google.internal", "")).await;
    assert!(complaint.contains("where clouds keep the credentials"), "{complaint}");
}

/// A house whose way out is a proxy, as an operator has it: the password in a variable.
struct Office {
    internet: Internet,
    slack: Receiver,
    castai: StandIn,
    house: House,
}

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0, token: "0123456789abcdef" }
log: { filter: trace }
store: { sqlite: { path: relay.db } }
castai: { api_url: us, api_key: "{{KEY}}" }
sources: { notifications: { every: 1s }, webhooks: { castai: { path: /castai/events, verify: none } } }
connection: { proxy: { env: PROXY_URL }, no_proxy: [internal.example.com], ca: "{{AUTHORITY}}" }
targets:
  slack-ops: { slack: { webhook_url: "https://hooks.slack.com/services/T000/B000/XXXXXXXXXXXX" } }
default_targets: [slack-ops]
"#;

impl Office {
    async fn open() -> Self {
        let (slack, castai) = (Receiver::slack().await, StandIn::start().await);
        let internet = world(&slack).await;
        internet.host("api.cast.ai", castai.address);
        let authority = fixture("authority.pem").display().to_string();
        let house = House::with(&CONFIGURATION.replace("{{KEY}}", KEY).replace("{{AUTHORITY}}", &authority));
        Self { internet, slack, castai, house }
    }

    /// The environment names a proxy that is not there: what is written goes before it.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://ada:{PASSWORD}@{}", self.internet.proxy());
        let wrong = "http://ada:0therWordOfTheProxy@127.0.0.1:1".to_owned();
        vec![("PROXY_URL", url), ("HTTPS_PROXY", wrong), ("NO_PROXY", "hooks.slack.com".to_owned())]
    }

    async fn said(&self, arguments: &str) -> String {
        let (folder, variables) = (self.house.path().to_owned(), self.variables());
        let arguments = format!("{arguments} --config relay.yaml");
        let running = move || {
            let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
            run(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), &variables)
        };
        let said = tokio::task::spawn_blocking(running).await.unwrap();
        format!("{}{}", said.out, said.err)
    }
}

fn body(id: &str) -> String {
    String::from_utf8(node_added(id).into()).unwrap()
}

fn no_password(text: &str) {
    for secret in [PASSWORD, "0therWord", "YWRhOnMzY3JldFdvcmRPZlRoZVByb3h5"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_and_castai_are_reached_by_what_is_written_and_no_password_shows() {
    let office = Office::open().await;
    let relay = office.house.serve_with(&office.variables()).await;
    let told = relay.until_logged("how targets and CAST AI are connected to").await;
    let way = format!(
        "by the proxy http://{} (`connection.proxy`), directly to .internal.example.com",
        office.internet.proxy()
    );
    assert!(told.contains(&way), "{told}");
    assert_eq!(relay.post("/castai/events", body("evt")).await.unwrap().status, 200);
    office.slack.until_received(1).await;
    office.castai.until_asked("/v1/notifications", 1).await;
    no_password(&relay.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_proxy_lets_nobody_through_no_password_shows_either() {
    let office = Office::open().await;
    office.internet.demand("ada:another");
    let relay = office.house.serve_with(&office.variables()).await;
    relay.post("/castai/events", body("evt")).await.unwrap();
    let failed = relay.until_logged("hooks.slack.com, by the proxy").await;
    assert!(failed.contains("proxy auth"), "{failed}");
    let deliveries = office.said(&format!("deliveries list --url http://{}", relay.admin)).await;
    assert!(deliveries.contains("slack-ops"), "{deliveries}");
    no_password(&deliveries);
    let story = office.said(&format!("explain evt --url http://{}", relay.admin)).await;
    assert!(story.contains("by the proxy"), "{story}");
    no_password(&story);
    no_password(&relay.look("/metrics").await);
    no_password(&relay.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn check_and_doctor_know_the_way() {
    let office = Office::open().await;
    let check = office.said("check").await;
    assert!(check.contains(&format!("by the proxy http://{}", office.internet.proxy())), "{check}");
    assert!(check.contains("trusting 1 certificate beside the system's"), "{check}");
    no_password(&check);
    no_password(&office.said("route test --sample node.added").await);
    let doctor = office.said("castai doctor --patience 20 --output json").await;
    let report: Value = serde_json::from_str(&doctor).unwrap_or_else(|error| panic!("{error}: {doctor}"));
    let checks = report["checks"].as_array().unwrap();
    let target = checks.iter().find(|line| line["check"] == "target").unwrap();
    assert_eq!(target["verdict"], "good", "{target}");
    assert!(!office.castai.asked("/v1/kubernetes/external-clusters").is_empty(), "{doctor}");
    no_password(&doctor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_that_cannot_be_used_is_a_mistake_unless_another_way_is_written() {
    let house = House::with("server: { listen: 127.0.0.1:0 }\n");
    let said = |variables: &[(&str, &str)]| {
        let folder = house.path().to_owned();
        run(&folder, &["check", "--config", "relay.yaml"], variables)
    };
    let socks = ("ALL_PROXY", "socks5://ada:s3cretWordOfTheProxy@127.0.0.1:1080");
    let refused = said(&[socks]);
    assert!(refused.code == 1 && refused.err.contains("ALL_PROXY is a SOCKS proxy"), "{refused:?}");
    assert!(refused.err.contains("proxy: none"), "{refused:?}");
    no_password(&refused.err);
    assert_eq!(said(&[socks, ("CASTAI_RELAY__CONNECTION__PROXY", "none")]).code, 0);
    let used = said(&[("HTTPS_PROXY", "http://ada:s3cretWordOfTheProxy@127.0.0.1:3128"), ("NO_PROXY", "a.example")]);
    assert!(used.out.contains("by the proxy http://127.0.0.1:3128 (HTTPS_PROXY), directly to .a.example"), "{used:?}");
    no_password(&used.out);
}
