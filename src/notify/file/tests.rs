//! What a line holds, that each parses by itself, and that none is lost: at a rotation, a crash, a full disk.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;
use crate::event::delivery::{Again, Phase};
use crate::names::ReplayId;
use crate::notify::Next;
use crate::notify::samples::{alone, delivery, interruptions, kit, many, notification, of_incident, wording};

fn lines(path: &Path, max_size: u64, keep: u32) -> Lines {
    Lines { path: path.to_owned(), max_size, keep }
}

fn filed(lines: &Lines) -> Filed {
    Filed { lines: lines.clone(), turn: Arc::default() }
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    (folder, path)
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

fn any_batch() -> Batch {
    alone(&delivery("node.added", json!({"nodeName": "ip-10-0-12-7"})))
}

/// Writes it and says what became of it, which must be another attempt for all of the target.
async fn refused(path: &Path) -> String {
    let error = filed(&lines(path, 1024, 2)).notify(&any_batch(), &Wording::default()).await.unwrap_err();
    assert_eq!((error.next, error.scope), (Next::Retry { after: None }, Scope::Target), "{error}");
    assert!(!error.ambiguous, "{error}");
    error.detail
}

#[tokio::test]
async fn a_line_holds_the_message_and_the_event() {
    let (_folder, path) = folder();
    let own = wording(json!({"links": [{"text": "Open", "url": "https://x/"}]}));
    let file = filed(&lines(&path, 1 << 20, 2));
    assert_eq!(file.notify(&any_batch(), &own).await, Ok(Sent::default()));
    let line: Value = serde_json::from_str(&read(&path)).unwrap();
    assert_eq!(line["title"], "New node: ip-10-0-12-7");
    assert_eq!(line["links"], json!([{"text": "Open", "url": "https://x/"}]));
    assert_eq!(line["facts"][0], json!({"label": "Cluster", "value": "prod-eu"}));
    assert_eq!((&line["route"], &line["target"], &line["deliveries"]), (&json!("all"), &json!("ops"), &json!(1)));
    assert_eq!((&line["event"]["id"], &line["event"]["type"]), (&json!("evt-1"), &json!("node.added")));
    assert_eq!(line["event"]["data"]["nodeName"], "ip-10-0-12-7");
    assert_eq!(line["id"].as_str().map(str::len), Some(64));
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn many_are_one_line_with_their_counts_and_an_end_is_one_of_its_own() {
    let (_folder, path) = folder();
    let file = filed(&lines(&path, 1 << 20, 2));
    let open = of_incident(many(interruptions(412, 12)), Phase::Open, "spot/all", None);
    let end = of_incident(any_batch(), Phase::Resolve, "spot/all", None);
    for batch in [&open, &end] {
        file.notify(batch, &Wording::default()).await.unwrap();
    }
    let written: Vec<Value> = read(&path).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&written[0]["deliveries"], &written[0]["resolved"]), (&json!(412), &json!(0)));
    assert_eq!(written[0]["incident"], json!({"key": "spot/all", "phase": "open"}));
    assert_eq!(written[1]["incident"]["phase"], "resolve");
}

#[tokio::test]
async fn whatever_a_text_holds_it_is_one_line_that_no_terminal_obeys() {
    let (_folder, path) = folder();
    let file = filed(&lines(&path, 1 << 20, 2));
    let text = "a\r\nb\u{2028}c\u{85}\u{1b}[2J\u{9b}\u{202e}\u{7f}\0\"\\ü🔥";
    let batch = alone(&notification(text, text, json!({"k": text, text: 1})));
    file.notify(&batch, &Wording::default()).await.unwrap();
    let written = read(&path);
    let line = written.strip_suffix('\n').unwrap();
    assert!(!line.contains(|c| is_obeyed(c) || c == '\u{2028}'), "{line}");
    let parsed: Value = serde_json::from_str(line).unwrap();
    assert_eq!(parsed["event"]["data"]["k"], text);
    assert!(!file.preview(&batch, &Wording::default()).contains(|c| c != '\n' && is_obeyed(c)));
}

