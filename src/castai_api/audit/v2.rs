//! `GET /v2/audit/events`, in ascending order of when things happened.
//!
//! A request for a further page repeats all parameters. Parameters and fields as in
//! <https://github.com/castai/audit-logs-receiver/tree/main/auditlogsreceiver/v2>.
//!
//! `body` comes only when it is asked for; the parameter for that is not public, so it is read where it comes.

use serde_json::{Map, Value};

use super::fields::{Fields, first_text};
use super::{Kind, Operation, Query, Wording};
use crate::castai_api::CastAi;
use crate::castai_api::page::Pages;

const PATH: &str = "/v2/audit/events";

/// The largest page the API gives.
const PAGE: u32 = 250;

/// One record.
pub type Record = super::Record<Words>;

/// The words of this version.
#[derive(Debug, Clone, PartialEq)]
pub enum Words {}

impl Wording for Words {
    const ENVELOPE: &'static str = "events";

    fn operation(record: Map<String, Value>) -> Operation {
        let mut fields = Fields::new(record);
        let kind = Kind::V2 {
            domain: fields.text("eventDomain"),
            resource: fields.text("eventResource"),
            action: fields.text("eventAction"),
        };
        let resource = fields.party("resource", ["type", "id", "displayName", "email"]);
        let labels = fields.map("labels");
        let is_cluster = resource.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("cluster"));
        let operation = Operation {
            id: fields.text("eventId"),
            organization: fields.text("tenantId"),
            occurred_at: fields.time("occurredAt"),
            ingested_at: fields.time("ingestedAt"),
            kind,
            severity: fields.severity("eventSeverity", "eventSeverityText"),
            description: fields.text("description"),
            initiator: fields.party("actor", ["type", "id", "displayName", "email"]),
            cluster_id: fields.text("clusterId").or_else(|| resource.id.clone().filter(|_| is_cluster)),
            cluster_name: first_text(&labels, &["clusterName", "cluster_name"])
                .or_else(|| resource.name.clone().filter(|_| is_cluster)),
            resource,
            labels,
            details: fields.decoded("body"),
            ..Operation::default()
        };
        let (rest, notes) = fields.rest();
        Operation { rest, notes, ..operation }
    }
}

impl CastAi {
    pub(super) fn audit_v2(&self, query: &Query) -> Pages<'_, Record> {
        let filter = &query.filter;
        let repeated = [
            ("filter.clusters", &filter.clusters),
            ("filter.domains", &filter.domains),
            ("filter.resources", &filter.resources),
            ("filter.actions", &filter.actions),
        ];
        let repeated = repeated.into_iter().flat_map(|(name, values)| values.iter().map(move |v| (name, v.clone())));
        let fixed = [
            ("fromDate", query.from.to_string()),
            ("toDate", query.to.to_string()),
            ("sort.field", "occurred_at".to_owned()),
            ("sort.order", "ASC".to_owned()),
        ];
        Pages::new(self, PATH, fixed.into_iter().chain(repeated).collect(), PAGE)
    }
}
