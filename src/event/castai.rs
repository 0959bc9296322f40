//! The kinds of event: a typed variant for each one we know, and an honest one for the rest.
//!
//! The four names of the canon are `node.added`, `node.removed`, `node.spot_interrupted`, `savings.threshold`.
//! Reading a variant out of loose fields is total: a field that is missing or of the wrong type becomes `None`
//! and a note, never a lost event. To add a kind: one variant and one row in [`KINDS`].
//! Next: [`super::delivery`], what an event owes.

use serde_json::{Map, Value};

use super::Severity;
use super::audit::Audit;
use super::fields::Fields;
use super::relay::RelayReport;
use super::savings::{Savings, SavingsSummary};

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum CastAIEvent {
    /// A node joined the cluster.
    NodeAdded(Node),
    /// A node left the cluster.
    NodeRemoved(Node),
    /// The cloud provider announced that it takes a spot node back.
    NodeSpotInterrupted(Node),
    /// A configured savings threshold was crossed.
    SavingsThreshold(Savings),
    /// What was saved until a day began, in total and per cluster.
    SavingsSummary(Box<SavingsSummary>),
    /// One of CAST AI's own notifications, <https://docs.cast.ai/docs/notifications>.
    Notification(Notification),
    /// One of the cluster's own Events about CAST AI's components, or told by its autoscaler.
    Kubernetes(KubernetesEvent),
    /// A record of CAST AI's audit log that is none of the above.
    Audit(Audit),
    /// Something the relay has to say about itself.
    Relay(RelayReport),
    /// A kind we do not know. Its fields are all in `data`; its type is kept.
    Unrecognized {
        /// The sender's word for it, or `unrecognized` when it gave none.
        event_type: String,
    },
}

/// What is known of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Node {
    /// The Kubernetes node name.
    pub name: Option<String>,
    /// The cloud provider's instance type, `m6i.2xlarge`.
    pub instance_type: Option<String>,
    /// `spot`, `on-demand`, `fallback`, …
    pub lifecycle: Option<String>,
    /// Why it was added or removed, `scale-down`; why it is drained, `spot-interruption`.
    pub action: Option<String>,
    /// The availability zone, `eu-central-1a`.
    pub zone: Option<String>,
    /// CAST AI's own id of the node, a UUID.
    pub node_id: Option<String>,
    /// The cloud provider's id of the machine, `aws:///eu-central-1a/i-0123456789abcdef0`.
    pub provider_id: Option<String>,
}

/// The parts every CAST AI notification has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notification {
    /// The short name, `Pending pod detected`. Spellings drift over time: match it by pattern.
    pub name: Option<String>,
    /// The summary in one line.
    pub message: Option<String>,
}

/// What is known of a Kubernetes Event, in Kubernetes' own words,
/// <https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/>.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubernetesEvent {
    /// Why it was written, one word: `BackOff`, `UpgradeFailed`.
    pub reason: Option<String>,
    /// What happened, for people.
    pub message: Option<String>,
    /// Who says so: `kubelet`, `autoscaler.cast.ai`.
    pub component: Option<String>,
    /// How often it has happened so far.
    pub count: Option<u64>,
    /// The kind of what it is about, `Pod`.
    pub object_kind: Option<String>,
    /// The namespace of what it is about; none for what has no namespace, such as a node.
    pub object_namespace: Option<String>,
    /// The name of what it is about.
    pub object_name: Option<String>,
}

/// The types we know, each with its default severity.
pub const KINDS: &[(&str, Severity)] = &[
    ("node.added", Severity::Info),
    ("node.removed", Severity::Info),
    ("node.spot_interrupted", Severity::Warning),
    ("savings.threshold", Severity::Warning),
    (CastAIEvent::SAVINGS_SUMMARY, Severity::Info),
    (CastAIEvent::NOTIFICATION, Severity::Warning),
    (CastAIEvent::KUBERNETES, Severity::Info),
    ("relay.body_rejected", Severity::Error),
    ("relay.delivery_dead", Severity::Error),
    ("relay.webhook_gap", Severity::Warning),
    ("relay.source_silent", Severity::Error),
    ("relay.target_paused", Severity::Error),
    ("relay.target_resumed", Severity::Success),
    ("relay.drill_failed", Severity::Error),
];

