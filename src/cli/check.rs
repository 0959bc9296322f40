//! `check`: every mistake in the configuration at once, or what it means when there is none.

use std::io::{self, Write};

use super::{ConfigArgs, Failure, Verdict, write_table};
use crate::app::settings::{Engine, Settings, Target, WebhookSettings};
use crate::names::TargetName;
use crate::route::RoutingTable;

/// Prints the settings in force and the routing table.
pub fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.read()?;
    writeln!(out, "configuration is good: {}\n", args.described())?;
    print_house(&settings, out)?;
    print_table(&settings.table, out)?;
    Ok(Verdict::Good)
}

fn print_house(settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let engine = match &settings.engine {
        Engine::Sqlite(config) => format!("sqlite {}, events kept {}", config.path.display(), settings.retention),
        Engine::Memory => "memory: nothing survives the process".to_owned(),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let house = [
        row("listens on", format!("{} (admin {})", settings.server.listen, settings.admin.listen)),
        row("store", engine),
    ];
    write_table(out, "", &house)?;
    writeln!(out, "\nsources")?;
    let source = |webhook: &WebhookSettings| {
        let silence = webhook.silent_after.map(|limit| format!(", reported when silent for {limit}"));
        let verified = format!("verified by {}{}", webhook.verifier.mode(), silence.unwrap_or_default());
        vec![webhook.name.to_string(), format!("POST {}", webhook.path.as_str()), verified]
    };
    match settings.sources.webhooks.as_slice() {
        [] => writeln!(out, "  none: no event can come in")?,
        webhooks => write_table(out, "  ", &webhooks.iter().map(source).collect::<Vec<_>>())?,
    }
    writeln!(out, "\ntargets")?;
    let told: Vec<_> = settings.table.routes().flat_map(|route| &route.notify).collect();
    let told = |name: &TargetName| told.contains(&name) || settings.table.default_targets().contains(name);
    let target = |target: &Target| {
        let note = if told(&target.name) { "" } else { "no route names it" };
        vec![target.name.to_string(), target.kind.to_owned(), note.to_owned()]
    };
    write_table(out, "  ", &settings.targets.iter().map(target).collect::<Vec<_>>())
}

fn print_table(table: &RoutingTable, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nroutes, in order")?;
    let mut rows: Vec<Vec<String>> = table
        .routes()
        .enumerate()
        .map(|(index, route)| {
            let mut told = names(&route.notify);
            if let Some(severity) = route.severity {
                told.push_str(&format!(" as {severity}"));
            }
            if route.stop {
                told.push_str(", then stop");
            }
            vec![(index + 1).to_string(), route.name.to_string(), route.matcher.to_string(), format!("→ {told}")]
        })
        .collect();
    let rest = names(table.default_targets());
    rows.push(vec!["-".into(), "everything else".into(), String::new(), format!("→ {rest}")]);
    write_table(out, "  ", &rows)
}

fn names(targets: &[TargetName]) -> String {
    if targets.is_empty() {
        return "nobody".to_owned();
    }
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
