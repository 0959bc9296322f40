//! The command line as a stranger meets it: help, exit codes, `check`, `route test`, `send`, and the file of defaults.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::process::{House, Relay, Said, run, run_with_input};

/// What `config/example.yaml` asks for.
const SECRETS: &[(&str, &str)] = &[
    ("CASTAI_API_KEY", "castai-api-key"),
    ("CASTAI_WEBHOOK_TOKEN", "webhook-token"),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T000/B000/slack-secret"),
    ("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
    ("SMTP_PASSWORD", "a password"),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn said(arguments: &str) -> Said {
    run(root(), &arguments.split_whitespace().collect::<Vec<_>>(), SECRETS)
}

/// Every command, after the program itself.
const COMMANDS: &str = ", serve, check, route, route test, what-if, send, explain, events, events list, events show, \
    events tail, deliveries, deliveries list, deliveries retry, replay, replay start, replay list, \
    replay show, replay stop, silences, silences list, silences add, silences end, status, targets, \
    targets list, targets pause, targets resume, targets test, drill, drill list, drill run, castai, castai template, castai setup, \
    castai doctor, castai audit, castai summary, demo";

#[test]
fn help_says_what_each_command_does() {
    for command in COMMANDS.split(", ") {
        let said = said(&format!("{command} --help"));
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        insta::assert_snapshot!(format!("help {command}").trim().replace(' ', "_"), said.out);
    }
}

#[test]
fn exit_codes_tell_good_from_found_wrong_from_misused() {
    let good =
        ["check --config config/example.yaml", "route test -c config/example.yaml --sample critical", "--version"];
    let found_wrong = [
        "check",
        "check --config no-such-file.yaml",
        "route test -c config/example.yaml --sample broken",
        "route test -c config/example.yaml no-such-file",
        "route test -c config/example.yaml --sample critical --source no-such-source",
        "serve --config no-such-file.yaml",
    ];
    let misused = [
        "",
        "chekc",
        "check --confg x",
        "route test",
        "route test --sample no-such-sample",
        "route test --sample critical tests/fixtures/brief/node.added.json",
        "send --id evt-1 tests/fixtures/brief/node.added.json",
        "demo --speed 0",
        "send -c config/example.yaml no-such-file",
        "send -c config/example.yaml --sample critical --source no-such-source",
        "send -c config/example.yaml --sample critical --url ftp://x",
        "silences add --for 1h --why x",
        "silences add --everything --why x",
        "silences add --everything --for 1h",
        "silences add --everything --target console --for 1h --why x",
        "silences add --target console --for 1h --until 2026-11-21T06:00:00Z --why x",
        "silences add --match type --for 1h --why x",
        "silences add --target console --until tomorrow --why x",
        "silences end twelve",
        "targets pause console --why x",
        "targets pause console --for 1h --until-resumed --why x",
        "targets pause console --for 1h",
        "targets test Console!",
        "status --output yaml",
        "explain",
        "events list --state lost",
        "events list --severity loud",
        "events list --limit 0",
        "deliveries list --target No!",
        "drill run",
        "drill run spot-page --sample critical",
        "drill run spot-page --within 1m",
        "drill run --sample no-such-sample",
        "castai audit --since 91d",
        "castai audit --follow --every 999ms",
        "castai audit -c config/example.yaml --cluster [",
        "castai audit -c config/example.yaml --api v1 --domain x",
        "castai summary --day 1999-12-31",
        "castai summary -c config/example.yaml --day 2999-01-01",
        "castai summary -c config/example.yaml --post --source no-such-source",
    ];
    let expected = [(0, good.as_slice()), (1, found_wrong.as_slice()), (2, misused.as_slice())];
    for (code, commands) in expected {
        for command in commands {
            let said = said(command);
            assert_eq!(said.code, code, "`{command}` said {said:?}");
            assert!(code == 1 || said.err.is_empty() == (code == 0), "`{command}` said {said:?}");
        }
    }
}

#[test]
fn check_shows_what_the_example_means() {
    insta::assert_snapshot!(said("check --config config/example.yaml").out);
}

#[test]
fn no_secret_is_ever_printed() {
    let commands = ["check -c config/example.yaml", "route test -c config/example.yaml --sample critical"];
    for said in commands.map(said) {
        for (_, secret) in SECRETS {
            let secret = secret.rsplit('/').next().unwrap();
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{said:?}");
        }
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let command = format!("'{}' check -c config/example.yaml | true", env!("CARGO_BIN_EXE_castai-relay"));
    let mut shell = std::process::Command::new("sh");
    let done = shell.current_dir(root()).args(["-c", &command]).envs(SECRETS.iter().copied()).output().unwrap();
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
}

/// `config/default.yaml` with every example in it taken out of its comment, in each of the ways it can be written.
mod defaults {
    use super::*;

    fn text() -> String {
        std::fs::read_to_string(root().join("config/default.yaml")).unwrap()
    }

    /// The lines with the examples as settings, and the ones that stand for the line above them.
    fn examples() -> (Vec<String>, Vec<(usize, String)>) {
        let (mut lines, mut alternatives) = (Vec::<String>::new(), Vec::new());
        for line in text().lines() {
            let Some(example) = line.strip_prefix('#').filter(|rest| rest.starts_with("  ")) else {
                lines.push(
                    line.replace("sources: {}", "sources:")
                        .replace("connection: {}", "connection:")
                        .replace("routes: []", "routes:")
                        .replace("drills: []", "drills:"),
                );
                continue;
            };
            match example.trim_start().strip_prefix("# ") {
                Some(other) => {
                    let indent = &example[..example.len() - example.trim_start().len()];
                    alternatives.push((lines.len() - 1, format!("{indent}{other}")));
                }
                None => lines.push(example.to_owned()),
            }
        }
        (lines, alternatives)
    }

    fn check(lines: &[String]) -> Said {
        let folder = tempfile::tempdir().unwrap();
        let text = lines.join("\n").replace("/run/secrets/whsec", &folder.path().join("whsec").display().to_string());
        let tls = root().join("tests/fixtures/tls").display().to_string();
        let text = text.replace("/etc/castai-relay/ca.pem", &format!("{tls}/authority.pem"));
        let text = text.replace("/etc/castai-relay/client", &format!("{tls}/client"));
        std::fs::write(folder.path().join("whsec"), "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz\n").unwrap();
        std::fs::write(folder.path().join("relay.yaml"), text).unwrap();
        let mut environment = SECRETS.to_vec();
        environment.extend([
            ("TOKEN", "a"),
            ("PASSWORD", "b"),
            ("SECRET", "c"),
            ("RELAY_ADMIN_TOKEN", "0123456789abcdef"),
        ]);
        environment.extend([
            ("SLACK_BOT_TOKEN", "xoxb-1-2-x"),
            ("DISCORD_WEBHOOK_URL", "https://discord.com/api/webhooks/1/x"),
            ("GOOGLE_CHAT_WEBHOOK_URL", "https://chat.googleapis.com/v1/spaces/A/messages?key=k&token=t"),
            ("JSM_API_KEY", "11111111-2222-3333-4444-555555555555"),
            ("OPSGENIE_API_KEY", "11111111-2222-3333-4444-555555555555"),
            ("TEAMS_WORKFLOW_URL", "https://a.01.environment.api.powerplatform.com/powerautomate/x?sig=s"),
            ("TELEGRAM_BOT_TOKEN", "123456789:AAabcdefghijklmnopqrstuvwxyz_-01234"),
        ]);
        environment.push(("GRAFANA_TOKEN", "fedcba9876543210"));
        environment.push(("PROXY_URL", "http://ada:word@proxy.example.com:3128"));
        environment.push(("WHSEC", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"));
        run(folder.path(), &["check", "--config", "relay.yaml"], &environment)
    }

    #[test]
    fn every_example_works_when_its_comment_is_taken_away() {
        let (lines, alternatives) = examples();
        let all = check(&lines);
        assert_eq!(all.code, 0, "{}", all.err);
        assert!(alternatives.len() > 10, "{alternatives:?}");
        for (line, alternative) in alternatives {
            let mut changed = lines.clone();
            let key = |line: &str| line.split(':').next().map(str::to_owned);
            assert_eq!(key(&lines[line]).map(|key| key.len()), key(&alternative).map(|key| key.len()), "{alternative}");
            changed[line] = alternative.clone();
            let said = check(&changed);
            assert_eq!(said.code, 0, "{alternative}\n{}", said.err);
        }
    }

    #[test]
    fn the_file_is_what_is_built_in() {
        let loopback = &[("CASTAI_RELAY__SERVER__LISTEN", "127.0.0.1:8080")];
        let built_in = run(root(), &["check"], loopback);
        let read = run(root(), &["check", "--config", "config/default.yaml"], loopback);
        assert_eq!((built_in.code, read.code), (0, 0), "{}{}", built_in.err, read.err);
        assert_eq!(built_in.out.replace("built-in defaults", "config/default.yaml"), read.out);
        let complaint = run(root(), &["check"], &[]).err;
        let line = complaint.split("(built in):").nth(1).and_then(|rest| rest.split(':').next()).unwrap();
        let line: usize = line.parse().unwrap();
        assert!(text().lines().nth(line - 1).unwrap().starts_with("sources:"), "{complaint}");
    }

    /// The program itself says which keys there are: it lists them for each unknown one.
    #[test]
    fn every_key_there_is_can_be_read_about() {
        let folder: PathBuf = root().join("tests/fixtures/config");
        let file = "bad/unknown_key_in_each_section.yaml";
        let said = run(&folder, &["check", "--config", file], &[]);
        let lists = said.err.lines().filter_map(|line| line.trim().strip_prefix("allowed: "));
        let keys: BTreeSet<&str> = lists.flat_map(|list| list.split(", ")).collect();
        assert!(keys.len() > 60, "{keys:?}");
        let text = text();
        for key in keys {
            let word = key.split('<').next().unwrap();
            let is_written = |at: usize| {
                let before = text[..at].chars().next_back();
                let after = text[at + word.len()..].chars().next();
                let inside = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
                !inside(before) && (word.ends_with('.') || !inside(after) || after == Some('.'))
            };
            assert!(
                text.match_indices(word).any(|(at, _)| is_written(at)),
                "config/default.yaml does not tell of `{key}`"
            );
        }
    }
}

/// What `route test` says to each body we have, by `config/example.yaml`: the event, the routes and the messages.
mod route_test {
    use super::*;

    const EVENTS: &[&str] = &["tests/fixtures/brief", "tests/fixtures/webhook/rendered"];

    /// What depends on when the test runs. All times of the report on a broken body do.
    fn without_now(broken: bool) -> Vec<(&'static str, &'static str)> {
        let mut filters = vec![
            (r#""received_at": "[^"]+""#, r#""received_at": "[now]""#),
            (r" \([^()]+ late\)", ""),
            (r#"\n *"late_by": \d+,"#, ""),
            (r#"(\*(?:Opened|Ended)\*\\n)[\dTZ:.-]+"#, "${1}[now]"),
        ];
        if broken {
            filters.extend([
                (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "[now]"),
                (r"castai/\d{4}-\d\d-\d\d/", "castai/[today]/"),
                // Made of the id, which has the day in it.
                (r#""dedup_key": "[0-9a-f]{64}""#, r#""dedup_key": "[of today]""#),
            ]);
        }
        filters
    }

    #[test]
    fn every_event_is_explained_with_its_messages() {
        for folder in EVENTS {
            let mut files: Vec<_> = std::fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap()).collect();
            files.sort_by_key(|file| file.file_name());
            for file in files {
                let name = file.file_name().into_string().unwrap();
                let source = if name.contains("security") { "security" } else { "castai" };
                let event = format!("{folder}/{name}");
                let said = said(&format!("route test --config config/example.yaml --source {source} {event}"));
                let broken = name.contains("BROKEN");
                assert_eq!((said.code, said.err.as_str()), (i32::from(broken), ""), "{name}: {}", said.out);
                insta::with_settings!({filters => without_now(broken)}, {
                    insta::assert_snapshot!(format!("route_test_{}", name.rsplit_once('.').unwrap().0), said.out);
                });
            }
        }
    }

    #[test]
    fn an_event_can_come_by_standard_input() {
        let arguments = ["route", "test", "-c", "config/example.yaml", "-"];
        let event = std::fs::read(root().join("tests/fixtures/brief/node.added.json")).unwrap();
        let said = run_with_input(root(), &arguments, SECRETS, &event);
        assert!(said.code == 0 && said.out.contains("nodes: matched; tells slack-ops"), "{said:?}");
        let garbage = run_with_input(root(), &arguments, SECRETS, b"\xff\xfe{");
        assert!(garbage.code == 1 && garbage.out.contains("not valid UTF-8"), "{garbage:?}");
    }

    #[test]
    fn every_sample_is_understood_but_the_broken_one() {
        let samples = ["node.added", "node.removed", "node.spot_interrupted", "savings.threshold", "notification"];
        for sample in samples.iter().chain(&["savings.summary", "critical", "security", "unknown", "broken"]) {
            let said = said(&format!("route test --config config/example.yaml --sample {sample}"));
            assert_eq!(said.code, i32::from(*sample == "broken"), "{sample}: {said:?}");
        }
    }
}

/// `send`, to a relay that runs.
mod send {
    use super::*;

    const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0 }
store: { sqlite: { path: relay.db } }
sources:
  webhooks:
    bearer: { path: /bearer, verify: { bearer: [ "webhook-token", "the-old-one" ] } }
    header: { path: /header, verify: { header: { name: X-Relay-Token, values: [ "webhook-token" ] } } }
    basic: { path: /basic, verify: { basic: { username: castai, passwords: [ "webhook-token" ] } } }
    hmac: { path: /hmac, verify: { hmac: { header: X-Hub-Signature-256, prefix: "sha256=", secrets: [ "key" ] } } }
    standard-webhooks: { path: /std, verify: { standard_webhooks: [ "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz" ] } }
"#;

    async fn send(house: &House, relay: &Relay, arguments: &str) -> Said {
        send_to(house, &format!("http://{}", relay.public), arguments).await
    }

    async fn send_to(house: &House, url: &str, arguments: &str) -> Said {
        let arguments = format!("send --config relay.yaml --url {url} {arguments}");
        let folder = house.path().to_owned();
        let sending = move || run(&folder, &arguments.split_whitespace().collect::<Vec<_>>(), &[]);
        tokio::task::spawn_blocking(sending).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn it_proves_itself_in_every_way_a_source_may_ask_for() {
        let house = House::with(CONFIGURATION);
        let relay = house.serve().await;
        for source in ["bearer", "header", "basic", "hmac", "standard-webhooks"] {
            let arguments = format!("--source {source} --sample node.added --id {source}-1");
            let first = send(&house, &relay, &arguments).await;
            let expected = format!("200 {{\"received\":true,\"id\":\"{source}-1\",\"duplicate\":false}}\n");
            assert_eq!((first.code, &first.out), (0, &expected), "{}", first.err);
            let again = send(&house, &relay, &arguments).await;
            assert_eq!((again.code, again.out), (0, expected.replace("false", "true")), "{}", again.err);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_is_shown_and_is_an_exit_code() {
        let house = House::with(CONFIGURATION);
        let relay = house.serve().await;
        let broken = send(&house, &relay, "--source bearer --sample broken").await;
        assert_eq!(broken.code, 1);
        assert!(broken.out.starts_with("400 ") && broken.out.contains("toJSON"), "{broken:?}");
        std::fs::write(house.path().join("relay.yaml"), CONFIGURATION.replace("\"webhook-token\", ", "")).unwrap();
        assert_eq!(
            send(&house, &relay, "--source bearer --sample critical").await.code,
            0,
            "the old token is good, too"
        );
        std::fs::write(house.path().join("relay.yaml"), CONFIGURATION.replace("webhook-token", "wrong")).unwrap();
        let stranger = send(&house, &relay, "--source bearer --sample critical").await;
        assert_eq!(stranger.code, 1);
        assert!(stranger.out.starts_with("401 ") && !stranger.out.contains("wrong\""), "{stranger:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_address_where_nothing_answers_is_said_to_be_one() {
        let house = House::with(CONFIGURATION);
        let relay = house.serve().await;
        let address = relay.public;
        relay.kill();
        let said = send_to(&house, &format!("http://{address}"), "--source bearer --sample critical").await;
        assert_eq!((said.code, said.out.as_str()), (1, ""));
        assert!(said.err.contains(&format!("nothing answers at http://{address}/bearer")), "{}", said.err);
        assert!(said.err.contains("hint: is `castai-relay serve` running"), "{}", said.err);
        let insecure = send_to(&house, "http://relay.example.com", "--source bearer --sample critical").await;
        assert!(insecure.code == 2 && insecure.err.contains("must start with `https://`"), "{insecure:?}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_second_relay_on_one_database_says_why_it_cannot_start_once() {
        let house = House::with(CONFIGURATION);
        let _relay = house.serve().await;
        let folder = house.path().to_owned();
        let second = move || run(&folder, &["serve", "--config", "relay.yaml"], &[]);
        let said = tokio::task::spawn_blocking(second).await.unwrap();
        assert_eq!(said.code, 1);
        assert_eq!(said.err.matches("another castai-relay runs on this database").count(), 1, "{}", said.err);
    }
}
