//! The stories that are told again and again with a stop at each write: see [`super::stopping_everywhere`].

use castai_relay::event::Severity;
use serde_json::json;

use super::addressee::{Mood, Weather};
use super::arrivals::Happening;
use super::plan::{Addressee, Plan};
use super::world::{Moment, World};

/// What goes on, and who is told of it.
pub struct Tale {
    pub plan: fn(on_disk: bool) -> Plan,
    pub weathers: fn() -> Vec<Weather>,
    /// By the second.
    pub moments: fn() -> Vec<(u64, Moment)>,
    /// When nothing more will go wrong, in seconds.
    pub end: u64,
}

/// Groups, incidents, a storm, targets that refuse, and a dead letter.
pub fn a_bad_morning() -> Tale {
    Tale { plan: morning_plan, weathers: morning_weathers, moments: morning, end: 5400 }
}

/// Hours, a silence, incidents that end by themselves, what is given up, what is too old, and a call in a storm.
pub fn a_night() -> Tale {
    Tale { plan: night_plan, weathers: night_weathers, moments: night, end: 5400 }
}

fn told(story: Vec<(u64, Happening)>) -> Vec<(u64, Moment)> {
    story.into_iter().map(|(second, happening)| (second, Moment::Told(vec![happening]))).collect()
}

fn morning_plan(on_disk: bool) -> Plan {
    let retry = json!({ "base": "1s", "cap": "10s" });
    let targets = vec![
        Addressee::new("chat", false, json!({ "timeout": "1s", "retry": retry })),
        Addressee::new("pager", true, json!({ "timeout": "1s", "retry": retry, "fallback": "mail" })),
        Addressee::new(
            "mail",
            false,
            json!({ "timeout": "1s", "retry": retry, "rate": "1/s", "fallback": "chat", "fallback_after": "5m" }),
        ),
    ];
    let routes = vec![
        json!({ "name": "reports", "match": { "type": "relay.*" }, "notify": ["chat"] }),
        json!({ "name": "troubles", "match": { "type": "trouble.begun" }, "notify": ["pager", "chat"],
                "incident": { "key": "{{ event.data.key }}", "resolve_when": { "type": "trouble.over" } },
                "group": { "by": ["data.key"], "wait": "60s" } }),
        json!({ "name": "news", "match": { "type": "news.told", "severity": "info" }, "notify": ["chat"],
                "group": { "by": ["cluster"], "wait": "10s", "interval": "60s", "max_events": 5 },
                "storm": { "above": "5/m", "interval": "30s" } }),
        json!({ "name": "calls", "match": { "type": "news.told", "severity": "critical" }, "notify": ["pager"] }),
        json!({ "name": "letters", "match": { "type": "news.told", "severity": "warning" }, "notify": ["mail"] }),
        json!({ "name": "ends", "match": { "type": "trouble.over" }, "notify": [] }),
    ];
    Plan { on_disk, ..Plan::new(1, targets, routes, vec![], vec![], 0) }
}

/// Who is ill, from which second to which.
fn morning_weathers() -> Vec<Weather> {
    let start = World::at_second(0);
    let chat = vec![(1490, 1600, Mood::Down)];
    let pager = vec![(1790, 1990, Mood::Deaf), (3590, 3700, Mood::Down)];
    let mail = vec![(2390, 3300, Mood::Refusing)];
    [chat, pager, mail].into_iter().map(|phases| Weather::written(start, phases)).collect()
}

/// Each step long before the next one, because what was cut short takes its time.
fn morning() -> Vec<(u64, Moment)> {
    let news = |id, severity| Happening::plain(id, "news.told", severity, 0);
    let begun = |id, key| Happening::plain(id, "trouble.begun", Severity::Error, key);
    let over = |id, key| Happening::plain(id, "trouble.over", Severity::Info, key);
    let mut story = vec![
        (10, news(1, Severity::Info)),
        // Together.
        (300, news(2, Severity::Info)),
        (301, news(3, Severity::Info)),
        (302, news(4, Severity::Info)),
        // It begins, and is over after it was told.
        (600, begun(5, 1)),
        (900, over(6, 1)),
        // It is over before it leaves.
        (1200, begun(7, 2)),
        (1230, over(8, 2)),
        // Nobody answers at first.
        (1500, news(9, Severity::Info)),
        // It is not taken: somebody else is told, and that it is dead.
        (1800, news(10, Severity::Critical)),
        // Nothing is taken for long: it waits, and is told elsewhere, too.
        (2400, news(11, Severity::Warning)),
        (2410, news(12, Severity::Warning)),
        // Nobody answers while it begins. It is over after the probe that follows one that was cut short: before, it would be
        // over before anybody knows whether it was told, and would not be told again.
        (3540, begun(13, 3)),
        (4100, over(14, 3)),
    ];
    let storm = (0..12).map(|n| (4200 + n / 3, news(20 + n, Severity::Info)));
    story.extend(storm);
    told(story)
}

