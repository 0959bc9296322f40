//! Asks the API server of the cluster that is watched whether it lets itself be watched.

use std::time::Duration;

use super::super::facts::Kubernetes;
#[cfg(feature = "kubernetes")]
use super::super::facts::Obstacle;
use crate::app::settings::Settings;
#[cfg(feature = "kubernetes")]
use crate::source::kubernetes::{Trouble, TroubleKind, reach};

/// What the API server lets us do, where a cluster is watched.
#[cfg(feature = "kubernetes")]
pub(super) async fn watched(settings: &Settings, patience: Duration) -> Option<Kubernetes> {
    let config = settings.sources.kubernetes.as_ref()?;
    let obstacle = |trouble: Trouble| Obstacle { said: trouble.detail, cure: trouble.kind.cure().to_owned() };
    let reached = match tokio::time::timeout(patience, reach(config)).await {
        Ok(Ok(reached)) => reached,
        Ok(Err(trouble)) => return Some(Kubernetes::Unreached(obstacle(trouble))),
        Err(_) => {
            let said = format!("the API server gave no answer within {} ms", patience.as_millis());
            let cure = TroubleKind::Unreachable.cure().to_owned();
            return Some(Kubernetes::Unreached(Obstacle { said, cure }));
        }
    };
    let watched = reached.into_iter().map(|reach| (reach.watched, reach.allowed.err().map(obstacle)));
    Some(Kubernetes::Reached(watched.collect()))
}

/// Without the feature there is no section either.
#[cfg(not(feature = "kubernetes"))]
pub(super) async fn watched(_: &Settings, _: Duration) -> Option<Kubernetes> {
    None
}
