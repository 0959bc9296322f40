//! `castai-relay silences …`, against a relay that runs as a process of its own.

use serde_json::{Value, json};

use crate::support::process::{House, Relay, Said, run};

const CONFIGURATION: &str = r#"
server: { listen: 127.0.0.1:0 }
admin: { listen: 127.0.0.1:0, token: { env: RELAY_ADMIN_TOKEN } }
store: { sqlite: { path: relay.db } }
routes: [ { name: nodes, match: { type: "node.*" }, notify: [console] } ]
"#;

const TOKEN: (&str, &str) = ("RELAY_ADMIN_TOKEN", "a-token-for-operators");

async fn serve(house: &House) -> Relay {
    house.serve_with(&[(TOKEN.0, TOKEN.1.to_owned())]).await
}

/// `silences …` as ada types it, for this relay.
async fn silences(house: &House, relay: &Relay, arguments: &[&str]) -> Said {
    silences_at(house, &format!("http://{}", relay.admin), arguments, &[TOKEN, ("USER", "ada")]).await
}

async fn silences_at(
    house: &House,
    url: &str,
    arguments: &[&str],
    environment: &[(&'static str, &'static str)],
) -> Said {
    let typed = [&["silences"], arguments, &["--config", "relay.yaml", "--url", url]].concat();
    let typed: Vec<String> = typed.into_iter().map(str::to_owned).collect();
    let (folder, environment) = (house.path().to_owned(), environment.to_vec());
    tokio::task::spawn_blocking(move || run(&folder, &typed, &environment)).await.unwrap()
}

