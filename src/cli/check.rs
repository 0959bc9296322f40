//! `check`: every mistake in the configuration at once, or what it means when there is none.

use std::io::{self, Write};
use std::time::Duration;

use super::{ConfigArgs, Failure, Verdict, write_table};
use crate::admin;
use crate::admin::access::Token;
use crate::app::settings::{Engine, Settings, Sources, Target, WebhookSettings, doubt};
use crate::config::Span;
use crate::names::{SourceName, TargetName, TokenName};
use crate::route::{Route, RoutingTable};
use crate::source::drills::Drill;

/// Prints the settings in force and the routing table.
pub fn run(args: &ConfigArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.read()?;
    writeln!(out, "configuration is good: {}\n", args.described())?;
    print_house(&settings, out)?;
    print_table(&settings.table, out)?;
    print_drills(&settings, out)?;
    Ok(Verdict::Good)
}

fn print_house(settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let engine = match &settings.engine {
        Engine::Sqlite(config) => format!("sqlite {}, events kept {}", config.path.display(), settings.retention),
        Engine::Memory => "memory: nothing survives the process".to_owned(),
    };
    let row = |name: &str, value: String| vec![name.to_owned(), value];
    let mut house = vec![row("listens on", format!("{} (admin {})", settings.server.listen, settings.admin.listen))];
    house.extend(settings.server.public_url.iter().map(|url| row("reached at", url.to_string())));
    house.push(row("store", engine));
    house.push(row("admin API", who_may(&settings.admin)));
    let connects = Some(&settings.connection).filter(|connection| !connection.is_plain());
    house.extend(connects.map(|connection| row("connects", connection.to_string())));
    write_table(out, "", &house)?;
    writeln!(out, "\nsources")?;
    let source = |webhook: &WebhookSettings| {
        let silence = webhook.silent_after.map(|limit| format!(", reported when silent for {limit}"));
        let verified = format!("verified by {}{}", webhook.verifier.mode(), silence.unwrap_or_default());
        vec![webhook.name.to_string(), format!("POST {}", webhook.path.as_str()), verified]
    };
    let sources: Vec<_> = settings.sources.webhooks.iter().map(source).chain(asked(&settings.sources)).collect();
    match sources.as_slice() {
        [] => writeln!(out, "  none: no event can come in")?,
        sources => write_table(out, "  ", sources)?,
    }
    writeln!(out, "\ntargets")?;
    write_table(out, "  ", &targets(settings))
}

/// Who may use the admin API: the tokens by name.
fn who_may(admin: &admin::Config) -> String {
    let role = |token: &Token| match (token.name == TokenName::admin(), token.role.as_str()) {
        (true, _) => "`admin.token`".to_owned(),
        (false, role) => format!("the token `{}` ({role})", token.name),
    };
    let tokens: Vec<String> = admin.all_tokens().iter().map(role).collect();
    match tokens.as_slice() {
        [] => "closed: no `admin.token`".to_owned(),
        tokens => format!("open to who shows {}", tokens.join(" or ")),
    }
}

/// The targets, one row for each: how it is delivered to, who stands in for it, and whether anybody is told by it.
fn targets(settings: &Settings) -> Vec<Vec<String>> {
    let mut told: Vec<_> = settings.table.routes().flat_map(|route| &route.notify).collect();
    told.extend(settings.table.default_targets());
    told.extend(settings.targets.iter().filter_map(|target| target.policy.fallback.as_ref()));
    let own: Vec<_> = settings.targets_connected_otherwise().map(|target| &target.name).collect();
    let target = |Target { name, kind, policy, http, notifier, .. }: &Target| {
        let fallback = policy.fallback.as_ref().map(|to| format!("falls back to {to} after {}", policy.fallback_after));
        let alone = (!told.contains(&name)).then(|| "no route names it".to_owned());
        let obstacle = notifier.ready().and_then(Result::err);
        let here = obstacle.map(|obstacle| format!("cannot be told from here: {}: {}", obstacle.said, obstacle.cure));
        let way = own.contains(&name).then(|| format!("connected to {}", http.connection()));
        let note = [fallback, alone, way, here].into_iter().flatten().collect::<Vec<_>>().join(", ");
        vec![name.to_string(), (*kind).to_owned(), policy.to_string(), note]
    };
    settings.targets.iter().map(target).collect()
}

