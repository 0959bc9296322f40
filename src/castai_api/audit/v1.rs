//! `GET /v1/audit`, newest first.
//!
//! A request for a further page carries its cursor and the size of a page, and nothing else. Slow in large
//! organisations: ask for short stretches. Parameters and fields as in
//! <https://github.com/castai/audit-logs-receiver/tree/main/auditlogsreceiver> and in the full SDK of 2022,
//! <https://github.com/castai/terraform-provider-castai>.

use serde_json::{Map, Value};

use super::fields::{Fields, first_text};
use super::{Kind, Operation, Party, Query, Wording};
use crate::castai_api::CastAi;
use crate::castai_api::page::{FollowUp, Pages};

const PATH: &str = "/v1/audit";

/// The SDK says 1 to 500, the receiver 10 to 1000: this is right for both.
const PAGE: u32 = 500;

/// One record.
pub type Record = super::Record<Words>;

/// The words of this version.
#[derive(Debug, Clone, PartialEq)]
pub enum Words {}

impl Wording for Words {
    const ENVELOPE: &'static str = "items";

    fn operation(record: Map<String, Value>) -> Operation {
        let mut fields = Fields::new(record);
        let labels = fields.map("labels");
        let details = fields.decoded("event");
        // `{type, text}`, beside or, in case, instead of `eventType`.
        let action = fields.party("operation", ["type", "id", "text", "email"]);
        let operation = Operation {
            id: fields.text("id"),
            occurred_at: fields.time("time"),
            kind: Kind::V1(fields.text("eventType").or(action.kind)),
            description: action.name,
            initiator: fields.party("initiatedBy", ["type", "id", "name", "email"]),
            resource: node(&labels, details.as_ref()),
            cluster_id: first_text(&labels, &["clusterId", "cluster_id"]),
            cluster_name: first_text(&labels, &["clusterName", "cluster_name"]),
            labels,
            details,
            ..Operation::default()
        };
        let (rest, notes) = fields.rest();
        Operation { rest, notes, ..operation }
    }
}

/// The only resource v1 is known to name.
fn node(labels: &Map<String, Value>, details: Option<&Value>) -> Party {
    let told = details.and_then(|details| details.get("node")?.as_object());
    let id = first_text(labels, &["nodeId", "node_id"]).or_else(|| first_text(told?, &["id"]));
    let name = told.and_then(|node| first_text(node, &["name"])).or_else(|| first_text(labels, &["nodeName"]));
    let kind = (id.is_some() || name.is_some()).then(|| "node".to_owned());
    Party { kind, id, name, email: None }
}

impl CastAi {
    pub(super) fn audit_v1(&self, query: &Query) -> Pages<'_, Record> {
        let times = [("fromDate", query.from.to_string()), ("toDate", query.to.to_string())];
        // There is room for one cluster; records of several are left to whoever asked.
        let cluster = match query.filter.clusters.as_slice() {
            [cluster] => Some(("clusterId", cluster.clone())),
            _ => None,
        };
        let query = times.into_iter().chain(cluster).collect();
        Pages::new(self, PATH, query, PAGE).following_up(FollowUp::CursorOnly)
    }
}
