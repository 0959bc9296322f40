//! A stand-in for a Kubernetes API server that speaks the real list and watch protocol, faults and all.
//!
//! What it serves is in [`cluster`]; here is how. <https://kubernetes.io/docs/reference/using-api/api-concepts/>.

mod cluster;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use http_body_util::StreamBody;
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

pub use cluster::{Asked, Cluster, Gone};
use cluster::{Position, Selection, Watched};

/// What a body is made of; an error breaks the connection.
type Chunks = BoxStream<'static, io::Result<Frame<Bytes>>>;

/// An API server on a loopback port of its own, with a kubeconfig that leads there.
pub struct ApiServer {
    pub address: SocketAddr,
    cluster: Arc<Cluster>,
    folder: TempDir,
    serving: AbortHandle,
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl std::ops::Deref for ApiServer {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl ApiServer {
    pub async fn start() -> Self {
        let cluster = Arc::new(Cluster::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(serve(listener, cluster.clone())).abort_handle();
        let server = Self { address, cluster, folder: tempfile::tempdir().unwrap(), serving };
        server.write_token(cluster::TOKEN);
        server
    }

    /// Breaks every connection and listens no more.
    pub async fn stop(&mut self) {
        self.serving.abort();
        // Its connections are broken when the port is free again.
        while TcpStream::connect(self.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }

    /// Listens again, on the same port, with all it knew.
    pub async fn start_again(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.serving = tokio::spawn(serve(listener, self.cluster.clone())).abort_handle();
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Writes the kubeconfig with this token.
    pub fn write_token(&self, token: &str) {
        self.write_kubeconfig("http", token);
    }

    /// Writes the kubeconfig with this token and an address of this scheme.
    pub fn write_kubeconfig(&self, scheme: &str, token: &str) {
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": {"server": format!("{scheme}://{}", self.address)}}],
            "users": [{"name": "relay", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "relay"}}],
        });
        std::fs::write(self.kubeconfig(), kubeconfig.to_string()).unwrap();
    }

    /// The section `sources.kubernetes` that leads here, with more settings.
    pub fn section(&self, more: &str) -> String {
        section(&self.kubeconfig(), more)
    }
}

fn section(kubeconfig: &Path, more: &str) -> String {
    format!("{{ kubeconfig: {}, cluster: {{ name: prod-eu }}{more} }}", kubeconfig.display())
}

/// Aborted, it takes its connections with it.
async fn serve(listener: TcpListener, cluster: Arc<Cluster>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let cluster = cluster.clone();
        connections.spawn(async move {
            let answer = service_fn(|request| answer(request, cluster.clone()));
            // It ends with an error when the client goes away, or when a body is to break off.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(request: Request<Incoming>, cluster: Arc<Cluster>) -> Result<Response<StreamBody<Chunks>>, Infallible> {
    let asked = Asked::read(&request);
    let (status, chunks) = match cluster.admit(&asked) {
        Err(refusal) => (refusal["code"].as_u64().unwrap(), whole(&refusal)),
        Ok(selection) if asked.watches() => match cluster.watch(&asked) {
            Ok(from) => (200, follow(cluster, selection, from, asked)),
            Err(Watched::Refused(gone)) => (410, whole(&gone)),
            Err(Watched::Told(gone)) => (200, whole(&json!({"type": "ERROR", "object": gone}))),
        },
        Ok(selection) => match cluster.list(&selection, &asked) {
            Ok(list) => (200, whole(&list)),
            Err(gone) => (410, whole(&gone)),
        },
    };
    let response = Response::builder().status(u16::try_from(status).unwrap());
    Ok(response.header("content-type", "application/json").body(StreamBody::new(chunks)).unwrap())
}

fn line(value: &Value) -> Bytes {
    format!("{value}\n").into()
}

fn whole(value: &Value) -> Chunks {
    stream::iter([Ok(Frame::data(line(value)))]).boxed()
}

/// What one step of a watch comes to.
enum Step {
    Say(Value),
    /// Half of this, then nothing.
    BreakOff(Value),
    End,
}

/// Change after change, one line each, until the time is over.
fn follow(cluster: Arc<Cluster>, selection: Selection, from: Position, asked: Asked) -> Chunks {
    let ends = tokio::time::Instant::now() + Duration::from_secs(asked.number("timeoutSeconds").unwrap_or(1800));
    let steps = stream::unfold(Some(from), move |position| {
        let (cluster, selection) = (cluster.clone(), selection.clone());
        async move {
            let position = position?;
            let next = tokio::time::timeout_at(ends, cluster.next_change(&selection, position)).await;
            if cluster.is_lost(position) {
                std::future::pending::<()>().await;
            }
            Some(match next {
                Ok(Some((position, event, true))) => (Step::BreakOff(event), Some(position)),
                Ok(Some((position, event, false))) => (Step::Say(event), Some(position)),
                // Told to end, or out of time.
                Ok(None) | Err(_) => (Step::End, None),
            })
        }
    });
    let chunks = steps.flat_map(|step| match step {
        Step::Say(event) => stream::iter(vec![Ok(Frame::data(line(&event)))]),
        Step::BreakOff(event) => {
            let half = line(&event);
            let half = half.slice(..half.len() / 2);
            stream::iter(vec![Ok(Frame::data(half)), Err(io::Error::other("the cable was cut"))])
        }
        Step::End => stream::iter(vec![]),
    });
    chunks.boxed()
}
