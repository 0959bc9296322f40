//! The default words for what the relay reports of itself: what happened, and what to do about it.
//!
//! Reads the report's data, which is the relay's own; whatever is missing is left out of the sentence all the same,
//! because the store may hold reports of an older version.

use serde_json::{Map, Value};

use super::{Fact, Story, sentence, with_subject};
use crate::config::Span;
use crate::event::delivery::Reason;
use crate::event::relay::RelayReport;
use crate::names::SourceName;
use crate::notify::message::particulars::scalar_at;

pub(super) fn tell(report: RelayReport, data: &Map<String, Value>) -> Story {
    match report {
        RelayReport::BodyRejected => body_rejected(data),
        RelayReport::DeliveryDead => delivery_dead(data),
        RelayReport::WebhookGap => webhook_gap(data),
        RelayReport::SourceSilent => source_silent(data),
        RelayReport::TargetPaused => target_paused(data),
        RelayReport::TargetResumed => target_resumed(data),
        RelayReport::DrillFailed => drill_failed(data),
    }
}

fn body_rejected(data: &Map<String, Value>) -> Story {
    let source = scalar_at(data, "source").unwrap_or_else(|| "unknown".into());
    let problem = scalar_at(data, "problem").unwrap_or_else(|| "it is not a JSON object".into());
    let place = match (scalar_at(data, "line"), scalar_at(data, "column")) {
        (Some(line), Some(column)) => format!(" at line {line}, column {column}"),
        _ => String::new(),
    };
    let problem = sentence(&format!("{}{place}", problem.trim_end_matches('.')));
    let hint = scalar_at(data, "hint").map(|hint| format!("{} ", sentence(&hint))).unwrap_or_default();
    let (what, became) = match is_asked(&source) {
        true => ("Item", "Nobody was told of what it reports; it is kept as the body of this event."),
        false => (
            "Body",
            "The sender was answered 400, so nobody was told of what it reports; \
             the body is kept with this event. Correct the template at the sender.",
        ),
    };
    Story {
        title: format!("{what} from {source} rejected: not understood"),
        text: Some(format!("{problem} {hint}{became}")),
        facts: facts(data, &[("Source", "source"), ("Line", "line"), ("Column", "column"), ("Bytes", "bytes")]),
    }
}

fn delivery_dead(data: &Map<String, Value>) -> Story {
    let target = scalar_at(data, "target").unwrap_or_else(|| "a target".into());
    let reason = scalar_at(data, "reason");
    let known = Reason::ALL.into_iter().find(|known| Some(known.as_str()) == reason.as_deref());
    let detail = scalar_at(data, "detail").map(|detail| format!("{} ", sentence(&detail)));
    let advice = known.map_or("Look at the target and at its configuration.", what_to_do);
    Story {
        title: with_subject(&format!("Delivery to {target} given up"), reason.as_ref()),
        text: Some(format!("{}{advice} {}", detail.unwrap_or_default(), kept(data))),
        facts: facts(data, &DEAD_DELIVERY),
    }
}

fn kept(data: &Map<String, Value>) -> String {
    match number_at(data, "deliveries") {
        None | Some(0 | 1) => "The delivery is kept as a dead letter.".to_owned(),
        Some(many) => format!("All {many} deliveries that were to leave together are kept as dead letters."),
    }
}

fn what_to_do(reason: Reason) -> &'static str {
    match reason {
        Reason::Unreachable => "Check DNS, proxy and firewall between the relay and the target.",
        Reason::Ambiguous => "It may have arrived: look at the target before sending it again.",
        Reason::RateLimited => "The target wants fewer messages: send it less, or set its `rate`.",
        Reason::TargetFailed => "The target failed on its side: look at its status page.",
        Reason::MessageRefused => "The target refuses this message: look at the route's `message` templates.",
        Reason::TargetRefused => "The target refuses every message: correct its key or URL in the configuration.",
        Reason::Misconfigured => "Nothing was sent: correct that in the configuration, and restart the relay.",
        Reason::Expired => "It was too old before it got through: see why the target was slow, or raise its `max_age`.",
        Reason::Internal => "The relay itself failed: please report it, with the log around this time.",
        Reason::TargetRemoved => "The configuration no longer has this target: put it back, or leave it at that.",
    }
}

