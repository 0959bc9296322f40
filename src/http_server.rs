//! The front door: listeners, every inbound limit, and errors as responses.
//!
//! The only room with hyper's timers and limits. `axum::serve` sets no timer, so its header timeout never fires and a
//! slow sender holds a connection for ever (<https://github.com/tokio-rs/axum/issues/2741>); hence a loop of our own.
//! One request passes, in this order: connection limit, head limits, in-flight limit, time limit, panic guard, router,
//! body limits. Knows no events and no store. Next room: [`crate::source::webhook`].

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::ServiceExt;

use crate::config::{ByteSize, Span, listen_address};
use crate::runtime::Lifecycle;
use crate::telemetry::{Metrics, Rejection};

mod activity;
mod error;
mod public_url;
use activity::Activity;
pub use error::{ApiError, ErrorBody, ErrorDetail};
pub use public_url::PublicUrl;

/// The section `server`: where to listen and what one sender may take.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port of the public listener. Only webhook sources are served here.
    #[serde(deserialize_with = "listen_address")]
    pub listen: SocketAddr,
    /// Where others reach this listener.
    #[serde(default)]
    pub public_url: Option<PublicUrl>,
    /// Largest body, chunked or not; beyond: 413.
    pub body_limit: ByteSize,
    /// Largest request line with headers; beyond: 431 or the end of the connection.
    pub head_limit: ByteSize,
    /// Time for the complete head of a connection's first request; that of a later one counts as rest.
    pub head_timeout: Span,
    /// Time for the complete body of a request; beyond: 408.
    pub body_timeout: Span,
    /// Time for the whole of a request; beyond: 503, and the sender should send again.
    pub request_timeout: Span,
    /// How long an open connection may rest between two requests, the next one's head included; and how long a reader of a stream
    /// may take nothing.
    pub idle_timeout: Span,
    /// Connections at a time; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Requests at a time; beyond: 503 with `Retry-After`.
    pub max_in_flight: usize,
    /// What `Retry-After` says with a 503.
    pub retry_after: Span,
    /// How long a stopping relay waits for what is in flight.
    pub shutdown_grace: Span,
}

impl Config {
    /// The smallest head that hyper can be told to accept.
    const SMALLEST_HEAD: usize = 8 * 1024;
    /// More than any machine has sockets for, and what a semaphore can count.
    const MOST_AT_A_TIME: usize = 1_000_000;

    /// Limits with which nothing would ever be accepted: the key, and what it must be.
    pub fn impossible(&self) -> Vec<(&'static str, String)> {
        let times = [
            ("head_timeout", self.head_timeout),
            ("body_timeout", self.body_timeout),
            ("request_timeout", self.request_timeout),
            ("idle_timeout", self.idle_timeout),
        ];
        let counts = [("max_connections", self.max_connections), ("max_in_flight", self.max_in_flight)];
        let times = times.into_iter().filter(|(_, time)| time.get().is_zero());
        let counts = counts.into_iter().filter(|(_, count)| !(1..=Self::MOST_AT_A_TIME).contains(count));
        let mut all: Vec<_> = times.map(|(key, _)| (key, format!("`{key}` must be more than zero"))).collect();
        all.extend(counts.map(|(key, _)| (key, format!("`{key}` must be from 1 to {}", Self::MOST_AT_A_TIME))));
        if self.body_limit.get() == 0 {
            all.push(("body_limit", "`body_limit` must be more than zero".to_owned()));
        }
        if self.head_limit.get() < Self::SMALLEST_HEAD {
            all.push(("head_limit", "`head_limit` must be at least 8KiB".to_owned()));
        }
        all
    }
}

