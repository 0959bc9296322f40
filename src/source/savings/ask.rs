//! Asks CAST AI for the figures of every cluster, a few clusters at a time.
//!
//! What CAST AI refuses to tell of one cluster is an answer, too: it is not available. What fails for the moment fails the
//! whole, so that nobody is told half of it. Makes no sums; next: [`super::report`] and [`super::threshold`].

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::periods::{Compared, Day, Period, Window};
use super::report::{Measured, NotAvailable, Observation, Offers, Paid, Pair, Prices, is_young};
use super::schedule::Zone;
use super::threshold::{Over, Reading};
use crate::castai_api::clusters::Cluster;
use crate::castai_api::cost::Recommendation;
use crate::castai_api::{ApiError, CastAi, ErrorKind};
use crate::event::Timestamp;
use crate::event::savings::Efficiency;
use crate::source::polling::PollError;

/// Clusters asked about side by side: what a person with a few open tabs asks of CAST AI.
const SIDE_BY_SIDE: usize = 4;

/// What a cluster is called that is gone, where its time of deletion is not told.
const DELETED: &str = "deleted";

/// How long to wait for a cluster whose figures cannot be had for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as it takes: the whole is asked for again.
    Boundless,
    /// No longer: that cluster is not available this time, as long as others are.
    AtItsEnd,
}

/// Everything a summary of `day` needs, about each cluster that is not deleted.
pub(super) async fn observe(
    castai: &CastAi,
    day: Day,
    zone: &Zone,
    patience: Patience,
) -> Result<Vec<Observation>, PollError> {
    let (month_to_date, trailing) = (Compared::month_to_date(day, zone), Compared::trailing_30_days(day, zone));
    let periods = Periods { month_to_date, trailing };
    let clusters = clusters(castai).await?;
    let one = |cluster| Asker { castai, patience }.observe(cluster, periods);
    let observations: Vec<Observation> = stream::iter(clusters).map(one).buffered(SIDE_BY_SIDE).try_collect().await?;
    let is_unanswered = |one: &Observation| matches!(one.trailing_30_days.present, Err(NotAvailable::Unanswered(_)));
    match observations.first().filter(|_| observations.iter().all(is_unanswered)) {
        Some(Observation { trailing_30_days: Pair { present: Err(reason), .. }, .. }) => {
            let detail = format!("CAST AI tells the savings of no cluster: {reason}");
            Err(PollError { detail, retry_after: None })
        }
        _ => Ok(observations),
    }
}

/// What thresholds need: each of `windows` for each cluster that `counts`, with offers where `with_offers`.
pub(super) async fn read(
    castai: &CastAi,
    windows: &BTreeMap<Over, Window>,
    with_offers: bool,
    counts: impl Fn(&Cluster) -> bool,
) -> Result<BTreeMap<Over, Vec<Reading>>, PollError> {
    let clusters: Vec<Cluster> = clusters(castai).await?.into_iter().filter(counts).collect();
    let asker = Asker { castai, patience: Patience::Boundless };
    let one = |cluster: Cluster| async move { asker.read(&cluster, windows, with_offers).await };
    let all: Vec<Vec<(Over, Reading)>> = stream::iter(clusters).map(one).buffered(SIDE_BY_SIDE).try_collect().await?;
    let mut readings: BTreeMap<Over, Vec<Reading>> = windows.keys().map(|over| (*over, Vec::new())).collect();
    for (over, reading) in all.into_iter().flatten() {
        readings.entry(over).or_default().push(reading);
    }
    Ok(readings)
}

async fn clusters(castai: &CastAi) -> Result<Vec<Cluster>, ApiError> {
    let page = castai.clusters().await?;
    for unreadable in &page.unreadable {
        tracing::warn!(
            error = unreadable.error,
            "a cluster in CAST AI's list cannot be read; it has no part in the savings"
        );
    }
    let is_there = |cluster: &Cluster| {
        let status = cluster.status.as_deref().unwrap_or_default();
        cluster.deleted_at.is_none() && !status.eq_ignore_ascii_case(DELETED)
    };
    Ok(page.items.into_iter().filter(is_there).collect())
}

#[derive(Clone, Copy)]
struct Periods {
    month_to_date: Compared,
    trailing: Compared,
}

/// Asks about one cluster.
#[derive(Clone, Copy)]
struct Asker<'a> {
    castai: &'a CastAi,
    patience: Patience,
}

