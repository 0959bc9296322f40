//! `serve`: the relay, until it is told to stop.

use std::sync::Arc;

use super::{ConfigArgs, Failure, Verdict, on_runtime};
use crate::app::App;
use crate::app::settings::{Engine, Settings};
use crate::runtime::{Lifecycle, RunDown, SystemClock};
use crate::source::verify::Verifier;
use crate::telemetry;

/// Runs until SIGTERM or SIGINT, then finishes what is in flight; a second signal ends it at once.
pub fn run(args: &ConfigArgs) -> Result<Verdict, Failure> {
    let settings = args.read()?;
    telemetry::init_logging(&settings.log.filter)?;
    #[cfg(feature = "otel")]
    let exporting = settings.telemetry.otlp.as_ref().map(telemetry::otlp::export).transpose()?;
    let served = on_runtime(serve(args, settings));
    // Only now: the exporter must not be waited for on a thread of the runtime.
    #[cfg(feature = "otel")]
    exporting.into_iter().for_each(telemetry::otlp::Exporting::shut_down);
    served
}

async fn serve(args: &ConfigArgs, settings: Settings) -> Result<Verdict, Failure> {
    warn_of_risks(&settings);
    tell_of_connections(&settings);
    let grace = settings.server.shutdown_grace.get();
    let life = Lifecycle::default();
    let app = App::build(settings, Arc::new(SystemClock), life.clone()).await?;
    let (public, admin) = (app.public_address()?, app.admin_address()?);
    life.obey_signals()?;
    app.spawn();
    tracing::info!(%public, %admin, config = args.described(), "castai-relay is running");
    let ended = life.run_down(grace).await;
    tracing::info!(?ended, "stopped");
    Ok(if ended == RunDown::Crashed { Verdict::FoundWrong } else { Verdict::Good })
}

/// By which way targets and CAST AI are reached; the passwords of proxies are not shown.
fn tell_of_connections(settings: &Settings) {
    tracing::info!(connection = %settings.connection, "how targets and CAST AI are connected to");
    for target in settings.targets_connected_otherwise() {
        tracing::info!(target.name = %target.name, connection = %target.http.connection(), "how this target is connected to");
    }
}

fn warn_of_risks(settings: &Settings) {
    if matches!(settings.engine, Engine::Memory) {
        tracing::warn!("store: memory keeps nothing when the process ends; use it for trials only");
    }
    for webhook in settings.sources.webhooks.iter().filter(|webhook| matches!(webhook.verifier, Verifier::None)) {
        tracing::warn!(source.name = %webhook.name, "this webhook source verifies nobody: whoever reaches it can send events");
    }
}
