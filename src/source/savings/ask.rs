//! Asks CAST AI for the figures of every cluster, a few clusters at a time.
//!
//! What CAST AI refuses to tell of one cluster is an answer, too: it is not available. What fails for the moment fails the
//! whole, so that nobody is told half of it; so does what is refused of every cluster, for then the key or the organisation is
//! wrong. Makes no sums; next: [`super::report`] and [`super::threshold`].

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use super::periods::{Compared, Day, Period, Window};
use super::report::{Measured, NotAvailable, Observation, Offers, Paid, Pair, Prices, is_young};
use super::threshold::{Over, Reading, Refused};
use crate::castai_api::clusters::Cluster;
use crate::castai_api::cost::Recommendation;
use crate::castai_api::{ApiError, CastAi, ErrorKind};
use crate::event::savings::Efficiency;
use crate::event::{Timestamp, Zone};
use crate::source::polling::PollError;

/// Clusters asked about side by side: what a person with a few open tabs asks of CAST AI.
const SIDE_BY_SIDE: usize = 4;

/// What a cluster is called that is gone, where its time of deletion is not told.
const DELETED: &str = "deleted";

/// How long to wait for a cluster whose figures cannot be had for the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// As long as it takes: the whole is asked for again. Nor is a summary of nothing wanted yet.
    Boundless,
    /// No longer: that cluster is not available this time, as long as others are.
    AtItsEnd,
}

/// Everything a summary of `day` needs, about each cluster that is not deleted.
///
/// An error when CAST AI could tell of no cluster; while there is patience also when it refuses to, or lists none.
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
    let waits = patience == Patience::Boundless;
    if observations.is_empty() && waits {
        return Err(nothing_listed());
    }
    let lost = |one: &Observation| match &one.trailing_30_days.present {
        Err(reason @ NotAvailable::Refused(_)) if waits => Some(reason.to_string()),
        Err(reason @ NotAvailable::Unanswered(_)) => Some(reason.to_string()),
        _ => None,
    };
    match observations.iter().map(lost).collect::<Option<Vec<_>>>().and_then(|reasons| reasons.into_iter().next()) {
        Some(reason) => Err(told_of_none("savings", &reason)),
        None => Ok(observations),
    }
}

/// What CAST AI answered about the clusters that count.
pub(super) struct Answers {
    pub readings: BTreeMap<Over, Vec<Reading>>,
    /// Whether CAST AI lists no cluster at all.
    pub is_empty: bool,
    /// What it refuses to tell of any cluster, so that some thresholds have nothing to look at.
    pub refused: Option<PollError>,
}

/// What thresholds need: each of `windows` for each cluster that `counts`, with offers where `with_offers`.
pub(super) async fn read(
    castai: &CastAi,
    windows: &BTreeMap<Over, Window>,
    with_offers: bool,
    counts: impl Fn(&Cluster) -> bool,
) -> Result<Answers, PollError> {
    let listed = clusters(castai).await?;
    let is_empty = listed.is_empty();
    let asker = Asker { castai, patience: Patience::Boundless };
    let one = |cluster: Cluster| async move { asker.read(&cluster, windows, with_offers).await };
    let clusters = stream::iter(listed.into_iter().filter(counts));
    let all: Vec<Answer> = clusters.map(one).buffered(SIDE_BY_SIDE).try_collect().await?;
    let savings = complaint("savings", all.iter().map(|answer| &answer.savings));
    let offers = complaint("potential savings", all.iter().map(|answer| &answer.offers));
    let mut readings: BTreeMap<Over, Vec<Reading>> = windows.keys().map(|over| (*over, Vec::new())).collect();
    for (over, reading) in all.into_iter().flat_map(|answer| answer.readings) {
        readings.entry(over).or_default().push(reading);
    }
    Ok(Answers { readings, is_empty, refused: savings.or(offers) })
}

/// A list of clusters without any.
pub(super) fn nothing_listed() -> PollError {
    let detail =
        "CAST AI lists no cluster; if there are some, set `castai.organization_id` to the organisation they are \
                  in: of another one the list is empty"
            .to_owned();
    PollError { detail, retry_after: None }
}

fn told_of_none(what: &str, reason: &str) -> PollError {
    let detail = format!(
        "CAST AI tells the {what} of no cluster: {reason}; check that the key may read cost reports, as Viewer may, and \
         that `castai.organization_id` is the organisation the clusters are in"
    );
    PollError { detail, retry_after: None }
}

/// What was answered about one cluster, for thresholds.
struct Answer {
    readings: Vec<(Over, Reading)>,
    savings: Said,
    offers: Said,
}

/// Whether CAST AI told what it was asked.
enum Said {
    Unasked,
    Told,
    Refused(String),
}

impl Said {
    fn of<T>(answer: &Result<T, NotAvailable>) -> Self {
        match answer {
            Err(reason @ NotAvailable::Refused(_)) => Self::Refused(reason.to_string()),
            _ => Self::Told,
        }
    }

    fn is_refused(&self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

/// What to complain of when all who were asked for refused; when only some did, it is logged.
fn complaint<'a>(what: &str, said: impl Iterator<Item = &'a Said>) -> Option<PollError> {
    let asked: Vec<&Said> = said.filter(|said| !matches!(said, Said::Unasked)).collect();
    let reasons = asked.iter().filter_map(|said| if let Said::Refused(reason) = said { Some(reason) } else { None });
    let (refused, reason) = (reasons.clone().count(), reasons.clone().next()?);
    if refused == asked.len() {
        return Some(told_of_none(what, reason));
    }
    tracing::warn!(
        what,
        refused,
        of = asked.len(),
        reason,
        "CAST AI refuses to tell of some clusters; thresholds on their total are not watched meanwhile"
    );
    None
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
    ) -> Result<Answer, ApiError> {
        let mut readings = Vec::with_capacity(windows.len());
        let (mut has_model, mut savings) = (true, Said::Told);
        for (over, window) in windows {
            let measured = self.paid_between(&cluster.id, window.from, window.to).await?;
            let is_young = is_young(cluster.created_at, window.to);
            has_model &= measured != Err(NotAvailable::ReadOnly) && !is_young;
            let said = Said::of(&measured);
            // A young cluster has no savings by nature, so nothing is withheld.
            let refused = Refused { paid: said.is_refused() && !is_young, prices: false };
            savings = if said.is_refused() { said } else { savings };
            let paid = measured.unwrap_or_default();
            let paid = Paid { savings: paid.savings.filter(|_| has_model), ..paid };
            let (id, name) = (cluster.id.clone(), cluster.name.clone());
            readings.push((*over, Reading { id, name, paid, prices: None, refused }));
        }
        if !with_offers || !has_model {
            return Ok(Answer { readings, savings, offers: Said::Unasked });
        }
        let offers = self.offers(&cluster.id).await?;
        let said = Said::of(&offers);
        let layman = offers.ok().and_then(|offers| offers.layman);
        for (_, reading) in &mut readings {
            reading.prices = layman;
            reading.refused.prices = said.is_refused();
        }
        Ok(Answer { readings, savings, offers: said })
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
            ErrorKind::Forbidden
            | ErrorKind::NotFound
            | ErrorKind::Redirected
            | ErrorKind::Refused
            | ErrorKind::Malformed => Ok(NotAvailable::Refused(told())),
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
