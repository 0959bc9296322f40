//! The summary's numbers, checked by hand to the cent.

use super::*;
use crate::event::savings::Change;

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn day() -> Day {
    Day::parse("2026-10-06").unwrap()
}

fn paid(cost: &str, savings: &str) -> Measured {
    Ok(Paid { cost: Some(dec(cost)), savings: Some(dec(savings)) })
}

/// Known since long, with the same answer for every period.
fn cluster(name: &str, measured: &Measured) -> Observation {
    let pair = || Pair { present: measured.clone(), before: measured.clone() };
    Observation {
        id: format!("id-{name}"),
        name: name.to_owned(),
        created_at: Timestamp::parse("2025-09-30T00:00:00Z"),
        month_to_date: pair(),
        trailing_30_days: pair(),
        offers: Ok(Offers::default()),
        efficiency: Efficiency::default(),
    }
}

fn of(observations: &[Observation]) -> SavingsSummary {
    summary(day(), &Zone::UTC, observations)
}

fn prices(before: &str, after: &str) -> Option<Prices> {
    Some(Prices { before: dec(before), after: dec(after) })
}

#[test]
fn one_cluster_is_summed_up_to_the_last_digit() {
    let mut demo = cluster("demo", &paid("2210.417700", "1107.681200"));
    demo.trailing_30_days.before = paid("2000.00", "1000.00");
    demo.offers = Ok(Offers {
        layman: prices("34616.00", "15239.49"),
        spot_instances: prices("34616.00", "14984.40"),
        spot_only: prices("34616.00", "4567.62"),
    });
    let summary = of(&[demo]);
    assert_eq!(summary.day.as_deref(), Some("2026-10-06"));
    for figures in [&summary.total, &summary.clusters[0].figures] {
        let trailing = &figures.trailing_30_days;
        assert_eq!((trailing.cost, trailing.realised), (Some(dec("2210.4177")), Some(dec("1107.6812"))));
        assert_eq!(trailing.realised_percent, Some(dec("33.38")));
        assert_eq!(
            (trailing.cost_change.amount, trailing.cost_change.percent),
            (Some(dec("210.4177")), Some(dec("10.52")))
        );
        assert_eq!(
            (trailing.realised_change.amount, trailing.realised_change.percent),
            (Some(dec("107.6812")), Some(dec("10.77")))
        );
        let potential = &figures.potential;
        assert_eq!((potential.layman.monthly, potential.layman.percent), (Some(dec("19376.51")), Some(dec("55.98"))));
        assert_eq!(potential.spot_instances.monthly, Some(dec("19631.60")));
        assert_eq!(
            (potential.spot_only.monthly, potential.spot_only.percent),
            (Some(dec("30048.38")), Some(dec("86.8")))
        );
    }
}

#[test]
fn totals_are_added_before_they_are_rounded() {
    let thirds: Vec<_> = ["a", "b", "c"].iter().map(|name| cluster(name, &paid("0.333", "0.335"))).collect();
    let total = of(&thirds).total.trailing_30_days;
    assert_eq!((total.cost, total.realised), (Some(dec("0.999")), Some(dec("1.005"))));
}

#[test]
fn a_cluster_that_is_only_watched_is_not_available_and_counts_for_nothing() {
    let mut watched = cluster("watched", &Err(NotAvailable::ReadOnly));
    watched.offers = Ok(Offers { layman: prices("100", "50"), ..Offers::default() });
    let summary = of(&[cluster("managed", &paid("10", "5")), watched]);
    let row = &summary.clusters[1];
    assert_eq!((row.name.as_deref(), row.not_available.as_deref()), (Some("watched"), Some("read-only")));
    assert_eq!(row.figures, Figures::default(), "not a single zero");
    let total = &summary.total.trailing_30_days;
    assert_eq!((total.cost, total.realised), (Some(dec("10")), Some(dec("5"))));
    assert_eq!((total.cost_not_available, total.realised_not_available), (Some(1), Some(1)));
    assert_eq!((summary.clusters_in_all, summary.total.potential.not_available), (Some(2), Some(2)));
    assert_eq!(summary.total.potential.layman, Offer::default());
}