/// The sources that are asked, one row for each.
fn asked(sources: &Sources) -> impl Iterator<Item = Vec<String>> {
    let notifications = sources.notifications.as_ref().map(|config| {
        let how = format!("asked every {}, reported when silent for {}", config.every, config.silent_after);
        vec![SourceName::notifications().to_string(), "CAST AI's list of notifications".to_owned(), how]
    });
    let audit_log = sources.audit_log.as_ref().map(|config| {
        let what = format!("CAST AI's audit log, {}", config.version.as_str());
        let how = format!("asked every {}, reported when silent for {}", config.every, config.silent_after);
        vec![SourceName::audit_log().to_string(), what, how]
    });
    let savings = sources
        .savings
        .as_ref()
        .map(|config| vec![SourceName::savings().to_string(), "CAST AI's cost reports".to_owned(), config.in_words()]);
    let kubernetes = sources.kubernetes.as_ref().map(|config| {
        let (what, silence) = (&config.api_server, format!("reported when silent for {}", config.silent_after));
        vec![SourceName::kubernetes().to_string(), what.to_string(), format!("watched, {silence}")]
    });
    [notifications, audit_log, savings, kubernetes].into_iter().flatten()
}

fn print_table(table: &RoutingTable, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nroutes, in order")?;
    let rows = table.routes().enumerate().flat_map(|(index, route)| {
        let what = vec![(index + 1).to_string(), route.name.to_string(), route.matcher.to_string()];
        let below = together(route).map(|line| vec![String::new(), format!("  {line}")]);
        std::iter::once([what, vec![format!("→ {}", told(route))]].concat()).chain(below)
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    let rest = names(table.default_targets());
    rows.push(vec!["-".into(), "everything else".into(), String::new(), format!("→ {rest}")]);
    write_table(out, "  ", &rows)?;
    print_late_rules(table, out)
}

fn told(route: &Route) -> String {
    let severity = route.severity.map(|severity| format!(" as {severity}")).unwrap_or_default();
    let stop = if route.stop { ", then stop" } else { "" };
    let hours = route.hours_in_words().map(|hours| format!(", {hours}")).unwrap_or_default();
    format!("{}{severity}{stop}{hours}", names(&route.notify))
}

/// What a route says of its deliveries together, a line for each rule.
fn together(route: &Route) -> impl Iterator<Item = String> {
    let group = route.group.as_ref().map(|group| format!("grouped {group}"));
    let storm = route.storm.as_ref().map(|storm| format!("swept together in storms {storm}"));
    let incident = route.incident.as_ref().map(|incident| format!("opens incident {incident}"));
    [group, storm, incident].into_iter().flatten()
}

fn print_late_rules(table: &RoutingTable, out: &mut dyn Write) -> io::Result<()> {
    let rule = |(source, limit, notify): (&SourceName, Duration, &[TargetName])| {
        let seen = if *source == SourceName::notifications() { ", or acknowledged" } else { "" };
        vec![source.to_string(), format!("older than {}{seen}", Span::from(limit)), format!("→ {}", names(notify))]
    };
    let rows: Vec<_> = table.late_rules().map(rule).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\ntoo late to page, past all routes")?;
    write_table(out, "  ", &rows)
}

fn print_drills(settings: &Settings, out: &mut dyn Write) -> io::Result<()> {
    let row = |drill: &Drill| {
        let when = drill.schedule.as_ref().map_or_else(|| "when somebody wants it".to_owned(), ToString::to_string);
        let doubt = doubt(drill, &settings.table).map(|doubt| format!("; {doubt}")).unwrap_or_default();
        let how = format!("as {}, told within {}{doubt}", drill.stage.source, Span::from(drill.within));
        vec![drill.name.to_string(), when, how]
    };
    let rows: Vec<_> = settings.drills.iter().map(row).collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\ndrills")?;
    write_table(out, "  ", &rows)
}

fn names(targets: &[TargetName]) -> String {
    if targets.is_empty() {
        return "nobody".to_owned();
    }
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
