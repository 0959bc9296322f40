//! Strict, bounded, escaped.

use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::event::{CastAIEvent, Cluster, Timestamp};
use crate::names::{EventId, SourceName};

fn subject(data: serde_json::Value) -> Subject {
    let data = data.as_object().unwrap().clone();
    let kind = CastAIEvent::read("node.added", &data, &mut vec![]);
    Subject::of(&Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::relay(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster { name: Some("a<b>&c".into()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: Timestamp::from_millis(0),
        data,
        notes: vec![],
        body: Bytes::from_static(br#"{"top":{"level":7}}"#),
    })
}

fn render(source: &str, markup: Markup) -> Result<String, TemplateError> {
    Template::compile(source).unwrap().render(&subject(json!({"instanceType": "m6i.large"})), markup)
}

#[test]
fn a_misspelt_filter_test_or_function_is_found_before_any_event_comes() {
    for source in ["{{ event.id | upercase }}", "{% if event.id is stringy %}x{% endif %}", "{{ nwo() }}"] {
        assert!(Template::compile(source).unwrap_err().to_string().contains("unknown"), "{source}");
    }
    assert!(Expression::compile("event.data.count | numbr > 3").is_err());
    assert!(Template::compile("{{ event.data.a.b.c | upper }} {{ event.data.n + 1 }}").is_ok());
    assert!(Expression::compile("event.data.n > 3 and event.name | length > 2").is_ok());
}

#[test]
fn values_are_escaped_for_the_target_and_the_templates_own_markup_is_not() {
    let source = "<https://x|{{ event.cluster.name }}>";
    assert_eq!(render(source, Markup::Plain).unwrap(), "<https://x|a<b>&c>");
    assert_eq!(render(source, Markup::Slack).unwrap(), "<https://x|a&lt;b&gt;&amp;c>");
    let source = "<b title='{{ \"'\" }}{{ '\"' }}'>{{ event.cluster.name }}</b>";
    assert_eq!(render(source, Markup::Html).unwrap(), "<b title='&#39;&quot;'>a&lt;b&gt;&amp;c</b>");
}

#[test]
fn no_value_mentions_anybody_in_telegram_nor_ends_an_attribute() {
    let escaped = Markup::Telegram.escape("@ada <@bob>, ada@example.com \"&");
    assert_eq!(escaped, "@\u{2060}ada &lt;@\u{2060}bob&gt;, ada@example.com &quot;&amp;");
}

#[test]
fn every_field_of_the_event_and_of_the_raw_body_is_reachable() {
    assert_eq!(
        render("{{ event.type }} {{ event.data.instanceType }} {{ event.body.top.level }}", Markup::Plain).unwrap(),
        "node.added m6i.large 7"
    );
}

#[test]
fn a_missing_value_is_an_error_that_says_how_to_allow_it() {
    let error = render("{{ event.data.nodeNam }}", Markup::Slack).unwrap_err().to_string();
    assert!(error.contains("default"), "{error}");
    assert_eq!(render("{{ event.data.nodeNam | default('?') }}", Markup::Slack).unwrap(), "?");
}

#[test]
fn a_template_that_works_too_hard_or_writes_too_much_is_stopped() {
    assert!(
        render("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}", Markup::Plain).is_err()
    );
    assert!(render("{{ 'x' * 70000 }}", Markup::Plain).is_err());
}

#[test]
fn a_syntax_error_is_found_when_compiling() {
    assert!(Template::compile("{{ event.").is_err());
    assert!(Expression::compile("event.data ==").is_err());
}

#[test]
fn an_expression_over_a_missing_field_does_not_hold() {
    let holds = |source| Expression::compile(source).unwrap().holds(&subject(json!({"n": 3}))).unwrap();
    assert!(holds("event.data.n > 2"));
    assert!(!holds("event.data.nothing.deeper == 'x'"));
}
