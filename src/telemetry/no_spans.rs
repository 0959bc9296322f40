//! What stands for [`spans`](super::spans) in a relay that is built without the cargo feature `otel`: nothing is exported.

use crate::event::Timestamp;
use crate::event::batch::Batch;
use crate::event::delivery::Outcome;
use crate::names::{EventId, SourceName};

/// A new event became safe.
pub fn accepted(_: &EventId, _: &SourceName, _: &str, _: Timestamp, _: Timestamp) {}

/// An attempt ended.
pub fn attempted(_: &Batch, _: &Outcome, _: Timestamp) {}
