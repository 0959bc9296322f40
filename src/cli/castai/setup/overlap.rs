//! Which webhook configurations tell one notification twice, so that the first one decides what it is taken for.
//!
//! Pure. Used by [`super`] and by the diagnosis.

use std::fmt;

use crate::castai_api::webhooks::WebhookConfig;

/// A configuration for all categories beside others that are for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    /// The one for all.
    pub name: String,
    /// What the others are for.
    pub categories: Vec<String>,
}

impl fmt::Display for Doubled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` (all categories) already covers {}", self.name, self.categories.join(", "))
    }
}

/// Each configuration for all categories that shares notifications with one for a single category. `configs` are
/// those that call this relay.
pub fn doubled(configs: &[&WebhookConfig]) -> Vec<Doubled> {
    let shared = |all: &WebhookConfig| {
        let others = configs.iter().filter(|other| share(all, other));
        let mut categories: Vec<String> = others.filter_map(|other| other.category.clone()).collect();
        categories.sort();
        categories.dedup();
        categories
    };
    let for_all = configs.iter().filter(|config| config.category.is_none());
    let doubled = for_all.map(|all| Doubled { name: all.name.clone(), categories: shared(all) });
    doubled.filter(|doubled| !doubled.categories.is_empty()).collect()
}

/// Whether there can be a notification that both are for, category aside.
fn share(one: &WebhookConfig, other: &WebhookConfig) -> bool {
    let organizations = (&one.organization_id, &other.organization_id);
    let same_organization = !matches!(organizations, (Some(one), Some(other)) if one != other);
    let severity = |own: &String| other.severity_triggers.iter().any(|theirs| theirs.eq_ignore_ascii_case(own));
    let (clusters, theirs) = (&one.cluster_triggers.cluster_ids, &other.cluster_triggers.cluster_ids);
    let same_cluster = clusters.is_empty() || theirs.is_empty() || clusters.iter().any(|id| theirs.contains(id));
    let clusterless = one.include_clusterless && other.include_clusterless;
    same_organization && one.severity_triggers.iter().any(severity) && (same_cluster || clusterless)
}
