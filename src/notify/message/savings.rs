//! The default words for savings: a crossed threshold, and the summary of a day.
//!
//! Amounts are rounded here and nowhere before, half a cent away from zero, as people check them by hand. What is not
//! known is `n/a`, never zero. However many clusters there are, the text names a few and counts the rest.

use rust_decimal::{Decimal, RoundingStrategy};

use super::particulars::particulars;
use super::telling::{Story, in_cluster, with_subject};
use super::{Fact, amounts, cut, one_line};
use crate::event::Event;
use crate::event::savings::{Change, ClusterSavings, Days, Figures, PeriodFigures, Potential, Savings, SavingsSummary};

/// Clusters a message names; the rest is counted.
const NAMED_CLUSTERS: usize = 10;

/// Characters of a cluster's name or reason in a message.
const MAX_WORD: usize = 60;

/// What is said where nothing is known.
const NOT_AVAILABLE: &str = "n/a";

pub(super) fn threshold(savings: &Savings, event: &Event) -> Story {
    let impact = savings.impact.map(|impact| impact.to_string());
    let subject = savings.name.as_ref().or(impact.as_ref());
    let known = [
        ("Savings impact", impact.clone()),
        ("Measured", savings.metric.as_deref().map(|metric| metric.replace('_', " "))),
        ("Value", savings.value.map(|value| measured(savings, value))),
        ("Limit", savings.limit.map(|limit| measured(savings, limit))),
    ];
    let known = known.into_iter().filter_map(|(label, value)| Fact::verbatim(label, &value?));
    let said = ["savingsImpact", "name", "metric", "value", "limit", "direction", "scope"];
    Story {
        title: in_cluster(with_subject("Savings threshold crossed", subject), event),
        text: crossing(savings),
        facts: known.chain(particulars(&event.data, &said)).collect(),
    }
}

/// `Realised percent is 8.2%, below the limit of 10%.`
fn crossing(savings: &Savings) -> Option<String> {
    let (metric, value) = (savings.metric.as_deref()?, savings.value?);
    let metric = metric.replace('_', " ");
    let first = metric.chars().next()?.to_uppercase();
    let sentence = format!("{first}{} is {}", metric.get(1..)?, measured(savings, value));
    match (savings.direction.as_deref(), savings.limit) {
        (Some(direction), Some(limit)) => {
            Some(format!("{sentence}, {direction} the limit of {}.", measured(savings, limit)))
        }
        _ => Some(format!("{sentence}.")),
    }
}

fn measured(savings: &Savings, value: Decimal) -> String {
    match savings.metric.as_deref() {
        Some(metric) if metric.ends_with("percent") => percent(value),
        _ => money(value),
    }
}

pub(super) fn summary(summary: &SavingsSummary) -> Story {
    let trailing = &summary.total.trailing_30_days;
    let day = summary.day.as_deref().map(|day| format!(" of {day}")).unwrap_or_default();
    let potential = summary.total.potential.layman.monthly;
    Story {
        title: format!(
            "CAST AI savings{day}: {} realised in 30 days, {} a month possible",
            or_not(trailing.realised.map(money)),
            or_not(potential.map(money))
        ),
        text: Some([&explanation(summary), clusters(summary).as_str()].map(str::trim).join("\n\n").trim().to_owned()),
        facts: totals(summary),
    }
}

fn explanation(summary: &SavingsSummary) -> String {
    let zone = summary.time_zone.as_deref().map(|zone| format!(", days in {zone}")).unwrap_or_default();
    let period = |name: &str, days: &Days| match (&days.first, &days.last) {
        (Some(first), Some(last)) => Some(format!("{name} {first} to {last}")),
        _ => None,
    };
    let periods = [
        period("30 days are", &summary.trailing_30_days.present),
        period("the month to date is", &summary.month_to_date.present),
        period("compared with", &summary.month_to_date.before),
    ];
    let periods = periods.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let periods = if periods.is_empty() { periods } else { format!(" The {periods}{zone}.") };
    format!("Realised and potential savings are CAST AI's model; cost is what was paid, in US dollars.{periods}")
}

fn totals(summary: &SavingsSummary) -> Vec<Fact> {
    let Figures { month_to_date, trailing_30_days, potential } = &summary.total;
    let rows = [
        ("Realised (CAST AI model), 30 days", realised(trailing_30_days)),
        ("Cost, 30 days", cost(trailing_30_days)),
        ("Realised (CAST AI model), month to date", realised(month_to_date)),
        ("Cost, month to date", cost(month_to_date)),
        ("Potential, on-demand nodes", possible(potential)),
        ("Clusters", counted(summary)),
    ];
    rows.into_iter().filter_map(|(label, value)| Fact::words(label, &value)).collect()
}

/// `$1,107.68 (33.38%), +$120.00 (+12.15%)`
fn realised(figures: &PeriodFigures) -> String {
    let share = figures.realised_percent.map(|share| format!(" ({})", percent(share))).unwrap_or_default();
    let lacking = lacking(figures.realised_not_available);
    format!("{}{share}{}{lacking}", or_not(figures.realised.map(money)), changed(&figures.realised_change))
}

