//! Mail through the whole relay: one target for each recipient, each with a state of its own; and to a mail server that is not ours.
//! What a single attempt does is in [`super::notifier_contract`]. Next: [`super::falling_back`].

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use castai_relay::event::delivery::DeliveryState;
use serde_json::{Value, json};

use crate::support::bodies::node_added;
use crate::support::http::ask;
use crate::support::internet::fixture;
use crate::support::relay::{TestRelay, refusal};
use crate::support::smtp::{At, MailServer, Play};

/// Two recipients at two servers, told by one route.
fn two_targets(one: &MailServer, other: &MailServer) -> String {
    let target = |server: &MailServer, to: &str| {
        format!(
            "{{ email: {{ url: \"smtp://{}\", from: relay@example.com, to: {to} }}, rate: unlimited }}",
            server.address
        )
    };
    let (ann, bob) = (target(one, "ann@example.org"), target(other, "bob@example.org"));
    format!(
        "targets:\n  ann: {ann}\n  bob: {bob}\nroutes:\n  - {{ name: all-news, match: {{}}, notify: [ann, bob] }}\n"
    )
}

async fn states(relay: &TestRelay, id: &str) -> Vec<(String, DeliveryState)> {
    let deliveries = relay.event(id).await.deliveries;
    deliveries.into_iter().map(|row| (row.owed.target.to_string(), row.state)).collect()
}

#[tokio::test]
async fn a_recipient_that_is_refused_costs_the_other_nothing_and_repeats_nothing() {
    let good = MailServer::playing([]).await;
    let bad = MailServer::playing([(At::Rcpt, Play::Say(b"451 4.7.1 Greylisted\r\n".to_vec()))]).await;
    let relay = TestRelay::start(&two_targets(&good, &bad)).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    assert_eq!((good.take_mails().len(), bad.take_mails().len()), (1, 0));
    // Whoever does not know us yet is not asked again before five minutes are over.
    relay.pass(299);
    relay.deliver().await;
    assert_eq!((good.take_mails().len(), bad.take_mails().len()), (0, 0));
    relay.pass(32);
    relay.deliver().await;
    assert_eq!((good.take_mails().len(), bad.take_mails().len()), (0, 1));
    let delivered = |name: &str| (name.to_owned(), DeliveryState::Delivered);
    assert_eq!(states(&relay, "evt-1").await, [delivered("ann"), delivered("bob")]);
}

#[tokio::test]
async fn a_mail_of_which_nobody_knows_whether_it_arrived_is_sent_again_as_the_same() {
    let (doubtful, other) =
        (MailServer::playing([(At::Dot, Play::Close(vec![]))]).await, MailServer::playing([]).await);
    let relay = TestRelay::start(&two_targets(&doubtful, &other)).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    relay.pass(5);
    relay.deliver().await;
    let mails = doubtful.take_mails();
    let ids: Vec<_> =
        mails.iter().map(|mail| mail.lines().find(|line| line.starts_with("Message-ID")).unwrap()).collect();
    assert!(ids.len() == 2 && ids[0] == ids[1], "{ids:?}");
    assert_eq!(other.take_mails().len(), 1);
}

#[tokio::test]
async fn an_address_that_is_no_more_closes_its_target_and_keeps_what_it_is_owed() {
    let gone = || (At::Rcpt, Play::Say(b"550 5.1.1 No such user\r\n".to_vec()));
    let (good, bad) = (MailServer::playing([]).await, MailServer::playing([gone()]).await);
    let relay = TestRelay::start(&two_targets(&good, &bad)).await;
    relay.accept(node_added("evt-1")).await;
    relay.deliver().await;
    let expected = [("ann".to_owned(), DeliveryState::Delivered), ("bob".to_owned(), DeliveryState::Pending)];
    assert_eq!(states(&relay, "evt-1").await, expected);
    relay.pass(3600);
    relay.deliver().await;
    assert_eq!(bad.take_mails().iter().filter(|mail| mail.contains("evt-1")).count(), 1, "the address is there again");
}

#[tokio::test]
async fn a_slow_mail_server_is_waited_for_unless_the_operator_says_otherwise() {
    let (one, other) = (MailServer::playing([]).await, MailServer::playing([]).await);
    let admin = "\nadmin: { listen: 127.0.0.1:0, token: 0123456789abcdef }\n";
    let relay = TestRelay::start(&(two_targets(&one, &other) + admin)).await;
    let authorization = [("authorization", "Bearer 0123456789abcdef")];
    let targets = ask(relay.admin, "GET", "/api/v1/targets", &authorization, b"").await.json();
    let ann = targets["targets"].as_array().unwrap().iter().find(|target| target["name"] == "ann").unwrap().clone();
    assert!(ann["limits"].as_str().unwrap().contains("210s each"), "{ann}");
    let by = json!({"by": "ada"}).to_string();
    let tested = ask(relay.admin, "POST", "/api/v1/targets/ann/test", &authorization, by.as_bytes()).await.json();
    assert_eq!(tested["outcome"], "delivered", "{tested}");
    assert!(one.take_mails()[0].contains("TEST from castai-relay"));
    let short = two_targets(&one, &other).replace("rate: unlimited", "timeout: 60s, ambiguous: give_up");
    let refused = refusal(&short).await;
    assert!(refused.contains("it may take 90s until anything is handed over"), "{refused}");
}

