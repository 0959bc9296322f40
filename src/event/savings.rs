//! What is known of savings: a crossed threshold, and the summary of a day. Every amount is an exact decimal in US
//! dollars, as CAST AI reports it (<https://docs.cast.ai/reference/clusterreportapi_getclustersavingsreport>).
//!
//! A summary is written and read here and nowhere else, so its words in `data` have one place. What is unknown is
//! `null`, never zero. Knows no API and no arithmetic. Next: [`super::record`].

use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

use super::fields::Fields;

/// What is known of a crossed savings threshold. All but `impact` are there when the relay itself watched for it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Savings {
    /// The impact as the sender gave it; its unit is the sender's.
    pub impact: Option<f64>,
    /// The threshold's configured name.
    pub name: Option<String>,
    /// What is measured: `realised`, `realised_percent`, `potential`, `potential_percent` or `cost`.
    pub metric: Option<String>,
    /// What it was measured to be; in percent for the metrics that say so, else in dollars.
    pub value: Option<Decimal>,
    /// The configured limit, in the same unit.
    pub limit: Option<Decimal>,
    /// Where the value went: `above` or `below` the limit.
    pub direction: Option<String>,
    /// What was measured: `total`, or the id of one cluster.
    pub scope: Option<String>,
}

impl Savings {
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            impact: fields.number("savingsImpact"),
            name: fields.text("name"),
            metric: fields.text("metric"),
            value: fields.decimal("value"),
            limit: fields.decimal("limit"),
            direction: fields.text("direction"),
            scope: fields.text("scope"),
        }
    }
}

/// The savings summary of one day: what was realised and paid until that day began, in total and per cluster.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SavingsSummary {
    /// The day, `2026-10-06`. It is not part of the periods: they end where it begins.
    pub day: Option<String>,
    /// The time zone in which days begin, `Europe/Berlin`.
    pub time_zone: Option<String>,
    /// From the first of the month.
    pub month_to_date: PeriodPair,
    /// The last thirty days.
    pub trailing_30_days: PeriodPair,
    /// All clusters together.
    pub total: Figures,
    /// How many clusters there are.
    pub clusters_in_all: Option<u64>,
    /// The clusters, those that cost most first; not more than [`Self::MAX_CLUSTERS`].
    pub clusters: Vec<ClusterSavings>,
}

/// A period and the one it is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeriodPair {
    /// The period itself.
    pub present: Days,
    /// The one before.
    pub before: Days,
}

/// Whole days in the summary's time zone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Days {
    /// The first day, `2026-10-01`.
    pub first: Option<String>,
    /// The last day, `2026-10-05`.
    pub last: Option<String>,
    /// How many days.
    pub count: Option<u64>,
}

/// One cluster in a summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ClusterSavings {
    /// CAST AI's id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Why savings are not available, in a few words: `read-only`, `younger than 14 days`.
    pub not_available: Option<String>,
    /// Its figures.
    pub figures: Figures,
    /// How well it uses what it pays for.
    pub efficiency: Efficiency,
}

/// What was saved, what could be, and what it cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// From the first of the month.
    pub month_to_date: PeriodFigures,
    /// The last thirty days.
    pub trailing_30_days: PeriodFigures,
    /// What could still be saved.
    pub potential: Potential,
}

/// The figures of one period.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PeriodFigures {
    /// What was paid.
    pub cost: Option<Decimal>,
    /// Against the period before.
    pub cost_change: Change,
    /// What was saved, by CAST AI's model. May be negative.
    pub realised: Option<Decimal>,
    /// The same as a share of what would have been paid, cost and savings together.
    pub realised_percent: Option<Decimal>,
    /// Against the period before.
    pub realised_change: Change,
    /// Of a total: for how many clusters the cost is not available.
    pub cost_not_available: Option<u64>,
    /// Of a total: for how many clusters the savings are not available.
    pub realised_not_available: Option<u64>,
}

/// A difference to the period before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    /// Now less before, in dollars.
    pub amount: Option<Decimal>,
    /// The same as a share of before; `None` also where there was nothing before.
    pub percent: Option<Decimal>,
}

/// What could still be saved in a month by CAST AI's model, in each of the three ways it recommends
/// (<https://docs.cast.ai/reference/clusterreportapi_getsavingsrecommendation>).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Potential {
    /// With on-demand nodes alone, CAST AI's `Layman`. This one is the headline: it is the smallest promise of the three
    /// and asks no workload to live on spot nodes.
    pub layman: Offer,
    /// With spot nodes for what tolerates them, CAST AI's `SpotInstances`.
    pub spot_instances: Offer,
    /// With spot nodes alone, CAST AI's `SpotOnly`.
    pub spot_only: Offer,
    /// Of a total: for how many clusters it is not available.
    pub not_available: Option<u64>,
}

/// One way to save.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Offer {
    /// A month's price less what it could be.
    pub monthly: Option<Decimal>,
    /// The same as a share of the price.
    pub percent: Option<Decimal>,
}

/// How much more is provisioned than requested, as shares of what is provisioned
/// (<https://docs.cast.ai/reference/clusterreportapi_getclusterefficiencyreport>).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Efficiency {
    /// Of the processors.
    pub cpu_overprovisioned_percent: Option<Decimal>,
    /// Of the memory.
    pub memory_overprovisioned_percent: Option<Decimal>,
}

impl SavingsSummary {
    /// As many clusters as one summary lists.
    pub const MAX_CLUSTERS: usize = 200;