#[test]
fn a_message_is_known_again_and_no_other_is_taken_for_it() {
    let batch = any_batch();
    let later = Batch {
        attempt: 2,
        claimed_at: batch.claimed_at.saturating_add(std::time::Duration::from_secs(9)),
        ..batch.clone()
    };
    assert_eq!(id(&later), id(&batch));
    let replayed = |fresh| {
        let mut delivery = delivery("node.added", json!({"nodeName": "ip-10-0-12-7"}));
        delivery.again = Some(Again { replay: ReplayId::from_row(1), fresh });
        id(&alone(&delivery))
    };
    assert_eq!(replayed(false), id(&batch));
    let step = |phase| id(&of_incident(batch.clone(), phase, "spot/all", None));
    let all = [id(&batch), replayed(true), step(Phase::Open), step(Phase::Resolve)];
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 4);
    let (few, more) = (many(interruptions(2, 1)), many(interruptions(40, 3)));
    assert_eq!(id(&few), id(&more));
}

#[test]
fn a_torn_line_ends_before_the_next_one_begins() {
    let (_folder, path) = folder();
    fs::write(&path, "{\"a\":1}\n{\"b\":").unwrap();
    let file = lines(&path, 1024, 2);
    file.append("{\"c\":3}").unwrap();
    file.append("{\"d\":4}").unwrap();
    assert_eq!(read(&path), "{\"a\":1}\n{\"b\":\n{\"c\":3}\n{\"d\":4}\n");
}

