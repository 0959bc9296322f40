//! What CAST AI is told to call, how it fares with it, and whether it says and proves what our sources want.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::super::facts::{Call, Facts, Webhook};
use super::super::line::Line;
use super::account::NOT_CONFIGURED;
use crate::castai_api::console_template::{Comparison, compare};
use crate::castai_api::webhooks::{WebhookConfig, is_same_url};
use crate::cli::castai::setup::plan::{CONTENT_TYPE, SEVERITIES, described, header, is_hidden};
use crate::source::verify::{Unverified, VerifyError};

const NOBODY_CALLS: &str = "no webhook at CAST AI calls us";

/// What CAST AI is told to call, or why that is not known.
fn known(facts: &Facts) -> Result<&[WebhookConfig], &'static str> {
    let account = facts.account.as_ref().ok_or(NOT_CONFIGURED)?;
    account.webhooks.as_deref().ok_or("CAST AI did not tell its webhook configurations")
}

/// Whether it calls this source.
fn calls(webhook: &Webhook, config: &WebhookConfig) -> bool {
    let leads_here = match &webhook.url {
        Some(url) => is_same_url(&config.callback_url, url),
        None => config.calls(&webhook.path),
    };
    leads_here && config.deleted_at.is_none()
}

/// Those that call this source.
fn calling<'a>(webhook: &Webhook, all: &'a [WebhookConfig]) -> Vec<&'a WebhookConfig> {
    all.iter().filter(|config| calls(webhook, config)).collect()
}

/// What to type to put a configuration right.
pub(super) fn setup(webhook: &Webhook, config: Option<&WebhookConfig>) -> String {
    let name = config.map(|config| format!(" --name '{}'", config.name)).unwrap_or_default();
    format!("run `castai-relay castai setup --source {}{name} --apply`", webhook.name)
}

/// A line for each configuration that calls one of our sources.
fn each(facts: &Facts, check: &'static str, judge: impl Fn(&Webhook, &WebhookConfig) -> Line) -> Vec<Line> {
    let all = match known(facts) {
        Ok(all) => all,
        Err(why) => return vec![Line::unknown(check, why)],
    };
    let pairs =
        facts.webhooks.iter().flat_map(|webhook| calling(webhook, all).into_iter().map(move |one| (webhook, one)));
    let lines: Vec<Line> = pairs.map(|(webhook, config)| judge(webhook, config).about(&config.name)).collect();
    match lines.is_empty() {
        true => vec![Line::unknown(check, NOBODY_CALLS)],
        false => lines,
    }
}

const CONFIGURED: &str = "webhook";

/// Whether CAST AI calls each source at all.
pub fn configured(facts: &Facts) -> Vec<Line> {
    let all = match known(facts) {
        Ok(all) => all,
        Err(why) => return vec![Line::unknown(CONFIGURED, why)],
    };
    let called = |config: &WebhookConfig| facts.webhooks.iter().any(|webhook| calls(webhook, config));
    let (ours, others): (Vec<_>, Vec<_>) = all.iter().partition(|config| called(config));
    let line = |webhook: &Webhook| of_source(webhook, &ours, &others).about(&webhook.name);
    match facts.webhooks.is_empty() {
        true => vec![Line::unknown(CONFIGURED, "there is no webhook source")],
        false => facts.webhooks.iter().map(line).collect(),
    }
}

/// `ours` call one of our sources, `others` do not.
fn of_source(webhook: &Webhook, ours: &[&WebhookConfig], others: &[&WebhookConfig]) -> Line {
    let calls: Vec<_> = ours.iter().filter(|config| calls(webhook, config)).collect();
    let url = webhook.url.as_deref().unwrap_or(&webhook.path);
    let signs = webhook.verifier.constant_headers().is_none();
    let mode = webhook.verifier.mode();
    if signs && !calls.is_empty() {
        let cure = "give CAST AI a source of its own with `verify: { bearer: … }`, or let a proxy in between sign";
        return Line::wrong(CONFIGURED, format!("CAST AI calls it and cannot sign, which `{mode}` wants"), cure);
    }
    if let [first, others @ ..] = calls.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(" and {} more", others.len()) };
        return Line::good(CONFIGURED, format!("`{}`{more} calls {url}", first.name));
    }
    let astray = others.iter().find(|config| config.deleted_at.is_none() && config.calls(&webhook.path));
    if let Some(astray) = astray {
        let theirs = astray.printable_url();
        let found = format!("`{}` calls {theirs}, and by `server.public_url` this source is {url}", astray.name);
        return Line::wrong(
            CONFIGURED,
            found,
            format!("correct `server.public_url`, or {}", setup(webhook, Some(astray))),
        );
    }
    match (signs, !ours.is_empty()) {
        (true, _) => Line::unknown(CONFIGURED, format!("not for CAST AI: it wants `{mode}`, and CAST AI cannot sign")),
        (false, true) => {
            let found = format!("no webhook at CAST AI calls {url}; others call other sources");
            Line::warning(CONFIGURED, found, format!("{}, or remove the source", setup(webhook, None)))
        }
        (false, false) => {
            let cure = format!(
                "{}; or enter by hand what `castai-relay castai template --source {}` prints",
                setup(webhook, None),
                webhook.name
            );
            Line::wrong(CONFIGURED, format!("no webhook at CAST AI calls {url}"), cure)
        }
    }
}

