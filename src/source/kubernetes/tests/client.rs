//! The pace at which an API server is asked, and through which proxy.

use super::*;

#[test]
fn a_burst_passes_at_once_and_then_one_request_a_second() {
    let (pace, start) = (Pace::default(), Instant::now());
    let waits: Vec<u64> = (0..25).map(|_| pace.wait(start).as_secs()).collect();
    assert_eq!(waits[..20], [0; 20]);
    assert_eq!(waits[20..], [1, 2, 3, 4, 5]);
    let later = start + Duration::from_secs(3600);
    assert!((0..20).all(|_| pace.wait(later).is_zero()), "what was not used is saved");
    assert_eq!(pace.wait(later).as_secs(), 1, "but only as much as one burst");
}

#[test]
fn only_the_kubeconfigs_own_proxy_is_used() {
    let file = Kubeconfig::from_yaml(
        r#"{
            "current-context": "direct",
            "contexts": [
                {"name": "direct", "context": {"cluster": "a"}},
                {"name": "proxied", "context": {"cluster": "b"}},
                {"name": "lost", "context": {"cluster": "c"}}
            ],
            "clusters": [
                {"name": "a", "cluster": {"server": "https://a"}},
                {"name": "b", "cluster": {"server": "https://b", "proxy-url": "http://proxy:3128"}}
            ]
        }"#,
    );
    let file = file.unwrap();
    let proxied = [None, Some("proxied"), Some("lost"), Some("nowhere")].map(|context| names_a_proxy(&file, context));
    assert_eq!(proxied, [false, true, false, false]);
}
