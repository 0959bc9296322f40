//! From what CAST AI answered about each cluster to the summary of a day.
//!
//! Pure. A cluster that CAST AI only watches, or that is too young for its model, has no savings: they are not
//! available, never zero. `totalSavings` holds the savings of the workload autoscaler already, so nothing is added to
//! it. Totals add up what is known and say for how many clusters it is not; changes of totals compare the clusters that
//! are known in both periods. Next: [`crate::event::savings`], the summary's words.

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use rust_decimal::Decimal;

use super::periods::{Compared, Day, Period};
use super::sums::{change, realised_share, share, sum};
use crate::event::savings::{ClusterSavings, Efficiency, Figures, Offer, PeriodFigures, Potential, SavingsSummary};
use crate::event::{Timestamp, Zone};

/// How long CAST AI needs to know a cluster before its model says what was saved.
const TOO_YOUNG: Duration = Duration::from_secs(14 * 86_400);

/// Characters of a reason.
const MAX_REASON: usize = 200;

/// Everything that was asked about one cluster.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Observation {
    pub id: String,
    pub name: String,
    pub created_at: Option<Timestamp>,
    pub month_to_date: Pair,
    pub trailing_30_days: Pair,
    pub offers: Result<Offers, NotAvailable>,
    pub efficiency: Efficiency,
}

/// A period and the one before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pair {
    pub present: Measured,
    pub before: Measured,
}

/// What CAST AI says of one cluster in one period, or why it says nothing.
pub(super) type Measured = Result<Paid, NotAvailable>;

/// What was paid and saved, as far as it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Paid {
    pub cost: Option<Decimal>,
    pub savings: Option<Decimal>,
}

/// The three ways to save that CAST AI recommends; see [`Potential`].
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Offers {
    pub layman: Option<Prices>,
    pub spot_instances: Option<Prices>,
    pub spot_only: Option<Prices>,
}

/// A month's price as it is and as it could be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Prices {
    pub before: Decimal,
    pub after: Decimal,
}

/// Why there is no figure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NotAvailable {
    /// CAST AI only watches the cluster.
    ReadOnly,
    /// CAST AI has not known the cluster for long enough.
    Young,
    /// CAST AI answered without the figure.
    Untold,
    /// CAST AI refuses to tell, for this reason.
    Refused(String),
    /// CAST AI could not tell, for this reason, and nobody waits any longer.
    Unanswered(String),
}

impl fmt::Display for NotAvailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadOnly => f.write_str("read-only"),
            Self::Young => f.write_str("younger than 14 days"),
            Self::Untold => f.write_str("CAST AI tells no figures"),
            Self::Refused(reason) | Self::Unanswered(reason) => {
                f.write_str(&reason.chars().take(MAX_REASON).collect::<String>())
            }
        }
    }
}

impl Observation {
    /// Whether the cluster was too young when the period ended.
    fn is_young_at(&self, end: Timestamp) -> bool {
        is_young(self.created_at, end)
    }
}

/// Whether CAST AI had not known for long enough at `end` what it has known since `created_at`.
pub(super) fn is_young(created_at: Option<Timestamp>, end: Timestamp) -> bool {
    created_at.is_some_and(|created| created.saturating_add(TOO_YOUNG) > end)
}

/// The summary of `day`.
pub(super) fn summary(day: Day, zone: &Zone, observations: &[Observation]) -> SavingsSummary {
    let month_to_date = Compared::month_to_date(day, zone);
    let trailing = Compared::trailing_30_days(day, zone);
    let known: Vec<Known> = observations.iter().map(|one| Known::of(one, &month_to_date, &trailing)).collect();
    let mut clusters: Vec<ClusterSavings> =
        observations.iter().zip(&known).map(|(one, known)| known.told(one)).collect();
    clusters.sort_by_cached_key(|cluster| {
        let cost = cluster.figures.trailing_30_days.cost;
        (Reverse(cost), cluster.name.clone(), cluster.id.clone())
    });
    clusters.truncate(SavingsSummary::MAX_CLUSTERS);
    SavingsSummary {
        day: Some(day.to_string()),
        time_zone: Some(zone.to_string()),
        month_to_date: month_to_date.told(),
        trailing_30_days: trailing.told(),
        total: total(&known),
        clusters_in_all: Some(count(observations.len())),
        clusters,
    }
}

/// What counts of one cluster, once it is known what does not.
struct Known {
    month_to_date: [Paid; 2],
    trailing_30_days: [Paid; 2],
    offers: Offers,
    not_available: Option<NotAvailable>,
}

impl Known {
    fn of(one: &Observation, month_to_date: &Compared, trailing: &Compared) -> Self {
        let pair = |pair: &Pair, periods: &Compared| {
            [paid(one, &pair.present, &periods.present), paid(one, &pair.before, &periods.before)]
        };
        let not_available = reason(one, &trailing.present);
        let has_no_model = matches!(not_available, Some(NotAvailable::ReadOnly | NotAvailable::Young));
        let offers = one.offers.as_ref().ok().filter(|_| !has_no_model);
        Self {
            month_to_date: pair(&one.month_to_date, month_to_date),
            trailing_30_days: pair(&one.trailing_30_days, trailing),
            offers: offers.copied().unwrap_or_default(),
            not_available,
        }
    }

