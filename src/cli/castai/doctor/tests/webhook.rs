//! What is made of the webhook configurations at CAST AI.

use super::*;

#[test]
fn several_webhooks_cover_together_what_one_leaves_out() {
    let one_each = [
        json!({"severityTriggers": ["CRITICAL", "ERROR", "WARNING"], "clusterTriggers": {"clusterIds": ["c1"]}}),
        json!({"severityTriggers": ["info", "success"], "clusterTriggers": {"clusterIds": ["c2"]}}),
    ];
    assert_eq!(said(&with_configs(one_each)), [""; 0]);
    let for_categories = [json!({"category": "Security"}), json!({"category": "Inventory"})];
    one(&with_configs(for_categories), "! categories: only Security, Inventory is sent");
}

#[test]
fn a_deleted_webhook_does_not_count() {
    let facts = with_configs([json!({"deletedAt": "2026-11-01T00:00:00Z"})]);
    one(&facts, "✗ webhook: no webhook at CAST AI calls https://relay.example.com/castai/events");
}

#[test]
fn a_source_that_wants_signatures_is_not_for_castai() {
    let hmac = || verify(json!({"hmac": {"header": "X-S", "secrets": ["token"]}}));
    let mut facts = healthy();
    facts.webhooks.push(Webhook {
        name: "proxy".into(),
        path: "/castai/events/proxy".into(),
        url: Some(format!("{URL}/proxy")),
        verifier: hmac(),
        ..webhook()
    });
    assert_eq!(said(&facts), [""; 0], "beside one that CAST AI calls it is all right");
    one(&with_webhook(|webhook| webhook.verifier = hmac()), "✗ webhook: CAST AI calls it and cannot sign");
}

#[test]
fn a_second_source_that_nothing_calls_is_a_warning() {
    let mut facts = healthy();
    facts.webhooks.push(Webhook {
        name: "security".into(),
        url: Some(format!("{URL}/s")),
        path: "/s".into(),
        ..webhook()
    });
    one(&facts, "! webhook: no webhook at CAST AI calls https://relay.example.com/castai/events/s; others call");
}

#[test]
fn without_a_public_url_webhooks_are_known_by_their_path() {
    let mut facts = with_webhook(|webhook| (webhook.url, webhook.public) = (None, None));
    facts.house.public_url = None;
    one(&facts, "! public_url: not set");
}

#[test]
fn credentials_that_castai_does_not_show_are_not_said_to_be_wrong() {
    let hidden = json!({"authKeys": {"Content-Type": "****", "Authorization": "****"}});
    let said = said(&with_configs([hidden]));
    assert_eq!(said, ["! headers: CAST AI does not show Content-Type", "! credential: CAST AI does not show it"]);
}

#[test]
fn an_older_secret_is_as_good_and_the_case_of_headers_does_not_matter() {
    let older =
        json!({"authKeys": {"content-type": "Application/JSON; charset=utf-8", "AUTHORIZATION": "Bearer older-token"}});
    assert_eq!(said(&with_configs([older])), [""; 0]);
}

#[test]
fn each_failure_castai_remembers_points_to_where_to_look() {
    let cure = |error: &str| {
        let facts = with_configs([json!({"status": "FailedToConnect", "error": error})]);
        lines(&facts).into_iter().find(|line| line.check == "status").and_then(|line| line.cure).unwrap()
    };
    for (error, points_to) in [
        ("unexpected status code: 401", "`credential`"),
        ("400 Bad Request", "`template`"),
        ("404 page not found", "`public url`"),
        ("415 Unsupported Media Type", "`headers`"),
        ("x509: certificate signed by unknown authority", "`public url`"),
        ("context deadline exceeded", "`public url`"),
        ("something new", "changes with CAST AI's next call"),
    ] {
        assert!(cure(error).contains(points_to), "{error}: {}", cure(error));
    }
    one(&with_configs([json!({"status": ""})]), "! status: CAST AI has not called it yet");
}

#[test]
fn keys_in_a_url_are_shown_nowhere() {
    let url = "https://me:secret@gone.example.com/castai/events?key=secret";
    let failed = json!({"callbackUrl": url, "status": "FailedToConnect", "error": format!("POST {url}: timeout")});
    let astray = with_configs([failed]);
    let here = json!({"callbackUrl": URL, "status": "FailedToConnect", "error": format!("POST {url}: timeout")});
    let called = with_configs([here]);
    for (facts, shown) in
        [(astray, "`relay` calls https://…@gone.example.com/castai/events?…,"), (called, "POST https://…@")]
    {
        let lines = lines(&facts);
        assert!(lines.iter().any(|line| line.found.contains(shown)), "{lines:#?}");
        assert!(!format!("{lines:?}").contains("secret"), "{lines:#?}");
    }
}

#[test]
fn a_template_with_all_facts_in_another_form_is_a_warning() {
    let facts = json!({"requestTemplate": Form::Json.text(None).replace("castai-relay/1", "mine/7")});
    one(&with_configs([facts]), "! template: another one with all facts");
}

#[test]
fn a_webhook_of_another_source_whose_path_ends_alike_is_not_astray() {
    let mut facts = healthy();
    let short = Webhook {
        name: "short".into(),
        path: "/events".into(),
        url: Some("https://relay.example.com/events".into()),
        ..webhook()
    };
    facts.webhooks.push(short);
    one(&facts, "! webhook: no webhook at CAST AI calls https://relay.example.com/events; others call");
}

#[test]
fn a_webhook_for_more_than_the_category_its_source_stands_for_is_wrong() {
    let calling = |changes: Value| {
        let mut facts = with_configs([changes]);
        facts.webhooks[0].category = Some("Security".into());
        facts
    };
    let all = calling(json!({}));
    one(&all, "✗ category: it is for all categories, and `castai` takes everything for `Security`");
    let cure = lines(&all).into_iter().find(|line| line.verdict == Mark::Wrong).and_then(|line| line.cure).unwrap();
    assert!(cure.contains("castai setup --source castai --name 'relay' --apply"), "{cure}");
    let found = said(&calling(json!({"category": "Inventory"})));
    assert!(found.iter().any(|line| line.contains("✗ category: it is for `Inventory`")), "{found:#?}");
    let same = said(&calling(json!({"category": "Security"})));
    assert!(!same.iter().any(|line| line.contains("category:")), "{same:#?}");
}

#[test]
fn a_webhook_for_all_beside_one_for_a_category_is_told_twice() {
    let beside = |changes: Value| {
        let mut one_category = json!({"name": "s", "id": "w2", "category": "Security"});
        changes.as_object().unwrap().iter().for_each(|(field, value)| one_category[field] = value.clone());
        with_configs([json!({}), one_category])
    };
    one(&beside(json!({})), "! category: `relay` (all categories) already covers Security");
    let all = ["CRITICAL", "ERROR", "WARNING", "INFO", "SUCCESS"];
    for apart in [json!({"organizationId": "o2"}), json!({"severityTriggers": []})] {
        let mut facts = beside(apart);
        let webhooks = facts.account.as_mut().and_then(|account| account.webhooks.as_mut()).unwrap();
        webhooks[0].organization_id = Some("o1".into());
        assert_eq!(webhooks[0].severity_triggers, all);
        assert_eq!(said(&facts), [""; 0]);
    }
}
