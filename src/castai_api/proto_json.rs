//! CAST AI's JSON is protobuf's JSON mapping, <https://protobuf.dev/programming-guides/json/>, with habits of its own.
//!
//! Zero values may be left out, so may be written as `null` or as an empty text; 64-bit numbers and money come as text or as
//! numbers; times have up to nine decimals. These functions are for `#[serde(deserialize_with = "…")]` and go with
//! `#[serde(default)]`. Numbers are read from the text they were written in, never by way of a float. Pure: knows no
//! endpoint. Next: the models, such as [`super::notifications`].
//!
//! They read raw JSON, which serde loses on the way through `#[serde(flatten)]` and untagged enums: do without those.

use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::event::Timestamp;

/// Times that mean "not set": the zero of Go, and of protobuf.
const ZERO_TIMES: [&str; 2] = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];

/// No amount of money has more decimals or digits than this; a longer exponent is a mistake or an attack.
const LARGEST_EXPONENT: i32 = 64;

/// A single JSON value, by what it says.
enum Scalar {
    /// `null`, or an empty text.
    Absent,
    Text(String),
    /// As it was written.
    Number(String),
    /// `true`, `false`, a list or an object, as it was written.
    Other(String),
}

impl Scalar {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let written = raw.get().trim();
        match written.as_bytes().first() {
            Some(b'n') | None => Ok(Self::Absent),
            Some(b'"') => {
                let text: String = serde_json::from_str(written).map_err(D::Error::custom)?;
                Ok(if text.trim().is_empty() { Self::Absent } else { Self::Text(text) })
            }
            Some(b'-' | b'0'..=b'9') => Ok(Self::Number(written.to_owned())),
            Some(_) => Ok(Self::Other(written.to_owned())),
        }
    }

    /// The error of one that should have been something else.
    fn instead_of<E: Error>(&self, expected: &str) -> E {
        match self {
            Self::Absent => E::custom(format!("expected {expected}, found nothing")),
            Self::Text(written) => E::custom(format!("expected {expected}, found the text `{}`", start_of(written))),
            Self::Number(written) | Self::Other(written) => {
                E::custom(format!("expected {expected}, found `{}`", start_of(written)))
            }
        }
    }
}

/// Enough of a value to find it by.
fn start_of(text: &str) -> String {
    const ENOUGH: usize = 40;
    match text.char_indices().nth(ENOUGH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text; `null` is an empty one.
///
/// # Errors
/// When it is anything else.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.unwrap_or_default())
}

/// A text such as an id or the member of an enum; an empty one, or `null`, is none.
///
/// # Errors
/// When it is anything else.
pub fn optional_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    match Scalar::read(deserializer)? {
        Scalar::Absent => Ok(None),
        Scalar::Text(text) => Ok(Some(text)),
        other => Err(other.instead_of("a text")),
    }
}

/// A text without which the rest is of no use, such as the id of what is asked for later. This one goes without
/// `#[serde(default)]`.
///
/// # Errors
/// When it is empty, `null` or anything else.
pub fn required_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    optional_text(deserializer)?.ok_or_else(|| Scalar::Absent.instead_of("a text"))
}

/// Anything that has a default; `null` is that.
///
/// # Errors
/// As the value's own.
pub fn or_default<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    let raw = Box::<RawValue>::deserialize(deserializer)?;
    let value: Option<T> = serde_json::from_str(raw.get()).map_err(D::Error::custom)?;
    Ok(value.unwrap_or_default())
}

/// A whole number, written as one, as a text, or with decimals and exponent that come to nothing: `"4"`, `4`, `4.0`.
///
/// # Errors
/// When it is not a whole number, or does not fit 64 bits.
pub fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let scalar = Scalar::read(deserializer)?;
    let number = match &scalar {
        Scalar::Absent => return Ok(0),
        Scalar::Text(written) | Scalar::Number(written) => parse_decimal(written),
        Scalar::Other(_) => None,
    };
    let whole = number.filter(Decimal::is_integer).and_then(|number| number.to_i64());
    whole.ok_or_else(|| scalar.instead_of("a whole number"))
}

/// An amount of money or another decimal number; what is left out is zero. See [`parse_decimal`].
///
/// # Errors
/// When it is not a number, or too large for 96 bits.
pub fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    Ok(optional_decimal(deserializer)?.unwrap_or_default())
}

/// The same where "not told" is not zero.
///
/// # Errors
/// When it is not a number, or too large for 96 bits.
pub fn optional_decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    let scalar = Scalar::read(deserializer)?;
    let number = match &scalar {
        Scalar::Absent => return Ok(None),
        Scalar::Text(written) | Scalar::Number(written) => parse_decimal(written),
        Scalar::Other(_) => None,
    };
    number.map(Some).ok_or_else(|| scalar.instead_of("a decimal number"))
}

/// Reads a number in JSON's grammar, with or without exponent, from its text: `0.1` is a tenth exactly. Digits beyond the
/// 28th are rounded; `None` when it is not a number or does not fit.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, i32::from_str(exponent).ok()?),
        None => (text, 0),
    };
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || exponent.abs() > LARGEST_EXPONENT {
        return None;
    }
    Decimal::from_str(&format!("{sign}{}", moved_point(whole, part, exponent))).ok()
}

/// `whole.part` times ten to the `exponent`, by moving the point in the text.
fn moved_point(whole: &str, part: &str, exponent: i32) -> String {
    let zeros = "0".repeat(exponent.unsigned_abs() as usize);
    let (whole, part) = match exponent {
        0.. => (whole.to_owned(), format!("{part}{zeros}")),
        _ => (format!("{zeros}{whole}"), part.to_owned()),
    };
    let digits = format!("{whole}{part}");
    // Both sums lie within `digits`: the zeros just added are as many as the point moves.
    let point = whole.len().saturating_add_signed(exponent as isize);
    let (whole, part) = digits.split_at(point);
    let (whole, part) = (whole.trim_start_matches('0'), part.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

/// A time in RFC 3339 with up to nine decimals, kept to the millisecond. Empty, `null` or a zero time is none.
///
/// # Errors
/// When it is not a time.
pub fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let scalar = Scalar::read(deserializer)?;
    let text = match &scalar {
        Scalar::Absent => return Ok(None),
        Scalar::Text(text) if ZERO_TIMES.contains(&text.as_str()) => return Ok(None),
        Scalar::Text(text) => Timestamp::parse(text),
        _ => None,
    };
    text.map(Some).ok_or_else(|| scalar.instead_of("a time as `2026-10-05T08:10:00Z`"))
}

#[cfg(test)]
#[path = "tests/proto_json.rs"]
mod tests;
