//! What the suite has to know of each kind of target: a row for each, in the order of [`NOTIFIERS`].

use std::path::PathBuf;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const ROUTING_KEY: &str = "0123456789abcdefABCDEF0123456789";

const INTEGRATION_KEY: &str = "11111111-2222-3333-4444-555555555555";

/// What follows the colon of a Telegram bot's token.
const BOT_KEY: &str = "AAsecretKeyOfTheBotAsLongAsItIs_-35";

/// Jira Service Management and Opsgenie answer alike.
const OPSGENIE: Http = Http {
    success: (202, r#"{"result":"Request will be processed","took":0.302,"requestId":"43a29c5c"}"#),
    success_is: SuccessIs::NoPage,
    wait_when_limited: Some(Duration::from_secs(30)),
    own_verdict: of_a_pager,
    requests: |_| 1,
    shown: shown_json,
    idempotency_key: |received| Some(received.json()["alias"].as_str()?.to_owned()),
    when_grown: WhenGrown::ItIsDropped,
    refuses: limits::of_opsgenie,
    changes: None,
};

/// Of those who must wake somebody: one event that a server falls over must not keep the others.
fn of_a_pager(status: u16) -> Option<Verdict> {
    let fails_one = [500, 502, 504].contains(&status);
    fails_one.then_some(Verdict::PerhapsDone(Reason::TargetFailed, Scope::Message, None))
}

/// The body, without the key that opens PagerDuty's door.
fn without_routing_key(received: &Received) -> String {
    let mut body = received.json();
    body["routing_key"] = json!("***");
    format!("{body:#}")
}

/// A path that nobody else has, in a folder that is there.
fn a_new_file() -> PathBuf {
    static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| tempfile::tempdir().unwrap());
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    FOLDER.path().join(format!("{}.jsonl", NEXT.fetch_add(1, Ordering::Relaxed)))
}