/// A bound listener.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or not ours, with the address in the message.
    pub async fn bind(address: SocketAddr) -> std::io::Result<Self> {
        let named =
            |error: std::io::Error| std::io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"));
        Ok(Self(TcpListener::bind(address).await.map_err(named)?))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub fn address(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// One listener with its limits and its router.
#[derive(Debug, Clone)]
pub struct Server(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Config,
    router: Router,
    connections: Arc<Semaphore>,
    in_flight: Arc<Semaphore>,
    metrics: Arc<Metrics>,
    /// Whether what is refused may have been an event.
    takes_events: bool,
    life: Lifecycle,
}

impl Server {
    /// A server for `router` within `limits`, ending with `life`.
    pub fn new(limits: Config, router: Router, metrics: Arc<Metrics>, life: Lifecycle) -> Self {
        Self::build(limits, router, metrics, false, life)
    }

    /// The same for those who send events: what is refused is counted.
    pub fn for_senders(limits: Config, router: Router, metrics: Arc<Metrics>, life: Lifecycle) -> Self {
        Self::build(limits, router, metrics, true, life)
    }

    fn build(limits: Config, router: Router, metrics: Arc<Metrics>, takes_events: bool, life: Lifecycle) -> Self {
        let shared = Shared {
            connections: Arc::new(Semaphore::new(limits.max_connections)),
            in_flight: Arc::new(Semaphore::new(limits.max_in_flight)),
            limits,
            router,
            metrics,
            takes_events,
            life,
        };
        Self(Arc::new(shared))
    }

    /// Accepts connections until the soft stop. Connections end with their last request then.
    pub async fn run(self, listener: Listener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.0.life.stopping() => return,
                accepted = self.accept(&listener) => accepted,
            };
            if let Some((stream, place)) = accepted {
                let server = self.clone();
                self.0.life.spawn_transient(async move { server.connection(stream, place).await });
            }
        }
    }

    async fn accept(&self, listener: &Listener) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let place = self.0.connections.clone().acquire_owned().await.ok()?;
        match listener.0.accept().await {
            Ok((stream, _)) => {
                // Answers are small and wanted at once. A peer that is gone already is found out by reading.
                let _ = stream.set_nodelay(true);
                Some((stream, place))
            }
            Err(error) => {
                // Usually out of file descriptors: accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
                None
            }
        }
    }

    async fn connection(&self, stream: TcpStream, _place: OwnedSemaphorePermit) {
        let activity = Activity::new();
        let builder = self.protocols();
        let (server, begun) = (self.clone(), activity.clone());
        let service = service_fn(move |request| {
            let (server, running) = (server.clone(), begun.begin());
            async move {
                let response = server.admit(request).await;
                Ok::<_, Infallible>(running.until_sent(response, &server.0.limits, &server.0.life))
            }
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let must_end = async {
            tokio::select! {
                biased;
                () = self.0.life.stopping() => {}
                () = activity.rested(&self.0.limits) => {}
            }
        };
        let ended = tokio::select! {
            biased;
            ended = connection.as_mut() => ended,
            () = must_end => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = activity.finished() => Ok(()),
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    fn protocols(&self) -> auto::Builder<TokioExecutor> {
        let limits = &self.0.limits;
        let head_limit = limits.head_limit.get().max(Config::SMALLEST_HEAD);
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // hyper's own timer would also cut short a connection that rests between two requests, and covers neither one that
        // sends nothing at all nor HTTP/2: `Activity` does it all.
        builder
            .http1()
            .header_read_timeout(None)
            // Otherwise hyper reads ahead while the store works, only to see whether the sender is still there: a system
            // call and a new read buffer for every request, to abandon an event that is being made durable.
            .half_close(true)
            .max_buf_size(head_limit);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(head_limit).unwrap_or(u32::MAX))
            .max_concurrent_streams(u32::try_from(limits.max_in_flight).unwrap_or(u32::MAX).min(256))
            .keep_alive_interval(limits.head_timeout.get())
            .keep_alive_timeout(limits.head_timeout.get());
        builder
    }

    async fn admit(&self, request: Request<Incoming>) -> Response {
        let response = self.answer(request).await;
        if let Some(rejection) = response.extensions().get::<Rejection>().filter(|_| self.0.takes_events) {
            self.0.metrics.rejected(*rejection);
        }
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Response {
        let shared = &self.0;
        let retry_after = shared.limits.retry_after.get();
        let Ok(_place) = shared.in_flight.try_acquire() else {
            shared.metrics.overloaded();
            return ApiError::overloaded(retry_after).into_response();
        };
        let handled = AssertUnwindSafe(shared.router.clone().oneshot(request.map(Body::new))).catch_unwind();
        match tokio::time::timeout(shared.limits.request_timeout.get(), handled).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            Ok(Err(_panic)) => ApiError::internal().into_response(),
            Err(_elapsed) => ApiError::took_too_long(retry_after).into_response(),
        }
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// More bytes than the limit.
    TooLarge,
    /// Not complete within the time.
    TooSlow,
    /// The sender broke off.
    BrokenOff,
}

/// Reads a whole body within a size and a total time, however it is framed.
///
/// # Errors
/// As [`BodyError`] says; nothing of an incomplete body is returned.
pub async fn read_body(body: Body, limit: usize, time: Duration) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    match tokio::time::timeout(time, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(unpinned(collected.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::BrokenOff),
        Err(_elapsed) => Err(BodyError::TooSlow),
    }
}

/// A small body is a slice of hyper's read buffer; kept as it is, it would pin the whole buffer and make hyper allocate a
/// new one for the next request of the connection.
fn unpinned(body: Bytes) -> Bytes {
    const SMALL: usize = 64 * 1024;
    if body.len() <= SMALL { Bytes::copy_from_slice(&body) } else { body }
}
