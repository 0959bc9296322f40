//! What a connection does, to tell rest from work.
//!
//! Work lasts until the answer is made, and where nobody knows how long that will be, such as a stream's, until its last byte.
//! Knows the limits and no request.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::Config;

/// How long a connection that was asked to end may take for it.
const GOODBYE: Duration = Duration::from_secs(1);

/// What a connection does, to tell rest from work. Costs a request two atomic writes: the timer is not moved with each of
/// them but, when it fires, set to what is left.
#[derive(Debug, Clone)]
pub struct Activity(Arc<Record>);

#[derive(Debug)]
struct Record {
    opened: Instant,
    /// Whether there was any request yet.
    begun: AtomicBool,
    /// Requests being answered.
    running: AtomicUsize,
    /// When the last one was answered, in milliseconds after opening.
    rests_since: AtomicU64,
    at_rest: Notify,
}

/// A request that is being answered; dropped, it has been.
#[derive(Debug)]
pub struct Running(Activity);

impl Activity {
    /// Of a connection that was opened now.
    pub fn new() -> Self {
        let (begun, running, rests_since) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicU64::new(0));
        Self(Arc::new(Record { opened: Instant::now(), begun, running, rests_since, at_rest: Notify::new() }))
    }

    /// A request began.
    pub fn begin(&self) -> Running {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        self.0.begun.store(true, Ordering::Relaxed);
        Running(self.clone())
    }

    fn is_at_rest(&self) -> bool {
        self.0.running.load(Ordering::Relaxed) == 0
    }

    /// Ends when no first request came in time, or when the connection has rested too long between two.
    pub async fn rested(&self, limits: &Config) {
        let (head, idle) = (limits.head_timeout.get(), limits.idle_timeout.get());
        loop {
            let now = Instant::now();
            let rests_since = Duration::from_millis(self.0.rests_since.load(Ordering::Relaxed));
            let ends = match (self.0.begun.load(Ordering::Relaxed), self.is_at_rest()) {
                (false, _) => self.0.opened + head,
                (true, false) => now + idle,
                (true, true) => self.0.opened + rests_since + idle,
            };
            if ends <= now {
                return;
            }
            // A rest that begins while we sleep ends no earlier than `idle` from now.
            sleep_until(ends.min(now + idle)).await;
        }
    }

    /// Ends when every request has been answered, a little later, so that the answer gets out.
    pub async fn finished(&self) {
        while !self.is_at_rest() {
            self.0.at_rest.notified().await;
        }
        sleep_until(Instant::now() + GOODBYE).await;
    }
}

impl Running {
    /// The answer, which keeps its connection at work for as long as it is sent, where it does not say how long it is.
    pub fn until_sent(self, response: Response) -> Response {
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| Body::new(Sending { body, _running: self }))
    }
}

/// A body of unknown length on its way.
struct Sending {
    body: Body,
    _running: Running,
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Record { opened, running, rests_since, at_rest, .. } = &*self.0.0;
        let since = u64::try_from(opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        rests_since.store(since, Ordering::Relaxed);
        running.fetch_sub(1, Ordering::Relaxed);
        at_rest.notify_one();
    }
}
