//! What a webhook configuration must become, and how that differs from what it is.
//!
//! Pure. What the operator does not ask for stays as it is, except for what must be right for events to arrive: URL, headers
//! and template. Secrets are compared and never shown. Next: [`super`], which asks CAST AI for it.

use std::collections::BTreeMap;

use crate::castai_api::console_template::{Category, Comparison, Form, compare};
use crate::castai_api::webhooks::{
    ClusterTriggers, WebhookConfig, WebhookDraft, is_same_category, is_same_url, printable_url,
};
use crate::config::Secret;
use crate::source::verify::ConstantHeader;

/// CAST AI's severities, the gravest first, <https://docs.cast.ai/docs/notifications>.
pub const SEVERITIES: [&str; 5] = ["CRITICAL", "ERROR", "WARNING", "INFO", "SUCCESS"];

/// The header without which CAST AI's calls say nothing of their kind, and some ingresses refuse them.
pub const CONTENT_TYPE: (&str, &str) = ("Content-Type", "application/json");

/// What a setting is to be: as asked for, or everything there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice<T> {
    /// `all`.
    All,
    /// These.
    Only(T),
}

/// What is asked for. `None` is what was not said.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The source it is for.
    pub source: String,
    /// The URL of that source.
    pub callback_url: String,
    /// The credential of that source.
    pub headers: Vec<ConstantHeader>,
    /// How it is to be called.
    pub name: Option<String>,
    /// What it is to be called when it is new and was not given a name.
    pub usual_name: String,
    /// Which form of our template.
    pub form: Option<Form>,
    /// The one category.
    pub category: Option<Choice<Category>>,
    /// The severities, in CAST AI's words.
    pub severities: Option<Choice<Vec<String>>>,
    /// The clusters, by CAST AI's ids.
    pub clusters: Option<Choice<Vec<String>>>,
}

/// One field that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The field, as the console calls it.
    pub field: String,
    /// What it says, if anything; a secret is not told.
    pub is: Option<String>,
    /// What it will say.
    pub becomes: String,
}

/// The way from what is to what is wanted.
#[derive(Debug, Clone)]
pub struct Plan {
    /// What CAST AI is to be told.
    pub draft: WebhookDraft,
    /// Empty when there is nothing to do.
    pub differences: Vec<Difference>,
    /// Headers whose value CAST AI keeps to itself, so that nobody can say whether it is the right one.
    pub hidden: Vec<String>,
    /// Headers that are not ours and whose value CAST AI keeps to itself: a change would put the mask in its place, so while
    /// there are some, nothing may be sent.
    pub withheld: Vec<String>,
}

/// The configuration the wish is about; none when there is none yet.
///
/// # Errors
/// When it could be several; with their names.
pub fn find<'a>(all: &'a [WebhookConfig], wish: &Wish) -> Result<Option<&'a WebhookConfig>, Vec<String>> {
    let alive = || all.iter().filter(|webhook| webhook.deleted_at.is_none());
    let named = |name: &str| alive().filter(|webhook| webhook.name == name).collect::<Vec<_>>();
    let calling = || alive().filter(|webhook| is_same_url(&webhook.callback_url, &wish.callback_url)).collect();
    let found: Vec<&WebhookConfig> = match &wish.name {
        Some(name) => named(name),
        None => Some(calling()).filter(|found: &Vec<_>| !found.is_empty()).unwrap_or_else(|| named(&wish.usual_name)),
    };
    let usual: Vec<_> = found.iter().filter(|webhook| webhook.name == wish.usual_name).collect();
    match (found.as_slice(), usual.as_slice()) {
        ([], _) => Ok(None),
        ([one], _) => Ok(Some(one)),
        (_, [one]) if wish.name.is_none() => Ok(Some(one)),
        (several, _) => Err(several.iter().map(|webhook| webhook.name.clone()).collect()),
    }
}

