//! What may be reached at all.

use super::*;
use crate::support::relay::refusal;
use crate::support::smtp::MailServer;
use crate::support::tls_host::TlsHost;

#[tokio::test]
async fn a_name_that_leads_to_an_address_that_is_not_allowed_is_not_connected_to() {
    let relay = TestRelay::start("").await;
    let host = TlsHost::before(relay.slack().address).await;
    for allow in ["[10.0.0.0/8]", "[public, .example.com]", "[127.0.0.2]"] {
        let own = format!("connection: {{ ca: \"{{{{INSIDE}}}}\", allow: {allow} }}");
        let words = refused(&TestRelay::start(&configuration(&host.url(), &own, "")).await).await;
        assert!(words.contains("localhost (") && words.contains("is not in `allow`"), "{words}");
    }
    assert_eq!(host.came(), 0, "no connection was opened");
    for allow in ["[localhost]", "[10.0.0.0/8, 127.0.0.0/8]"] {
        let own = format!("connection: {{ ca: \"{{{{INSIDE}}}}\", allow: {allow} }}");
        assert_eq!(fate(&TestRelay::start(&configuration(&host.url(), &own, "")).await).await, Ok(()), "{allow}");
    }
    assert_eq!(relay.slack().received().len(), 2);
}

#[tokio::test]
async fn an_address_that_is_not_allowed_is_found_before_anything_starts() {
    for (url, allow) in [
        ("https://127.0.0.1:9", "[10.0.0.0/8]"),
        ("https://[::ffff:127.0.0.1]:9", "[10.0.0.0/8, localhost]"),
        ("https://10.0.0.1", "[public]"),
    ] {
        let complaint = refusal(&configuration(url, &format!("connection: {{ allow: {allow} }}"), "")).await;
        assert!(complaint.contains("is not in `allow`") && complaint.contains("targets.slack-ops"), "{complaint}");
        assert!(!complaint.contains("XXXXXXXXXXXX"), "{complaint}");
    }
    let common = refusal(&configuration("https://10.0.0.1", "", "connection: { allow: [public] }")).await;
    assert!(common.contains("10.0.0.1 is not in `allow`"), "{common}");
}

#[tokio::test]
async fn where_clouds_keep_credentials_nothing_is_sent_unless_that_very_address_is_allowed() {
    for host in ["169.254.169.254", "[::ffff:169.254.169.254]", "[fd00:ec2::254]", "metadata.google.internal"] {
        let url = format!("https://{host}");
        let complaint = refusal(&configuration(&url, "", "")).await;
        assert!(complaint.contains("where clouds keep the credentials"), "{host}: {complaint}");
        let wide = "connection: { allow: [0.0.0.0/0, \"::/0\", .google.internal] }";
        let complaint = refusal(&configuration(&url, wide, "")).await;
        assert!(complaint.contains("where clouds keep the credentials"), "{host}: {complaint}");
    }
    let meant = configuration("https://169.254.169.254", "connection: { allow: [169.254.169.254] }", "");
    TestRelay::start(&meant).await;
}

#[tokio::test]
async fn a_list_of_targets_is_not_one_of_castai_or_of_the_relay_itself() {
    let config = "sources: { notifications: {} }\nconnection: { allow: [10.0.0.0/8] }\ntargets: { slack-ops: { connection: { allow: \
                  [127.0.0.1] } }, oncall: { connection: { allow: [127.0.0.1] } } }";
    let relay = TestRelay::start(config).await;
    relay.poll("notifications").await.unwrap();
    assert_eq!(fate(&relay).await, Ok(()));
}

#[tokio::test]
async fn no_mail_server_is_connected_to_either_that_the_common_list_does_not_have() {
    let server = MailServer::playing([]).await;
    let configured = |allow: &str| {
        format!(
            "connection: {{ allow: {allow} }}
targets:
  slack-ops: {{ connection: {{ allow: [127.0.0.1] }} }}
  oncall: {{ connection: {{ allow: [127.0.0.1] }} }}
  mail: {{ email: {{ url: \"smtp://localhost:{}\", from: relay@example.com, to: ada@example.org }} }}
routes: [ {{ name: all, match: {{}}, notify: [mail] }} ]",
            server.address.port()
        )
    };
    let words = refused(&TestRelay::start(&configured("[10.0.0.0/8]")).await).await;
    assert!(words.contains("is not in `allow`"), "{words}");
    assert_eq!(server.take_mails().len(), 0);
    assert_eq!(fate(&TestRelay::start(&configured("[localhost]")).await).await, Ok(()));
    assert_eq!(server.take_mails().len(), 1);
}