fn cost(figures: &PeriodFigures) -> String {
    let lacking = lacking(figures.cost_not_available);
    format!("{}{}{lacking}", or_not(figures.cost.map(money)), changed(&figures.cost_change))
}

fn possible(potential: &Potential) -> String {
    let Some(monthly) = potential.layman.monthly else { return NOT_AVAILABLE.to_owned() };
    let share = potential.layman.percent.map(|share| format!(" ({})", percent(share))).unwrap_or_default();
    format!("{} a month{share}{}", money(monthly), lacking(potential.not_available))
}

fn lacking(clusters: Option<u64>) -> String {
    match clusters {
        None | Some(0) => String::new(),
        Some(1) => ", without 1 cluster that is n/a".to_owned(),
        Some(many) => format!(", without {many} clusters that are n/a"),
    }
}

fn changed(difference: &Change) -> String {
    change(difference).map(|change| format!(", {change} against the period before")).unwrap_or_default()
}

fn counted(summary: &SavingsSummary) -> String {
    let all = summary.clusters_in_all.map_or_else(String::new, |all| all.to_string());
    match summary.total.trailing_30_days.realised_not_available {
        Some(lacking) if lacking > 0 && !all.is_empty() => format!("{all}, of which {lacking} n/a"),
        _ => all,
    }
}

fn clusters(summary: &SavingsSummary) -> String {
    let mut lines: Vec<String> = summary.clusters.iter().take(NAMED_CLUSTERS).map(cluster_line).collect();
    let listed = u64::try_from(lines.len()).unwrap_or(u64::MAX);
    let known = summary.clusters_in_all.or(u64::try_from(summary.clusters.len()).ok()).unwrap_or_default();
    if known > listed {
        lines.push(format!("and {} more", known - listed));
    }
    if summary.clusters_in_all == Some(0) {
        lines.push("CAST AI lists no cluster. If there are some, set `castai.organization_id`.".to_owned());
    }
    lines.join("\n")
}

/// `• demo-cluster: realised $1,107.68 (33.38%), cost $2,210.42, potential $19,376.51 a month`
fn cluster_line(cluster: &ClusterSavings) -> String {
    let figures = &cluster.figures.trailing_30_days;
    let name = cut(&one_line(cluster.label()), MAX_WORD);
    let share = figures.realised_percent.map(|share| format!(" ({})", percent(share))).unwrap_or_default();
    let why = || cluster.not_available.as_deref().map(|why| format!(" ({})", cut(&one_line(why), MAX_WORD)));
    let realised = match figures.realised {
        Some(realised) => format!("realised {}{share}", money(realised)),
        None => format!("{NOT_AVAILABLE}{}", why().unwrap_or_default()),
    };
    let cost = figures.cost.map(|cost| format!("cost {}", money(cost)));
    let potential = cluster.figures.potential.layman.monthly;
    let potential = potential.map(|potential| format!("potential {} a month", money(potential)));
    let parts = [Some(realised), cost, potential, overprovisioned(cluster)].into_iter().flatten();
    format!("• {name}: {}", parts.collect::<Vec<_>>().join(", "))
}

fn overprovisioned(cluster: &ClusterSavings) -> Option<String> {
    let efficiency = &cluster.efficiency;
    let parts =
        [("CPU", efficiency.cpu_overprovisioned_percent), ("memory", efficiency.memory_overprovisioned_percent)];
    let parts: Vec<_> =
        parts.into_iter().filter_map(|(what, share)| Some(format!("{what} {}", percent(share?)))).collect();
    (!parts.is_empty()).then(|| format!("overprovisioned {}", parts.join(" and ")))
}

fn or_not(text: Option<String>) -> String {
    text.unwrap_or_else(|| NOT_AVAILABLE.to_owned())
}

/// `$1,234.50`, to the cent; the sign goes before the dollar.
pub fn money(amount: Decimal) -> String {
    let cents = rounded(amount);
    let text = format!("{:.2}", cents.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, "00"));
    let grouped = amounts::grouped(whole);
    let sign = if cents.is_sign_negative() && !cents.is_zero() { "-" } else { "" };
    format!("{sign}${grouped}.{fraction}")
}

/// `+$120.00 (+12.15%)`; `None` where nothing is known of one of the two periods.
pub fn change(difference: &Change) -> Option<String> {
    let share = difference.percent.map_or_else(|| NOT_AVAILABLE.to_owned(), |share| signed(share, percent));
    Some(format!("{} ({share})", signed(difference.amount?, money)))
}

/// `33.38%`, without zeros at its end.
pub fn percent(share: Decimal) -> String {
    format!("{}%", rounded(share).normalize())
}

fn rounded(number: Decimal) -> Decimal {
    number.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
}

/// A change says its direction, also upwards.
fn signed(number: Decimal, written: fn(Decimal) -> String) -> String {
    let plus = if rounded(number) > Decimal::ZERO { "+" } else { "" };
    format!("{plus}{}", written(number))
}

#[cfg(test)]
mod tests;
