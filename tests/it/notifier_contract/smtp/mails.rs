//! What a mail may hold: within the limits of SMTP and of headers, whatever the event holds and whatever the route's templates
//! do; the same as the preview; and known again when it is sent twice.

use std::collections::HashSet;

use super::*;
use crate::notifier_contract::batches::{crowds, ending, many};

/// The only headers there are, in a mail and in its parts.
const HEADERS: [&str; 14] = [
    "Message-ID",
    "Date",
    "From",
    "To",
    "Reply-To",
    "Subject",
    "In-Reply-To",
    "References",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "List-Id",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// The only elements of our HTML.
const ELEMENTS: [&str; 12] =
    ["!DOCTYPE", "html", "head", "meta", "title", "body", "table", "tr", "td", "div", "h1", "a"];

/// A mail taken apart.
struct Taken {
    headers: Vec<(String, String)>,
    plain: String,
    html: String,
}

impl Taken {
    /// Takes it apart and checks on the way what every mail must hold to.
    fn apart(raw: &str, what: &str) -> Self {
        assert!(raw.is_ascii(), "{what}: not ASCII");
        assert_eq!(raw.matches('\n').count(), raw.matches("\r\n").count(), "{what}: a bare line feed");
        assert_eq!(raw.matches('\r').count(), raw.matches("\r\n").count(), "{what}: a bare carriage return");
        let longest = raw.lines().map(str::len).max().unwrap();
        assert!(longest <= 998, "{what}: a line of {longest}");
        let raw = raw.replace("\r\n", "\n");
        let (head, body) = raw.split_once("\n\n").unwrap();
        let headers = headers(head, what);
        let boundary =
            value(&headers, "Content-Type").split_once("boundary=\"").unwrap().1.trim_end_matches('"').to_owned();
        let parts: Vec<&str> = body.split(&format!("--{boundary}")).collect();
        let [_, plain, html, "--\n"] = parts.as_slice() else { panic!("{what}: {} parts", parts.len()) };
        let (plain, html) = (part(plain, "text/plain", what), part(html, "text/html", what));
        check_html(&html, what);
        Self { headers, plain, html }
    }

    fn header(&self, name: &str) -> &str {
        value(&self.headers, name)
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    let values: Vec<_> = headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect();
    assert_eq!(values.len(), 1, "{name} in {headers:?}");
    values[0]
}

/// Unfolded; each known and there once.
fn headers(head: &str, what: &str) -> Vec<(String, String)> {
    let unfolded = head.trim_start_matches('\n').replace("\n ", " ").replace("\n\t", " ");
    let headers = unfolded.lines().map(|line| line.split_once(':').unwrap_or_else(|| panic!("{what}: {line}")));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
    let mut seen = HashSet::new();
    for (name, value) in &headers {
        assert!(HEADERS.contains(&name.as_str()) && seen.insert(name), "{what}: {name}");
        assert!(!value.contains(|c: char| c.is_control()), "{what}: {name}: {value:?}");
    }
    headers
}

fn part(part: &str, kind: &str, what: &str) -> String {
    let (head, body) = part.split_once("\n\n").unwrap();
    let headers = headers(head, what);
    assert!(value(&headers, "Content-Type").starts_with(kind), "{what}: {headers:?}");
    assert_eq!(value(&headers, "Content-Transfer-Encoding"), "quoted-printable");
    let longest = body.lines().map(str::len).max().unwrap();
    assert!(longest <= 76, "{what}: a line of {longest}");
    // The last line end belongs to the boundary.
    unquoted(body.strip_suffix('\n').unwrap())
}

/// RFC 2045, section 6.7.
fn unquoted(text: &str) -> String {
    let mut bytes = Vec::new();
    let joined = text.replace("=\n", "");
    let mut rest = joined.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        match first {
            b'=' => {
                let digits = std::str::from_utf8(&more[..2]).unwrap();
                bytes.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &more[2..];
            }
            other => {
                bytes.push(*other);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// Every `<` opens an element of ours, and nothing is fetched from anywhere.
fn check_html(html: &str, what: &str) {
    for opened in html.split('<').skip(1) {
        let name: String =
            opened.trim_start_matches('/').chars().take_while(|c| c.is_alphanumeric() || *c == '!').collect();
        let is_ours = ELEMENTS.contains(&name.as_str()) || name == "br";
        assert!(is_ours, "{what}: <{name} of {opened:.60}");
        let attributes = opened.split('>').next().unwrap();
        for forbidden in [" src", " onclick", "url(", "@import", "expression(", "javascript:"] {
            assert!(!attributes.contains(forbidden), "{what}: {attributes}");
        }
    }
    let obeyed = html.chars().find(|c| c.is_control() && *c != '\n' && *c != '\t');
    assert_eq!(obeyed, None, "{what}");
}

/// A server that takes everything, and who sends to it.
struct Bench {
    server: MailServer,
    notifier: Arc<dyn Notifier>,
}

impl Bench {
    async fn new() -> Self {
        let server = MailServer::playing([]).await;
        let notifier = notifier(&server);
        Self { server, notifier }
    }

    async fn sends(&self, what: &str, batch: &Batch, wording: &Wording) -> Taken {
        self.sends_with_receipt(what, batch, wording).await.0
    }

    async fn sends_with_receipt(&self, what: &str, batch: &Batch, wording: &Wording) -> (Taken, Option<Receipt>) {
        let sent =
            in_time(self.notifier.notify(batch, wording)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let [raw] = <[_; 1]>::try_from(self.server.take_mails()).unwrap();
        let mail = Taken::apart(&raw, what);
        let preview = self.notifier.preview(batch, wording);
        assert!(
            preview.contains(&mail.plain) && preview.contains(&mail.html),
            "{what}: the preview shows another mail"
        );
        assert!(preview.contains(mail.header("Message-ID")), "{what}: {preview}");
        (mail, sent.receipt)
    }
}

#[tokio::test]
async fn every_event_is_told_within_the_limits_and_as_previewed() {
    let bench = Bench::new().await;
    for (name, event) in events::all() {
        bench.sends(&name, &alone(&delivery(event)), &Wording::default()).await;
    }
    for (name, batch) in crowds() {
        bench.sends(&name, &batch, &Wording::default()).await;
    }
}

#[tokio::test]
async fn no_text_of_a_sender_breaks_a_limit_a_header_or_out_of_its_place() {
    let bench = Bench::new().await;
    let own = wording(json!({
        "title": "{{ event.name | default(event.type) }}",
        "text": ".\n..\n{{ event.cluster.name }}: {{ event.message | default('') }} {{ event.data }}",
        "links": [{"text": "{{ event.cluster.name }}", "url": "https://wiki.example/{{ event.type }}?a=1&b='2\""}],
    }));
    let injected = [
        "x\r\nBcc: evil@example.com",
        "</td></table><script>alert(1)</script>",
        "\" onclick=\"x",
        "=?utf-8?q?x?=",
        ".\r\n.\r\n",
    ];
    let limits = [1, 76, 200, 998, 10_000].into_iter().flat_map(|limit| [limit - 1, limit, limit + 1]);
    let units = ["a", "ü", "🔥", "👩‍👩‍👧", "שלום ", "a ", "\u{202e}", "&", "\"", "."];
    let long = limits.flat_map(|length| units.map(|unit| unit.chars().cycle().take(length).collect::<String>()));
    for text in events::AWKWARD.iter().chain(&injected).map(|text| (*text).to_owned()).chain(long) {
        let start: String = text.chars().take(12).collect();
        let what = format!("{} characters of {start:?}", text.chars().count());
        bench.sends(&what, &alone(&delivery(events::node_called(&text))), &Wording::default()).await;
        bench.sends(&what, &alone(&delivery(events::saying(&text))), &own).await;
    }
}

#[tokio::test]
async fn a_mail_has_the_headers_by_which_machines_know_it_and_its_hour_is_the_claims() {
    let mail = Bench::new().await.sends("headers", &alone(&any_delivery()), &Wording::default()).await;
    for (name, expected) in [
        ("Date", "Fri, 20 Nov 2026 08:20:00 +0000"),
        ("From", "\"CAST AI\" <alerts@example.com>"),
        ("To", "ops@example.org"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("List-Id", "<castai-relay.example.com>"),
        ("MIME-Version", "1.0"),
    ] {
        assert_eq!(mail.header(name), expected);
    }
    assert!(mail.header("Subject").starts_with("New spot node: m6i.2xlarge"), "{}", mail.header("Subject"));
    assert!(mail.header("Message-ID").ends_with("@example.com>"));
    assert!(mail.headers.iter().all(|(name, _)| name != "References" && name != "In-Reply-To"));
    assert!(mail.plain.contains("Cluster: ") && mail.html.contains("Cluster</div>"));
}

#[tokio::test]
async fn a_template_may_use_html_and_the_values_in_it_stay_text() {
    let own = wording(json!({"title": "A <b> & c", "text": "<div>{{ event.name }}</div>"}));
    let batch = alone(&delivery(events::saying("<i>&\"")));
    let mail = Bench::new().await.sends("markup", &batch, &own).await;
    assert!(mail.html.contains("<div>&lt;i&gt;&amp;&quot;</div>"), "{}", mail.html);
    assert!(mail.html.contains(">A &lt;b&gt; &amp; c</h1>"), "{}", mail.html);
    assert!(mail.plain.starts_with("A <b> & c\n") && mail.plain.contains("<div><i>&\"</div>"), "{}", mail.plain);
}

#[tokio::test]
async fn a_delivery_that_is_sent_again_is_the_same_mail_and_what_is_new_is_another() {
    let bench = Bench::new().await;
    let id = async |batch: &Batch| {
        let mail = bench.sends("again", batch, &Wording::default()).await;
        mail.header("Message-ID").to_owned()
    };
    let first = any_delivery();
    let later = now().saturating_add(Duration::from_secs(3600));
    let again = Delivery { attempt: 2, claimed_at: later, ..first.clone() };
    let known = id(&alone(&first)).await;
    assert_eq!(id(&alone(&again)).await, known);
    let mut ids = HashSet::from([known]);
    // What has grown holds something that whoever took the first has not seen.
    let more: Vec<Event> = (0..3).map(|_| first.event.clone()).collect();
    for count in [2, 3] {
        let grown = many(&more[..count]);
        let id_of_grown = id(&grown).await;
        assert_eq!(id(&grown).await, id_of_grown);
        assert!(ids.insert(id_of_grown), "{count}");
    }
    for elsewhere in [
        Delivery { target: TargetName::parse("other").unwrap(), ..first.clone() },
        Delivery { id: DeliveryId::from_row(8), ..first.clone() },
        delivery(events::saying("another event")),
    ] {
        assert!(ids.insert(id(&alone(&elsewhere)).await));
    }
}

#[tokio::test]
async fn the_mails_about_an_incident_are_one_thread_with_one_subject() {
    let bench = Bench::new().await;
    let event = events::node_added();
    let ended = ending(alone(&delivery(event.clone())), "spot/prod-eu", Some(event.clone()), false);
    let opened = {
        let mut opened = ended.clone();
        let incident = opened.incident.as_mut().unwrap();
        (incident.phase, incident.opening) = (castai_relay::event::delivery::Phase::Open, None);
        opened
    };
    let (first, receipt) = bench.sends_with_receipt("opened", &opened, &Wording::default()).await;
    let ended = Batch { deliveries: vec![DeliveryId::from_row(9)], earlier: receipt.clone(), ..ended };
    let second = bench.sends("ended", &ended, &Wording::default()).await;
    for header in ["Subject", "References", "In-Reply-To"] {
        assert_eq!(first.header(header), second.header(header));
    }
    assert_eq!(first.header("References"), first.header("In-Reply-To"));
    assert_ne!(first.header("Message-ID"), second.header("Message-ID"));
    assert!(second.plain.starts_with("Resolved: New spot node") && second.html.contains(">Resolved: New spot node"));
    // Another incident is another thread, also where it is handed the receipt of this one.
    let mut other = ended.clone();
    other.incident.as_mut().unwrap().key = castai_relay::names::IncidentKey::from_rendered("spot/prod-us").unwrap();
    let other = bench.sends("other", &other, &Wording::default()).await;
    assert_ne!(other.header("References"), first.header("References"));
    assert!(other.header("Subject").starts_with("Resolved: "), "{}", other.header("Subject"));
}