impl Asker<'_> {
    async fn observe(self, cluster: Cluster, periods: Periods) -> Result<Observation, ApiError> {
        let Periods { month_to_date, trailing } = periods;
        let present = self.paid(&cluster.id, &trailing.present).await?;
        if present == Err(NotAvailable::ReadOnly) {
            return Ok(read_only(cluster));
        }
        Ok(Observation {
            trailing_30_days: Pair { present, before: self.paid(&cluster.id, &trailing.before).await? },
            month_to_date: Pair {
                present: self.paid(&cluster.id, &month_to_date.present).await?,
                before: self.paid(&cluster.id, &month_to_date.before).await?,
            },
            offers: self.offers(&cluster.id).await?,
            efficiency: self.efficiency(&cluster.id, &trailing.present).await,
            created_at: cluster.created_at,
            id: cluster.id,
            name: cluster.name,
        })
    }

    /// One reading for each window.
    async fn read(
        self,
        cluster: &Cluster,
        windows: &BTreeMap<Over, Window>,
        with_offers: bool,
    ) -> Result<Vec<(Over, Reading)>, ApiError> {
        let mut readings = Vec::with_capacity(windows.len());
        let mut has_model = true;
        for (over, window) in windows {
            let measured = self.paid_between(&cluster.id, window.from, window.to).await?;
            has_model &= measured != Err(NotAvailable::ReadOnly) && !is_young(cluster.created_at, window.to);
            let paid = measured.unwrap_or_default();
            let paid = Paid { savings: paid.savings.filter(|_| has_model), ..paid };
            let (id, name) = (cluster.id.clone(), cluster.name.clone());
            readings.push((*over, Reading { id, name, paid, prices: None }));
        }
        if with_offers && has_model {
            let layman = self.offers(&cluster.id).await?.ok().and_then(|offers| offers.layman);
            readings.iter_mut().for_each(|(_, reading)| reading.prices = layman);
        }
        Ok(readings)
    }

    async fn paid(self, cluster: &str, period: &Period) -> Result<Measured, ApiError> {
        self.paid_between(cluster, period.from, period.to).await
    }

    async fn paid_between(self, cluster: &str, from: Timestamp, to: Timestamp) -> Result<Measured, ApiError> {
        match self.castai.savings(cluster, from, to).await {
            Ok(report) => {
                let totals = report.summary;
                Ok(Ok(Paid { cost: totals.total_cost, savings: totals.total_savings }))
            }
            Err(error) => self.refused(error).map(Err),
        }
    }

    async fn offers(self, cluster: &str) -> Result<Result<Offers, NotAvailable>, ApiError> {
        match self.castai.estimated_savings(cluster).await {
            Ok(estimated) => {
                let ways = estimated.recommendations;
                Ok(Ok(Offers {
                    layman: ways.layman.and_then(prices),
                    spot_instances: ways.spot_instances.and_then(prices),
                    spot_only: ways.spot_only.and_then(prices),
                }))
            }
            Err(error) => self.refused(error).map(Err),
        }
    }

    /// Told where it can be had; nobody waits for it.
    async fn efficiency(self, cluster: &str, period: &Period) -> Efficiency {
        match self.castai.efficiency(cluster, period.from, period.to).await {
            Ok(report) => Efficiency {
                cpu_overprovisioned_percent: report.summary.cpu_overprovisioning_percent,
                memory_overprovisioned_percent: report.summary.ram_overprovisioning_percent,
            },
            Err(error) => {
                tracing::debug!(%error, "a summary goes without the efficiency of a cluster");
                Efficiency::default()
            }
        }
    }

    /// Why a figure is not available, where the error is about this cluster and will stay.
    fn refused(self, error: ApiError) -> Result<NotAvailable, ApiError> {
        let told = || match error.status() {
            Some(status) => format!("CAST AI answers {status}: {}", error.said()),
            None => error.said().to_owned(),
        };
        match error.kind() {
            _ if error.is_read_only_cluster() => Ok(NotAvailable::ReadOnly),
            ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Refused | ErrorKind::Malformed => {
                Ok(NotAvailable::Refused(told()))
            }
            ErrorKind::Failed | ErrorKind::TimedOut if self.patience == Patience::AtItsEnd => {
                Ok(NotAvailable::Unanswered(told()))
            }
            _ => Err(error),
        }
    }
}

fn read_only(cluster: Cluster) -> Observation {
    let pair = || Pair { present: Err(NotAvailable::ReadOnly), before: Err(NotAvailable::ReadOnly) };
    Observation {
        id: cluster.id,
        name: cluster.name,
        created_at: cluster.created_at,
        month_to_date: pair(),
        trailing_30_days: pair(),
        offers: Err(NotAvailable::ReadOnly),
        efficiency: Efficiency::default(),
    }
}

/// `None` where one of the two prices was not told: half of a difference is none.
fn prices(way: Recommendation) -> Option<Prices> {
    Some(Prices { before: way.monthly.price_before?, after: way.monthly.price_after? })
}
