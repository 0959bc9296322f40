//! What the relay may do in a cluster is exactly what it does, and what is missing is said with its cure.

use std::collections::BTreeSet;
use std::path::Path;

use castai_relay::config::Section;
use castai_relay::source::kubernetes::{Config, Trouble, TroubleKind, reach};
use serde::Deserialize;
use serde_json::Value;

use super::{until_watched, watching};
use crate::support::kubernetes::ApiServer;
use crate::support::process::{House, run};

/// Verb and resource.
type Permission = (String, String);

async fn reached(server: &ApiServer) -> Result<Vec<(&'static str, Result<(), Trouble>)>, Trouble> {
    castai_relay::http_client::install_crypto();
    let config = Config::read(&Section::from_yaml("relay.yaml", &server.section(""))).unwrap();
    let reached = reach(&config).await?;
    Ok(reached.into_iter().map(|reach| (reach.watched, reach.allowed)).collect())
}

fn manifests(file: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/kubernetes").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("\n---\n").map(|document| serde_saphyr::from_str(document).unwrap()).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
}

/// Everything rbac.yaml allows.
fn allowed() -> BTreeSet<Permission> {
    let roles = manifests("rbac.yaml").into_iter().filter(|manifest| manifest["kind"] == "ClusterRole");
    let rules = roles.flat_map(|role| serde_json::from_value::<Vec<Rule>>(role["rules"].clone()).unwrap());
    let pairs = rules.flat_map(|Rule { api_groups, resources, verbs }| {
        assert_eq!(api_groups, [""], "only the core group is asked");
        let pair =
            move |verb: &String| resources.iter().map(|resource| (verb.clone(), resource.clone())).collect::<Vec<_>>();
        verbs.iter().flat_map(pair).collect::<Vec<_>>()
    });
    pairs.collect()
}

#[tokio::test]
async fn rbac_yaml_allows_exactly_what_the_relay_asks_for() {
    let server = ApiServer::start().await;
    let _relay = watching(&server).await;
    until_watched(&server).await;
    reached(&server).await.unwrap();
    let asked: BTreeSet<Permission> =
        server.asked().iter().map(|asked| (asked.verb().to_owned(), asked.resource.clone())).collect();
    assert_eq!(allowed(), asked);
}

#[test]
fn the_shipped_manifests_fit_together() {
    let (rbac, relay) = (manifests("rbac.yaml"), manifests("relay.yaml"));
    let of_kind = |kind: &str| rbac.iter().chain(&relay).find(|manifest| manifest["kind"] == kind).unwrap();
    let named = |manifest: &Value| (manifest["metadata"]["name"].clone(), manifest["metadata"]["namespace"].clone());
    let (account, binding, deployment) =
        (of_kind("ServiceAccount"), of_kind("ClusterRoleBinding"), of_kind("Deployment"));
    let subject = &binding["subjects"][0];
    assert_eq!((subject["name"].clone(), subject["namespace"].clone()), named(account));
    assert_eq!(binding["roleRef"]["name"], of_kind("ClusterRole")["metadata"]["name"]);
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!((pod["serviceAccountName"].clone(), deployment["metadata"]["namespace"].clone()), named(account));
    assert_eq!(
        (&deployment["spec"]["replicas"], &deployment["spec"]["strategy"]["type"]),
        (&1.into(), &"Recreate".into())
    );
    let claim = of_kind("PersistentVolumeClaim");
    let claimed =
        pod["volumes"].as_array().unwrap().iter().find_map(|volume| volume["persistentVolumeClaim"].get("claimName"));
    assert_eq!(claimed, Some(&claim["metadata"]["name"]));
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(&of_kind("Service")["spec"]["selector"], labels);
    assert_eq!(&deployment["spec"]["selector"]["matchLabels"], labels);
}

#[test]
fn the_shipped_configuration_is_good() {
    let relay = manifests("relay.yaml");
    let map = relay.iter().find(|manifest| manifest["kind"] == "ConfigMap").unwrap();
    let house = House::with(map["data"]["relay.yaml"].as_str().unwrap());
    let environment = [
        ("CASTAI_API_KEY", "castai-api-key"),
        ("CASTAI_WEBHOOK_TOKEN", "0123456789abcdef"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/x"),
    ];
    let said = run(house.path(), &["check", "--config", "relay.yaml"], &environment);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(said.out.contains("the cluster it runs in"), "{}", said.out);
}

#[tokio::test]
async fn what_can_be_reached_is_said() {
    let server = ApiServer::start().await;
    let reached = reached(&server).await.unwrap();
    assert!(reached.iter().all(|(_, allowed)| allowed.is_ok()) && reached.len() == 3, "{reached:?}");
}

#[tokio::test]
async fn a_permission_that_is_missing_is_said_with_its_cure() {
    let server = ApiServer::start().await;
    server.forbid("nodes");
    let reached = reached(&server).await.unwrap();
    let missing: Vec<_> =
        reached.into_iter().filter_map(|(watched, allowed)| Some((watched, allowed.err()?))).collect();
    let [(watched, trouble)] = missing.as_slice() else { panic!("{missing:?}") };
    assert_eq!((*watched, trouble.kind), ("Nodes being drained", TroubleKind::Forbidden));
    let said = trouble.to_string();
    assert!(said.contains("cannot list resource \"nodes\"") && said.contains("deploy/kubernetes/rbac.yaml"), "{said}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_or_does_not_know_us_is_said_once() {
    let mut server = ApiServer::start().await;
    server.expect_token("another");
    assert_eq!(reached(&server).await.unwrap_err().kind, TroubleKind::Unauthorized);
    server.stop().await;
    let unreachable = reached(&server).await.unwrap_err();
    assert_eq!(unreachable.kind, TroubleKind::Unreachable, "{unreachable}");
    server.start_again().await;
    server.write_kubeconfig("https", "another");
    let not_tls = reached(&server).await.unwrap_err();
    assert_eq!(not_tls.kind, TroubleKind::Unreachable, "{not_tls}");
    std::fs::remove_file(server.kubeconfig()).unwrap();
    assert_eq!(reached(&server).await.unwrap_err().kind, TroubleKind::Settings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_may_not_watch_says_so_in_its_log_and_goes_on_when_it_may() {
    let server = ApiServer::start().await;
    server.forbid("events");
    let house = House::with(&format!(
        "server: {{ listen: 127.0.0.1:0 }}\nadmin: {{ listen: 127.0.0.1:0 }}\nsources: {{ kubernetes: {} }}\n",
        server.section(", retry: { base: 10ms, cap: 50ms }")
    ));
    let relay = house.serve().await;
    let line = relay.until_logged("deploy/kubernetes/rbac.yaml").await;
    assert!(line.contains("cannot list resource"), "{line}");
    server.permit_all();
    relay.until_logged("the cluster is watched again").await;
    assert!(!relay.log().contains("kube_"), "the client library says the same in its own words:\n{}", relay.log());
}