#[test]
fn a_full_file_becomes_the_first_of_the_older_ones_and_the_oldest_goes() {
    let (folder, path) = folder();
    let file = lines(&path, 10, 2);
    for line in ["1111", "2222", "3333", "4444", "5555", "6666", "7777"] {
        file.append(line).unwrap();
    }
    let of = |number| read(file.numbered(number));
    assert_eq!((of(0).as_str(), of(1).as_str(), of(2).as_str()), ("7777\n", "5555\n6666\n", "3333\n4444\n"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    file.append("a line that is longer than a file").unwrap();
    assert_eq!((of(0).as_str(), of(1).as_str()), ("a line that is longer than a file\n", "7777\n"));
}

#[test]
fn what_is_more_than_is_kept_goes_where_more_was_kept_before() {
    let (_folder, path) = folder();
    for number in 1..=5 {
        fs::write(format!("{}.{number}", path.display()), "old\n").unwrap();
    }
    let file = lines(&path, 1, 2);
    file.append("{}").unwrap();
    file.append("{}").unwrap();
    let left: Vec<u32> = (1..=5).filter(|number| file.numbered(*number).exists()).collect();
    assert_eq!(left, [1, 2]);
}

#[test]
fn who_is_killed_in_the_midst_of_a_rotation_loses_nothing() {
    const KEEP: u32 = 4;
    for full in 0..=KEEP {
        let kept = full.min(KEEP - 1);
        for done in 0..=kept + 1 {
            let (_folder, path) = folder();
            let file = lines(&path, 10, KEEP);
            // `kept` older files, one place free; then the relay dies after so many renames.
            (0..=kept).for_each(|number| fs::write(file.numbered(number), format!("old-{number}\n")).unwrap());
            let started = moves(kept + 1).take(done as usize);
            started.for_each(|(from, to)| fs::rename(file.numbered(from), file.numbered(to)).unwrap());
            file.append("new-line").unwrap();
            let texts = (0..=KEEP).filter_map(|number| fs::read_to_string(file.numbered(number)).ok());
            let found: Vec<String> =
                texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
            let expected = ["new-line".to_owned()].into_iter().chain((0..=kept).map(|number| format!("old-{number}")));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{kept} older ones, killed after {done} renames");
        }
    }
}

#[test]
fn others_may_rename_or_empty_the_file_at_any_time() {
    let (folder, path) = folder();
    let file = lines(&path, 1024, 2);
    file.append("1").unwrap();
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    file.append("2").unwrap();
    assert_eq!((read(folder.path().join("elsewhere")).as_str(), read(&path).as_str()), ("1\n", "2\n"));
    fs::write(&path, "").unwrap();
    file.append("3").unwrap();
    assert_eq!(read(&path), "3\n");
}

#[tokio::test]
async fn a_line_that_nobody_waits_for_any_more_is_written_whole() {
    let (_folder, path) = folder();
    let file = filed(&lines(&path, 1 << 20, 2));
    let (batch, wording) = (any_batch(), Wording::default());
    for _ in 0..20 {
        tokio::select! {
            biased;
            _ = file.notify(&batch, &wording) => {}
            () = std::future::ready(()) => {}
        }
        // This one has its turn after it.
        file.notify(&batch, &wording).await.unwrap();
    }
    let written = read(&path);
    assert_eq!(written.lines().count(), 40);
    assert!(written.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

#[tokio::test]
async fn a_full_disk_is_told_as_one() {
    let detail = refused(Path::new("/dev/full")).await;
    assert!(detail.starts_with("the disk of `/dev/full` is full: make room"), "{detail}");
}

#[tokio::test]
async fn what_is_in_the_way_is_told_with_its_cure_and_is_over_when_it_is_gone() {
    let (folder, path) = folder();
    let missing = folder.path().join("logs/events.jsonl");
    assert!(refused(&missing).await.contains("/logs` is not there: create it"));
    assert!(refused(folder.path()).await.contains("is a folder: name a file in it"));
    fs::write(&path, "").unwrap();
    assert!(refused(&path.join("events.jsonl")).await.contains("is no folder: change `path`"));
    let socket = folder.path().join("socket");
    let _listening = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert!(refused(&socket).await.contains("is no file: change `path`"));
    // Not even root may make a file there.
    let forbidden = refused(Path::new("/sys/castai-relay.jsonl")).await;
    assert!(forbidden.contains("may not write") || forbidden.contains("is read only"), "{forbidden}");

    fs::create_dir(folder.path().join("logs")).unwrap();
    lines(&missing, 1024, 2).append("1").unwrap();
    fs::remove_dir_all(folder.path().join("logs")).unwrap();
    assert!(refused(&missing).await.contains("is not there"));
}

#[tokio::test]
async fn two_relays_do_not_mix_their_lines() {
    let (_folder, path) = folder();
    let other = lines(&path, 1024, 2);
    let held = other.open().unwrap();
    assert!(refused(&path).await.contains("another process is at"));
    drop(held);
    other.append("1").unwrap();
}

#[test]
fn whether_it_can_be_written_is_found_out_without_a_trace() {
    let (folder, path) = folder();
    let ready = |path: &Path| filed(&lines(path, 1024, 2)).ready().unwrap();
    assert!(ready(&path).unwrap().ends_with("can be written"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    fs::write(folder.path().join("events.jsonl.trial"), "").unwrap();
    assert!(ready(&path).is_ok());
    fs::write(&path, "x").unwrap();
    assert!(ready(&path).is_ok());
    assert_eq!(read(&path), "x");
    assert_eq!(ready(&folder.path().join("logs/x")).unwrap_err().cure, "create it");
    assert!(ready(folder.path()).unwrap_err().said.ends_with("is a folder"));
}

#[test]
fn one_file_is_one_thing_however_it_is_written() {
    let own = |path: &str| filed(&lines(Path::new(path), 1024, 2)).own().unwrap();
    assert_eq!(own("./a/events.jsonl"), own("a//events.jsonl"));
    assert_ne!(own("a/events.jsonl"), own("b/events.jsonl"));
}

#[test]
fn a_section_that_cannot_be_meant_is_refused_with_the_cure() {
    for (section, mistake) in [
        ("{ path: '' }", "is no name of a file"),
        ("{ path: logs/ }", "is the name of a folder"),
        ("{ path: '..' }", "is the name of a folder"),
        ("{ path: events.jsonl.1 }", "ends with a number"),
        ("{ path: events.jsonl, max_size: 1B }", "must be at least `1KiB`"),
        ("{ path: events.jsonl, keep: 0 }", "must be 1 to 1000"),
        ("{ path: events.jsonl, keep: 1001 }", "must be 1 to 1000"),
    ] {
        let section = Section::from_yaml("file", section);
        assert!(build(&section, &kit()).is_none(), "{mistake}");
        let said = section.problems().unwrap_err().to_string();
        assert!(said.contains(mistake), "{said}");
    }
}
