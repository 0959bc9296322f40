//! Whether the cluster that is watched lets itself be watched.

use super::super::facts::{Facts, Kubernetes};
use super::super::line::Line;

const KUBERNETES: &str = "kubernetes";

/// A line for each thing that is watched; none where nothing is.
pub fn allowed(facts: &Facts) -> Vec<Line> {
    match &facts.kubernetes {
        None => vec![],
        Some(Kubernetes::Unreached(obstacle)) => vec![Line::wrong(KUBERNETES, &obstacle.said, &obstacle.cure)],
        Some(Kubernetes::Reached(watched)) => {
            let line = |(what, obstacle): &(&'static str, Option<_>)| match obstacle {
                None => Line::good(KUBERNETES, "may be listed and watched").about(*what),
                Some(super::super::facts::Obstacle { said, cure }) => Line::wrong(KUBERNETES, said, cure).about(*what),
            };
            watched.iter().map(line).collect()
        }
    }
}
