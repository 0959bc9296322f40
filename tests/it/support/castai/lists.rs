//! The endpoints that list: each has its own order, filters, limits, and its own idea of what a cursor remembers.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use castai_relay::event::Timestamp;
use serde_json::{Map, Value, json};

use super::{Asked, World, refusal};

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum List {
    Notifications,
    AuditV1,
    AuditV2,
    Clusters,
    WebhookConfigurations,
}

/// What a request for a further page must repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cursor {
    /// Nothing: the cursor remembers the query.
    Remembers,
    /// The whole query; another one is refused.
    Checks,
    /// The whole query; nobody looks whether it is the same.
    Trusts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    OldestFirst,
    NewestFirst,
    AsIngested,
}

/// How one list is served.
pub struct Shelf {
    pub list: List,
    path: &'static str,
    envelope: &'static str,
    time: &'static str,
    order: Order,
    cursor: Cursor,
    /// Page sizes: the default, and the largest.
    limits: (usize, usize),
    /// Parameters, and the fields they ask for; a parameter that is given several times allows each of its values.
    filters: &'static [(&'static str, &'static str)],
}

pub const SHELVES: &[Shelf] = &[
    Shelf {
        list: List::Notifications,
        path: "/v1/notifications",
        envelope: "items",
        time: "timestamp",
        order: Order::OldestFirst,
        cursor: Cursor::Trusts,
        limits: (50, 500),
        filters: &[("filter.severities", "/severity"), ("filter.clusterId", "/clusterMetadata/id")],
    },
    Shelf {
        list: List::AuditV1,
        path: "/v1/audit",
        envelope: "items",
        time: "time",
        order: Order::NewestFirst,
        cursor: Cursor::Remembers,
        limits: (10, 1000),
        filters: &[("clusterId", "/labels/clusterId"), ("operation", "/eventType")],
    },
    Shelf {
        list: List::AuditV2,
        path: "/v2/audit/events",
        envelope: "events",
        time: "occurredAt",
        order: Order::OldestFirst,
        cursor: Cursor::Checks,
        limits: (50, 250),
        filters: &[
            ("filter.clusters", "/clusterId"),
            ("filter.domains", "/eventDomain"),
            ("filter.resources", "/eventResource"),
            ("filter.actions", "/eventAction"),
            ("filter.sources", "/sourceService"),
            ("filter.severity", "/eventSeverity"),
        ],
    },
    Shelf {
        list: List::Clusters,
        path: "/v1/kubernetes/external-clusters",
        envelope: "items",
        time: "createdAt",
        order: Order::AsIngested,
        cursor: Cursor::Trusts,
        limits: (usize::MAX, usize::MAX),
        filters: &[],
    },
    Shelf {
        list: List::WebhookConfigurations,
        path: "/v1/notifications/webhook-configurations",
        envelope: "items",
        time: "createdAt",
        order: Order::AsIngested,
        cursor: Cursor::Trusts,
        limits: (50, 500),
        filters: &[("filter.status", "/status")],
    },
];

pub fn shelf_at(path: &str) -> Option<&'static Shelf> {
    SHELVES.iter().find(|shelf| shelf.path == path)
}

/// What the opaque text stands for.
struct Place {
    offset: usize,
    query: Value,
}

impl Place {
    fn parse(cursor: &str) -> Option<Self> {
        let place: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        Some(Self { offset: usize::try_from(place["offset"].as_u64()?).ok()?, query: place["query"].clone() })
    }

    fn cursor(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(json!({ "offset": self.offset, "query": self.query }).to_string())
    }
}

/// The query without what only concerns the page.
fn own_query(asked: &Asked) -> Vec<(String, String)> {
    asked.query.iter().filter(|(name, _)| !name.starts_with("page.")).cloned().collect()
}

/// From when to when, both included; nothing when either is no time.
fn bounds(asked: &Asked) -> Option<(Option<Timestamp>, Option<Timestamp>)> {
    let bound = |name| asked.query(name).map_or(Some(None), |text| Timestamp::parse(text).map(Some));
    Some((bound("fromDate")?, bound("toDate")?))
}

