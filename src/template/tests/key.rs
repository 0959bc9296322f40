//! A key is made of what is there, or not at all.

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::event::{CastAIEvent, Cluster, Timestamp};
use crate::names::{EventId, SourceName};

fn event(data: Value) -> Event {
    let data = data.as_object().unwrap().clone();
    let kind = CastAIEvent::read("node.added", &data, &mut vec![]);
    Event {
        id: EventId::from_sender(None, "evt-1"),
        source: SourceName::relay(),
        severity: kind.default_severity(),
        kind,
        organization: None,
        cluster: Cluster { name: Some("prod-eu".into()), ..Cluster::default() },
        category: None,
        labels: Default::default(),
        occurred_at: None,
        received_at: Timestamp::from_millis(0),
        data,
        notes: vec![],
        body: Bytes::from_static(br#"{"top":{"level":7,"none":null}}"#),
    }
}

fn key(source: &str, data: Value) -> Result<String, String> {
    let template = KeyTemplate::compile(source).unwrap_or_else(|error| panic!("{source}: {error}"));
    template.render(&PresentSubject::of(&event(data))).map_err(|error| error.to_string())
}

#[test]
fn values_that_are_there_are_written_plainly_and_trimmed() {
    let data = json!({"a": " x<y ", "n": 5, "yes": true, "in": {"list": ["first"]}});
    let source = "{{ event.cluster.name }}/{{ event.data.a }}/{{ event.data.n }}/{{ event.data.yes }}/{{ event.data.in.list[0] }}/\
         {{ event.body.top.level }}";
    assert_eq!(key(source, data), Ok("prod-eu/x<y/5/True/first/7".to_owned()));
    assert_eq!(key("always", json!({})), Ok("always".to_owned()), "one incident for all is a key, too");
}

#[test]
fn whatever_says_nothing_makes_no_key_however_it_is_used() {
    let absent = [json!({}), json!({"a": null}), json!({"a": ""}), json!({"a": "  "}), json!({"a": "<no value>"})];
    for data in absent {
        for source in [
            "k/{{ event.data.a }}",
            "{{ 'k/' ~ event.data.a }}",
            "k/{{ event.data.a | lower }}",
            "k/{{ event.data.a | string }}",
            "k/{{ event.data.a | replace('x', 'y') }}",
            "k/{{ event.data.a | default('') }}",
            "k/{{ event.data.a | trim }}",
            "k/{{ [event.data.a] | first }}",
            "k/{{ event.data.a ~ event.cluster.name }}",
            "k/{{ '%s' | format(event.data.a) }}",
            "k/{{ event.data.a | title }}",
            "k/{{ event.data.a | round }}",
            "k/{{ event.data.a or 'b' }}",
            "k/{{ 'b' if event.data.a else 'c' }}",
            "k/{{ event.data['a'] }}",
        ] {
            let made = key(source, data.clone());
            assert!(made.is_err(), "{source} of {data} made {made:?}");
        }
    }
    for source in
        ["{{ event.cluster.id }}", "{{ event.body.top.none }}", "{{ event.body.top.none ~ 'x' }}", "{{ none }}"]
    {
        assert!(key(source, json!({})).is_err(), "{source}");
    }
}

#[test]
fn what_stands_in_for_a_missing_value_is_taken_where_it_is_a_value() {
    let source = "spot/{{ event.cluster.id | default(event.cluster.name) }}";
    assert_eq!(key(source, json!({})), Ok("spot/prod-eu".to_owned()));
}

#[test]
fn lists_and_objects_are_no_names() {
    for source in ["k/{{ event.data }}", "k/{{ event.data.list }}", "k/{{ event }}"] {
        let said = key(source, json!({"list": [1]})).unwrap_err();
        assert!(said.contains("a list or an object in it is no name"), "{source}: {said}");
    }
}

#[test]
fn a_key_of_which_nothing_is_left_is_none() {
    let said = key("{% if event.data.a == 1 %}x{% endif %}", json!({"a": 2})).unwrap_err();
    assert_eq!(said, "nothing is left of it");
}

#[test]
fn a_template_that_cannot_name_anything_is_refused_when_it_is_read() {
    for (source, why) in [
        ("", "blank"),
        ("  ", "blank"),
        ("{{ event.", "unexpected"),
        ("{{ event.id | uper }}", "unknown"),
        ("{{ [event.data.a, 'b'] | join('-') }}", "join is unknown"),
        ("{{ event.data.a | tojson }}", "tojson is unknown"),
        ("{{ event.data.a | pprint }}", "pprint is unknown"),
    ] {
        let said = KeyTemplate::compile(source).unwrap_err().to_string();
        assert!(said.contains(why), "{source}: {said}");
    }
}
