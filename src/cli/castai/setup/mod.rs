//! `castai setup`: the webhook configuration at CAST AI, made or changed through its API.
//!
//! Shows what it would change and changes nothing until told to; a second run finds nothing to do. Never removes
//! anything. What is to be changed is worked out by [`plan`], which knows no network.

pub(super) mod overlap;
pub(super) mod plan;

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use super::template::alert_name;
use crate::app::settings::{Settings, WebhookSettings};
use crate::castai_api::console_template::{Category, Form};
use crate::castai_api::webhooks::{WebhookConfig, WebhookDraft, is_same_url};
use crate::castai_api::{ApiError, CastAi, ErrorKind, Unreadable};
use crate::cli::route_test::find_source;
use crate::cli::{ConfigArgs, Failure, Verdict, write_table};
use overlap::Doubled;
use plan::{Choice, Difference, Plan, SEVERITIES, Wish};

/// What `castai setup` takes.
#[derive(Debug, Args)]
pub struct SetupArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The webhook source that is to be called; without it, the first one
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Name of the configuration at CAST AI; without it, the one that calls the source's URL
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The one category it is for, such as `Security`; `all` for every one. Without it, the category in the source's labels
    #[arg(long, value_name = "CATEGORY", value_parser = category)]
    category: Option<Choice<Category>>,
    /// A severity it is for, repeatable: critical, error, warning, info, success; `all` for every one
    #[arg(long = "severity", value_name = "SEVERITY", value_parser = severity)]
    severities: Vec<String>,
    /// Id of a cluster it is for, repeatable; `all` for every one, and for notifications that concern none
    #[arg(long = "cluster", value_name = "ID")]
    clusters: Vec<String>,
    /// The form of the request template
    #[arg(long, value_parser = form)]
    form: Option<Form>,
    /// Change it; without this, only show what would change, and exit 1 while there is something to change
    #[arg(long)]
    apply: bool,
}

const ALL: &str = "all";

fn category(text: &str) -> Result<Choice<Category>, String> {
    match text {
        ALL => Ok(Choice::All),
        text => Category::parse(text).map(Choice::Only),
    }
}

fn severity(text: &str) -> Result<String, String> {
    let written = text.to_ascii_uppercase();
    match text == ALL || SEVERITIES.contains(&written.as_str()) {
        true => Ok(written),
        false => Err("it is one of critical, error, warning, info, success, all".to_owned()),
    }
}

fn form(text: &str) -> Result<Form, String> {
    let named = Form::ALL.into_iter().find(|form| form.to_string() == text);
    named.ok_or_else(|| "it is json or strings".to_owned())
}

/// Several values of one flag, `all` among them meaning all.
fn choice(values: &[String]) -> Option<Choice<Vec<String>>> {
    match values {
        [] => None,
        some if some.iter().any(|value| value.eq_ignore_ascii_case(ALL)) => Some(Choice::All),
        some => Some(Choice::Only(some.to_vec())),
    }
}

/// Shows the differences and, with `--apply`, removes them. Found wrong: there are some and they stay, or CAST AI refuses or
/// cannot reach us.
pub async fn run(args: &SetupArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = args.config.read()?;
    let source = find_source(&settings, args.source.as_deref())?;
    let wish = wish(args, &settings, source)?;
    let castai = super::client(&settings)?;
    let all = castai.webhooks().await?;
    all_readable(&all.unreadable)?;
    let current = plan::find(&all.items, &wish).map_err(|names| {
        let names = names.join("`, `");
        anyhow::anyhow!("several webhook configurations could be meant: `{names}`; say which with `--name`")
    })?;
    let Plan { draft, differences, hidden, withheld } = plan::plan(current, &wish);
    let id = current.and_then(|current| current.id.clone());
    let doubled = doubled(&all.items, current, &draft, &settings);
    writeln!(out, "{} at {}\n", title(&draft.name, current), castai.api_url())?;
    for name in &hidden {
        writeln!(out, "CAST AI does not show the value of the header {name}; `--apply` writes it anew\n")?;
    }
    for one in &doubled {
        writeln!(out, "! {one}: narrow it with `--category`, or remove it\n")?;
    }
    if differences.is_empty() && (hidden.is_empty() || !args.apply) {
        writeln!(out, "nothing to do: it says what it should")?;
        return Ok(current.map_or(Ok(Verdict::Good), |current| report(current, out))?);
    }
    show(&differences, out)?;
    nothing_withheld(&withheld)?;
    if !args.apply {
        writeln!(out, "\nnothing was changed; the same with `--apply` makes it so")?;
        return Ok(Verdict::FoundWrong);
    }
    let sent = match &id {
        Some(id) => castai.update_webhook(id, &draft).await,
        None => castai.create_webhook(&draft, false).await,
    };
    let now = read_back(&castai, sent.map_err(refused)?, id).await?;
    writeln!(out, "\n{}", if current.is_some() { "changed" } else { "created" })?;
    let left = plan::plan(Some(&now), &wish).differences;
    if !left.is_empty() {
        writeln!(out, "and yet CAST AI now says something else:\n")?;
        show(&left, out)?;
        return Ok(Verdict::FoundWrong);
    }
    Ok(report(&now, out)?)
}

fn wish(args: &SetupArgs, settings: &Settings, source: &WebhookSettings) -> anyhow::Result<Wish> {
    let name = &source.name;
    let callback_url = settings.callback_url(source).ok_or_else(|| {
        anyhow::anyhow!(
            "where CAST AI is to call is not known\nhint: set `server.public_url` to the base URL of your ingress"
        )
    })?;
    let headers = source.verifier.constant_headers().ok_or_else(|| {
        let mode = source.verifier.mode();
        anyhow::anyhow!("the source `{name}` wants `{mode}`, and CAST AI cannot sign\nhint: `castai-relay castai template --source {name}` says what to do")
    })?;
    Ok(Wish {
        source: name.to_string(),
        callback_url,
        headers,
        name: args.name.clone(),
        usual_name: alert_name(name.as_str()),
        form: args.form,
        category: args.category.clone().or_else(|| own_category(source).map(Choice::Only)),
        severities: choice(&args.severities),
        clusters: choice(&args.clusters),
    })
}