/// What to tell CAST AI, and what that changes.
pub fn plan(current: Option<&WebhookConfig>, wish: &Wish) -> Plan {
    let is = current.map(WebhookConfig::draft);
    let mut draft = is.clone().unwrap_or_else(|| WebhookDraft {
        name: wish.usual_name.clone(),
        severity_triggers: SEVERITIES.map(str::to_owned).to_vec(),
        include_clusterless: true,
        ..WebhookDraft::default()
    });
    if let Some(name) = &wish.name {
        draft.name.clone_from(name);
    }
    if !is_same_url(&draft.callback_url, &wish.callback_url) {
        draft.callback_url.clone_from(&wish.callback_url);
    }
    choose_category(&mut draft, wish);
    choose_coverage(&mut draft, wish);
    draft.request_template = template(&draft, wish);
    for (name, value) in wanted_headers(wish) {
        put_header(&mut draft.auth_keys, name, value);
    }
    let hidden =
        |(name, _): &(&str, Secret)| is.as_ref().and_then(|is| header(&is.auth_keys, name)).is_some_and(is_hidden);
    let hidden = wanted_headers(wish).filter(hidden).map(|(name, _)| name.to_owned()).collect();
    let differences = differences(is.as_ref(), &draft, wish);
    let withheld = is.as_ref().map(|is| withheld(is, wish)).unwrap_or_default();
    Plan { draft, differences, hidden, withheld }
}

fn withheld(is: &WebhookDraft, wish: &Wish) -> Vec<String> {
    let foreign = |name: &str| !wanted_headers(wish).any(|(ours, _)| ours.eq_ignore_ascii_case(name));
    let withheld = is.auth_keys.iter().filter(|(name, value)| foreign(name) && may_be_hidden(value));
    withheld.map(|(name, _)| name.clone()).collect()
}

fn choose_category(draft: &mut WebhookDraft, wish: &Wish) {
    match &wish.category {
        None => {}
        Some(Choice::All) => (draft.category, draft.subcategory) = (None, None),
        Some(Choice::Only(category))
            if draft.category.as_deref().is_some_and(|is| is_same_category(is, category.as_str())) => {}
        Some(Choice::Only(category)) => {
            (draft.category, draft.subcategory) = (Some(category.as_str().to_owned()), None);
        }
    }
}

fn choose_coverage(draft: &mut WebhookDraft, wish: &Wish) {
    let severities = match &wish.severities {
        None => None,
        Some(Choice::All) => Some(SEVERITIES.map(str::to_owned).to_vec()),
        Some(Choice::Only(only)) => Some(only.clone()),
    };
    let clusters = match &wish.clusters {
        None => None,
        Some(Choice::All) => Some(vec![]),
        Some(Choice::Only(only)) => Some(only.clone()),
    };
    // The order says nothing, so it is no difference.
    if let Some(wanted) = severities.filter(|wanted| sorted(wanted) != sorted(&draft.severity_triggers)) {
        draft.severity_triggers = wanted;
    }
    if let Some(wanted) = clusters.filter(|wanted| sorted(wanted) != sorted(&draft.cluster_triggers.cluster_ids)) {
        draft.cluster_triggers = ClusterTriggers { cluster_ids: wanted };
    }
    draft.include_clusterless |= wish.clusters == Some(Choice::All);
}

fn sorted(texts: &[String]) -> Vec<String> {
    let mut texts: Vec<String> = texts.iter().map(|text| text.to_ascii_uppercase()).collect();
    texts.sort();
    texts
}

/// The template that is there, when it says what ours says; else ours.
fn template(draft: &WebhookDraft, wish: &Wish) -> String {
    let category = match &wish.category {
        Some(Choice::Only(category)) => Some(category.clone()),
        Some(Choice::All) => None,
        None => draft.category.as_deref().and_then(|category| Category::parse(category).ok()),
    };
    if let Comparison::Ours { form, category: typed } = compare(&draft.request_template) {
        let form_is_good = wish.form.is_none_or(|wanted| form == Some(wanted));
        let asked = wish.category.is_some();
        let category_is_good = !asked || typed.as_deref() == category.as_ref().map(Category::as_str);
        if form_is_good && category_is_good {
            return draft.request_template.clone();
        }
    }
    wish.form.unwrap_or(Form::Json).text(category.as_ref())
}

fn wanted_headers(wish: &Wish) -> impl Iterator<Item = (&str, Secret)> {
    let content_type = (CONTENT_TYPE.0, Secret::literal(CONTENT_TYPE.1));
    let credential = wish.headers.iter().map(|header| (header.name.as_str(), header.value.clone()));
    std::iter::once(content_type).chain(credential)
}

/// The header of this name, whatever the case it is written in.
pub fn header<'a>(headers: &'a BTreeMap<String, Secret>, name: &str) -> Option<&'a Secret> {
    headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

