//! What people read about savings.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Message, Text};
use super::*;
use crate::notify::samples::{alone, delivery};
use crate::template::{Markup, Wording};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn told(event_type: &str, data: Value) -> Message {
    let mut delivery = delivery(event_type, data);
    if event_type == "savings.summary" {
        delivery.event.cluster = crate::event::Cluster::default();
    }
    Message::compose(&alone(&delivery), &Wording::default(), Markup::Plain)
}

/// Everything on one page, as a person would see it.
fn page(message: &Message) -> String {
    let Some(Text::Plain(text)) = &message.text else { panic!("no text") };
    let facts = message.facts.iter().map(|fact| format!("{}: {}", fact.label, fact.value));
    [message.title.clone(), text.clone()].into_iter().chain(facts).collect::<Vec<_>>().join("\n")
}

fn figures(realised: Value, cost: Value) -> Value {
    let change = json!({"amount": "-12.345", "percent": "-1.1"});
    json!({"cost": cost, "cost_change": change, "realised": realised, "realised_percent": "33.38", "realised_change":
        {"amount": "120", "percent": null}, "cost_not_available": 1, "realised_not_available": 2})
}

fn summary_data(clusters: Value, in_all: u64) -> Value {
    let period = |first: &str| json!({"first": first, "last": "2026-10-05", "days": 5});
    json!({
        "day": "2026-10-06", "time_zone": "Europe/Berlin",
        "month_to_date": {"present": period("2026-10-01"), "before": {"first": "2026-09-01", "last": "2026-09-05"}},
        "trailing_30_days": {"present": period("2026-09-06"), "before": period("2026-08-07")},
        "total": {
            "month_to_date": figures(json!("300.005"), json!("1000")),
            "trailing_30_days": figures(json!("1107.6812"), json!("1234567.8949")),
            "potential": {"layman": {"monthly": "19376.51", "percent": "55.98"}, "not_available": 0},
        },
        "clusters": clusters, "clusters_in_all": in_all,
    })
}

