//! The rules of the house, as tests: each rule is a table and a few lines that read it.
//!
//! The same rules for people are in ARCHITECTURE.md. A rule that is broken says where, and what to do about it. To
//! change a rule, change its table here, in the open; [`source`] is how files are read.

mod source;

use std::collections::BTreeSet;
use std::path::Path;

use source::Source;

const MAX_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 60;

/// Files that may be longer, each with its reason.
const LONGER_FILES: &[(&str, &str)] = &[];

/// Which rooms a room may name; a row for a file inside a room replaces the room's own. `room::Item` allows that item
/// only, `*` everything. Every room may name itself. Code for tests is free.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("lib", &[]),
    ("names", &[]),
    ("event", &["names"]),
    ("template", &["event"]),
    ("config", &[]),
    ("signing", &["config", "event"]),
    ("runtime", &["event", "names"]),
    ("live", &["event"]),
    ("telemetry", &["config", "event", "http_client::ClientError", "http_client::blocking", "names"]),
    ("http_server", &["config", "runtime", "telemetry"]),
    ("http_client", &["config", "event"]),
    ("source", &["config", "event", "names", "runtime", "signing", "telemetry"]),
    ("source/mod.rs", &["config", "event", "live", "names", "route", "runtime", "store", "telemetry"]),
    ("source/kubernetes", &["config", "event", "names", "runtime", "store::Cursor", "store::StoreError", "telemetry"]),
    ("source/polling", &["castai_api::ApiError", "event", "names", "runtime", "store::StoreError", "telemetry"]),
    (
        "source/notifications",
        &["castai_api", "config", "event", "names", "store::Cursor", "store::StoreError", "telemetry"],
    ),
    ("source/repeats", &["event", "names", "store::Repeats"]),
    ("source/pulse", &["event", "names", "runtime", "store::Cursor", "telemetry"]),
    ("source/audit_log", &["castai_api", "config", "event", "names", "store::Cursor", "telemetry"]),
    (
        "source/drills",
        &[
            "config",
            "event",
            "names",
            "store::Cursor",
            "store::DeliveryRow",
            "store::Origin",
            "store::StoreError",
            "telemetry",
        ],
    ),
    ("source/savings", &["castai_api", "config", "event", "names", "store::Cursor"]),
    ("source/webhook", &["config", "event", "http_server", "names", "runtime", "store::StoreError", "telemetry"]),
    ("castai_api", &["config", "event", "http_client", "runtime"]),
    ("route", &["config", "event", "names", "template"]),
    ("target", &["event"]),
    ("store", &["config", "event", "names", "target"]),
    (
        "deliver",
        &["config", "event", "live", "names", "notify", "route", "runtime", "store", "target", "telemetry", "template"],
    ),
    ("notify", &["config", "event", "http_client", "names", "signing", "template"]),
    (
        "admin",
        &[
            "config",
            "deliver",
            "event",
            "http_server",
            "live",
            "names",
            "route",
            "runtime",
            "source::drills",
            "source::pulse",
            "store",
            "target",
            "telemetry",
        ],
    ),
    ("cli", &["*"]),
    ("app", &["*"]),
    ("main", &["*"]),
];

/// Who may import the composition root, whatever the table above says.
const MAY_IMPORT_APP: &[&str] = &["app", "cli", "main"];

/// Code that is a function of its arguments, and what such code cannot have.
const PURE: &[&str] = &[
    "route",
    "admin/waiting",
    "event/zone",
    "target",
    "deliver/retry",
    "source/wire*",
    "store/query",
    "store/search",
    "source/field_path",
    "source/drills/due",
    "source/drills/record",
    "source/drills/script",
    "source/drills/verdict",
    "source/drills/config",
    "castai_api/console_template",
    "source/kubernetes/events",
    "source/kubernetes/nodes",
    "source/kubernetes/object",
    "source/notifications/plan",
    "source/notifications/gap",
    "source/pulse/record",
    "source/node_labels",
    "source/audit_log/canon",
    "source/audit_log/filter",
    "source/audit_log/node",
    "source/audit_log/read",
    "source/audit_log/sweep",
    "source/audit_log/window",
    "castai_api/audit/fields",
    "source/savings/periods",
    "source/savings/report",
    "source/schedule",
    "source/samples",
    "source/savings/sums",
    "source/savings/threshold",
    "castai_api/proto_json",
    "castai_api/error",
    "castai_api/patience",
    "cli/castai/setup/plan",
    "cli/events/sse",
    "cli/explain/advice",
    "cli/explain/course",
    "cli/explain/short",
    "cli/times",
    "cli/castai/doctor/checks*",
    "cli/castai/doctor/facts",
    "cli/castai/doctor/line",
];
const IMPURE: &[&str] = &["async", "await", "tokio", "std::fs", "std::net", "Clock"];