impl World {
    /// One page; `hidden` is for those who may not see anything.
    pub(super) fn page(&mut self, shelf: &Shelf, asked: &Asked, hidden: bool, same_cursor: bool) -> (u16, Value) {
        let limit = match asked.query("page.limit").map(str::parse::<usize>) {
            None => shelf.limits.0,
            Some(Ok(limit)) if (1..=shelf.limits.1).contains(&limit) => limit,
            Some(_) => return refusal(400, &format!("page.limit must be between 1 and {}", shelf.limits.1)),
        };
        let query = json!(own_query(asked));
        let place = match asked.query("page.cursor").map(Place::parse) {
            None => Place { offset: 0, query },
            Some(Some(place)) if shelf.cursor != Cursor::Checks || place.query == query => place,
            Some(_) => return refusal(400, "page.cursor does not belong to this query"),
        };
        let query = match shelf.cursor {
            Cursor::Remembers => serde_json::from_value(place.query.clone()).unwrap(),
            Cursor::Checks | Cursor::Trusts => own_query(asked),
        };
        let asked_for = Asked { query, ..asked.clone() };
        let Some((from, to)) = bounds(&asked_for) else { return refusal(400, "fromDate and toDate must be RFC 3339") };
        let all = if hidden { vec![] } else { self.listed(shelf, &asked_for, from, to) };
        let (count, rest) = (all.len(), all.len().saturating_sub(place.offset));
        let items: Vec<Value> = all.into_iter().skip(place.offset).take(limit).cloned().collect();
        let next = Place { offset: place.offset + items.len(), query: place.query };
        let cursor = match (same_cursor, rest > limit) {
            (true, _) => asked.query("page.cursor").map_or_else(|| next.cursor(), str::to_owned),
            (false, true) => next.cursor(),
            (false, false) => String::new(),
        };
        self.time_passes(shelf.list);
        (200, envelope(shelf, items, &cursor, count))
    }

    /// Everything that the query asks for, in the order of the list.
    fn listed(&self, shelf: &Shelf, asked: &Asked, from: Option<Timestamp>, to: Option<Timestamp>) -> Vec<&Value> {
        let time = |item: &Value| item[shelf.time].as_str().and_then(Timestamp::parse);
        let in_time = |item: &Value| {
            from.is_none_or(|from| time(item) >= Some(from)) && to.is_none_or(|to| time(item) <= Some(to))
        };
        let wanted = |item: &Value, (name, field): &(&str, &str)| {
            let found = match item.pointer(field) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            asked.query_all(name).next().is_none() || asked.query_all(name).any(|value| value == found)
        };
        let all = self.lists.get(&shelf.list).into_iter().flatten();
        let fits = |item: &&Value| in_time(item) && shelf.filters.iter().all(|filter| wanted(item, filter));
        let mut items: Vec<&Value> = all.filter(fits).collect();
        // In capitals only: the members in lower case do not do what they say.
        let newest_first = shelf.order == Order::NewestFirst || asked.query("sort.order") == Some("DESC");
        match (shelf.order, newest_first) {
            (Order::AsIngested, _) => {}
            (_, true) => items.sort_by_key(|item| std::cmp::Reverse(time(item))),
            (_, false) => items.sort_by_key(|item| time(item)),
        }
        items
    }

    /// What happens between this page and the next.
    fn time_passes(&mut self, list: List) {
        if let Some(at) = self.meanwhile.iter().position(|(own, _)| *own == list) {
            let arrived = self.meanwhile.remove(at).map(|(_, item)| item);
            self.lists.entry(list).or_default().extend(arrived);
        }
    }
}

fn envelope(shelf: &Shelf, items: Vec<Value>, cursor: &str, count: usize) -> Value {
    let mut fields = Map::new();
    fields.insert(shelf.envelope.to_owned(), json!(items));
    if shelf.list != List::Clusters {
        fields.insert("nextCursor".to_owned(), json!(cursor));
    }
    if matches!(shelf.list, List::Notifications | List::AuditV2) {
        fields.insert("previousCursor".to_owned(), json!(""));
        fields.insert("count".to_owned(), json!(count));
    }
    Value::Object(fields)
}
