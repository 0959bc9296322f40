//! Exactly one way to the API server, and what is written where nothing is.

use super::*;

fn read(text: &str) -> Option<Config> {
    Config::read(&Section::from_yaml("relay.yaml", text))
}

#[test]
#[cfg(not(feature = "kubernetes"))]
fn a_build_without_kubernetes_says_so() {
    assert_eq!(read("in_cluster: true"), None);
}

#[test]
#[cfg(feature = "kubernetes")]
fn inside_the_cluster_nothing_else_need_be_said() {
    let config = read("in_cluster: true").unwrap();
    assert_eq!(config.api_server, ApiServer::InCluster);
    assert_eq!(config.namespace.as_str(), "castai-agent");
    assert_eq!(config.watch_timeout, Duration::from_secs(60));
    assert_eq!((config.cluster, config.retry), (Cluster::default(), Retry::default()));
}

#[test]
#[cfg(feature = "kubernetes")]
fn everything_can_be_said() {
    let config = read(
        "{ kubeconfig: /etc/kube.yaml, context: prod, namespace: castai, cluster: { id: c1, name: prod-eu },
           watch_timeout: 5m, retry: { base: 2s, cap: 1m } }",
    );
    let config = config.unwrap();
    let (path, context) = ("/etc/kube.yaml".into(), Some("prod".to_owned()));
    assert_eq!(config.api_server, ApiServer::Kubeconfig { path, context });
    assert_eq!((config.namespace.as_str(), config.watch_timeout), ("castai", Duration::from_secs(300)));
    assert_eq!(config.cluster.label(), Some("prod-eu"));
    assert_eq!(config.retry, Retry { base: Span::from_secs(2), cap: Span::from_secs(60) });
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for text in [
        "{}",
        "in_cluster: false",
        "{ in_cluster: true, kubeconfig: a }",
        "{ in_cluster: true, context: a }",
        "{ in_cluster: true, namespace: 'a/../b' }",
        "{ in_cluster: true, namespace: -a }",
        "{ in_cluster: true, watch_timeout: 0s }",
        "{ in_cluster: true, watch_timeout: 1500ms }",
        "{ in_cluster: true, watch_timeout: 301s }",
        "{ in_cluster: true, retry: { base: 0s } }",
        "{ in_cluster: true, retry: { base: 1m } }",
        "{ in_cluster: true, cluster: { region: eu } }",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
}

#[test]
fn the_first_retry_follows_at_once_and_then_the_waits_double_up_to_the_cap() {
    let retry = Retry { base: Span::from_secs(1), cap: Span::from_secs(5) };
    let waits = (0..6).map(|failures| retry.wait(failures).as_secs());
    assert!(waits.eq([0, 0, 1, 2, 4, 5]));
    assert_eq!(retry.wait(u32::MAX), Duration::from_secs(5));
}