/// A table without the times in it, which are those of the day.
fn without_times(table: &str) -> String {
    let is_time = |word: &str| word.len() > 19 && word.contains('T') && word.ends_with('Z');
    let words = |line: &str| line.split_whitespace().filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ");
    table.lines().map(words).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn silences_are_added_listed_and_ended() {
    let house = House::with(CONFIGURATION);
    let relay = serve(&house).await;
    let nothing = silences(&house, &relay, &["list"]).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (0, "nothing is silenced\n"), "{nothing:?}");

    let arguments =
        ["add", "--match", "type=node.added", "--match", "type=node.removed", "--match", "not.cluster=prod-*"];
    let arguments =
        [&arguments[..], &["--route", "nodes", "--target", "console", "--for", "2h", "--why", "an upgrade"]];
    let added = silences(&house, &relay, &arguments.concat()).await;
    let row =
        "S1 active ada not.cluster=prod-* type=node.added type=node.removed route=nodes target=console an upgrade";
    let heading = "ID STANDING FROM UNTIL BY WHAT WHY";
    assert_eq!((added.code, without_times(&added.out)), (0, format!("{heading}\n{row}")), "{added:?}");

    let everything = ["add", "--everything", "--until", "2099-01-01T00:00:00Z", "--why", "x", "--by", "bob"];
    let refused = silences(&house, &relay, &everything).await;
    assert_eq!((refused.code, refused.out.as_str()), (2, ""));
    assert!(refused.err.contains("is too long\nhint: at most 90 days ahead"), "{refused:?}");
    let everything = ["add", "--everything", "--for", "5m", "--why", "drill", "--by", "bob", "--output", "json"];
    let added = silences(&house, &relay, &everything).await;
    let json: Value = serde_json::from_str(&added.out).unwrap();
    assert_eq!((&json["id"], &json["by"], &json["match"]), (&json!("S2"), &json!("bob"), &json!({})));

    let listed = silences(&house, &relay, &["list"]).await;
    assert_eq!(without_times(&listed.out), format!("{heading}\n{row}\nS2 active bob everything drill"));
    let ended = silences(&house, &relay, &["end", "S2"]).await;
    assert_eq!(without_times(&ended.out), format!("{heading}\nS2 ended bob everything drill (ended by ada)"));
    assert_eq!(without_times(&silences(&house, &relay, &["list"]).await.out), format!("{heading}\n{row}"));
    let all = silences(&house, &relay, &["list", "--all", "--output", "json"]).await;
    let all: Value = serde_json::from_str(&all.out).unwrap();
    assert_eq!(all["silences"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_with_what_to_do() {
    let house = House::with(CONFIGURATION);
    let relay = serve(&house).await;
    let gone = silences(&house, &relay, &["end", "S9"]).await;
    assert!(gone.code == 1 && gone.err.contains("there is no silence `S9`\nhint: "), "{gone:?}");
    let misspelt = ["add", "--target", "consol", "--for", "1h", "--why", "x"];
    let misspelt = silences(&house, &relay, &misspelt).await;
    assert!(
        misspelt.code == 2 && misspelt.err.contains("there is no target `consol`\nhint: there is: `console`"),
        "{misspelt:?}"
    );

    let url = format!("http://{}", relay.admin);
    let nobody = ["add", "--target", "console", "--for", "1h", "--why", "x"];
    let nobody = silences_at(&house, &url, &nobody, &[TOKEN]).await;
    assert!(nobody.code == 2 && nobody.err.contains("say who wants it with `--by NAME`"), "{nobody:?}");
    let other = silences_at(&house, &url, &["list"], &[("RELAY_ADMIN_TOKEN", "another-token-altogether")]).await;
    assert!(other.code == 1 && other.err.contains("the token is another one\nhint: "), "{other:?}");
    assert!(!other.err.contains("a-token-for-operators"), "{other:?}");
    let elsewhere = silences_at(&house, &format!("http://{}", relay.public), &["list"], &[TOKEN]).await;
    assert!(elsewhere.code == 1 && elsewhere.err.contains("no webhook source has this path"), "{elsewhere:?}");
    let insecure = silences_at(&house, "http://relay.example.com", &["list"], &[TOKEN]).await;
    assert!(insecure.code == 2 && insecure.err.contains("must start with `https://`"), "{insecure:?}");
    assert!(insecure.err.contains("hint: the token would go over the network in the clear"), "{insecure:?}");

    relay.kill();
    let dead = silences_at(&house, &url, &["list"], &[TOKEN]).await;
    assert_eq!((dead.code, dead.out.as_str()), (1, ""));
    assert!(dead.err.contains(&format!("nothing answers at {url}")), "{dead:?}");
    assert!(dead.err.contains("hint: is `castai-relay serve` running"), "{dead:?}");
    std::fs::write(house.path().join("relay.yaml"), "server: { listen: 127.0.0.1:0 }").unwrap();
    let without = silences_at(&house, &url, &["list"], &[]).await;
    assert!(without.code == 2 && without.err.contains("has no token for the admin API\nhint: write"), "{without:?}");
}

#[test]
fn a_relay_that_can_be_asked_only_in_the_clear_says_where_it_should_listen() {
    let house = House::with(&CONFIGURATION.replace("admin: { listen: 127.0.0.1:0", "admin: { listen: 192.0.2.1:9090"));
    let said = run(house.path(), &["silences", "list", "--config", "relay.yaml"], &[TOKEN]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("cannot ask `http://192.0.2.1:9090`"), "{said:?}");
    assert!(said.err.contains("`admin.listen` at a loopback address or at 0.0.0.0, or say with `--url`"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_goes_to_no_proxy_on_the_way_to_a_relay_on_this_machine() {
    let house = House::with(CONFIGURATION);
    let relay = serve(&house).await;
    // Nobody listens there.
    let proxy = "http://127.0.0.1:1";
    let environment = [TOKEN, ("USER", "ada"), ("HTTP_PROXY", proxy), ("http_proxy", proxy), ("ALL_PROXY", proxy)];
    let said = silences_at(&house, &format!("http://{}", relay.admin), &["list"], &environment).await;
    assert_eq!((said.code, said.out.as_str()), (0, "nothing is silenced\n"), "{said:?}");
}

#[test]
fn a_route_that_is_quiet_at_this_hour_says_so_when_it_is_tested() {
    let house = House::with(
        r#"
server: { listen: 127.0.0.1:0 }
routes:
  - { name: never, match: { type: "node.*" }, notify: [console], muted: [ { times: ["00:00-24:00"] } ] }
"#,
    );
    let said = run(house.path(), &["route", "test", "--config", "relay.yaml", "--sample", "node.added"], &[]);
    assert_eq!(said.code, 0, "{said:?}");
    let verdict = "never: matched; tells console with severity info; muted 00:00-24:00 (UTC)";
    assert!(said.out.contains(verdict), "{}", said.out);
    let message = "to console (log), by route never, as info; not at this hour, muted: 00:00-24:00 (UTC)";
    assert!(said.out.contains(message), "{}", said.out);
}
