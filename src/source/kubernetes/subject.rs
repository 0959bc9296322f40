//! The three things that are watched, and how the API server is asked for each.

use kube::api::DynamicObject;
use kube::core::{ApiResource, GroupVersionKind};
use kube::runtime::watcher;
use kube::{Api, Client};

use super::config::Config;
use super::{events, nodes};
use crate::names::CursorName;

/// One of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// Events of the namespace CAST AI's components run in.
    Components,
    /// Events that CAST AI's autoscaler reports: they stand in the namespace of what they are about, or in `default`.
    Autoscaler,
    /// Nodes that are being drained.
    Nodes,
}

impl Subject {
    pub(super) const ALL: [Self; 3] = [Self::Components, Self::Autoscaler, Self::Nodes];

    /// Objects in one page of a list: bounds what is in memory at a time.
    const PAGE: u32 = 250;

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Components => "Events of CAST AI's components",
            Self::Autoscaler => "Events reported by CAST AI's autoscaler",
            Self::Nodes => "Nodes being drained",
        }
    }

    /// What remembers how far it was told. Nodes need none: what is being drained now is news, whenever it began.
    pub(super) fn cursor(self) -> Option<CursorName> {
        let name = match self {
            Self::Components => "kubernetes-components",
            Self::Autoscaler => "kubernetes-autoscaler",
            Self::Nodes => return None,
        };
        CursorName::parse(name).ok()
    }

    pub(super) fn api(self, client: Client, config: &Config) -> Api<DynamicObject> {
        let resource = |kind| ApiResource::from_gvk(&GroupVersionKind::gvk("", "v1", kind));
        match self {
            Self::Components => Api::namespaced_with(client, config.namespace.as_str(), &resource("Event")),
            Self::Autoscaler => Api::all_with(client, &resource("Event")),
            Self::Nodes => Api::all_with(client, &resource("Node")),
        }
    }

    /// Lists are consistent reads: a cached one may be older than what was seen already.
    pub(super) fn watcher(self, config: &Config) -> watcher::Config {
        let seconds = u32::try_from(config.watch_timeout.as_secs()).unwrap_or(u32::MAX);
        let asked = watcher::Config::default().page_size(Self::PAGE).timeout(seconds);
        match self {
            Self::Components => asked,
            Self::Autoscaler => asked.fields(&format!("reportingComponent={}", events::AUTOSCALER)),
            Self::Nodes => asked.labels(nodes::DRAINING),
        }
    }
}