    /// The summary as the `data` of its event: amounts as decimal strings, what is unknown as `null`.
    pub fn to_data(&self) -> Map<String, Value> {
        let clusters: Vec<Value> = self.clusters.iter().take(Self::MAX_CLUSTERS).map(ClusterSavings::to_json).collect();
        let entries = [
            ("day", json!(self.day)),
            ("time_zone", json!(self.time_zone)),
            ("currency", json!("USD")),
            ("month_to_date", self.month_to_date.to_json()),
            ("trailing_30_days", self.trailing_30_days.to_json()),
            ("total", self.total.to_json()),
            ("clusters_in_all", json!(self.clusters_in_all)),
            ("clusters", json!(clusters)),
        ];
        entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// Reads what [`Self::to_data`] wrote, or somebody else in its words. Total: what does not fit becomes a note.
    pub(super) fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            day: fields.text("day"),
            time_zone: fields.text("time_zone"),
            month_to_date: PeriodPair::read(&mut fields.inner("month_to_date")),
            trailing_30_days: PeriodPair::read(&mut fields.inner("trailing_30_days")),
            total: Figures::read(&mut fields.inner("total")),
            clusters_in_all: fields.count("clusters_in_all"),
            clusters: fields.each("clusters", Self::MAX_CLUSTERS, ClusterSavings::read),
        }
    }
}

impl PeriodPair {
    fn to_json(&self) -> Value {
        let days = |days: &Days| json!({"first": days.first, "last": days.last, "days": days.count});
        json!({"present": days(&self.present), "before": days(&self.before)})
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let mut days = |key| {
            let mut days = fields.inner(key);
            Days { first: days.text("first"), last: days.text("last"), count: days.count("days") }
        };
        Self { present: days("present"), before: days("before") }
    }
}

impl ClusterSavings {
    /// The name, else the id: what to call it in a sentence.
    pub fn label(&self) -> &str {
        self.name.as_deref().or(self.id.as_deref()).unwrap_or("a cluster without a name")
    }

    fn to_json(&self) -> Value {
        let mut cluster = self.figures.to_json();
        cluster["id"] = json!(self.id);
        cluster["name"] = json!(self.name);
        cluster["not_available"] = json!(self.not_available);
        cluster["efficiency"] = json!({
            "cpu_overprovisioned_percent": decimal(self.efficiency.cpu_overprovisioned_percent),
            "memory_overprovisioned_percent": decimal(self.efficiency.memory_overprovisioned_percent),
        });
        cluster
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let (id, name, not_available) = (fields.text("id"), fields.text("name"), fields.text("not_available"));
        let figures = Figures::read(fields);
        let mut efficiency = fields.inner("efficiency");
        let efficiency = Efficiency {
            cpu_overprovisioned_percent: efficiency.decimal("cpu_overprovisioned_percent"),
            memory_overprovisioned_percent: efficiency.decimal("memory_overprovisioned_percent"),
        };
        Self { id, name, not_available, figures, efficiency }
    }
}

impl Figures {
    fn to_json(&self) -> Value {
        json!({
            "month_to_date": self.month_to_date.to_json(),
            "trailing_30_days": self.trailing_30_days.to_json(),
            "potential": self.potential.to_json(),
        })
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            month_to_date: PeriodFigures::read(&mut fields.inner("month_to_date")),
            trailing_30_days: PeriodFigures::read(&mut fields.inner("trailing_30_days")),
            potential: Potential::read(&mut fields.inner("potential")),
        }
    }
}

impl PeriodFigures {
    fn to_json(&self) -> Value {
        let change = |change: &Change| json!({"amount": decimal(change.amount), "percent": decimal(change.percent)});
        let figures = json!({
            "cost": decimal(self.cost),
            "cost_change": change(&self.cost_change),
            "realised": decimal(self.realised),
            "realised_percent": decimal(self.realised_percent),
            "realised_change": change(&self.realised_change),
        });
        let counts =
            [("cost_not_available", self.cost_not_available), ("realised_not_available", self.realised_not_available)];
        with_counts(figures, &counts)
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let mut change = |key| {
            let mut change = fields.inner(key);
            Change { amount: change.decimal("amount"), percent: change.decimal("percent") }
        };
        let (cost_change, realised_change) = (change("cost_change"), change("realised_change"));
        Self {
            cost: fields.decimal("cost"),
            cost_change,
            realised: fields.decimal("realised"),
            realised_percent: fields.decimal("realised_percent"),
            realised_change,
            cost_not_available: fields.count("cost_not_available"),
            realised_not_available: fields.count("realised_not_available"),
        }
    }
}

impl Potential {
    fn to_json(&self) -> Value {
        let offer = |offer: &Offer| json!({"monthly": decimal(offer.monthly), "percent": decimal(offer.percent)});
        let offers = json!({
            "layman": offer(&self.layman),
            "spot_instances": offer(&self.spot_instances),
            "spot_only": offer(&self.spot_only),
        });
        with_counts(offers, &[("not_available", self.not_available)])
    }

    fn read(fields: &mut Fields<'_>) -> Self {
        let mut offer = |key| {
            let mut offer = fields.inner(key);
            Offer { monthly: offer.decimal("monthly"), percent: offer.decimal("percent") }
        };
        let (layman, spot_instances, spot_only) = (offer("layman"), offer("spot_instances"), offer("spot_only"));
        Self { layman, spot_instances, spot_only, not_available: fields.count("not_available") }
    }
}

/// An exact number as JSON has none: in a string, without zeros at its end.
fn decimal(number: Option<Decimal>) -> Value {
    json!(number.map(|number| number.normalize().to_string()))
}

/// Only totals count what is missing, so only they say so.
fn with_counts(mut figures: Value, counts: &[(&str, Option<u64>)]) -> Value {
    for (key, count) in counts {
        if let Some(count) = count {
            figures[*key] = json!(count);
        }
    }
    figures
}
