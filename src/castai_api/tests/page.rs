//! Pages are read item by item.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
struct Thing {
    size: i64,
    #[serde(skip)]
    raw: Bytes,
}

impl Listed for Thing {
    const ENVELOPE: &'static str = "things";

    fn keep(&mut self, raw: Bytes) {
        self.raw = raw;
    }
}

fn page(text: &str) -> Page<Thing> {
    Page::read(text.as_bytes()).unwrap()
}

#[test]
fn an_item_that_cannot_be_read_does_not_cost_its_page() {
    let page = page(r#"{"things":[{"size": 1},{"size":"x"}, {"size":2, "new":[]},null],"nextCursor":"c"}"#);
    assert_eq!(page.items.iter().map(|thing| thing.size).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(page.items[1].raw, r#"{"size":2, "new":[]}"#);
    let unreadable: Vec<&[u8]> = page.unreadable.iter().map(|item| &item.raw[..]).collect();
    assert_eq!(unreadable, [&br#"{"size":"x"}"#[..], b"null"]);
    assert!(page.unreadable[0].error.contains("expected i64 at line 1"), "{:?}", page.unreadable);
    assert_eq!(page.next_cursor.as_deref(), Some("c"));
}

#[test]
fn nothing_is_an_empty_last_page() {
    for nothing in ["{}", r#"{"things":null,"nextCursor":null}"#, r#"{"things":[],"nextCursor":"","count":0}"#] {
        assert_eq!(page(nothing), Page { items: vec![], unreadable: vec![], next_cursor: None }, "{nothing}");
    }
}

#[test]
fn what_is_no_list_is_no_page() {
    for bad in ["", "[]", "null", "<html>", r#"{"things":{}}"#, r#"{"things":[1,]}"#, r#"{"nextCursor":7}"#] {
        assert!(Page::<Thing>::read(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn any_item() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(|size| json!({ "size": size })),
        ".{0,8}".prop_map(|size| json!({ "size": size })),
        any::<bool>().prop_map(Value::from),
        Just(json!([{ "size": 1 }])),
    ]
}

proptest! {
    #[test]
    fn every_item_is_either_read_or_handed_on(items in proptest::collection::vec(any_item(), 0..20)) {
        let page = page(&json!({ "things": items }).to_string());
        let good = items.iter().filter(|item| item["size"].is_i64());
        prop_assert_eq!(page.items.len(), good.count());
        let kept = page.items.into_iter().map(|thing| thing.raw).chain(page.unreadable.into_iter().map(|item| item.raw));
        let mut kept: Vec<String> = kept.map(|raw| String::from_utf8(raw.to_vec()).unwrap()).collect();
        let mut sent: Vec<String> = items.iter().map(Value::to_string).collect();
        kept.sort();
        sent.sort();
        prop_assert_eq!(kept, sent);
    }
}
