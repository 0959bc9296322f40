//! `castai …`: what concerns CAST AI itself. One file or folder for each command.

mod audit;
mod doctor;
mod setup;
mod summary;
mod template;

use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use clap::Subcommand;

use super::{Failure, Verdict};
use crate::app::settings::Settings;
use crate::castai_api::CastAi;
use crate::runtime::SystemClock;

/// The commands of this group.
#[derive(Debug, Subcommand)]
pub enum CastaiCommand {
    /// Print what to enter in CAST AI's console: callback URL, headers, request template
    Template(template::TemplateArgs),
    /// Make or change the webhook configuration through CAST AI's API; shows what would change, and changes it with --apply
    Setup(setup::SetupArgs),
    /// Find out what stands in the way of events and messages, with the cure for each; sends nothing
    Doctor(doctor::DoctorArgs),
    /// Print what was done lately, by whom, out of CAST AI's audit log
    Audit(audit::AuditArgs),
    /// Print what was saved, what it cost and what could be saved, cluster by cluster
    Summary(summary::SummaryArgs),
}

/// Does what was asked.
pub async fn run(command: &CastaiCommand, out: &mut dyn Write) -> Result<Verdict, Failure> {
    match command {
        CastaiCommand::Template(args) => template::run(args, out),
        CastaiCommand::Setup(args) => setup::run(args, out).await,
        CastaiCommand::Doctor(args) => doctor::run(args, out).await,
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
    Ok(CastAi::new(config, settings.http.clone(), Arc::new(SystemClock)))
}
