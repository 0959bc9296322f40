//! Which templates count as ours, and what is said of the others.

use proptest::prelude::*;

use super::*;

fn ours(form: Form) -> Comparison {
    Comparison::Ours { form: Some(form), category: None }
}

#[test]
fn both_forms_are_ours_with_and_without_a_category() {
    let security = Category::parse("Security").unwrap();
    for form in Form::ALL {
        assert_eq!(compare(&form.text(None)), ours(form));
        let expected = Comparison::Ours { form: Some(form), category: Some("Security".to_owned()) };
        assert_eq!(compare(&form.text(Some(&security))), expected);
    }
}

#[test]
fn the_category_is_a_line_of_its_own_or_nothing() {
    let text = Form::Json.text(Some(&Category::parse("Node Autoscaler").unwrap()));
    assert!(text.contains("\n  \"category\": \"Node Autoscaler\",\n"), "{text}");
    assert!(!Form::Json.text(None).contains("ategory"));
}

#[test]
fn a_category_cannot_become_a_part_of_the_template() {
    for bad in ["", " ", "a\"b", "{{ .Name }}", "a\nb", "\\", &"x".repeat(101)] {
        assert!(Category::parse(bad).is_err(), "{bad:?}");
    }
    assert_eq!(Category::parse(" Reporting anomalies ").unwrap().as_str(), "Reporting anomalies");
}

#[test]
fn space_order_and_fields_of_ones_own_make_no_difference() {
    let text = Form::Json.text(None);
    let dense: String = text.replace("{{ ", "{{").replace(" }}", "}}").replace("\n  ", "");
    assert_eq!(compare(&dense), ours(Form::Json));
    assert_eq!(compare(&text.replace("{{ .Severity }}", "{{-   .Severity\n -}}")), ours(Form::Json));
    assert_eq!(compare(&text.replacen('{', "{ \"team\": \"payments\",", 1)), ours(Form::Json));
}

#[test]
fn a_template_that_mixes_both_forms_is_ours_in_neither() {
    let mixed = Form::Json.text(None).replace("{{ toJSON .Details }}", "\"{{ toEscapedString .Details }}\"");
    assert_eq!(compare(&mixed), Comparison::Ours { form: None, category: None });
}

#[test]
fn fields_that_are_missing_or_say_something_else_are_named() {
    let text = Form::Json.text(None);
    let cut = text.replace("  \"notification_id\": \"{{ .NotificationID }}\",\n", "").replace(".Message", ".Name");
    let expected =
        Comparison::Altered { missing: vec!["notification_id".to_owned()], changed: vec!["message".to_owned()] };
    assert_eq!(compare(&cut), expected);
}

#[test]
fn a_foreign_template_is_judged_by_the_facts_it_holds() {
    let slack = r#"{ "text": "{{ .Name }}", "blocks": [ { "text": "{{ .Message }} in {{ .Cluster.Name }}" } ] }"#;
    let missing = vec!["notification_id", "organization_id", "severity", "timestamp", "details"];
    assert_eq!(compare(slack), Comparison::Foreign { missing });
    let all: String = FACTS.iter().map(|(name, variable)| format!("\"x_{name}\": \"{{{{{variable}}}}}\", ")).collect();
    assert_eq!(compare(&format!("{{ {all} \"end\": 1 }}")), Comparison::Foreign { missing: vec![] });
}

#[test]
fn a_variable_whose_name_only_begins_alike_is_not_that_fact() {
    let Comparison::Foreign { missing } = compare(r#"{ "a": "{{ .NameSpace }}", "b": "{{ .Severity }}" }"#) else {
        panic!("it is foreign");
    };
    assert!(missing.contains(&"name") && !missing.contains(&"severity"), "{missing:?}");
}

/// The second and third fault are those of the template that CAST AI publishes for PagerDuty.
#[test]
fn what_cannot_render_to_json_is_said_to_be_broken() {
    let why = |template: &str| match compare(template) {
        Comparison::Broken(why) => why,
        other => panic!("{template}: {other:?}"),
    };
    assert!(why(r#"{ "severity": {{ .Severity }} }"#).contains("needs quotes"));
    assert!(why(r#"{ "a": "{{ .Name }}", }"#).contains("trailing comma"));
    assert!(why(r#"{ "details": "{{ toJSON .Details }}" }"#).contains("inside quotes"));
    for broken in ["", "{{ .Name }}", "[]", "{", r#"{ "a": "{{ .Name " }"#] {
        why(broken);
    }
}

#[test]
fn conditions_are_not_taken_for_faults() {
    let template =
        r#"{ "id": "{{ .NotificationID }}" {{ if .Cluster }}, "c": "{{ .Cluster.ID }}" {{ else }} } {{ end }} }"#;
    assert!(matches!(compare(template), Comparison::Foreign { .. }), "{:?}", compare(template));
}

proptest! {
    #[test]
    fn any_text_is_judged(text in r#"([{}" a-z.,:\[\]\\]|\{\{|\}\}|toJSON|\.Name){0,60}"#) {
        compare(&text);
    }
}