/// Label and key.
const DEAD_DELIVERY: [(&str, &str); 6] = [
    ("Target", "target"),
    ("Route", "route"),
    ("Reason", "reason"),
    ("Attempts", "attempts"),
    ("First event", "first_event_id"),
    ("First event's type", "first_event_type"),
];

fn webhook_gap(data: &Map<String, Value>) -> Story {
    let missed = scalar_at(data, "missed").unwrap_or_else(|| "some".into());
    let what = if missed == "1" { "1 notification".to_owned() } else { format!("{missed} notifications") };
    let webhook = data.get("webhooks").and_then(|webhooks| webhooks.get(0)).and_then(Value::as_object);
    let of_webhook = |key| webhook.and_then(|webhook| scalar_at(webhook, key));
    let culprit = of_webhook("name")
        .map_or_else(|| "CAST AI's webhook".to_owned(), |name| format!("CAST AI's webhook alert `{name}`"));
    let said = match (of_webhook("status"), of_webhook("error")) {
        (status, Some(error)) => format!(" CAST AI says of it: {}", sentence(&join(status, &error))),
        (Some(status), None) => format!(" CAST AI says of it: {status}, without an error."),
        (None, None) => String::new(),
    };
    let unknown = scalar_at(data, "unknown")
        .map(|why| format!(" Which alert it was is not known, because they could not be read: {}", sentence(&why)));
    let hint = scalar_at(data, "hint").map(|hint| format!(" To mend it: {}", sentence(&hint)));
    Story {
        title: format!("The webhook missed {what}"),
        text: Some(format!(
            "{culprit} should have brought {what} and did not. The relay found them in CAST AI's list and tells \
             them late.{said}{}{}",
            unknown.unwrap_or_default(),
            hint.unwrap_or_default()
        )),
        facts: facts(data, &[("Missed", "missed"), ("First", "first_at"), ("Last", "last_at")])
            .into_iter()
            .chain(names(data))
            .collect(),
    }
}

fn join(status: Option<String>, error: &str) -> String {
    status.map_or_else(|| error.to_owned(), |status| format!("{status}: {error}"))
}

fn names(data: &Map<String, Value>) -> Option<Fact> {
    let names: Vec<&str> = data.get("names")?.as_array()?.iter().filter_map(Value::as_str).collect();
    Fact::verbatim("Names", &names.join(", "))
}

fn source_silent(data: &Map<String, Value>) -> Story {
    let source = scalar_at(data, "source").unwrap_or_else(|| "a source".into());
    let heard = scalar_at(data, "last_heard_at");
    let title = match &heard {
        Some(heard) => format!("Nothing heard from {source} since {heard}"),
        None => format!("Nothing heard from {source} yet"),
    };
    let limit = data.get("silent_after_seconds").and_then(Value::as_u64).map(Span::from_secs);
    let limit = limit.map(|limit| format!(" It may be silent for {limit} at most."));
    let error = scalar_at(data, "error").map(|error| format!(" The last error: {}", sentence(&error)));
    let hint = scalar_at(data, "hint").map(|hint| format!(" To mend it: {}", sentence(&hint)));
    let parts = [limit, error, hint].map(Option::unwrap_or_default).concat();
    Story {
        title,
        text: Some(format!("What happens now may not be told: source {source} brings nothing.{parts}")),
        facts: facts(data, &[("Source", "source"), ("Last heard", "last_heard_at"), ("Last event", "last_event_at")]),
    }
}

