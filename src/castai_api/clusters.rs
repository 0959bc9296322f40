//! `GET /v1/kubernetes/external-clusters`: which clusters there are, and how they are.
//!
//! One answer holds all of them. Fields after CAST AI's OpenAPI file, <https://api.cast.ai/v1/spec/openapi.json>.

use serde::Deserialize;

use super::error::ApiError;
use super::page::{Listed, Page};
use super::{CastAi, proto_json};
use crate::event::Timestamp;

/// Where they are listed.
pub const PATH: &str = "/v1/kubernetes/external-clusters";

/// One cluster. A cluster without an id cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// CAST AI's id.
    #[serde(deserialize_with = "proto_json::required_text")]
    pub id: String,
    /// As users know it.
    #[serde(default, deserialize_with = "proto_json::text")]
    pub name: String,
    /// `ready`, `warning`, `failed`, `deleted`, …; an open set.
    #[serde(default, deserialize_with = "proto_json::optional_text")]
    pub status: Option<String>,
    /// `eks`, `gke`, `aks`, …
    #[serde(default, deserialize_with = "proto_json::optional_text")]
    pub provider_type: Option<String>,
    /// Whether CAST AI manages it; otherwise it only watches, and has no savings to tell.
    #[serde(default, deserialize_with = "proto_json::or_default")]
    pub is_phase2: bool,
    /// When it was connected.
    #[serde(default, deserialize_with = "proto_json::time")]
    pub created_at: Option<Timestamp>,
    /// When it was deleted; gone clusters stay listed for a while.
    #[serde(default, deserialize_with = "proto_json::time")]
    pub deleted_at: Option<Timestamp>,
}

impl Listed for Cluster {
    const ENVELOPE: &'static str = "items";
}

impl CastAi {
    /// Every cluster of the organisation, deleted ones included as long as CAST AI lists them.
    ///
    /// # Errors
    /// When CAST AI does not tell.
    pub async fn clusters(&self) -> Result<Page<Cluster>, ApiError> {
        self.page(PATH, &[]).await
    }
}
