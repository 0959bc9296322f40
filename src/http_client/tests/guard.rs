//! Who passes with a list and without one, at sight, behind a proxy, and at the moment of connecting.

use super::*;

fn open() -> Guard {
    Guard::default()
}

fn only(allow: &[&str]) -> Guard {
    Guard { allow: Some(allow.iter().map(|text| text.parse().unwrap()).collect()) }
}

fn found(addresses: &[&str]) -> Vec<SocketAddr> {
    addresses.iter().map(|address| SocketAddr::new(address.parse().unwrap(), 0)).collect()
}

#[test]
fn without_a_list_all_but_credentials_are_reached() {
    for host in ["hooks.slack.com", "localhost", "10.0.0.1", "[::1]", "alertmanager.monitoring.svc", "metadata.example"]
    {
        assert_eq!(open().at_sight(host), Ok(()), "{host}");
        assert_eq!(open().behind_proxy(host), Ok(()), "{host}");
    }
    for host in
        ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "metadata.google.internal", "metadata.goog."]
    {
        assert!(matches!(open().at_sight(host), Err(Refused::Metadata(_))), "{host}");
        assert!(matches!(open().behind_proxy(host), Err(Refused::Metadata(_))), "{host}");
    }
}

#[test]
fn a_list_is_all_that_is_reached() {
    let guard = only(&["10.0.0.0/8", "alertmanager.monitoring.svc", ".example.com"]);
    assert_eq!(guard.at_sight("10.1.2.3"), Ok(()));
    assert_eq!(guard.at_sight("127.0.0.1"), Err(Refused::NotAllowed("127.0.0.1".into())));
    // Of a name nothing is known before it is looked up.
    assert_eq!(guard.at_sight("hooks.slack.com"), Ok(()));
    assert_eq!(guard.behind_proxy("hooks.slack.com"), Err(Refused::UnknownBehindProxy("hooks.slack.com".into())));
    assert_eq!(guard.behind_proxy("alertmanager.monitoring.svc"), Ok(()));
    assert_eq!(guard.behind_proxy("chat.example.com"), Ok(()));
    assert_eq!(only(&[]).at_sight("1.1.1.1"), Err(Refused::NotAllowed("1.1.1.1".into())));
}

#[test]
fn a_name_is_judged_by_where_it_leads() {
    let guard = only(&["10.0.0.0/8", "alertmanager.monitoring.svc"]);
    assert_eq!(guard.passed("inner.example", found(&["10.0.0.1"])), Ok(found(&["10.0.0.1"])));
    let refused = Err(Refused::NotAllowed("inner.example (127.0.0.1)".into()));
    assert_eq!(guard.passed("inner.example", found(&["127.0.0.1", "::1"])), refused);
    assert_eq!(guard.passed("inner.example", found(&["127.0.0.1", "10.0.0.1", "::1"])), Ok(found(&["10.0.0.1"])));
    assert_eq!(guard.passed("alertmanager.monitoring.svc", found(&["192.168.0.1"])), Ok(found(&["192.168.0.1"])));
    assert_eq!(only(&["public"]).passed("a.example", found(&["10.0.0.1", "1.1.1.1"])), Ok(found(&["1.1.1.1"])));
    assert_eq!(guard.passed("nowhere.example", found(&[])), Ok(vec![]));
}

#[test]
fn no_name_and_no_network_leads_to_credentials() {
    let guard = only(&["rebound.example", "0.0.0.0/0", "169.254.0.0/16", "public", ".google.internal"]);
    for addresses in [&["169.254.169.254"][..], &["::ffff:169.254.169.254"], &["fd00:ec2::254"]] {
        let refused = guard.passed("rebound.example", found(addresses));
        assert!(matches!(refused, Err(Refused::Metadata(_))), "{refused:?}");
        assert!(matches!(open().passed("rebound.example", found(addresses)), Err(Refused::Metadata(_))));
    }
    assert!(matches!(guard.at_sight("metadata.google.internal"), Err(Refused::Metadata(_))));
    let meant = only(&["169.254.169.254", "metadata.google.internal"]);
    assert_eq!(meant.at_sight("169.254.169.254"), Ok(()));
    assert_eq!(meant.behind_proxy("metadata.google.internal"), Ok(()));
    assert_eq!(meant.passed("metadata.google.internal", found(&["169.254.169.254"])), Ok(found(&["169.254.169.254"])));
}