/// Whether this stands for a value that is not told.
pub fn is_hidden(value: &Secret) -> bool {
    let text = value.expose();
    !text.is_empty() && text.chars().all(|c| "*•".contains(c))
}

/// Whether this may stand for a value that is not told, or not told wholly. Wrongly suspected,
/// a value costs its owner a minute in the console; wrongly believed, the value.
fn may_be_hidden(value: &Secret) -> bool {
    let text = value.expose();
    text.is_empty() || is_hidden(value) || text.contains("***") || text.contains('•')
}

/// Replaces what is there under any spelling of the name; others stay, they may be for the ingress.
fn put_header(headers: &mut BTreeMap<String, Secret>, name: &str, value: Secret) {
    if !header(headers, name).is_some_and(|is| is.is(&value)) {
        headers.retain(|own, _| !own.eq_ignore_ascii_case(name));
        headers.insert(name.to_owned(), value);
    }
}

/// How a field that is no secret reads.
type Show = fn(&WebhookDraft) -> String;

fn differences(is: Option<&WebhookDraft>, becomes: &WebhookDraft, wish: &Wish) -> Vec<Difference> {
    let mut all = Vec::new();
    let mut note = |field: &str, is: Option<String>, becomes: String| {
        if is.as_ref() != Some(&becomes) {
            all.push(Difference { field: field.to_owned(), is, becomes });
        }
    };
    let shown = |show: Show| (is.map(show), show(becomes));
    let plain: [(&str, Show); 6] = [
        ("name", |draft| draft.name.clone()),
        ("callback URL", |draft| printable_url(&draft.callback_url)),
        ("category", category_of),
        ("severities", |draft| draft.severity_triggers.join(", ")),
        ("clusters", clusters_of),
        ("non-cluster alerts", |draft| if draft.include_clusterless { "yes" } else { "no" }.to_owned()),
    ];
    for (field, show) in plain {
        let (is, becomes) = shown(show);
        note(field, is, becomes);
    }
    for (name, value) in wanted_headers(wish) {
        let there = is.and_then(|is| header(&is.auth_keys, name));
        if !there.is_some_and(|there| there.is(&value) || is_hidden(there)) {
            let content_type = name == CONTENT_TYPE.0;
            let is = there.map(|there| match content_type {
                true => there.expose().to_owned(),
                false => "another secret".to_owned(),
            });
            let becomes = match content_type {
                true => CONTENT_TYPE.1.to_owned(),
                false => format!("the first secret under `sources.webhooks.{}.verify`", wish.source),
            };
            note(&format!("header {name}"), is, becomes);
        }
    }
    if is.is_none_or(|is| is.request_template != becomes.request_template) {
        note("request template", is.map(|is| described(&is.request_template)), described(&becomes.request_template));
    }
    all
}

fn category_of(draft: &WebhookDraft) -> String {
    match (&draft.category, &draft.subcategory) {
        (None, _) => "all".to_owned(),
        (Some(category), None) => category.clone(),
        (Some(category), Some(operation)) => format!("{category}, {operation} only"),
    }
}

fn clusters_of(draft: &WebhookDraft) -> String {
    match draft.cluster_triggers.cluster_ids.as_slice() {
        [] => "all".to_owned(),
        chosen => chosen.join(", "),
    }
}

/// A template in a few words: a foreign one may hold a key of the service it was made for.
pub fn described(template: &str) -> String {
    match compare(template) {
        Comparison::Ours { form, category } => {
            let form = form.map_or("ours, in a mixed form".to_owned(), |form| format!("ours, form {form}"));
            category.map_or(form.clone(), |category| format!("{form}, category {category}"))
        }
        Comparison::Altered { missing, changed } => {
            let missing = (!missing.is_empty()).then(|| format!("without {}", missing.join(", ")));
            let changed = (!changed.is_empty()).then(|| format!("with another {}", changed.join(", ")));
            format!("ours, {}", [missing, changed].into_iter().flatten().collect::<Vec<_>>().join(", "))
        }
        Comparison::Foreign { missing } if missing.is_empty() => "another one".to_owned(),
        Comparison::Foreign { missing } => format!("another one, without {}", missing.join(", ")),
        Comparison::Broken(_) if template.trim().is_empty() => "empty".to_owned(),
        Comparison::Broken(why) => format!("broken: {why}"),
    }
}

#[cfg(test)]
#[path = "tests/plan.rs"]
mod tests;
