//! Durations within limits, for the rules of a route: what is beyond them cannot be meant.

use std::ops::RangeInclusive;

use serde::{Deserialize, Deserializer, de};

use crate::config::Span;

/// Reads a duration that lies in `allowed`.
pub(super) fn span_in<'de, D: Deserializer<'de>>(
    allowed: RangeInclusive<Span>,
    deserializer: D,
) -> Result<Span, D::Error> {
    let span = Span::deserialize(deserializer)?;
    match allowed.contains(&span) {
        true => Ok(span),
        false => {
            let (least, most) = (allowed.start(), allowed.end());
            Err(de::Error::custom(format!("`{span}` is out of range: from {least} to {most} is allowed")))
        }
    }
}
