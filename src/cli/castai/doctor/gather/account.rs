//! Asks CAST AI for a little of everything the configured sources will ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::super::facts::{self, Account, Answer, Call, Elsewhere, Refusal};
use crate::app::settings::Settings;
use crate::castai_api::audit::{Filter, Query};
use crate::castai_api::clusters::{self, Cluster};
use crate::castai_api::notifications::Notification;
use crate::castai_api::webhooks::WebhookConfig;
use crate::castai_api::{ApiError, ApiUrl, CastAi, Config, ErrorKind, Page};
use crate::config::Span;
use crate::names::SourceName;
use crate::runtime::Clock;

/// The regions that are known by name.
const REGIONS: [(&str, ApiUrl); 2] = [("us", ApiUrl::Us), ("eu", ApiUrl::Eu)];
/// As much of the audit log as is asked for, to see whether it may be read.
const LITTLE: Duration = Duration::from_secs(60);

/// What CAST AI says, and its clock if it told the time.
pub(super) async fn ask(
    castai: &CastAi,
    settings: &Settings,
    clock: &Arc<dyn Clock>,
    patience: Duration,
) -> (Account, Option<facts::ClockReading>) {
    let asker = Asker { castai, settings, clock, patience };
    let (clusters, webhooks, notifications, audit) =
        tokio::join!(asker.clusters(), asker.webhooks(), asker.notifications(), asker.audit());
    let known = clusters.as_ref().ok().map(|(clusters, _)| clusters.clone());
    let costs = asker.costs(known.as_deref()).await;
    let organizations = organizations(webhooks.as_ref().ok(), notifications.as_ref());
    let empty = |list: Option<usize>| list == Some(0);
    let is_empty = empty(known.as_ref().map(Vec::len)) && empty(webhooks.as_ref().ok().map(Vec::len));
    let calls = [
        Some((Call::CLUSTERS, "the names of clusters", answer(&clusters))),
        Some((Call::WEBHOOKS, "`castai setup` and this diagnosis", answer(&webhooks))),
        notifications.as_ref().map(|asked| (Call::NOTIFICATIONS, "`sources.notifications`", answer(asked))),
        audit.as_ref().map(|asked| (Call::AUDIT, "`sources.audit_log`", answer(asked))),
        costs.map(|answer| (Call::COSTS, "`sources.savings`", answer)),
    ];
    let calls: Vec<Call> =
        calls.into_iter().flatten().map(|(what, needed_by, answer)| Call { what, needed_by, answer }).collect();
    let refused = calls.iter().filter_map(Call::refusal).any(|refusal| refusal.kind == ErrorKind::Unauthorized);
    let any_good = calls.iter().any(|call| call.answer == Answer::Good);
    let account = Account {
        at: castai.api_url().to_string(),
        organization: castai.organization_id().map(str::to_owned),
        elsewhere: if refused && !any_good { elsewhere(settings, clock, patience).await } else { vec![] },
        calls,
        organizations,
        clusters: known.map(names),
        webhooks: webhooks.ok(),
        is_empty,
    };
    (account, clusters.ok().and_then(|(_, time)| time))
}

struct Asker<'a> {
    castai: &'a CastAi,
    settings: &'a Settings,
    clock: &'a Arc<dyn Clock>,
    patience: Duration,
}

