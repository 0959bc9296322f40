//! The README's page on connecting CAST AI says what really happens: its configuration is good, what it shows is printed.

use std::path::Path;

use castai_relay::castai_api::console_template::Form;

use super::doctor::clinic::Clinic;
use crate::support::castai::lists::List;
use crate::support::process::{House, run};

fn page() -> String {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, page) = readme.split_once("## Connecting CAST AI\n").expect("the page");
    page.split("\n## ").next().unwrap().to_owned()
}

/// The blocks of code in this language that hold this text.
fn blocks(language: &str, holding: &str) -> Vec<String> {
    let (mut blocks, mut open) = (Vec::new(), None::<(String, String)>);
    for line in page().lines() {
        open = match (open, line.strip_prefix("```")) {
            (None, Some(language)) => Some((language.to_owned(), String::new())),
            (None, None) => None,
            (Some(block), Some(_)) => {
                blocks.push(block);
                None
            }
            (Some((language, text)), None) => Some((language, format!("{text}{line}\n"))),
        };
    }
    let wanted = blocks.into_iter().filter(|(own, text)| own == language && text.contains(holding));
    wanted.map(|(_, text)| text).collect()
}

/// What is shown behind this command, without what was left out.
fn shown(command: &str) -> Vec<String> {
    let block = blocks("console", command).join("");
    let lines = block.lines().skip_while(|line| !line.contains(command)).skip(1);
    let lines = lines.take_while(|line| !line.starts_with("$ "));
    lines.filter(|line| !line.is_empty() && *line != "…").map(str::to_owned).collect()
}

#[test]
fn its_template_is_the_one_that_is_printed() {
    assert_eq!(blocks("", "castai-relay/1"), [Form::Json.text(None)]);
}

#[test]
fn its_configuration_is_good() {
    let [configuration] = blocks("yaml", "# relay.yaml").try_into().unwrap();
    let house = House::with(&configuration);
    let variables = [
        ("CASTAI_API_KEY", "a-key"),
        ("CASTAI_WEBHOOK_TOKEN", "a-token"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T000/B000/x"),
    ];
    let said = run(house.path(), &["check", "--config", "relay.yaml"], &variables);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    assert!(said.out.contains("https://relay.example.com"), "{}", said.out);
}

#[test]
fn the_example_is_good_with_castai_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = std::fs::read_to_string(root.join("config/example.yaml")).unwrap();
    let taken_away =
        |line: &str| line.strip_prefix('#').filter(|rest| rest.starts_with("  ")).unwrap_or(line).to_owned();
    let lines: Vec<String> = example.lines().map(taken_away).collect();
    let house = House::with(&lines.join("\n"));
    let variables = [
        ("CASTAI_API_KEY", "a-key"),
        ("CASTAI_WEBHOOK_TOKEN", "a-token"),
        ("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T000/B000/x"),
        ("PAGERDUTY_ROUTING_KEY", "0123456789abcdef0123456789abcdef"),
    ];
    let said = run(house.path(), &["check", "--config", "relay.yaml"], &variables);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{}", said.out);
    for part in ["https://relay.example.com", "notifications", "audit_log", "savings", "kubernetes"] {
        assert!(said.out.contains(part), "{part}: {}", said.out);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_shows_is_what_is_printed() {
    let clinic = Clinic::open().await;
    let doctor = clinic.doctor("").await.out;
    clinic.us.world().lists.remove(&List::WebhookConfigurations);
    let dry_run = clinic.castai("setup").await.out;
    let applied = clinic.castai("setup --apply").await.out;
    for (command, printed) in [
        ("castai-relay castai doctor --config relay.yaml", doctor),
        ("castai-relay castai setup --config relay.yaml", dry_run),
        ("castai-relay castai setup --config relay.yaml --apply", applied),
    ] {
        let shown = shown(&format!("$ {command}"));
        assert!(shown.len() > 1, "{command}: {shown:?}");
        let mut rest = printed.lines();
        for line in shown {
            assert!(rest.any(|printed| printed == line), "`{line}` is not printed there:\n{printed}");
        }
    }
}

/// Each line the page sends the reader to must be one that there is.
#[tokio::test(flavor = "multi_thread")]
async fn the_lines_it_speaks_of_are_lines_of_the_doctor() {
    let printed = Clinic::open().await.doctor("--output json").await.out;
    let table = page();
    let rows = table.lines().filter(|line| line.starts_with("| ") && line.contains(['✗', '!']));
    let named: Vec<&str> = rows.flat_map(|row| row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 8, "{named:?}");
    // Only said where there is something to say.
    let occasional = ["categories", "route test"];
    for check in named.into_iter().filter(|check| !occasional.contains(check)) {
        assert!(printed.contains(&format!("\"check\": \"{check}\"")), "there is no line `{check}`");
    }
}
