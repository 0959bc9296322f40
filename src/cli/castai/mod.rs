//! `castai …`: what one asks CAST AI itself. One file for each command.

mod audit;
mod summary;

use std::io::Write;

use anyhow::Context;
use clap::Subcommand;

use super::{Failure, Verdict};
use crate::app::settings::Settings;
use crate::castai_api::CastAi;
use crate::runtime::SystemClock;

/// The commands that ask CAST AI.
#[derive(Debug, Subcommand)]
pub enum CastaiCommand {
    /// Print what was done lately, by whom, out of CAST AI's audit log
    Audit(audit::AuditArgs),
    /// Print what was saved, what it cost and what could be saved, cluster by cluster
    Summary(summary::SummaryArgs),
}

/// Does what was asked.
pub async fn run(command: &CastaiCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        CastaiCommand::Audit(args) => audit::run(args, out).await,
        CastaiCommand::Summary(args) => summary::run(args, out).await,
    }
}

/// The client that the configuration describes.
fn client(settings: &Settings) -> anyhow::Result<CastAi> {
    let config = settings.castai.clone().context(
        "the configuration does not say how CAST AI is asked\nhint: write \
         `castai: { api_url: us, api_key: { env: CASTAI_API_KEY } }`",
    )?;
    Ok(CastAi::new(config, settings.http.clone(), std::sync::Arc::new(SystemClock)))
}