impl CastAIEvent {
    /// The type of an event whose sender gave none.
    pub const UNRECOGNIZED: &str = "unrecognized";
    /// The type of CAST AI's own notifications.
    pub const NOTIFICATION: &str = "castai.notification";
    /// The type of the scheduled savings summary.
    pub const SAVINGS_SUMMARY: &str = "savings.summary";
    /// The type of Kubernetes' own Events.
    pub const KUBERNETES: &str = "kubernetes.event";

    /// Reads the variant named by `event_type` out of the particulars. Total: what does not fit becomes a note.
    pub fn read(event_type: &str, data: &Map<String, Value>, notes: &mut Vec<String>) -> Self {
        let mut fields = Fields::new(data, notes);
        match event_type {
            "node.added" => Self::NodeAdded(Node::read(&mut fields)),
            "node.removed" => Self::NodeRemoved(Node::read(&mut fields)),
            "node.spot_interrupted" => Self::NodeSpotInterrupted(Node::read(&mut fields)),
            "savings.threshold" => Self::SavingsThreshold(Savings::read(&mut fields)),
            Self::SAVINGS_SUMMARY => Self::SavingsSummary(Box::new(SavingsSummary::read(&mut fields))),
            Self::KUBERNETES => Self::Kubernetes(KubernetesEvent::read(&mut fields)),
            audit if Audit::is_type(audit) => Self::Audit(Audit::read(audit, data)),
            other => Self::Unrecognized { event_type: other.to_owned() },
        }
    }

    /// The type as routes match it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::NodeAdded(_) => "node.added",
            Self::NodeRemoved(_) => "node.removed",
            Self::NodeSpotInterrupted(_) => "node.spot_interrupted",
            Self::SavingsThreshold(_) => "savings.threshold",
            Self::SavingsSummary(_) => Self::SAVINGS_SUMMARY,
            Self::Notification(_) => Self::NOTIFICATION,
            Self::Kubernetes(_) => Self::KUBERNETES,
            Self::Audit(audit) => &audit.event_type,
            Self::Relay(report) => report.type_name(),
            Self::Unrecognized { event_type } => event_type,
        }
    }

    /// The name routes match by `name`: a notification's own, the reason of a Kubernetes Event.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Notification(notification) => notification.name.as_deref(),
            Self::Kubernetes(event) => event.reason.as_deref(),
            _ => None,
        }
    }

    /// The sender's summary in one line, where the kind has one.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Notification(notification) => notification.message.as_deref(),
            Self::Kubernetes(event) => event.message.as_deref(),
            Self::Audit(audit) => audit.description.as_deref(),
            _ => None,
        }
    }

    /// What the severity is when the sender gives none that we understand.
    pub fn default_severity(&self) -> Severity {
        let known = KINDS.iter().find(|(name, _)| *name == self.type_name());
        known.map_or(Severity::Info, |(_, severity)| *severity)
    }
}

impl Node {
    fn read(fields: &mut Fields<'_>) -> Self {
        Self {
            name: fields.text("nodeName"),
            instance_type: fields.text("instanceType"),
            lifecycle: fields.text("lifecycle"),
            action: fields.text("action"),
            zone: fields.text("zone"),
            node_id: fields.text("nodeId"),
            provider_id: fields.text("providerId"),
        }
    }
}

impl KubernetesEvent {
    fn read(fields: &mut Fields<'_>) -> Self {
        let (reason, message) = (fields.text("reason"), fields.text("message"));
        let (component, count) = (fields.text("reportingComponent"), fields.count("count"));
        let mut object = fields.inner("involvedObject");
        Self {
            reason,
            message,
            component,
            count,
            object_kind: object.text("kind"),
            object_namespace: object.text("namespace"),
            object_name: object.text("name"),
        }
    }
}
