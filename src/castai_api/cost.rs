//! `GET /v1/cost-reports/clusters/{id}/…`: what a cluster cost, what was saved and what could be.
//!
//! Amounts are US dollars in decimal texts. An amount that is left out was not told, which is not the same as zero: the
//! fields are texts, and a text of zero is `"0"`. Only `summary` is trusted for totals; the items beside it are stamped
//! with the end of their day. Of clusters that CAST AI only watches it answers 400, see
//! [`ApiError::is_read_only_cluster`]. After <https://docs.cast.ai/reference/clusterreportapi_getclustersavingsreport>,
//! <https://docs.cast.ai/reference/clusterreportapi_getsavingsrecommendation> and
//! <https://docs.cast.ai/reference/clusterreportapi_getclusterefficiencyreport>.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, de};

use super::error::ApiError;
use super::{CastAi, proto_json};
use crate::event::Timestamp;

/// The largest amount that is taken for one, in dollars: far from where sums of decimals overflow.
const LARGEST_AMOUNT: i64 = 1_000_000_000_000_000;

/// What a cluster cost in a time, and what was saved by CAST AI's model.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct SavingsReport {
    /// Of the whole time.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub summary: SavingsTotals,
}

/// The totals of a [`SavingsReport`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SavingsTotals {
    /// What was paid.
    #[serde(deserialize_with = "amount")]
    pub total_cost: Option<Decimal>,
    /// What was saved; the savings of the workload autoscaler are in it already. May be negative.
    #[serde(deserialize_with = "amount")]
    pub total_savings: Option<Decimal>,
}

/// What could be saved, as of CAST AI's last look at the cluster.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EstimatedSavings {
    /// The three ways.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub recommendations: Recommendations,
}

/// The ways to save that CAST AI recommends; a way that is left out is not recommended.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Recommendations {
    /// With on-demand nodes alone.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub layman: Option<Recommendation>,
    /// With spot nodes for what tolerates them.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub spot_instances: Option<Recommendation>,
    /// With spot nodes alone.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub spot_only: Option<Recommendation>,
}

/// One way to save.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Recommendation {
    /// For a month.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub monthly: Price,
}

/// A price as it is and as it would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Price {
    /// As it is.
    #[serde(deserialize_with = "amount")]
    pub price_before: Option<Decimal>,
    /// As it would be.
    #[serde(deserialize_with = "amount")]
    pub price_after: Option<Decimal>,
}

/// How much more was provisioned than requested.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct EfficiencyReport {
    /// Of the whole time.
    #[serde(deserialize_with = "proto_json::or_default")]
    pub summary: EfficiencyTotals,
}

/// The totals of an [`EfficiencyReport`], as shares of what was provisioned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EfficiencyTotals {
    /// Of the processors.
    #[serde(deserialize_with = "amount")]
    pub cpu_overprovisioning_percent: Option<Decimal>,
    /// Of the memory.
    #[serde(deserialize_with = "amount")]
    pub ram_overprovisioning_percent: Option<Decimal>,
}

fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let amount = proto_json::optional_decimal(deserializer)?;
    match amount.is_none_or(|amount| amount.abs() <= Decimal::from(LARGEST_AMOUNT)) {
        true => Ok(amount),
        false => Err(de::Error::custom("an amount of more than a million billion dollars is none")),
    }
}

impl CastAi {
    /// What the cluster cost and saved from `from` to `to`.
    ///
    /// # Errors
    /// When CAST AI does not tell, or the id is none.
    pub async fn savings(&self, cluster: &str, from: Timestamp, to: Timestamp) -> Result<SavingsReport, ApiError> {
        self.get(&path(cluster, "savings"), &between(from, to)).await
    }

    /// What the cluster could save.
    ///
    /// # Errors
    /// When CAST AI does not tell, or the id is none.
    pub async fn estimated_savings(&self, cluster: &str) -> Result<EstimatedSavings, ApiError> {
        self.get(&path(cluster, "estimated-savings"), &[]).await
    }

    /// How well the cluster used what was provisioned from `from` to `to`; at most a year.
    ///
    /// # Errors
    /// When CAST AI does not tell, or the id is none.
    pub async fn efficiency(
        &self,
        cluster: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<EfficiencyReport, ApiError> {
        self.get(&path(cluster, "efficiency"), &between(from, to)).await
    }
}

/// The id comes from CAST AI; whatever could lead to another path is left out of it.
fn path(cluster: &str, report: &str) -> String {
    let id: String = cluster.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    format!("/v1/cost-reports/clusters/{id}/{report}")
}

fn between(from: Timestamp, to: Timestamp) -> [(&'static str, String); 2] {
    [("startTime", from.to_string()), ("endTime", to.to_string())]
}

#[cfg(test)]
#[path = "tests/cost.rs"]
mod tests;
