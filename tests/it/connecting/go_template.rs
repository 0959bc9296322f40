//! Renders a console template as CAST AI does: Go's text/template with the functions and variables of
//! <https://docs.cast.ai/docs/setup-notification-webhook>. Only what our templates use.

use serde_json::Value;

/// Renders `template` over `notification`, whose fields are named like the variables.
pub fn render(template: &str, notification: &Value) -> String {
    let mut rendered = String::new();
    let mut rest = template;
    while let Some((text, after)) = rest.split_once("{{") {
        let (action, after) = after.split_once("}}").expect("an action that is closed");
        rendered.push_str(text);
        rendered.push_str(&run(action.trim(), notification));
        rest = after;
    }
    rendered + rest
}

fn run(action: &str, notification: &Value) -> String {
    match action.split_once(' ') {
        Some(("toJSON", variable)) => to_json(look_up(variable, notification)),
        Some(("toEscapedString", variable)) => {
            let json = to_json(look_up(variable, notification));
            let escaped = Value::String(json).to_string();
            escaped[1..escaped.len() - 1].to_owned()
        }
        Some(("toISO8601", variable)) => plain(look_up(variable, notification)),
        None => plain(look_up(action, notification)),
        Some((function, _)) => panic!("CAST AI has no function `{function}`"),
    }
}

fn look_up<'v>(variable: &str, notification: &'v Value) -> &'v Value {
    let names = variable.strip_prefix('.').expect("a variable").split('.');
    names.fold(notification, |value, name| value.get(name).unwrap_or(&Value::Null))
}

/// As `fmt.Print` writes it: no quotes, nothing escaped.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "<no value>".to_owned(),
        other => other.to_string(),
    }
}

/// As `encoding/json` writes it, which makes `<`, `>` and `&` safe for HTML.
fn to_json(value: &Value) -> String {
    let json = value.to_string();
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}