fn target_paused(data: &Map<String, Value>) -> Story {
    let target = scalar_at(data, "target").unwrap_or_else(|| "a target".into());
    let what = match scalar_at(data, "cause").as_deref() {
        Some("refusing") => "refuses everything",
        _ => "fails again and again",
    };
    let detail = scalar_at(data, "detail").map(|detail| format!("{} ", sentence(&detail))).unwrap_or_default();
    let waiting = match number_at(data, "waiting") {
        Some(1) => "1 delivery waits".to_owned(),
        Some(many) => format!("{many} deliveries wait"),
        None => "its deliveries wait".to_owned(),
    };
    let hint = scalar_at(data, "hint").map(|hint| format!(" To mend it: {}", sentence(&hint))).unwrap_or_default();
    Story {
        title: format!("Target {target} {what}: {waiting}"),
        text: Some(format!(
            "{detail}What is meant for {target} is kept until it is older than the target's `max_age`; one message now and \
             then finds out whether it is well again.{hint}"
        )),
        facts: facts(data, &CLOSED_TARGET),
    }
}

fn target_resumed(data: &Map<String, Value>) -> Story {
    let target = scalar_at(data, "target").unwrap_or_else(|| "a target".into());
    let closed = number_at(data, "closed_seconds").map(|secs| format!("It was closed for {}. ", in_words(secs)));
    let detail = scalar_at(data, "detail").map(|detail| format!("The last failure: {} ", sentence(&detail)));
    let waiting = match number_at(data, "waiting") {
        Some(0) => "Nothing waited for it.".to_owned(),
        Some(1) => "The delivery that waited is on its way.".to_owned(),
        Some(many) => format!("The {many} deliveries that waited are on their way."),
        None => "What waited is on its way.".to_owned(),
    };
    Story {
        title: format!("Target {target} takes messages again"),
        text: Some(format!("{}{}{waiting}", closed.unwrap_or_default(), detail.unwrap_or_default())),
        facts: facts(data, &CLOSED_TARGET),
    }
}

fn drill_failed(data: &Map<String, Value>) -> Story {
    let drill = scalar_at(data, "drill").unwrap_or_else(|| "a drill".into());
    let why = scalar_at(data, "why").map(|why| format!("{} ", sentence(&why))).unwrap_or_default();
    let hint = scalar_at(data, "hint").map(|hint| format!(" To mend it: {}", sentence(&hint))).unwrap_or_default();
    let known =
        [("Drill", "drill"), ("Target", "target"), ("Route", "route"), ("Event", "event_id"), ("Begun", "begun_at")];
    Story {
        title: format!("Drill {drill} failed"),
        text: Some(format!("{why}Nothing real was lost: the event was made up to find this out.{hint}")),
        facts: facts(data, &known),
    }
}

/// Label and key.
const CLOSED_TARGET: [(&str, &str); 5] = [
    ("Target", "target"),
    ("Reason", "reason"),
    ("Closed since", "since"),
    ("Probes", "probes"),
    ("Waiting", "waiting"),
];

fn number_at(data: &Map<String, Value>, key: &str) -> Option<u64> {
    data.get(key).and_then(Value::as_u64)
}

/// `40 s`, `12 min`, `2 h 5 min`, `3 d 4 h`.
fn in_words(secs: u64) -> String {
    let (mins, hours) = (secs / 60, secs / 3600);
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{mins} min"),
        3600..172_800 => format!("{hours} h {} min", mins % 60),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Whether the source is one that the relay asks, so that there is no sender to correct.
fn is_asked(source: &str) -> bool {
    SourceName::parse(source).is_ok_and(|source| source.is_built_in())
}

fn facts(data: &Map<String, Value>, wanted: &[(&str, &str)]) -> Vec<Fact> {
    wanted.iter().filter_map(|(label, key)| Fact::verbatim(label, &scalar_at(data, key)?)).collect()
}

#[cfg(test)]
mod tests;