    fn told(&self, one: &Observation) -> ClusterSavings {
        let offers = &self.offers;
        let offer = |prices: Option<Prices>| offered([prices]);
        ClusterSavings {
            id: Some(one.id.clone()).filter(|id| !id.is_empty()),
            name: Some(one.name.clone()).filter(|name| !name.is_empty()),
            not_available: self.not_available.as_ref().map(NotAvailable::to_string),
            figures: Figures {
                month_to_date: figures(&self.month_to_date),
                trailing_30_days: figures(&self.trailing_30_days),
                potential: Potential {
                    layman: offer(offers.layman),
                    spot_instances: offer(offers.spot_instances),
                    spot_only: offer(offers.spot_only),
                    not_available: None,
                },
            },
            efficiency: one.efficiency.clone(),
        }
    }
}

/// Why savings are not available, if they are not.
fn reason(one: &Observation, period: &Period) -> Option<NotAvailable> {
    match &one.trailing_30_days.present {
        Err(reason) => Some(reason.clone()),
        Ok(_) if one.is_young_at(period.to) => Some(NotAvailable::Young),
        Ok(Paid { savings: None, .. }) => Some(NotAvailable::Untold),
        Ok(_) => None,
    }
}

/// What counts of one period: of a young cluster what it cost, but not what it saved.
fn paid(one: &Observation, measured: &Measured, period: &Period) -> Paid {
    let paid = measured.clone().unwrap_or_default();
    Paid { savings: paid.savings.filter(|_| !one.is_young_at(period.to)), ..paid }
}

fn figures([present, before]: &[Paid; 2]) -> PeriodFigures {
    PeriodFigures {
        cost: present.cost,
        cost_change: change(present.cost, before.cost),
        realised: present.savings,
        realised_percent: present.savings.zip(present.cost).and_then(|(saved, cost)| realised_share(saved, cost)),
        realised_change: change(present.savings, before.savings),
        cost_not_available: None,
        realised_not_available: None,
    }
}

fn total(known: &[Known]) -> Figures {
    let all = |offer: fn(&Offers) -> Option<Prices>| offered(known.iter().map(move |one| offer(&one.offers)));
    Figures {
        month_to_date: total_figures(known.iter().map(|one| one.month_to_date).collect()),
        trailing_30_days: total_figures(known.iter().map(|one| one.trailing_30_days).collect()),
        potential: Potential {
            layman: all(|offers| offers.layman),
            spot_instances: all(|offers| offers.spot_instances),
            spot_only: all(|offers| offers.spot_only),
            not_available: Some(count(known.iter().filter(|one| one.offers.layman.is_none()).count())),
        },
    }
}

fn total_figures(pairs: Vec<[Paid; 2]>) -> PeriodFigures {
    let present = || pairs.iter().map(|[present, _]| present);
    let total_change = |amount: fn(&Paid) -> Option<Decimal>| {
        let both: Vec<_> = pairs.iter().filter_map(|[now, before]| amount(now).zip(amount(before))).collect();
        change(sum(both.iter().map(|(now, _)| Some(*now))), sum(both.iter().map(|(_, before)| Some(*before))))
    };
    let lacking =
        |amount: fn(&Paid) -> Option<Decimal>| Some(count(present().filter(|paid| amount(paid).is_none()).count()));
    PeriodFigures {
        cost: sum(present().map(|paid| paid.cost)),
        cost_change: total_change(|paid| paid.cost),
        realised: sum(present().map(|paid| paid.savings)),
        realised_percent: total_realised_share(present()),
        realised_change: total_change(|paid| paid.savings),
        cost_not_available: lacking(|paid| paid.cost),
        realised_not_available: lacking(|paid| paid.savings),
    }
}

/// Of the clusters whose cost and savings are both known.
pub(super) fn total_realised_share<'a>(paid: impl Iterator<Item = &'a Paid>) -> Option<Decimal> {
    let both: Vec<_> = paid.filter_map(|paid| paid.savings.zip(paid.cost)).collect();
    let saved = sum(both.iter().map(|(saved, _)| Some(*saved)))?;
    realised_share(saved, sum(both.iter().map(|(_, cost)| Some(*cost)))?)
}

/// What all these prices come to together.
pub(super) fn offered(prices: impl IntoIterator<Item = Option<Prices>>) -> Offer {
    let prices: Vec<Prices> = prices.into_iter().flatten().collect();
    let before = sum(prices.iter().map(|prices| Some(prices.before)));
    let monthly = sum(prices.iter().map(|prices| Some(prices.before.saturating_sub(prices.after))));
    Offer { monthly, percent: monthly.zip(before).and_then(|(monthly, before)| share(monthly, before)) }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "tests/report.rs"]
mod tests;