/// How CAST AI fared with its last call.
pub fn status(facts: &Facts) -> Vec<Line> {
    const STATUS: &str = "status";
    each(facts, STATUS, |_, config| match config.status.as_deref() {
        Some("CanConnect") => Line::good(STATUS, "CanConnect"),
        Some("FailedToConnect") => {
            let error = config.error.as_deref().unwrap_or("CAST AI does not say why");
            Line::wrong(STATUS, format!("FailedToConnect: {error}"), cure_of(error))
        }
        Some(other) => Line::warning(STATUS, other, "look at the alert in the console"),
        None => Line::warning(STATUS, "CAST AI has not called it yet", "provoke a notification; the README says how"),
    })
}

/// What an endpoint's answer, as CAST AI keeps it, points to.
fn cure_of(error: &str) -> &'static str {
    let error = error.to_ascii_lowercase();
    let points = [
        (&["401", "unauthorized"][..], "the credential is not ours: see `credential` and `headers` here"),
        (&["400", "bad request"], "the body was not JSON: see `template` and `headers` here"),
        (&["404", "not found"], "nothing is served at that path: see `webhook` and `public url` here"),
        (
            &["413", "415"],
            "what stands in front of the relay refuses the body: see `headers` here, and the ingress's limits",
        ),
        (
            &["no such host", "refused", "timeout", "timed out", "deadline", "certificate", "x509", "eof", "reset"],
            "CAST AI did not get through: see `public url` here, and whether the ingress lets everybody in",
        ),
    ];
    let fits = points.into_iter().find(|(words, _)| words.iter().any(|word| error.contains(word)));
    fits.map_or("mend what is wrong here; the status changes with CAST AI's next call", |(_, cure)| cure)
}

/// Whether the template says what ours says.
pub fn template(facts: &Facts) -> Vec<Line> {
    const TEMPLATE: &str = "template";
    each(facts, TEMPLATE, |webhook, config| {
        let (found, cure) = (described(&config.request_template), setup(webhook, Some(config)));
        match compare(&config.request_template) {
            Comparison::Ours { .. } => Line::good(TEMPLATE, found),
            Comparison::Foreign { missing } if missing.is_empty() => {
                let found = format!("{found} with all facts; the relay reads it by the names its fields have");
                Line::warning(TEMPLATE, found, format!("to be sure, {cure}"))
            }
            Comparison::Altered { .. } | Comparison::Foreign { .. } | Comparison::Broken(_) => {
                Line::wrong(TEMPLATE, found, cure)
            }
        }
    })
}

/// Whether the headers say what the body is, and prove who sends it.
pub fn headers(facts: &Facts) -> Vec<Line> {
    let content_type = each(facts, "headers", content_type);
    // Where nothing calls us, once is enough.
    let known = content_type.iter().any(|line| line.about.is_some());
    let credential = if known { each(facts, "credential", credential) } else { vec![] };
    content_type.into_iter().chain(credential).collect()
}

fn content_type(webhook: &Webhook, config: &WebhookConfig) -> Line {
    const HEADERS: &str = "headers";
    let (name, json) = CONTENT_TYPE;
    let cure = setup(webhook, Some(config));
    match header(&config.auth_keys, name).map(|value| value.expose()) {
        None => {
            let found = format!("{name} is missing: CAST AI then sends octet-stream, which many a proxy refuses");
            Line::wrong(HEADERS, found, format!("{cure}, or add `{name}: {json}` in the console"))
        }
        Some(value) if value.to_ascii_lowercase().starts_with(json) => Line::good(HEADERS, format!("{name}: {json}")),
        Some(value) if value.chars().all(|c| "*•".contains(c)) => {
            Line::warning(HEADERS, format!("CAST AI does not show {name}"), format!("to be sure, {cure}"))
        }
        Some(other) => Line::wrong(HEADERS, format!("{name} is `{other}`"), cure),
    }
}

