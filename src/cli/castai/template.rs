//! `castai template`: what to enter in CAST AI's console, field by field, for those who do it by hand.
//!
//! `castai setup` enters the same through the API. The texts themselves are in [`crate::castai_api::console_template`].

use std::fmt::Write as _;
use std::io::Write;

use clap::{Args, ValueEnum};

use super::setup::own_category;
use crate::app::settings::{Settings, WebhookSettings};
use crate::castai_api::console_template::{Category, Form};
use crate::cli::route_test::find_source;
use crate::cli::{ConfigArgs, Failure, Verdict};
use crate::source::verify::{ConstantHeader, Verifier};

/// What `castai template` takes.
#[derive(Debug, Args)]
pub struct TemplateArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The webhook source that is to be called; without it, the first one
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// The category this alert is for, typed into the template, which cannot tell it; `Security`, `Node Autoscaler`, …
    /// Without it, the category in the source's labels
    #[arg(long, value_name = "CATEGORY", value_parser = Category::parse)]
    category: Option<Category>,
    /// Which form of the template
    #[arg(long, value_enum, default_value_t = Forms::Both)]
    form: Forms,
    /// Print the credential itself instead of saying where it is
    #[arg(long)]
    show_secrets: bool,
}

/// Which forms of the template to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Forms {
    /// Values of any kind, whatever quotes and line breaks they hold
    Json,
    /// Every value inside quotes, for a console that refuses the other form
    Strings,
    /// First the one, then the other
    Both,
}

/// Prints the guide; found wrong is a source that CAST AI cannot prove itself to.
pub fn run(args: &TemplateArgs, out: &mut dyn Write) -> Result<Verdict, Failure> {
    let settings = match args.config.read() {
        Ok(settings) => Some(settings),
        // Without a file there is nothing to be right or wrong: the guide shows where things go.
        Err(_) if args.config.files.is_empty() && args.source.is_none() => None,
        Err(failure) => return Err(failure),
    };
    let alert = match &settings {
        Some(settings) => Alert::of(settings, find_source(settings, args.source.as_deref())?, args.show_secrets),
        None => Alert::unknown(),
    };
    let Some(headers) = &alert.headers else {
        writeln!(out, "{}", alert.cannot_sign())?;
        return Ok(Verdict::FoundWrong);
    };
    let category = args.category.as_ref().or(alert.category.as_ref());
    write!(out, "{}", alert.guide(headers, category, args.form))?;
    Ok(Verdict::Good)
}

/// What an alert for this source is called at CAST AI, unless the operator calls it otherwise.
pub fn alert_name(source: &str) -> String {
    format!("castai-relay ({source})")
}

/// One alert to be made in the console.
struct Alert {
    source: String,
    url: String,
    /// Name and value; `None` where CAST AI has no way to prove itself.
    headers: Option<Vec<(String, String)>>,
    verified_by: &'static str,
    /// What the source says of all its events.
    category: Option<Category>,
    /// What is to be done before it can work.
    notes: Vec<String>,
}

impl Alert {
    fn of(settings: &Settings, source: &WebhookSettings, show_secrets: bool) -> Self {
        let mut notes = Vec::new();
        let path = source.path.as_str();
        let url = settings.callback_url(source).unwrap_or_else(|| {
            notes.push("`server.public_url` says where your ingress is; it is not set yet".to_owned());
            format!("https://YOUR-INGRESS{path}")
        });
        if let Some(category) = source.labels.get("category") {
            notes.push(format!(
                "the source `{}` adds the category `{category}` itself where the template has none",
                source.name
            ));
        }
        if matches!(source.verifier, Verifier::None) {
            notes.push(format!("the source `{}` verifies nobody: whoever finds its URL can send events", source.name));
        }
        let value = |header: &ConstantHeader| match show_secrets {
            true => header.value.expose().to_owned(),
            false => header.written.to_owned(),
        };
        let credentials = source.verifier.constant_headers();
        let headers =
            credentials.map(|headers| headers.iter().map(|header| (header.name.clone(), value(header))).collect());
        if !show_secrets && headers.as_ref().is_some_and(|headers: &Vec<_>| !headers.is_empty()) {
            notes.push(format!(
                "what stands in <> is the first secret under `sources.webhooks.{}.verify`; `--show-secrets` prints it",
                source.name
            ));
        }
        Self {
            source: source.name.to_string(),
            url,
            headers,
            verified_by: source.verifier.mode(),
            category: own_category(source),
            notes,
        }
    }

    /// Before there is a configuration.
    fn unknown() -> Self {
        let note = "this is without a configuration; with `--config FILE` it shows your own URL and credential";
        Self {
            source: "castai".to_owned(),
            url: "https://YOUR-INGRESS/castai/events".to_owned(),
            headers: Some(vec![("Authorization".to_owned(), "Bearer <token>".to_owned())]),
            verified_by: "bearer",
            category: None,
            notes: vec![note.to_owned()],
        }
    }

    fn cannot_sign(&self) -> String {
        let Self { source, verified_by, .. } = self;
        format!(
            "the source `{source}` wants `{verified_by}`: a signature over each body. CAST AI cannot sign; it sets the \
             same headers in every call.\nGive CAST AI a source of its own, with `verify: {{ bearer: [ {{ env: \
             CASTAI_WEBHOOK_TOKEN }} ] }}`, or let a proxy in between check its headers and sign."
        )
    }

    fn guide(&self, headers: &[(String, String)], category: Option<&Category>, forms: Forms) -> String {
        let mut lines = vec![("Name", alert_name(&self.source)), ("Callback URL", self.url.clone())];
        lines.push(("Category", category.map_or("All", Category::as_str).to_owned()));
        lines.push(("Clusters", "all, and \"include non-cluster alerts\"".to_owned()));
        lines.push(("Severities", "Critical, Error, Warning, Info, Success".to_owned()));
        lines.push(("Headers", "Content-Type: application/json".to_owned()));
        lines.extend(headers.iter().map(|(name, value)| ("", format!("{name}: {value}"))));
        let mut text = "In CAST AI's console: the bell, View all, Manage alerts, Create alert, delivery method Webhook. Enter:\n\n".to_owned();
        for (field, value) in lines {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {field:<18}{value}");
        }
        let templates: &[(Form, &str)] = match forms {
            Forms::Json => &[(Form::Json, "Request template:")],
            Forms::Strings => &[(Form::Strings, "Request template:")],
            Forms::Both => &[
                (Form::Json, "Request template:"),
                (
                    Form::Strings,
                    "Should the console refuse it, this one, which suffers from quotes and line breaks in a message:",
                ),
            ],
        };
        for (form, title) in templates {
            let _ = write!(text, "\n  {title}\n\n{}", form.text(category));
        }
        text.push('\n');
        for note in &self.notes {
            let _ = writeln!(text, "note: {note}");
        }
        text.push_str("Then `castai-relay castai doctor` tells whether it works.\n");
        text
    }
}
