//! Whether each webhook at CAST AI is for the category that our source takes it for, and none is told twice.

use super::super::facts::{Facts, Webhook};
use super::super::line::Line;
use super::webhook::{all_calling, setup};
use crate::castai_api::webhooks::{WebhookConfig, is_same_category};
use crate::cli::castai::setup::overlap;

const CATEGORY: &str = "category";

/// A line for each configuration that calls a source which labels all its events with a category.
pub fn labelled(facts: &Facts) -> Vec<Line> {
    // Where nothing calls us, others say so.
    let pairs = all_calling(facts).unwrap_or_default();
    let line = |(webhook, config): &(&Webhook, &WebhookConfig)| {
        let label = webhook.category.as_deref()?;
        Some(of_label(label, webhook, config).about(&config.name))
    };
    pairs.iter().filter_map(line).collect()
}

fn of_label(label: &str, webhook: &Webhook, config: &WebhookConfig) -> Line {
    match config.category.as_deref() {
        Some(category) if is_same_category(category, label) => Line::good(CATEGORY, category),
        other => {
            let sent = other.map_or("all categories".to_owned(), |other| format!("`{other}`"));
            let found = format!("it is for {sent}, and `{}` takes everything for `{label}`", webhook.name);
            Line::wrong(CATEGORY, found, setup(webhook, Some(config)))
        }
    }
}

/// A line for each configuration that tells again what another one tells.
pub fn doubled(facts: &Facts) -> Vec<Line> {
    let mut configs: Vec<&WebhookConfig> = Vec::new();
    for (_, config) in all_calling(facts).unwrap_or_default() {
        if !configs.iter().any(|known| std::ptr::eq(*known, config)) {
            configs.push(config);
        }
    }
    let line = |doubled: overlap::Doubled| {
        let found = format!("{doubled}: each comes twice, and what comes first is kept");
        Line::warning(CATEGORY, found, "narrow it with `--category`, or remove it").about(doubled.name)
    };
    overlap::doubled(&configs).into_iter().map(line).collect()
}