const USER: &str = "relay@example.com";
const PASSWORD: &str = "correct horse é battery";

/// aiosmtpd in a Python that has it.
struct RealServer {
    child: Child,
    _until: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
    ports: Value,
}

impl Drop for RealServer {
    fn drop(&mut self) {
        // Fails only when it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RealServer {
    fn start() -> Self {
        let python = std::env::var("AIOSMTPD_PYTHON")
            .expect("AIOSMTPD_PYTHON must name a Python with aiosmtpd: run .ci/mail_server");
        let script = fixture("../smtp/server.py");
        let mut command = Command::new(python);
        command.arg(script).arg(fixture("mail.pem")).arg(fixture("host.key")).args([USER, PASSWORD]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (until, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut server = Self { child, _until: until, said: BufReader::new(out).lines(), ports: Value::Null };
        server.ports = server.next();
        server
    }

    fn next(&mut self) -> Value {
        serde_json::from_str(&self.said.next().unwrap().unwrap()).unwrap()
    }
}

fn header<'a>(mail: &'a Value, name: &str) -> &'a str {
    let headers = mail["headers"].as_array().unwrap();
    let values: Vec<_> = headers.iter().filter(|header| header[0] == name).collect();
    assert_eq!(values.len(), 1, "{name} in {mail}");
    values[0][1].as_str().unwrap()
}

#[tokio::test]
#[ignore = "needs aiosmtpd from PyPI; `.ci/mail_server` fetches it and runs this"]
async fn a_mail_server_that_is_not_ours_takes_an_incident_as_one_thread() {
    let mut server = RealServer::start();
    for scheme in ["smtp", "smtps"] {
        let port = &server.ports[scheme];
        let relay = TestRelay::start(&format!(
            r#"
targets:
  mail:
    email:
      url: "{scheme}://{USER}@localhost:{port}"
      password: "{PASSWORD}"
      from: "CAST AI Müller <alerts@example.com>"
      to: "Ops <ops@example.org>"
      reply_to: team@example.com
      ca: "{}"
routes:
  - name: spot
    match: {{ type: node.spot_interrupted }}
    notify: [mail]
    incident: {{ key: "spot/{{{{ event.cluster.name }}}}", resolve_when: {{ type: node.added }}, resolve_after: 2h }}
"#,
            fixture("mail-authority.pem").display()
        ))
        .await;
        let event = |kind: &str, id: &str| {
            let data = json!({"nodeName": "ip-1 <é>", "instanceType": "m6i.large"});
            json!({"eventType": kind, "id": id, "clusterName": "prod-🔥", "data": data}).to_string()
        };
        relay.accept(event("node.spot_interrupted", "evt-1")).await;
        relay.deliver().await;
        relay.pass(60);
        relay.accept(event("node.added", "evt-2")).await;
        relay.deliver().await;
        let mails = [server.next(), server.next()];
        for mail in &mails {
            assert_eq!((&mail["from"], &mail["to"]), (&json!("alerts@example.com"), &json!(["ops@example.org"])));
            assert_eq!((&mail["login"], &mail["private"], &mail["defects"]), (&json!(USER), &json!(true), &json!([])));
            assert_eq!(header(mail, "From"), "CAST AI Müller <alerts@example.com>");
            assert_eq!(header(mail, "To"), "Ops <ops@example.org>");
            assert_eq!(header(mail, "Reply-To"), "team@example.com");
            assert_eq!(header(mail, "Subject"), "Spot interruption: m6i.large in prod-🔥");
            assert_eq!(header(mail, "Auto-Submitted"), "auto-generated");
            let kinds: Vec<_> = mail["parts"].as_array().unwrap().iter().map(|part| part[0].clone()).collect();
            assert_eq!(kinds, ["text/plain", "text/html"]);
        }
        let [first, second] = &mails;
        let part = |mail: &Value, index: usize| mail["parts"][index][1].as_str().unwrap().to_owned();
        assert!(part(first, 0).contains("Node: ip-1 <é>") && part(first, 1).contains("ip-1 &lt;é&gt;"), "{first}");
        assert!(part(second, 0).starts_with("Resolved: Spot interruption: m6i.large in prod-🔥"), "{second}");
        assert_eq!(header(first, "References"), header(second, "References"));
        assert_eq!(header(first, "In-Reply-To"), header(first, "References"));
        assert_ne!(header(first, "Message-ID"), header(second, "Message-ID"));
        assert_eq!(header(first, "Date"), "Fri, 20 Nov 2026 08:15:31 +0000");
    }
}