#[test]
fn of_a_young_cluster_the_cost_is_told_and_the_savings_are_not() {
    let mut young = cluster("young", &paid("10", "0"));
    young.offers = Ok(Offers { layman: prices("100", "50"), ..Offers::default() });
    let created = |text| Timestamp::parse(text);
    young.created_at = created("2026-09-22T00:00:00.001Z");
    let summary = of(&[young.clone()]);
    let row = &summary.clusters[0];
    assert_eq!(row.not_available.as_deref(), Some("younger than 14 days"));
    assert_eq!(row.figures.trailing_30_days.realised, None);
    assert_eq!(row.figures.trailing_30_days.cost, Some(dec("10")));
    assert_eq!(row.figures.potential, Potential::default());
    assert_eq!(summary.total.trailing_30_days.realised, None, "and the total is not zero either");

    young.created_at = created("2026-09-22T00:00:00Z");
    let grown = of(&[young]);
    let row = &grown.clusters[0].figures.trailing_30_days;
    assert_eq!(row.realised, Some(Decimal::ZERO), "on its fourteenth birthday zero is a figure");
    assert_eq!(row.realised_change, Change::default(), "but then it was too young in the period before");
}

#[test]
fn figures_that_are_not_told_are_not_zero() {
    let silent = cluster("silent", &Ok(Paid::default()));
    let summary = of(&[silent, cluster("refused", &Err(NotAvailable::Refused("the key may not".into())))]);
    let reasons: Vec<_> = summary.clusters.iter().map(|row| row.not_available.clone().unwrap()).collect();
    assert_eq!(reasons, ["the key may not", "CAST AI tells no figures"]);
    assert_eq!(summary.total.trailing_30_days.cost, None);
    assert_eq!(of(&[]).total.trailing_30_days.cost, None);
}

#[test]
fn savings_may_be_negative_and_so_may_what_is_possible() {
    let mut worse = cluster("worse", &paid("100", "-3.25"));
    worse.offers = Ok(Offers { layman: prices("100", "120.50"), ..Offers::default() });
    let summary = of(&[worse]);
    assert_eq!(summary.total.trailing_30_days.realised_percent, Some(dec("-3.36")));
    assert_eq!(summary.total.potential.layman.monthly, Some(dec("-20.50")));
}

#[test]
fn changes_of_the_total_compare_only_clusters_known_in_both_periods() {
    let mut new = cluster("new", &paid("1000", "500"));
    new.trailing_30_days.before = Err(NotAvailable::Untold);
    let mut old = cluster("old", &paid("110", "60"));
    old.trailing_30_days.before = paid("100", "50");
    let total = of(&[new, old]).total.trailing_30_days;
    assert_eq!(total.cost, Some(dec("1110")));
    assert_eq!((total.cost_change.amount, total.cost_change.percent), (Some(dec("10")), Some(dec("10"))));
    assert_eq!((total.realised_change.amount, total.realised_change.percent), (Some(dec("10")), Some(dec("20"))));
}

#[test]
fn clusters_come_in_the_order_of_their_cost_and_their_list_is_bounded() {
    let mut all: Vec<_> = (0..250).map(|n| cluster(&format!("c{n:03}"), &paid(&n.to_string(), "1"))).collect();
    all.push(cluster("unknown", &Err(NotAvailable::ReadOnly)));
    let summary = of(&all);
    assert_eq!((summary.clusters.len(), summary.clusters_in_all), (SavingsSummary::MAX_CLUSTERS, Some(251)));
    assert_eq!(summary.clusters[0].name.as_deref(), Some("c249"));
    assert_eq!(summary.total.trailing_30_days.cost, Some(dec("31125")), "the total is of all of them");
    all.truncate(3);
    all.push(cluster("unknown", &Err(NotAvailable::ReadOnly)));
    let names: Vec<_> = of(&all).clusters.into_iter().map(|row| row.name.unwrap()).collect();
    assert_eq!(names, ["c002", "c001", "c000", "unknown"]);
}
