//! What goes wrong with an API server, and what to do about it.
//!
//! Turns the client's errors into a closed set of troubles with words for people. Pure. Used by [`super::client`],
//! [`super::watch`] and [`mod@super::reach`].

use std::error::Error;

use kube::core::Status;
use kube::runtime::watcher;

/// What is in the way, with its cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}; {}", .kind.cure())]
pub struct Trouble {
    /// Which of the kinds it is.
    pub kind: TroubleKind,
    /// What the API server or the client said.
    pub detail: String,
}

/// The kinds of trouble, as far as their cures differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// The files or variables that say where the API server is cannot be read.
    Settings,
    /// No connection, or no answer.
    Unreachable,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 410: what was watched from is forgotten. No fault of anybody; list again.
    Gone,
    /// Any other refusal.
    Refused,
    /// An answer that is not in the form of the Kubernetes API.
    Unreadable,
}

impl TroubleKind {
    /// What to do about it.
    pub fn cure(self) -> &'static str {
        match self {
            Self::Settings => {
                "with `in_cluster` the pod needs a ServiceAccount with its token mounted, with `kubeconfig` a file as kubectl reads it"
            }
            Self::Unreachable => "check the API server's address, network policies and firewalls on the way to it",
            Self::Unauthorized => {
                "the credentials are wrong or have expired: check the ServiceAccount of the pod, or the user in the kubeconfig"
            }
            Self::Forbidden => {
                "apply deploy/kubernetes/rbac.yaml and let the pod run as its ServiceAccount: the relay must `list` and `watch` events and nodes"
            }
            Self::Gone => "listing again",
            Self::Refused => "look at the API server's own log if it does not pass",
            Self::Unreadable => {
                "check that this is the address of a Kubernetes API server, not of a proxy or log-in page"
            }
        }
    }
}

/// An answer that is no JSON comes whole, be it a page of HTML.
const MAX_DETAIL: usize = 300;

impl Trouble {
    pub(super) fn new(kind: TroubleKind, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        Self { kind, detail: detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect() }
    }

    /// With all causes of an error, outermost first.
    pub(super) fn caused_by(kind: TroubleKind, error: &dyn Error) -> Self {
        let causes = std::iter::successors(Some(error), |error: &&dyn Error| (*error).source());
        let mut words: Vec<String> = causes.map(ToString::to_string).collect();
        // Many errors repeat their cause in their own words.
        words.dedup_by(|cause, error| error.ends_with(cause.as_str()));
        Self::new(kind, words.join(": "))
    }

    fn said(status: &Status) -> Self {
        let kind = match status.code {
            401 => TroubleKind::Unauthorized,
            403 => TroubleKind::Forbidden,
            410 => TroubleKind::Gone,
            _ => TroubleKind::Refused,
        };
        Self::new(kind, format!("the API server answered {}: {}", status.code, status.message))
    }
}

impl From<&kube::Error> for Trouble {
    fn from(error: &kube::Error) -> Self {
        match error {
            kube::Error::Api(status) => Self::said(status),
            kube::Error::SerdeError(error) => Self::caused_by(TroubleKind::Unreadable, error),
            kube::Error::FromUtf8(error) => Self::caused_by(TroubleKind::Unreadable, error),
            kube::Error::HyperError(error) => Self::caused_by(TroubleKind::Unreachable, error),
            kube::Error::Service(error) => Self::caused_by(TroubleKind::Unreachable, error.as_ref()),
            kube::Error::ReadEvents(error) => Self::caused_by(TroubleKind::Unreachable, error),
            other => Self::caused_by(TroubleKind::Settings, other),
        }
    }
}

impl From<&watcher::Error> for Trouble {
    fn from(error: &watcher::Error) -> Self {
        match error {
            watcher::Error::InitialListFailed(error)
            | watcher::Error::WatchStartFailed(error)
            | watcher::Error::WatchFailed(error) => error.into(),
            watcher::Error::WatchError(status) => Self::said(status),
            watcher::Error::NoResourceVersion => Self::caused_by(TroubleKind::Unreadable, error),
        }
    }
}

#[cfg(test)]
#[path = "tests/trouble.rs"]
mod tests;