fn credential(webhook: &Webhook, config: &WebhookConfig) -> Line {
    const CREDENTIAL: &str = "credential";
    let cure = setup(webhook, Some(config));
    let Some(wanted) = webhook.verifier.constant_headers() else {
        return Line::unknown(CREDENTIAL, "CAST AI cannot sign");
    };
    if wanted.iter().any(|wanted| header(&config.auth_keys, &wanted.name).is_some_and(is_hidden)) {
        return Line::warning(CREDENTIAL, "CAST AI does not show it", format!("to be sure, {cure}"));
    }
    match verify(webhook, config) {
        Ok(()) if wanted.is_empty() => Line::good(CREDENTIAL, format!("`{}` verifies nobody", webhook.name)),
        Ok(()) => Line::good(CREDENTIAL, format!("fits `{}`", webhook.name)),
        Err(error) => Line::wrong(CREDENTIAL, error.to_string(), cure),
    }
}

/// As the relay does when it is called. Values that cannot be a header are none.
fn verify(webhook: &Webhook, config: &WebhookConfig) -> Result<(), VerifyError> {
    let pairs = config.auth_keys.iter().filter_map(|(name, value)| {
        Some((HeaderName::try_from(name).ok()?, HeaderValue::try_from(value.expose()).ok()?))
    });
    let headers: HeaderMap = pairs.collect();
    // Constant headers prove the same at any time and over any body.
    Unverified::new(headers, Default::default()).verify(&webhook.verifier, crate::event::Timestamp::EPOCH).map(drop)
}

/// Every configuration that calls one of our sources; there is one at least.
pub(super) fn all_calling(facts: &Facts) -> Result<Vec<(&Webhook, &WebhookConfig)>, &'static str> {
    let all = known(facts)?;
    let pairs =
        facts.webhooks.iter().flat_map(|webhook| calling(webhook, all).into_iter().map(move |one| (webhook, one)));
    let pairs: Vec<_> = pairs.collect();
    if pairs.is_empty() { Err(NOBODY_CALLS) } else { Ok(pairs) }
}

/// Whether they are together for every severity and category.
pub fn severities(facts: &Facts) -> Vec<Line> {
    const SEVERITY: &str = "severities";
    let pairs = match all_calling(facts) {
        Ok(pairs) => pairs,
        Err(why) => return vec![Line::unknown(SEVERITY, why)],
    };
    let covers = |severity: &&str| {
        pairs.iter().any(|(_, config)| config.severity_triggers.iter().any(|own| own.eq_ignore_ascii_case(severity)))
    };
    let missing: Vec<&str> = SEVERITIES.into_iter().filter(|severity| !covers(severity)).collect();
    let found = format!("CAST AI does not send {}", missing.join(", "));
    let cure = || {
        let (webhook, config) = pairs[0];
        setup(webhook, Some(config)).replace(" --apply", " --severity all --apply")
    };
    let lesser = ["INFO", "SUCCESS"];
    let mut lines = vec![match missing.as_slice() {
        [] => Line::good(SEVERITY, "all"),
        missing if missing.iter().all(|severity| lesser.contains(severity)) => Line::warning(SEVERITY, found, cure()),
        _ => Line::wrong(SEVERITY, found, cure()),
    }];
    let categories: Vec<&str> = pairs.iter().filter_map(|(_, config)| config.category.as_deref()).collect();
    if categories.len() == pairs.len() {
        let found = format!("only {} is sent", categories.join(", "));
        lines.push(Line::warning("categories", found, "make another alert for all categories, if others matter"));
    }
    lines
}

/// Whether they are together for every cluster, and for what concerns none.
pub fn clusters(facts: &Facts) -> Vec<Line> {
    const CLUSTERS: &str = "clusters";
    let pairs = match all_calling(facts) {
        Ok(pairs) => pairs,
        Err(why) => return vec![Line::unknown(CLUSTERS, why)],
    };
    let (webhook, config) = pairs[0];
    let cure = setup(webhook, Some(config)).replace(" --apply", " --cluster all --apply");
    let chosen = || pairs.iter().flat_map(|(_, config)| &config.cluster_triggers.cluster_ids);
    let for_all = pairs.iter().any(|(_, config)| config.cluster_triggers.cluster_ids.is_empty());
    let mut left_out = Vec::new();
    if !for_all {
        let Some(known) = facts.account.as_ref().and_then(|account| account.clusters.as_ref()) else {
            return vec![Line::unknown(CLUSTERS, Call::CLUSTERS.to_owned() + " could not be read")];
        };
        let names = known.iter().filter(|(id, _)| !chosen().any(|chosen| chosen == *id)).map(|(_, name)| name.as_str());
        left_out.extend(names);
    }
    if !pairs.iter().any(|(_, config)| config.include_clusterless) {
        left_out.push("what concerns no cluster");
    }
    vec![match left_out.is_empty() {
        true => Line::good(CLUSTERS, if for_all { "all, and what concerns none" } else { "each one that there is" }),
        false => Line::warning(CLUSTERS, format!("CAST AI does not send: {}", left_out.join(", ")), cure),
    }]
}