fn night_plan(on_disk: bool) -> Plan {
    let retry = json!({ "base": "1s", "cap": "10s" });
    let targets = vec![
        Addressee::new("chat", false, json!({ "timeout": "1s", "retry": retry })),
        Addressee::new("pager", true, json!({ "timeout": "1s", "retry": retry, "fallback": "mail" })),
        Addressee::new("mail", false, json!({ "timeout": "1s", "retry": retry })),
        Addressee::new("fax", false, json!({ "timeout": "1s", "retry": retry, "ambiguous": "give_up" })),
        Addressee::new("post", false, json!({ "timeout": "1s", "retry": retry, "max_age": "10m" })),
    ];
    let hours = |times: &str| json!([{ "times": [times] }]);
    let routes = vec![
        json!({ "name": "reports", "match": { "type": "relay.target_*" }, "notify": ["chat"] }),
        json!({ "name": "days", "match": { "type": "news.told", "severity": "warning" }, "notify": ["pager"],
                "active": hours("08:00-18:00") }),
        json!({ "name": "nights", "match": { "type": "news.told", "severity": "error" }, "notify": ["pager"],
                "active": hours("22:00-06:00") }),
        json!({ "name": "aside", "match": { "type": "news.told", "severity": "error" }, "notify": ["mail"],
                "active": hours("08:00-18:00") }),
        json!({ "name": "troubles", "match": { "type": "trouble.begun" }, "notify": ["chat", "pager"],
                "incident": { "key": "{{ event.data.key }}", "resolve_after": "3m" } }),
        json!({ "name": "chats", "match": { "type": "news.told", "severity": ["info", "critical"] }, "notify": ["chat"],
                "group": { "by": [], "wait": "3s", "interval": "10s" },
                "storm": { "above": "5/m", "interval": "30s", "never": { "severity": "critical" } } }),
        json!({ "name": "faxes", "match": { "type": "fax.sent" }, "notify": ["fax"] }),
        json!({ "name": "letters", "match": { "type": "letter.sent" }, "notify": ["post"] }),
    ];
    Plan { on_disk, ..Plan::new(2, targets, routes, vec![], vec![], 0) }
}

fn night_weathers() -> Vec<Weather> {
    let start = World::at_second(0);
    let pager = vec![(290, 500, Mood::Deaf)];
    let fax = vec![(1790, 1900, Mood::Mute)];
    let post = vec![(2090, 3000, Mood::Down)];
    [vec![], pager, vec![], fax, post].into_iter().map(|phases| Weather::written(start, phases)).collect()
}

/// Each step long before the next one, because what was cut short takes its time.
fn night() -> Vec<(u64, Moment)> {
    let news = |id, severity| Happening::plain(id, "news.told", severity, 0);
    let mut story = vec![
        // Nobody is told by day's hours, and nobody else instead.
        (10, news(1, Severity::Warning)),
        // The pager does not take it: somebody else is told, although another route is silent there.
        (300, news(2, Severity::Error)),
        // It begins, and ends by itself.
        (600, Happening::plain(3, "trouble.begun", Severity::Error, 1)),
        (1200, Happening::plain(4, "trouble.begun", Severity::Error, 2)),
        // Taken, then in doubt.
        (1600, Happening::plain(5, "fax.sent", Severity::Info, 0)),
        (1800, Happening::plain(6, "fax.sent", Severity::Info, 0)),
        // Too old before anybody answers.
        (2100, Happening::plain(7, "letter.sent", Severity::Info, 0)),
        (3200, Happening::plain(8, "letter.sent", Severity::Info, 0)),
        // While it is silenced, and afterwards.
        (3510, news(9, Severity::Info)),
        (3810, news(10, Severity::Info)),
    ];
    let storm = (0..12).map(|n| (4200 + n / 3, news(20 + n, Severity::Info)));
    story.extend(storm);
    story.push((4202, news(40, Severity::Critical)));
    let mut moments = told(story);
    moments.push((3500, Moment::Silenced { kind: "news.told", seconds: 3000 }));
    moments.push((3700, Moment::Spoken));
    moments
}