/// What may be named in these places only.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("kube", &["source/kubernetes"]),
    ("k8s_openapi", &["source/kubernetes"]),
    ("axum", &["http_server", "source/webhook", "admin", "cli/demo"]),
    ("reqwest", &["http_client"]),
    ("rusqlite", &["store"]),
    ("tokio::spawn", &["runtime"]),
    ("SystemTime::now", &["runtime"]),
    ("thread::sleep", &["runtime"]),
    ("minijinja", &["template*"]),
];

/// What is not left lying about; looked for in the code, then in comments and literals too.
const UNFINISHED_CODE: &[&str] = &["todo!", "unimplemented!", "dbg!"];
const UNFINISHED_TEXT: &[&str] = &["FIXME", "XXX"];

/// What is wrong, where, and the cure.
fn fault(source: &Source, line: usize, rule: &str, cure: &str) -> String {
    format!("{}:{line}: {rule}; {cure}", source.path)
}

#[track_caller]
fn none(faults: impl IntoIterator<Item = String>) {
    let faults: Vec<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

fn everything() -> impl Iterator<Item = Source> {
    ["src", "tests", "benches"].into_iter().flat_map(Source::all_under)
}

/// The code that is not for tests.
fn house() -> impl Iterator<Item = Source> {
    Source::all_under("src").into_iter().filter(|source| !source.is_test())
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    none(everything().filter(|source| !source.text.starts_with("//! ")).map(|source| {
        fault(
            &source,
            1,
            "the file does not open with `//!`",
            "say what it is for, what it must not know, where to go next",
        )
    }));
}

#[test]
fn no_file_is_too_long_to_read_in_one_sitting() {
    let is_excepted = |source: &Source| LONGER_FILES.iter().any(|(path, _reason)| *path == source.path);
    none(everything().filter(|source| !is_excepted(source)).filter_map(|source| {
        let lines = source.text.lines().count();
        let rule = format!("{lines} lines, {MAX_LINES} are allowed");
        (lines > MAX_LINES).then(|| fault(&source, lines, &rule, "split it where its subject changes"))
    }));
}

#[test]
fn no_function_is_too_long_to_see_at_once() {
    none(house().chain(Source::all_under("benches")).flat_map(|source| long_functions(&source)));
}

fn long_functions(source: &Source) -> Vec<String> {
    let long = source.functions().into_iter().filter(|(_, lines)| *lines > MAX_FUNCTION_LINES);
    let faults = long.map(|(at, lines)| {
        let rule = format!("a function of {lines} lines, {MAX_FUNCTION_LINES} are allowed");
        fault(source, source.line_at(at), &rule, "give its steps names of their own")
    });
    faults.collect()
}

#[test]
fn rooms_import_only_what_the_law_allows() {
    none(house().flat_map(|source| unlawful_imports(&source)));
}

fn unlawful_imports(source: &Source) -> Vec<String> {
    let rows = MAY_IMPORT.iter().filter(|(place, _)| source.is_in(place));
    let Some((place, allowed)) = rows.max_by_key(|(place, _)| place.len()) else {
        let rule = format!("the room `{}` has no row in the law of imports", source.room());
        return vec![fault(
            source,
            1,
            &rule,
            "add one to MAY_IMPORT in tests/it/tidy.rs, and the room to ARCHITECTURE.md",
        )];
    };
    let is_lawful = |path: &str| {
        let room = path.split("::").next().unwrap_or_default();
        let is_app = room == "app" && !MAY_IMPORT_APP.contains(&source.room());
        room == source.room() || !is_app && allowed.iter().any(|allowed| [room, path, "*"].contains(allowed))
    };
    let unlawful = source.paths_into_the_crate().into_iter().filter(|(_, path)| !is_lawful(path));
    let faults = unlawful.map(|(at, path)| {
        let rule = format!("`{path}` is imported; `{place}` may import only {allowed:?}");
        fault(
            source,
            source.line_at(at),
            &rule,
            "pass in what is needed as a value or a trait, or change MAY_IMPORT in tests/it/tidy.rs and say why",
        )
    });
    faults.collect()
}

#[test]
fn pure_code_has_no_effects() {
    none(house().flat_map(|source| effects(&source)));
}

fn effects(source: &Source) -> Vec<String> {
    if !PURE.iter().any(|place| source.is_in(place)) {
        return vec![];
    }
    let cure = "take what is needed as an argument (`now: Timestamp`), and have the caller do the rest";
    named_words(source, IMPURE, "in code that must be a function of its arguments", cure)
}

fn named_words(source: &Source, words: &[&str], rule: &str, cure: &str) -> Vec<String> {
    let faults = words.iter().flat_map(|word| {
        source.uses(word).map(move |at| fault(source, source.line_at(at), &format!("`{word}` {rule}"), cure))
    });
    faults.collect()
}

#[test]
fn each_effect_has_one_place() {
    none(house().flat_map(|source| misplaced_effects(&source)));
}

fn misplaced_effects(source: &Source) -> Vec<String> {
    let elsewhere = ONLY_IN.iter().filter(|(_, places)| !places.iter().any(|place| source.is_in(place)));
    let faults = elsewhere.flat_map(|(word, places)| {
        let rule = format!("is named; it may be named only in {places:?}");
        named_words(source, &[word], &rule, "ask the room that owns it")
    });
    faults.collect()
}

#[test]
fn nothing_unfinished_is_left_lying_about() {
    let cure = "finish it, or write down in an issue what is left";
    none(Source::all_under("src").into_iter().flat_map(|source| {
        let as_text = Source { code: source.text.clone(), ..Source::new(&source.path, "") };
        let in_code = named_words(&source, UNFINISHED_CODE, "is left in the code", cure);
        [in_code, named_words(&as_text, UNFINISHED_TEXT, "is left in the text", cure)].concat()
    }));
}

#[test]
fn no_test_waits_for_time_to_pass() {
    let cure = "move a ManualClock, or wait for the thing itself";
    none(Source::all_under("tests/it").iter().flat_map(|source| named_words(source, &["sleep("], "in a test", cure)));
}

#[test]
fn every_room_is_on_the_map() {
    let map = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md"));
    let map = map.unwrap_or_else(|error| panic!("ARCHITECTURE.md: {error}; write it: it names every room of src/"));
    let rooms: BTreeSet<String> = house().map(|source| source.room().to_owned()).collect();
    let spellings = |room: &str| [format!("`{room}`"), format!("{room}/"), format!("{room}.rs")];
    let unnamed = rooms.iter().filter(|room| !spellings(room).iter().any(|spelling| map.contains(spelling)));
    none(unnamed.map(|room| {
        format!(
            "ARCHITECTURE.md: the room `{room}` of src/ is not named; say what it is for, as `{room}/` or `{room}.rs`"
        )
    }));
}

/// A rule about a file that was renamed would go on succeeding, and guard nothing.
#[test]
fn the_rules_speak_of_what_exists() {
    let sources: Vec<Source> = Source::all_under("src");
    let lawful = MAY_IMPORT.iter().map(|(place, _)| *place);
    let owners = ONLY_IN.iter().flat_map(|(_, places)| places.iter().copied());
    let places = lawful.chain(owners).chain(PURE.iter().copied());
    let gone = places.filter(|place| !sources.iter().any(|source| source.is_in(place)));
    none(
        gone.map(|place| format!("tests/it/tidy.rs: no file of src/ is in `{place}`; correct the table that names it")),
    );
}

/// The rules that read code must be able to fail: each of these has exactly the faults that are written beside it.
#[test]
fn the_rules_see_what_they_forbid_and_nothing_else() {
    let count = |path, text: &str| {
        let source = Source::new(path, text);
        (unlawful_imports(&source).len(), effects(&source).len(), misplaced_effects(&source).len())
    };
    for (path, text, faults) in [
        ("src/names.rs", "use crate::event::Event;", (1, 0, 0)),
        ("src/names.rs", "//! [`crate::event`]\n/* crate::event */ const A: &str = r#\"crate::\"event\"#;", (0, 0, 0)),
        ("src/route/mod.rs", "use crate::{event::{Event, Timestamp}, store::Store, app};", (2, 0, 0)),
        ("src/route/a/b.rs", "use super::super::super::store::Store;\nuse super::super::matcher;", (1, 0, 0)),
        ("src/route/a.rs", "use super::super::store::Store; use super::store;", (1, 0, 0)),
        ("src/source/webhook.rs", "use crate::store::{Store, StoreError}; use axum::Router;", (1, 0, 0)),
        ("src/source/verify.rs", "use crate::store::StoreError; use axum::Router;", (1, 0, 1)),
        ("src/deliver/mod.rs", "fn f() { crate::app::run() }", (1, 0, 0)),
        ("src/main.rs", "fn main() { castai_relay::app::run() }", (0, 0, 0)),
        ("src/nowhere/mod.rs", "", (1, 0, 0)),
        ("src/route/mod.rs", "async fn f(clock: &dyn Clock) { tokio::task::yield_now().await }", (0, 4, 0)),
        ("src/deliver/retry.rs", "fn asynchronous() { let tokio_like = '\"'; let clock = \"Clock\"; }", (0, 0, 0)),
        ("src/store/a.rs", "fn f<'a>(a: &'a str) { tokio::spawn(b); tokio::task::spawn_blocking(c); }", (0, 0, 1)),
    ] {
        assert_eq!(count(path, text), faults, "{path}: {text}");
    }
}

#[test]
fn the_length_of_a_function_is_counted_from_its_name_to_its_last_brace() {
    let lengths = |text| Source::new("src/a.rs", text).functions().iter().map(|(_, lines)| *lines).collect::<Vec<_>>();
    assert_eq!(lengths("fn a() {}\n"), [1]);
    assert_eq!(lengths("trait T { fn a(&self, b: [u8; 2]); fn b() {\n} }"), [2]);
    assert_eq!(lengths("fn a() {\n  \"}\"; // }\n  '}';\n  fn b() {\n  }\n}\n"), [6, 2]);
    let long = format!("fn a() {{{}}}", "\n".repeat(MAX_FUNCTION_LINES));
    assert_eq!(long_functions(&Source::new("src/a.rs", &long)).len(), 1);
}