impl Asker<'_> {
    async fn in_time<T>(&self, asking: impl Future<Output = Result<T, ApiError>>) -> Result<T, Refusal> {
        in_time(self.patience, asking).await
    }

    fn has(&self, source: &SourceName) -> bool {
        self.settings.sources.polled().contains(source)
    }

    /// The clusters that are not gone, and what time it was there.
    async fn clusters(&self) -> Result<(Vec<Cluster>, Option<facts::ClockReading>), Refusal> {
        let received = self.in_time(self.castai.get_raw(clusters::PATH, &[])).await?;
        let page = Page::<Cluster>::read(&received.body).map_err(|error| malformed(&error))?;
        let alive = page.items.into_iter().filter(|cluster| cluster.deleted_at.is_none()).collect();
        let whose = "CAST AI".to_owned();
        let time = received.date.map(|theirs| facts::ClockReading { whose, theirs, ours: received.at });
        Ok((alive, time))
    }

    async fn webhooks(&self) -> Result<Vec<WebhookConfig>, Refusal> {
        Ok(self.in_time(self.castai.webhooks()).await?.items)
    }

    async fn notifications(&self) -> Option<Result<Vec<Notification>, Refusal>> {
        if !self.has(&SourceName::notifications()) {
            return None;
        }
        let mut pages = self.castai.notifications(1);
        let page = self.in_time(pages.next()).await;
        Some(page.map(|page| page.map(|page| page.items).unwrap_or_default()))
    }

    async fn audit(&self) -> Option<Result<(), Refusal>> {
        let config = self.settings.sources.audit_log.as_ref()?;
        let now = self.clock.now();
        let query = Query { from: now.saturating_sub(LITTLE), to: now, filter: Filter::default() };
        let mut walk = self.castai.audit(config.version, &query);
        Some(self.in_time(walk.next()).await.map(drop))
    }

    /// Costs are told by cluster, so there must be one to ask about.
    async fn costs(&self, clusters: Option<&[Cluster]>) -> Option<Answer> {
        if !self.has(&SourceName::savings()) {
            return None;
        }
        let Some(clusters) = clusters else {
            return Some(Answer::NotAsked("not known as long as the list of clusters cannot be read"));
        };
        let Some(cluster) = clusters.iter().find(|cluster| cluster.is_phase2) else {
            return Some(Answer::NotAsked(
                "there is no cluster that CAST AI manages, so there is nothing to ask about",
            ));
        };
        let asked = self.castai.estimated_savings(&cluster.id);
        // A cluster that CAST AI only watches has no such number; that is an answer.
        let asked = async {
            asked.await.map(drop).or_else(|error| if error.is_read_only_cluster() { Ok(()) } else { Err(error) })
        };
        Some(answer(&self.in_time(asked).await))
    }
}

async fn in_time<T>(patience: Duration, asking: impl Future<Output = Result<T, ApiError>>) -> Result<T, Refusal> {
    match tokio::time::timeout(patience, asking).await {
        Ok(answer) => answer.map_err(|error| Refusal::from(&error)),
        Err(_) => {
            let said = format!("no answer within {} ms", patience.as_millis());
            let cure = "try again, with a longer `--patience`; if it lasts, see https://status.cast.ai/".to_owned();
            Err(Refusal { kind: ErrorKind::TimedOut, said, cure })
        }
    }
}

fn malformed(error: &serde_json::Error) -> Refusal {
    let cure = "check that `castai.api_url` is the API and not the console".to_owned();
    Refusal { kind: ErrorKind::Malformed, said: error.to_string(), cure }
}

fn answer<T>(asked: &Result<T, Refusal>) -> Answer {
    asked.as_ref().map_or_else(|refusal| Answer::Refused(refusal.clone()), |_| Answer::Good)
}

fn names(clusters: Vec<Cluster>) -> BTreeMap<String, String> {
    let named = |cluster: Cluster| {
        let name = if cluster.name.is_empty() { cluster.id.clone() } else { cluster.name };
        (cluster.id, name)
    };
    clusters.into_iter().map(named).collect()
}

fn organizations(
    webhooks: Option<&Vec<WebhookConfig>>,
    notifications: Option<&Result<Vec<Notification>, Refusal>>,
) -> Vec<String> {
    let webhooks = webhooks.into_iter().flatten().filter_map(|webhook| webhook.organization_id.clone());
    let notifications = notifications.and_then(|asked| asked.as_ref().ok()).into_iter().flatten();
    let notifications = notifications.filter_map(|notification| notification.organization_id.clone());
    webhooks.chain(notifications).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Tries the key in the regions it was not meant for: only they can say whether it is theirs.
async fn elsewhere(settings: &Settings, clock: &Arc<dyn Clock>, patience: Duration) -> Vec<Elsewhere> {
    let Some(config) = &settings.castai else { return vec![] };
    let mut others = Vec::new();
    for (written, api_url) in REGIONS.into_iter().filter(|(_, url)| *url != config.api_url) {
        let there = Config { api_url, timeout: Span::from_secs(patience.as_secs().max(1)), ..config.clone() };
        let there = CastAi::new(there, settings.http.clone(), clock.clone());
        let accepts = match in_time(patience, there.get_raw(clusters::PATH, &[])).await {
            Ok(_) => Some(true),
            Err(refusal) => match refusal.kind {
                ErrorKind::Unauthorized => Some(false),
                ErrorKind::Forbidden | ErrorKind::NotFound | ErrorKind::Refused => Some(true),
                _ => None,
            },
        };
        others.push(Elsewhere { written, accepts });
    }
    others
}
