//! One span for each new event, from its arrival until it was safe, and one for each attempt to deliver.
//!
//! The ids of an event's trace and span are made of the event's id, so that every attempt at it belongs to one trace, also after
//! a restart, and nothing about it has to be kept. The attempt at a message about many is in the trace of the first of them,
//! and linked to all that are shown. Spans hold ids, names and closed words, never bodies, secrets or what a target said. Times are the relay's own,
//! to the millisecond. Pure, but for the last step. Next: [`super::otlp`], where they go.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{Link, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use sha2::{Digest, Sha256};

use super::otlp::hand_over;
use crate::event::Timestamp;
use crate::event::batch::Batch;
use crate::event::delivery::Outcome;
use crate::names::{EventId, SourceName};

/// A new event became safe at `kept_at`.
pub fn accepted(id: &EventId, source: &SourceName, type_name: &str, received_at: Timestamp, kept_at: Timestamp) {
    hand_over(|| of_event(id, source, type_name, received_at, kept_at));
}

/// An attempt ended at `at`.
pub fn attempted(batch: &Batch, outcome: &Outcome, at: Timestamp) {
    hand_over(|| of_attempt(batch, outcome, at));
}

fn of_event(
    id: &EventId,
    source: &SourceName,
    type_name: &str,
    received_at: Timestamp,
    kept_at: Timestamp,
) -> SpanData {
    let attributes = vec![
        KeyValue::new("event.id", id.to_string()),
        KeyValue::new("event.type", type_name.to_owned()),
        KeyValue::new("source.name", source.to_string()),
    ];
    let span = span("accept event", context_of(id), received_at, kept_at);
    SpanData { span_kind: SpanKind::Consumer, attributes, ..span }
}

fn of_attempt(batch: &Batch, outcome: &Outcome, at: Timestamp) -> SpanData {
    let event = &batch.first_event().id;
    let parent = context_of(event);
    let mut attributes = vec![
        KeyValue::new("event.id", event.to_string()),
        KeyValue::new("delivery.id", batch.first().to_string()),
        KeyValue::new("delivery.attempt", i64::from(batch.attempt)),
        KeyValue::new("deliveries", i64::try_from(batch.deliveries.len()).unwrap_or(i64::MAX)),
        KeyValue::new("route.name", batch.route().to_string()),
        KeyValue::new("target.name", batch.target().to_string()),
        KeyValue::new("outcome", outcome.as_str()),
    ];
    let status = match outcome {
        Outcome::Delivered { .. } => Status::Ok,
        Outcome::Retry { reason, .. } | Outcome::Dead { reason, .. } => {
            attributes.push(KeyValue::new("reason", reason.as_str()));
            Status::error(reason.as_str())
        }
    };
    let mut links = SpanLinks::default();
    if batch.deliveries.len() > 1 {
        links.links = batch.shown.iter().map(|shown| link_to(&shown.event.id)).collect();
    }
    let span = span("deliver", context(parent.trace_id(), id_of_attempt(batch)), batch.claimed_at, at);
    let parent_span_id = parent.span_id();
    SpanData {
        parent_span_id,
        parent_span_is_remote: true,
        span_kind: SpanKind::Client,
        attributes,
        links,
        status,
        ..span
    }
}

fn span(name: &'static str, span_context: SpanContext, from: Timestamp, to: Timestamp) -> SpanData {
    SpanData {
        span_context,
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Internal,
        name: name.into(),
        start_time: system_time(from),
        end_time: system_time(to.max(from)),
        attributes: Vec::new(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("castai-relay").build(),
    }
}

fn link_to(event: &EventId) -> Link {
    Link::new(context_of(event), vec![KeyValue::new("event.id", event.to_string())], 0)
}

/// The context of an event's span, the same in every process.
fn context_of(event: &EventId) -> SpanContext {
    let (trace, span) = ids_from(event.as_str().as_bytes());
    context(trace, span)
}

/// A lease is given once, whatever happens to the process that held it.
fn id_of_attempt(batch: &Batch) -> SpanId {
    ids_from(format!("{} {} {}", batch.target(), batch.first(), batch.lease.0).as_bytes()).1
}

fn context(trace: TraceId, span: SpanId) -> SpanContext {
    SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE)
}

fn ids_from(bytes: &[u8]) -> (TraceId, SpanId) {
    let (mut trace, mut span) = ([0; 16], [0; 8]);
    let digest = Sha256::digest(bytes);
    trace.iter_mut().chain(&mut span).zip(digest).for_each(|(byte, from)| *byte = from);
    (TraceId::from_bytes(trace), SpanId::from_bytes(span))
}

fn system_time(at: Timestamp) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(at.as_millis()).unwrap_or_default())
}

#[cfg(test)]
#[path = "tests/spans.rs"]
mod tests;
