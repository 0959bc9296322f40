//! The exporter: from the first span to the last one.
//!
//! What does not fit into its queue (2048 spans) is left out: to tell people goes before to be watched. Started and shut down
//! from a thread that belongs to no runtime.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{BatchConfig, BatchSpanProcessor, SpanData, SpanExporter as ExportSpans, SpanProcessor};

use super::OtlpConfig;
use crate::http_client::{ClientError, blocking};

/// How long the last spans may take to get out.
const LAST_WORDS: Duration = Duration::from_secs(5);

static PROCESSOR: OnceLock<BatchSpanProcessor> = OnceLock::new();

/// Nothing can be exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// There is no client.
    #[error("telemetry.otlp: {0}")]
    Client(#[from] ClientError),
    /// There is no exporter.
    #[error("telemetry.otlp: the exporter cannot be built: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// That spans are exported.
#[derive(Debug)]
pub struct Exporting(());

/// Exports spans to `config`'s collector from now on, until [`Exporting::shut_down`]. The first one in a process counts. Must
/// not be called on a thread of the runtime.
///
/// # Errors
/// When the exporter cannot be built. Whether the collector is there is found out with the first spans.
pub fn export(config: &OtlpConfig) -> Result<Exporting, ExportError> {
    let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.expose().to_owned()));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(blocking(config.timeout.get())?)
        .with_endpoint(config.endpoint.for_spans())
        .with_timeout(config.timeout.get())
        .with_headers(HashMap::from_iter(headers))
        .build()?;
    let watched = Watched { exporter, fails: AtomicBool::new(false) };
    let mut processor = BatchSpanProcessor::new(watched, BatchConfig::default());
    processor.set_resource(&resource());
    // A second one, as in tests that share a process, is not wanted.
    let _ = PROCESSOR.set(processor);
    Ok(Exporting(()))
}

fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    Resource::builder().with_service_name("castai-relay").with_attribute(version).build()
}

/// Hands over what `span` makes, if anything is exported.
pub(in crate::telemetry) fn hand_over(span: impl FnOnce() -> SpanData) {
    if let Some(processor) = PROCESSOR.get() {
        processor.on_end(span());
    }
}

impl Exporting {
    /// Gets the last spans out, within a few seconds. Must not be called on a thread of the runtime.
    pub fn shut_down(self) {
        let ended = PROCESSOR.get().map(|processor| processor.shutdown_with_timeout(LAST_WORDS));
        if let Some(Err(error)) = ended {
            tracing::warn!(%error, "the last spans may not have got out");
        }
    }
}

/// Says when spans do not get out, once, and when they do again.
#[derive(Debug)]
struct Watched {
    exporter: SpanExporter,
    fails: AtomicBool,
}

impl ExportSpans for Watched {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let exported = self.exporter.export(batch).await;
        match (&exported, self.fails.swap(exported.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                tracing::warn!(%error, spans, "spans could not be exported and are lost; said once, until it works again");
            }
            (Ok(()), true) => tracing::info!("spans are exported again"),
            _ => {}
        }
        exported
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
