//! The section `sources.kubernetes`: which API server is watched, and what the cluster is called in its events.
//!
//! Reads and checks; connects to nothing. Next: [`super::client`], which does.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

use crate::config::{Section, Span};
use crate::event::Cluster;

/// How the cluster is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where its API server is.
    pub api_server: ApiServer,
    /// Where CAST AI's components run; all Events of this namespace are told.
    pub namespace: Namespace,
    /// What to call the cluster in events.
    pub cluster: Cluster,
    /// How long one watch lasts before it is taken up anew, so that a dead connection is noticed. Whole seconds.
    pub watch_timeout: Duration,
    /// How long to wait after failures in a row.
    pub retry: Retry,
    /// How long the API server may leave the watches without an answer before that is reported.
    pub silent_after: Span,
}

/// The two ways to an API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiServer {
    /// With the ServiceAccount of the pod the relay runs in.
    InCluster,
    /// With a kubeconfig file, as kubectl does.
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// The context in it; the file's current one when absent.
        context: Option<String>,
    },
}

impl fmt::Display for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InCluster => f.write_str("the cluster it runs in"),
            Self::Kubeconfig { path, context: None } => write!(f, "the cluster of {}", path.display()),
            Self::Kubeconfig { path, context: Some(context) } => {
                write!(f, "the cluster {context} of {}", path.display())
            }
        }
    }
}

/// Waits between attempts: the first one follows at once, then they double from `base` to `cap`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// The wait before the third attempt.
    #[serde(default = "Retry::default_base")]
    pub base: Span,
    /// The longest wait.
    #[serde(default = "Retry::default_cap")]
    pub cap: Span,
}

impl Retry {
    fn default_base() -> Span {
        Self::default().base
    }

    fn default_cap() -> Span {
        Self::default().cap
    }

    /// How long to wait after so many failures in a row.
    pub fn wait(&self, failures: u32) -> Duration {
        let doubled = |times: u32| self.base.get().saturating_mul(2u32.saturating_pow(times));
        failures.checked_sub(2).map_or(Duration::ZERO, doubled).min(self.cap.get())
    }
}

impl Default for Retry {
    /// As client-go's reflectors: about a second, up to half a minute.
    fn default() -> Self {
        Self { base: Span::from_secs(1), cap: Span::from_secs(30) }
    }
}

/// The name of a Kubernetes namespace: a DNS label, so that it can stand in a path,
/// <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// 1 to 63 of `a-z`, `0-9` and `-`, starting and ending with a letter or digit.
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let label = (1..=63).contains(&text.len()) && text.chars().all(allowed);
        (label && !text.starts_with('-') && !text.ends_with('-')).then(|| Self(text.to_owned()))
    }

    /// As written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Namespace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let rule = "use 1 to 63 of a-z, 0-9 and `-`, such as `castai-agent`";
        Self::parse(&text).ok_or_else(|| de::Error::custom(format!("`{text}` is not a namespace: {rule}")))
    }
}

/// `cluster: { id, name }`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

impl Config {
    const KEYS: &[&str] =
        &["in_cluster", "kubeconfig", "context", "namespace", "cluster", "watch_timeout", "retry", "silent_after"];
    /// Where CAST AI's installation puts its components, <https://docs.cast.ai/docs/communication-requirements>.
    const NAMESPACE: &str = "castai-agent";
    /// An interruption leaves two minutes at most; a dead watch must be noticed well before.
    const WATCH_TIMEOUT: Span = Span::from_secs(60);
    /// Beyond, load balancers forget a connection on which nothing is said.
    const WATCH_TIMEOUTS: RangeInclusive<Span> = Span::from_secs(1)..=Span::from_secs(300);

    /// As other sources that are asked.
    const SILENT_AFTER: Span = Span::from_secs(900);

    /// Reads the section and notes every mistake in it; `None` when it cannot be used.
    pub fn read(section: &Section) -> Option<Self> {
        if cfg!(not(feature = "kubernetes")) {
            let hint = "build it with `cargo build --features kubernetes`, or remove the section";
            section.problem_at("", "this castai-relay was built without Kubernetes", &[], Some(hint.to_owned()));
            return None;
        }
        section.only(Self::KEYS);
        let api_server = api_server(section);
        let namespace = section.optional("namespace", Section::read::<Namespace>);
        let cluster = section.optional("cluster", Section::read::<Named>);
        let watch_timeout = watch_timeout(section);
        let retry = retry(section);
        let silent_after = section.optional("silent_after", Section::read::<Span>);
        let Named { id, name } = cluster?.unwrap_or_default();
        Some(Self {
            api_server: api_server?,
            namespace: namespace?.or_else(|| Namespace::parse(Self::NAMESPACE))?,
            cluster: Cluster { id, name, ..Cluster::default() },
            watch_timeout: watch_timeout?,
            retry: retry?,
            silent_after: silent_after?.unwrap_or(Self::SILENT_AFTER),
        })
    }
}

fn api_server(section: &Section) -> Option<ApiServer> {
    let in_cluster = section.optional("in_cluster", Section::read::<bool>);
    let path = section.optional("kubeconfig", Section::read::<PathBuf>);
    let context = section.optional("context", Section::read::<String>);
    let refuse = |mistake: &str, hint: &str| {
        section.problem_at("", mistake, &[], Some(hint.to_owned()));
        None
    };
    match (in_cluster?.unwrap_or(false), path?, context?) {
        (true, None, None) => Some(ApiServer::InCluster),
        (false, Some(path), context) => Some(ApiServer::Kubeconfig { path, context }),
        (true, Some(_), _) => refuse("`in_cluster` and `kubeconfig` are both written", "keep one of them"),
        (true, None, Some(_)) => refuse("`context` is one in a `kubeconfig`, and there is none", "remove it"),
        (false, None, _) => refuse(
            "nothing says where the API server is",
            "write `in_cluster: true` for the cluster the relay runs in, or `kubeconfig: PATH`",
        ),
    }
}

fn watch_timeout(section: &Section) -> Option<Duration> {
    let timeout = section.optional("watch_timeout", Section::read::<Span>)?.unwrap_or(Config::WATCH_TIMEOUT);
    let possible = timeout.get().subsec_nanos() == 0 && Config::WATCH_TIMEOUTS.contains(&timeout);
    if !possible {
        section.problem_at("watch_timeout", "`watch_timeout` must be whole seconds, from `1s` to `5m`", &[], None);
    }
    possible.then(|| timeout.get())
}

fn retry(section: &Section) -> Option<Retry> {
    let retry = section.optional("retry", Section::read::<Retry>)?.unwrap_or_default();
    let possible = !retry.base.get().is_zero() && retry.base <= retry.cap;
    if !possible {
        section.problem_at("retry", "`base` must be more than zero and at most `cap`", &[], None);
    }
    possible.then_some(retry)
}

#[cfg(test)]
#[path = "tests/config.rs"]
mod tests;
