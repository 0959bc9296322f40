//! The checks: facts in, lines out. Pure; each of them runs whatever the others found.
//!
//! Where a check cannot say anything because another one has failed, it says so with a dash, so that one fault is one ✗.
//! To add one: a function in the file of its area, and a row in [`CHECKS`].

mod account;
mod category;
mod clocks;
mod house;
mod kubernetes;
mod public;
mod sources;
mod targets;
mod webhook;

use super::facts::Facts;
use super::line::Line;

/// A check: as many lines as there is to say.
pub type Check = fn(&Facts) -> Vec<Line>;

/// Every check with its area, in the order they are shown.
pub const CHECKS: &[(&str, Check)] = &[
    ("CAST AI", account::key),
    ("CAST AI", account::region),
    ("CAST AI", account::organization),
    ("CAST AI", account::permissions),
    ("Webhook at CAST AI", webhook::configured),
    ("Webhook at CAST AI", webhook::status),
    ("Webhook at CAST AI", webhook::template),
    ("Webhook at CAST AI", webhook::headers),
    ("Webhook at CAST AI", webhook::severities),
    ("Webhook at CAST AI", webhook::clusters),
    ("Webhook at CAST AI", category::labelled),
    ("Webhook at CAST AI", category::doubled),
    ("Public URL", public::answers),
    ("Public URL", public::credential),
    ("Clocks", clocks::skew),
    ("Sources", sources::relay),
    ("Sources", sources::heard),
    ("Sources", kubernetes::allowed),
    ("Targets", targets::reachable),
    ("Configuration", house::risks),
];

#[cfg(test)]
#[path = "../tests/checks.rs"]
mod tests;
