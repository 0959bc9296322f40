//! What a connection does, to tell rest from work.
//!
//! Work lasts until the answer is made, and where nobody knows how long that will be, such as a stream's, until its last byte.
//! Whoever does not take what is sent is let go of: an answer that nobody reads would hold what it is made of for ever, because it is
//! not asked for more and so cannot even notice. Knows the limits and no request.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::Config;
use crate::runtime::Lifecycle;

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
    /// The answer, which keeps its connection at work for as long as it is sent, where it does not say how long it is. It ends
    /// early when what was given out is not taken for as long as a connection may rest.
    pub fn until_sent(self, response: Response, limits: &Config, life: &Lifecycle) -> Response {
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        response.map(|body| {
            let open = Open { body, untaken_since: None, _running: self };
            let (shared, gone) = (Shared(Arc::new(Mutex::new(Some(open)))), CancellationToken::new());
            let watched = shared.clone().let_go_of_when_stalled(limits.idle_timeout.get(), life.clone());
            let until = gone.clone();
            life.spawn_transient(async move {
                tokio::select! {
                    () = watched => {}
                    () = until.cancelled() => {}
                }
            });
            Body::new(Sending { shared, _gone: gone.drop_guard() })
        })
    }
}

/// A body of unknown length on its way.
struct Sending {
    shared: Shared,
    _gone: DropGuard,
}

/// Nothing once it was let go of.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Open>>>);

struct Open {
    body: Body,
    /// When a part was given out, while the next one was not asked for yet: then it is the reader's turn.
    untaken_since: Option<Instant>,
    _running: Running,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn let_go_of_when_stalled(self, patience: Duration, life: Lifecycle) {
        loop {
            let is_stopping = life.is_stopping();
            let patience = if is_stopping { patience.min(GOODBYE) } else { patience };
            let now = Instant::now();
            let Some(since) = self.lock().as_ref().map(|open| open.untaken_since) else { return };
            let ends = since.unwrap_or(now) + patience;
            if ends <= now {
                tracing::debug!("an answer was let go of: nobody took it");
                drop(self.lock().take());
                return;
            }
            tokio::select! {
                () = sleep_until(ends) => {}
                () = life.stopping(), if !is_stopping => {}
            }
        }
    }
}

impl HttpBody for Sending {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut shared = self.shared.lock();
        let Some(open) = shared.as_mut() else {
            return Poll::Ready(Some(Err(axum::Error::new("it was not taken for too long"))));
        };
        let next = Pin::new(&mut open.body).poll_frame(context);
        open.untaken_since = next.is_ready().then(Instant::now);
        next
    }

    fn is_end_stream(&self) -> bool {
        self.shared.lock().as_ref().is_some_and(|open| open.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.shared.lock().as_ref().map(|open| open.body.size_hint()).unwrap_or_default()
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