pub const HARNESSES: &[Harness] = &[
    Harness {
        kind: "alertmanager",
        section: |address| format!("{{ urls: [\"{address}/secretPrefixOfMine\"] }}"),
        secrets: &["secretPrefixOfMine"],
        unsent: &[],
        http: Some(Http {
            success: (200, ""),
            success_is: SuccessIs::NoPage,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            // With the severity, which a delivery keeps, all labels together are the alert.
            idempotency_key: |received| Some(received.json()[0]["labels"]["event"].as_str()?.to_owned()),
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_alertmanager,
            changes: None,
        }),
    },
    Harness {
        kind: "email",
        section: |address| smtp::section(&address.replace("http://", "smtp://relay%40example.com@"), ""),
        secrets: &[smtp::PASSWORD],
        unsent: &[],
        http: None,
    },
    Harness {
        kind: "discord",
        section: |address| format!("{{ url: \"{address}/api/webhooks/123456789012345678/secretsecret-T0ken\" }}"),
        secrets: &["secretsecret-T0ken"],
        unsent: &[],
        http: Some(Http {
            success: (200, r#"{"id":"1300000000000000001","channel_id":"1200000000000000001"}"#),
            success_is: SuccessIs::InTheBody,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_discord,
            changes: Some(Changes {
                receipt: "1300000000000000001",
                to: ("PATCH", "/api/webhooks/123456789012345678/secretsecret-T0ken/messages/1300000000000000001"),
                gone: (404, r#"{"message":"Unknown Message","code":10008}"#),
            }),
        }),
    },
    Harness {
        kind: "file",
        section: |_| format!("{{ path: '{}' }}", a_new_file().display()),
        secrets: &[],
        unsent: &[],
        http: None,
    },
    Harness {
        kind: "google_chat",
        section: |address| {
            format!(
                "{{ url: \"{address}/v1/spaces/AAAAAAAAAAA/messages?key=secretKeySecretKey&token=secretTokenSecret%3D\" }}"
            )
        },
        secrets: &["secretKeySecretKey", "secretTokenSecret"],
        unsent: &[],
        http: Some(Http {
            success: (
                200,
                r#"{"name":"spaces/AAAAAAAAAAA/messages/BBB.BBB","thread":{"name":"spaces/AAAAAAAAAAA/threads/CCC"}}"#,
            ),
            success_is: SuccessIs::InTheBody,
            wait_when_limited: Some(Duration::from_secs(30)),
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |received| Some(received.query("requestId")?.to_owned()),
            when_grown: WhenGrown::ItIsDropped,
            refuses: limits::of_google_chat,
            changes: None,
        }),
    },
    Harness {
        kind: "jira_service_management",
        section: |address| format!("{{ api_key: {INTEGRATION_KEY}, url: \"{address}/jsm/ops/integration\" }}"),
        secrets: &[INTEGRATION_KEY],
        unsent: &[],
        http: Some(OPSGENIE),
    },
    Harness { kind: "log", section: |_| "{}".into(), secrets: &[], unsent: &[], http: None },
    Harness {
        kind: "opsgenie",
        section: |address| format!("{{ api_key: {INTEGRATION_KEY}, url: \"{address}\" }}"),
        secrets: &[INTEGRATION_KEY],
        unsent: &[],
        http: Some(OPSGENIE),
    },
    Harness {
        kind: "pagerduty",
        section: |address| format!("{{ routing_key: {ROUTING_KEY}, url: \"{address}/v2/enqueue\" }}"),
        secrets: &[ROUTING_KEY],
        unsent: &[],
        http: Some(Http {
            success: (202, r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#),
            success_is: SuccessIs::NoPage,
            wait_when_limited: Some(Duration::from_secs(30)),
            own_verdict: of_a_pager,
            requests: |status| if status == 413 { 2 } else { 1 },
            shown: without_routing_key,
            idempotency_key: |received| Some(received.json()["dedup_key"].as_str()?.to_owned()),
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_pagerduty,
            changes: None,
        }),
    },
    Harness {
        kind: "pagerduty_changes",
        section: |address| {
            format!("{{ routing_key: {ROUTING_KEY}, action: change, url: \"{address}/v2/change/enqueue\" }}")
        },
        secrets: &[ROUTING_KEY],
        unsent: &[],
        http: Some(Http {
            success: (202, r#"{"status":"success","message":"Change event processed"}"#),
            success_is: SuccessIs::NoPage,
            wait_when_limited: Some(Duration::from_secs(30)),
            own_verdict: of_a_pager,
            requests: |status| if status == 413 { 2 } else { 1 },
            shown: without_routing_key,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_pagerduty_changes,
            changes: None,
        }),
    },
    Harness {
        kind: "slack",
        section: |address| format!("{{ webhook_url: \"{address}/services/T0SECRET0/B0SECRET0/x0secret0x0secret0\" }}"),
        secrets: &["T0SECRET0", "B0SECRET0", "x0secret0x0secret0"],
        unsent: &[],
        http: Some(Http {
            success: (200, "ok"),
            success_is: SuccessIs::InTheBody,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_slack,
            changes: None,
        }),
    },
    Harness {
        kind: "slack_web_api",
        section: |address| {
            format!("{{ bot_token: xoxb-1234-5678-S3cretS3cret, channel: \"#ops\", api_url: \"{address}/api\" }}")
        },
        secrets: &["xoxb-1234-5678-S3cretS3cret"],
        unsent: &[],
        http: Some(Http {
            success: (
                200,
                r#"{"ok":true,"channel":"C123ABC456","ts":"1503435956.000247","message":{"type":"message"}}"#,
            ),
            success_is: SuccessIs::InTheBody,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_slacks_web_api,
            changes: Some(Changes {
                receipt: "C123ABC456:1503435956.000247",
                to: ("POST", "/api/chat.update"),
                gone: (200, r#"{"ok":false,"error":"message_not_found"}"#),
            }),
        }),
    },
    Harness {
        kind: "teams",
        section: |address| {
            format!(
                "{{ url: \"{address}/workflows/0a1b2c3d4e5f/triggers/manual/paths/invoke?sp=%2Ftriggers&sig=s1gnatureOfTheFlow\" }}"
            )
        },
        secrets: &["0a1b2c3d4e5f", "s1gnatureOfTheFlow"],
        unsent: &[],
        http: Some(Http {
            success: (202, ""),
            success_is: SuccessIs::NoPage,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_teams,
            changes: None,
        }),
    },
    Harness {
        kind: "telegram",
        section: |address| format!("{{ bot_token: '123456789:{BOT_KEY}', chat_id: -1001234567890, url: '{address}' }}"),
        secrets: &[BOT_KEY],
        unsent: &[],
        http: Some(Http {
            success: (
                200,
                r#"{"ok":true,"result":{"message_id":42,"date":1,"chat":{"id":-1001234567890,"type":"supergroup"}}}"#,
            ),
            success_is: SuccessIs::InTheBody,
            wait_when_limited: None,
            own_verdict: |_| None,
            requests: |_| 1,
            shown: shown_json,
            idempotency_key: |_| None,
            when_grown: WhenGrown::ItIsRenewed,
            refuses: limits::of_telegram,
            changes: Some(Changes {
                receipt: "-1001234567890/42",
                to: ("POST", "/bot123456789:AAsecretKeyOfTheBotAsLongAsItIs_-35/editMessageText"),
                gone: (400, r#"{"ok":false,"error_code":400,"description":"Bad Request: message to edit not found"}"#),
            }),
        }),
    },
    Harness {
        kind: "webhook",
        section: webhook::section,
        secrets: &[webhook::PATH, webhook::TOKEN, webhook::HEADER],
        unsent: &webhook::KEYS,
        http: Some(Http {
            success: (204, ""),
            success_is: SuccessIs::TheStatus,
            wait_when_limited: None,
            own_verdict: webhook::own_verdict,
            requests: |_| 1,
            shown: webhook::shown,
            idempotency_key: |received| received.header("webhook-id").map(str::to_owned),
            when_grown: WhenGrown::ItIsDropped,
            refuses: limits::of_webhook,
            changes: None,
        }),
    },
];
