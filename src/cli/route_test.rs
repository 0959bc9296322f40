//! `route test`: what would become of an event, without sending anything.

use std::io::Write;

use bytes::Bytes;
use clap::Args;

use super::shown::escaped;
use super::{BodyArgs, ConfigArgs, Failure, Verdict};
use crate::app::settings::{Settings, WebhookSettings};
use crate::event::batch::{Batch, Incident, Lease};
use crate::event::delivery::{Delivery, IncidentStep, Owed, Phase};
use crate::event::relay::{self, BodyProblem};
use crate::event::{Event, Severity, Timestamp};
use crate::names::DeliveryId;
use crate::runtime::{Clock, SystemClock};
use crate::source::verify::{Unverified, Verifier};
use crate::source::wire::{self, Mapping};

/// What `route test` takes.
#[derive(Debug, Args)]
pub struct RouteTestArgs {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    body: BodyArgs,
    /// The webhook source it would come by; without it, the first one
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
}

/// Prints the event as understood, each route's verdict, and each message.
pub fn run(args: &RouteTestArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let body = Bytes::from(args.body.read(None)?);
    let source = find_source(&settings, args.source.as_deref())?;
    let now = SystemClock.now();
    match understand(body.clone(), source, now) {
        Ok(event) => {
            show_journey(&settings, &event, out)?;
            Ok(Verdict::Good)
        }
        Err(problem) => {
            let BodyProblem { message, line, column, hint } = &problem;
            writeln!(out, "the body would be answered 400: {message} at line {line}, column {column}")?;
            writeln!(out, "hint: {hint}\n\nand the relay itself would report it:\n")?;
            show_journey(&settings, &relay::body_rejected(&source.name, body, &problem, now), out)?;
            Ok(Verdict::FoundWrong)
        }
    }
}

fn show_journey(settings: &Settings, event: &Event, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "event\n{}\n", indented(&escaped(&serde_json::to_string_pretty(event)?)))?;
    writeln!(out, "routes")?;
    for verdict in settings.table.explain(event) {
        writeln!(out, "  {verdict}")?;
    }
    let owed = settings.table.route(event).owed;
    for owed in &owed {
        show_message(settings, event, owed, out)?;
    }
    match (owed.is_empty(), owed.iter().all(Owed::is_resolve)) {
        (true, _) => writeln!(out, "\nnobody would be told")?,
        (false, true) => writeln!(out, "\nwhere no such incident is open, nobody would be told")?,
        (false, false) => {}
    }
    Ok(())
}

/// The source of this name, or the only sensible one.
pub fn find_source<'a>(settings: &'a Settings, name: Option<&str>) -> anyhow::Result<&'a WebhookSettings> {
    let known = || settings.sources.webhooks.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
    let fits = |source: &&WebhookSettings| name.is_none_or(|name| source.name.as_str() == name);
    let missing = || anyhow::anyhow!("no webhook source `{}`; there is: {}", name.unwrap_or_default(), known());
    settings.sources.webhooks.iter().find(fits).ok_or_else(missing)
}

fn understand(body: Bytes, source: &WebhookSettings, now: Timestamp) -> Result<Event, BodyProblem> {
    let mapping = Mapping { fields: source.fields.clone(), labels: source.labels.clone() };
    // Who typed the command may read its own file; nobody else is involved.
    match Unverified::new(Default::default(), body).verify(&Verifier::None, now) {
        Ok(verified) => wire::read(&verified, &source.name, &mapping, now),
        Err(never) => Err(BodyProblem { message: never.to_string(), line: 1, column: 1, hint: "" }),
    }
}

fn show_message(settings: &Settings, event: &Event, owed: &Owed, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(target) = settings.targets.iter().find(|target| target.name == owed.target) else { return Ok(()) };
    let delivery = Delivery {
        again: None,
        id: DeliveryId::from_row(1),
        route: owed.route.clone(),
        target: owed.target.clone(),
        severity: owed.severity,
        attempt: 1,
        claimed_at: SystemClock.now(),
        event: event.clone(),
    };
    let of_route = settings.table.wording(&owed.route);
    let wording = of_route.map_or_else(|| target.message.clone(), |of_route| target.message.over(of_route));
    let quiet = settings.table.quiet_hours(&owed.route, delivery.claimed_at);
    let quiet = quiet.map(|why| format!("; not at this hour, {why}")).unwrap_or_default();
    let does = owed.incident.as_ref().map(|step| match step.phase {
        Phase::Open => format!(", opens incident {}", step.key),
        Phase::Resolve => format!(", resolves incident {}, if it is open", step.key),
    });
    let does = does.unwrap_or_default();
    writeln!(
        out,
        "\nto {} ({}), by route {}, as {}{does}{quiet}",
        owed.target, target.kind, owed.route, owed.severity
    )?;
    let incident = owed.incident.as_ref().map(|step| incident(step, owed.severity, event.received_at));
    let batch = Batch { incident, ..Batch::of_one(delivery, Lease(1)) };
    writeln!(out, "{}", indented(&target.notifier.preview(&batch, &wording)))?;
    Ok(())
}

/// As the first event about it would find it, or as if it had been opened by one that is not kept any more.
fn incident(step: &IncidentStep, severity: Severity, now: Timestamp) -> Incident {
    let (key, phase) = (step.key.clone(), step.phase);
    Incident { key, phase, severity, opened_at: now, opening: None, timed_out: false }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
