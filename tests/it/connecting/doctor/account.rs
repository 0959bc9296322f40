//! Faults of the key and of what it stands for.

use super::clinic::{Clinic, ORGANIZATION, watched};
use crate::support::castai::faults::Fault;
use crate::support::castai::lists::List;
use crate::support::castai::{KEY, Stranger};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key() {
    let clinic = Clinic::open().await;
    clinic.configure(KEY, "a-mistyped-key");
    clinic.finds("✗ api key", "does not accept it (401 unauthorized), nor does `eu`", "make a new one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_region() {
    let clinic = Clinic::open().await;
    clinic.us.world().keys.clear();
    clinic.eu.world().keys.push(KEY.to_owned());
    clinic.finds("✗ region", "the key belongs to `eu`", "write `castai.api_url: eu`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_organisation_that_makes_everything_unfindable() {
    let clinic = Clinic::open().await;
    clinic.us.world().organization = Some((ORGANIZATION.to_owned(), Stranger::NotFound));
    clinic.finds("✗ organisation", "finds nothing for this key (404)", "castai.organization_id").await;
    clinic.configure("api_url: us", &format!("api_url: us, organization_id: {ORGANIZATION}"));
    clinic.finds_all(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_organisation_that_makes_every_list_empty() {
    let clinic = Clinic::open().await;
    clinic.us.world().organization = Some((ORGANIZATION.to_owned(), Stranger::EmptyLists));
    let findings = clinic.finds_all(&["✗ organisation", "✗ webhook castai"]).await;
    assert!(findings[0].cure.contains("castai.organization_id"), "{findings:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_organisation_than_the_one_that_is_meant() {
    let clinic = Clinic::open().await;
    clinic.configure("api_url: us", "api_url: us, organization_id: 00000000-0000-4000-8000-000000000000");
    clinic.finds("✗ organisation", ORGANIZATION, &format!("castai.organization_id: {ORGANIZATION}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission() {
    let clinic = Clinic::open().await;
    clinic.us.world().forbidden.insert("/v1/notifications/webhook-configurations".to_owned());
    let cure = "a role that may call GET /v1/notifications/webhook-configurations";
    clinic.finds("✗ permission webhook configurations", "may not read this", cure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_of_a_source_says_which_source_needs_it() {
    let clinic = Clinic::open().await;
    let costs = "/v1/cost-reports/clusters/c1/estimated-savings";
    for (path, what, source) in [
        ("/v1/notifications", "notifications", "notifications"),
        ("/v2/audit/events", "audit log", "audit_log"),
        (costs, "cost reports", "savings"),
    ] {
        clinic.us.world().forbidden = [path.to_owned()].into();
        let (what, found) = (format!("✗ permission {what}"), format!("and `sources.{source}` needs it"));
        clinic.finds(&what, &found, &format!("a role that may call GET {path}")).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_older_audit_log_is_asked_where_it_is_the_one_that_is_read() {
    let clinic = Clinic::open().await;
    clinic.configure("audit_log: {}", "audit_log: { version: v1 }");
    clinic.us.world().forbidden = ["/v2/audit/events".to_owned()].into();
    clinic.finds_all(&[]).await;
    clinic.us.world().forbidden = ["/v1/audit".to_owned()].into();
    clinic.finds("✗ permission audit log", "`sources.audit_log` needs it", "GET /v1/audit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clusters_that_castai_only_watches_have_no_costs_and_that_is_no_fault() {
    let clinic = Clinic::open().await;
    clinic.us.world().read_only.insert("c1".to_owned());
    clinic.finds_all(&[]).await;
    clinic.us.world().lists.insert(List::Clusters, vec![watched("c1")]);
    clinic.finds_all(&[]).await;
    assert!(clinic.doctor("").await.out.contains("– permission cost reports"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_firewall_on_the_way() {
    let clinic = Clinic::open().await;
    clinic.us.fails("/", 99, Fault::firewall());
    clinic.finds("✗ api key", "Attention Required! | Cloudflare", "User-Agent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_page_on_the_way() {
    let clinic = Clinic::open().await;
    clinic.us.fails("/", 99, Fault::status(302, "log in first"));
    clinic.finds("✗ api key", "gave no useful answer (302", "check `castai.api_url` and proxies on the way").await;
    let said = clinic.doctor("").await;
    assert!(said.out.contains("not known as long as the list of clusters cannot be read"), "{}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_castai_that_cannot_be_reached() {
    let clinic = Clinic::open().await;
    clinic.internet.forget("api.cast.ai");
    clinic.finds("✗ api key", "gave no useful answer", "egress rules").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_castai_that_never_answers_is_not_waited_for_longer_than_asked() {
    let clinic = Clinic::open().await;
    clinic.us.fails("/", 99, Fault::Hang);
    let said = clinic.castai("doctor --patience 1").await;
    assert!(said.code == 1 && said.out.contains("gave no useful answer (no answer within 1000 ms)"), "{}", said.out);
    assert!(said.out.contains("✓ target slack-ops"), "what others say is said all the same: {}", said.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_does_not_say_how_castai_is_asked() {
    let clinic = Clinic::open().await;
    clinic.configure(&format!("castai: {{ api_url: us, api_key: \"{KEY}\" }}"), "");
    clinic.configure("  notifications: {}\n  audit_log: {}\n  savings: {}\n", "");
    clinic.finds_all(&[]).await;
    let said = clinic.doctor("").await;
    assert!(said.out.contains("– api key") && said.out.contains("castai: { api_url: us"), "{}", said.out);
}