/// What we cannot read may be the very one that is meant; a second one would tell everything twice.
fn all_readable(unreadable: &[Unreadable]) -> anyhow::Result<()> {
    if unreadable.is_empty() {
        return Ok(());
    }
    let names = unreadable.iter().map(name_of).collect::<Vec<_>>().join(", ");
    anyhow::bail!(
        "CAST AI has webhook configurations that cannot be read: {names}; one of them may be the one that is meant, so \
         nothing was changed\nhint: look at them in the console, and enter by hand what `castai-relay castai template` prints"
    )
}

/// As far as it can be told. The reason stays untold: it may quote a secret.
fn name_of(unreadable: &Unreadable) -> String {
    let raw: Value = serde_json::from_slice(&unreadable.raw).unwrap_or_default();
    let text = |field: &str| raw.get(field).and_then(Value::as_str);
    match (text("name"), text("id")) {
        (Some(name), Some(id)) => format!("`{name}` ({id})"),
        (Some(known), None) | (None, Some(known)) => format!("`{known}`"),
        (None, None) => "one without name and id".to_owned(),
    }
}

/// A change sends every header, and of these we only have the mask.
fn nothing_withheld(names: &[String]) -> anyhow::Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let names = names.join("`, `");
    anyhow::bail!(
        "CAST AI does not show the value of the header `{names}`, and a change would overwrite it; nothing was changed\nhint: make the \
         change by hand in the console, where the value stays; or take the header away there, run this again, and then \
         enter the header by hand"
    )
}

/// What the source says of all its events is what an alert for it must be about; others would be told as that, too.
pub(super) fn own_category(source: &WebhookSettings) -> Option<Category> {
    source.labels.get("category").and_then(|category| Category::parse(category).ok())
}

fn title(name: &str, current: Option<&WebhookConfig>) -> String {
    match current.and_then(|current| current.id.as_deref()) {
        Some(id) => format!("webhook configuration `{name}` ({id})"),
        None => format!("new webhook configuration `{name}`"),
    }
}

/// What will come twice, once this configuration is as it should be.
fn doubled(
    all: &[WebhookConfig],
    current: Option<&WebhookConfig>,
    draft: &WebhookDraft,
    settings: &Settings,
) -> Vec<Doubled> {
    let calls = |config: &&WebhookConfig| {
        let leads_to =
            |source| settings.callback_url(source).is_some_and(|url| is_same_url(&config.callback_url, &url));
        config.deleted_at.is_none() && settings.sources.webhooks.iter().any(leads_to)
    };
    let others = all.iter().filter(calls).filter(|config| current.is_none_or(|current| config.id != current.id));
    let becomes = WebhookConfig {
        name: draft.name.clone(),
        category: draft.category.clone(),
        severity_triggers: draft.severity_triggers.clone(),
        cluster_triggers: draft.cluster_triggers.clone(),
        include_clusterless: draft.include_clusterless,
        organization_id: current.and_then(|current| current.organization_id.clone()),
        ..WebhookConfig::default()
    };
    overlap::doubled(&others.chain([&becomes]).collect::<Vec<_>>())
}

/// What is above what becomes of it, as either may be long.
fn show(differences: &[Difference], out: &mut dyn Write) -> io::Result<()> {
    let row = |field: &str, sign: &str, value: &str| vec![field.to_owned(), format!("{sign} {value}")];
    let rows = differences.iter().flat_map(|Difference { field, is, becomes }| match is {
        Some(is) => vec![row(field, " ", is), row("", "→", becomes)],
        None => vec![row(field, "→", becomes)],
    });
    write_table(out, "  ", &rows.collect::<Vec<_>>())
}

/// CAST AI's own answer may leave things out, so it is asked again.
async fn read_back(castai: &CastAi, sent: WebhookConfig, id: Option<String>) -> Result<WebhookConfig, Failure> {
    match id.or(sent.id) {
        Some(id) => Ok(castai.webhook(&id).await?),
        None => {
            Err(anyhow::anyhow!("CAST AI gave the webhook configuration no id\nhint: look for it in the console")
                .into())
        }
    }
}

fn refused(error: ApiError) -> anyhow::Error {
    let hint = match error.kind() {
        ErrorKind::Forbidden => {
            "\nhint: reading needs the role Viewer, this needs one that may change notification settings; or enter by hand what `castai-relay castai template` prints"
        }
        ErrorKind::Refused => "\nhint: should it be about the template, try `--form strings`",
        _ => "",
    };
    anyhow::anyhow!("{error}{hint}")
}

/// How CAST AI fares with it.
fn report(webhook: &WebhookConfig, out: &mut dyn Write) -> io::Result<Verdict> {
    match (webhook.status.as_deref(), webhook.error.as_deref()) {
        (Some("FailedToConnect"), error) => {
            writeln!(out, "CAST AI could not call it: {}", error.unwrap_or("it does not say why"))?;
            writeln!(out, "`castai-relay castai doctor` looks for the reason")?;
            Ok(Verdict::FoundWrong)
        }
        (Some(status), _) => writeln!(out, "CAST AI says: {status}").map(|()| Verdict::Good),
        (None, _) => writeln!(out, "CAST AI has not called it yet").map(|()| Verdict::Good),
    }
}