#[test]
fn a_summary_says_what_was_saved_paid_and_possible() {
    let clusters = json!([
        {
            "name": "demo", "trailing_30_days": {"cost": "2210.4177", "realised": "1107.6812", "realised_percent": "33.38"},
            "potential": {"layman": {"monthly": "19376.51"}},
            "efficiency": {"cpu_overprovisioned_percent": "31.5", "memory_overprovisioned_percent": "20"},
        },
        {"name": "watched", "not_available": "read-only"},
        {"id": "c-3", "not_available": "younger than 14 days", "trailing_30_days": {"cost": "10"}},
    ]);
    let page = page(&told("savings.summary", summary_data(clusters, 3)));
    let expected = [
        "CAST AI savings of 2026-10-06: $1,107.68 realised in 30 days, $19,376.51 a month possible",
        "Realised and potential savings are CAST AI's model; cost is what was paid, in US dollars. The 30 days are \
         2026-09-06 to 2026-10-05, the month to date is 2026-10-01 to 2026-10-05, compared with 2026-09-01 to \
         2026-09-05, days in Europe/Berlin.",
        "",
        "• demo: realised $1,107.68 (33.38%), cost $2,210.42, potential $19,376.51 a month, overprovisioned CPU 31.5% \
         and memory 20%",
        "• watched: n/a (read-only)",
        "• c-3: n/a (younger than 14 days), cost $10.00",
        "Realised (CAST AI model), 30 days: $1,107.68 (33.38%), +$120.00 (n/a) against the period before, without 2 \
         clusters that are n/a",
        "Cost, 30 days: $1,234,567.89, -$12.35 (-1.1%) against the period before, without 1 cluster that is n/a",
        "Realised (CAST AI model), month to date: $300.01 (33.38%), +$120.00 (n/a) against the period before, without 2 \
         clusters that are n/a",
        "Cost, month to date: $1,000.00, -$12.35 (-1.1%) against the period before, without 1 cluster that is n/a",
        "Potential, on-demand nodes: $19,376.51 a month (55.98%)",
        "Clusters: 3, of which 2 n/a",
        "Happened: 2026-11-20T08:15:30Z",
    ];
    assert_eq!(page.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn of_many_clusters_a_few_are_named_and_the_rest_is_counted() {
    let cluster = |n| json!({"name": format!("cluster-{n}"), "trailing_30_days": {"cost": "1", "realised": "1"}});
    let clusters: Vec<Value> = (0..22).map(cluster).collect();
    let page = page(&told("savings.summary", summary_data(json!(clusters), 250)));
    assert!(page.contains("cluster-9") && !page.contains("cluster-10"), "{page}");
    assert!(page.contains("\nand 240 more\n"), "{page}");
}

#[test]
fn what_is_not_known_is_said_to_be_so_and_is_never_zero() {
    let empty = told("savings.summary", json!({}));
    assert_eq!(empty.title, "CAST AI savings: n/a realised in 30 days, n/a a month possible");
    assert!(!page(&empty).contains("$0"), "{}", page(&empty));
    let nothing_listed = page(&told("savings.summary", json!({"clusters_in_all": 0, "clusters": []})));
    assert!(nothing_listed.contains("CAST AI lists no cluster"), "{nothing_listed}");
}

#[test]
fn a_crossed_threshold_says_which_where_and_by_how_much() {
    let data = json!({
        "name": "low", "metric": "realised_percent", "value": "8.2", "limit": "10", "direction": "below",
        "scope": "c-1", "period": "trailing_30_days",
    });
    let message = told("savings.threshold", data);
    assert_eq!(message.title, "Savings threshold crossed: low in prod-eu");
    assert_eq!(message.text, Some(Text::Plain("Realised percent is 8.2%, below the limit of 10%.".into())));
    let data = json!({"name": "budget", "metric": "cost", "value": "5000.5", "limit": "5000", "direction": "above"});
    let message = told("savings.threshold", data);
    assert_eq!(message.text, Some(Text::Plain("Cost is $5,000.50, above the limit of $5,000.00.".into())));
}

#[test]
fn money_is_written_to_the_cent() {
    for (amount, written) in [
        ("0", "$0.00"),
        ("0.005", "$0.01"),
        ("0.0049", "$0.00"),
        ("-0.004", "$0.00"),
        ("-0.005", "-$0.01"),
        ("999.995", "$1,000.00"),
        ("19376.51", "$19,376.51"),
        ("-1234567.8", "-$1,234,567.80"),
        ("100", "$100.00"),
    ] {
        assert_eq!(money(dec(amount)), written, "{amount}");
    }
    assert_eq!(
        (percent(dec("55.980")), percent(dec("10")), percent(dec("-0.125"))),
        ("55.98%".into(), "10%".into(), "-0.13%".into())
    );
}

proptest! {
    #[test]
    fn written_money_reads_back_as_the_cents_it_is(cents in -1_000_000_000_000_000i64..1_000_000_000_000_000) {
        let written = money(Decimal::new(cents, 2));
        prop_assert_eq!(written.replace([',', '$'], "").parse(), Ok(Decimal::new(cents, 2)));
        let groups: Vec<&str> = written.trim_start_matches(['-', '$']).split([',', '.']).collect();
        prop_assert!(groups[1..groups.len() - 1].iter().all(|group| group.len() == 3), "{}", written);
    }

    /// Whatever a stranger puts into a summary, it is told within the limits of a message.
    #[test]
    fn any_summary_can_be_told(text in ".{0,400}", number in any::<f64>()) {
        let cluster = json!({"name": text, "not_available": text, "trailing_30_days": {"cost": number}});
        let mut data = summary_data(json!(vec![cluster; 30]), 30);
        data["day"] = json!(text);
        let message = told("savings.summary", data);
        prop_assert!(message.facts.len() <= 10 && !message.title.is_empty());
    }
}
