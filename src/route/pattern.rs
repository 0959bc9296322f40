//! What a value must look like: a text, a glob, a regex or a comparison; how it is written, and whether a value fits.
//!
//! Compiled while the configuration is read, so that a mistake is reported at its place. Knows nothing of events
//! beyond the values in them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};
use serde::Deserializer;
use serde::de::{self, DeserializeSeed, SeqAccess, Visitor};
use serde_json::Value;

use crate::event::Severity;
use crate::event::fields::{scalar_number, scalar_text, type_of};

/// Memory one compiled regex may take, in bytes; an ordinary one takes some ten thousand.
const REGEX_MAX_BYTES: usize = 1 << 20;

/// Characters of a value shown to people.
const SHOWN_CHARS: usize = 80;

/// A value of an event, as it is compared.
#[derive(Debug, Clone, Copy)]
pub(super) enum Observed<'a> {
    Severity(Severity),
    Text(&'a str),
    Json(&'a Value),
}

impl<'a> Observed<'a> {
    /// As text; `None` for lists and objects, which fit no pattern.
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Severity(severity) => Some(severity.as_str().into()),
            Self::Text(text) => Some(text.into()),
            Self::Json(Value::String(text)) => Some(text.trim().into()),
            Self::Json(other) => scalar_text(other).map(Cow::Owned),
        }
    }
}

impl fmt::Display for Observed<'_> {
    /// Cut to a line, without control characters: senders write it, terminals show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Json(value) => self.text().unwrap_or(type_of(value).into()),
            _ => self.text().unwrap_or_default(),
        };
        let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        f.write_str(&text.chars().take(SHOWN_CHARS).map(printable).collect::<String>())?;
        if text.chars().nth(SHOWN_CHARS).is_some() { f.write_str("…") } else { Ok(()) }
    }
}

/// How two values may stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    AtLeast,
    AtMost,
    Equal,
    NotEqual,
    More,
    Less,
}

impl Comparison {
    /// The two-character signs come first, because `>` begins `>=`.
    const SIGNS: [(&str, Self); 6] = [
        (">=", Self::AtLeast),
        ("<=", Self::AtMost),
        ("==", Self::Equal),
        ("!=", Self::NotEqual),
        (">", Self::More),
        ("<", Self::Less),
    ];

    /// The sign `text` begins with, and what follows it.
    fn split(text: &str) -> Option<(Self, &str)> {
        Self::SIGNS.into_iter().find_map(|(sign, comparison)| Some((comparison, text.strip_prefix(sign)?.trim())))
    }

    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::AtLeast => ordering.is_ge(),
            Self::AtMost => ordering.is_le(),
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::More => ordering.is_gt(),
            Self::Less => ordering.is_lt(),
        })
    }
}

/// One pattern, as written and as compiled.
#[derive(Debug)]
pub(super) struct Pattern {
    written: String,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Text,
    TextInAnyCase,
    TextOrNumber(f64),
    Glob(GlobMatcher),
    Regex(Regex),
    Number(Comparison, f64),
    Severity(Comparison, Severity),
}

impl Pattern {
    /// Whether `seen` looks like this.
    pub(super) fn fits(&self, seen: Observed<'_>) -> bool {
        match (&self.test, seen) {
            (Test::Severity(comparison, wanted), Observed::Severity(severity)) => {
                comparison.holds(Some(severity.cmp(wanted)))
            }
            (Test::Number(comparison, wanted), Observed::Json(value)) => {
                comparison.holds(scalar_number(value).and_then(|number| number.partial_cmp(wanted)))
            }
            (Test::TextOrNumber(wanted), Observed::Json(value)) if scalar_number(value) == Some(*wanted) => true,
            _ => seen.text().is_some_and(|text| self.fits_text(&text)),
        }
    }

    fn fits_text(&self, text: &str) -> bool {
        match &self.test {
            Test::Text | Test::TextOrNumber(_) => text == self.written,
            Test::TextInAnyCase => lower_case(text).eq(lower_case(&self.written)),
            Test::Glob(glob) => glob.is_match(text),
            Test::Regex(regex) => regex.is_match(text),
            Test::Number(..) | Test::Severity(..) => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn lower_case(text: &str) -> impl Iterator<Item = char> {
    text.chars().flat_map(char::to_lowercase)
}

/// How patterns are written, which depends on the field they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    /// Text, glob or regex, in exact case.
    Text,
    /// Text, glob or regex, in any case.
    TextInAnyCase,
    /// A severity, or a comparison with one.
    Severity,
    /// Text, glob or regex in exact case, number, boolean, or a comparison with a number.
    Data,
}

impl Grammar {
    fn compile(self, text: &str) -> Result<Pattern, String> {
        let written = text.trim();
        if written.is_empty() {
            return Err("an empty value fits nothing; to ask for absence write `not: { <field>: \"*\" }`".into());
        }
        let test = match (self, Comparison::split(written)) {
            (Self::Severity, compared) => severity_test(written, compared)?,
            (Self::Data, Some((comparison, rest))) => Test::Number(comparison, number(written, rest)?),
            (Self::Text | Self::TextInAnyCase, Some(_)) => {
                return Err(format!("`{written}` is a comparison; those are for `severity` and `data.<path>`"));
            }
            (_, None) => self.text_test(written)?,
        };
        Ok(Pattern { written: written.to_owned(), test })
    }

    fn text_test(self, written: &str) -> Result<Test, String> {
        let any_case = self == Self::TextInAnyCase;
        if let Some(begun) = written.strip_prefix('/') {
            return regex(written, begun, any_case).map(Test::Regex);
        }
        if written.contains(['*', '?', '[', '{']) {
            return glob(written, any_case).map(Test::Glob);
        }
        Ok(if any_case { Test::TextInAnyCase } else { Test::Text })
    }

    /// A number written without quotes: its text, or for `data` any other way to write the same number.
    fn compile_number(self, written: String, number: f64) -> Result<Pattern, String> {
        /// From 2^53 on, neighbouring whole numbers (account ids) are one and the same `f64`.
        const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;
        match self {
            Self::Data if number.abs() < EXACT_BELOW => Ok(Pattern { written, test: Test::TextOrNumber(number) }),
            _ => self.compile(&written),
        }
    }
}

fn severity_test(written: &str, compared: Option<(Comparison, &str)>) -> Result<Test, String> {
    let (comparison, word) = compared.unwrap_or((Comparison::Equal, written));
    let severity =
        word.parse::<Severity>().map_err(|error| format!("{error}; also after `>=`, `>`, `<=`, `<`, `!=`"))?;
    Ok(Test::Severity(comparison, severity))
}

fn number(written: &str, rest: &str) -> Result<f64, String> {
    let number = rest.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{written}` must compare with a number; to exclude a text, use `not`"))
}

fn regex(written: &str, begun: &str, any_case: bool) -> Result<Regex, String> {
    let (body, any_case) = match (begun.strip_suffix('/'), begun.strip_suffix("/i")) {
        (Some(body), _) => (body, any_case),
        (None, Some(body)) => (body, true),
        (None, None) => {
            return Err(format!("`{written}` begins like a regex, but does not end with `/` or `/i`"));
        }
    };
    RegexBuilder::new(body).case_insensitive(any_case).size_limit(REGEX_MAX_BYTES).build().map_err(|error| {
        // The library draws the regex with a pointer; its last line is the sentence.
        let drawn = error.to_string();
        let sentence = drawn.lines().last().unwrap_or_default().trim_start_matches("error: ");
        format!("`{written}` is not a valid regex: {sentence}")
    })
}

fn glob(written: &str, any_case: bool) -> Result<GlobMatcher, String> {
    let glob = GlobBuilder::new(written).literal_separator(false).case_insensitive(any_case).build();
    let hint = "to mean `*`, `?`, `[` or `{` itself, put it in brackets: `[*]`";
    let glob = glob.map_err(|error| format!("`{written}` is not a valid glob: {}; {hint}", error.kind()))?;
    Ok(glob.compile_matcher())
}

impl<'de> DeserializeSeed<'de> for Grammar {
    type Value = Vec<Pattern>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Pattern>, D::Error> {
        deserializer.deserialize_any(OneOrMore(self))
    }
}

/// Reads a value or a list of values.
struct OneOrMore(Grammar);

impl<'de> Visitor<'de> for OneOrMore {
    type Value = Vec<Pattern>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        One(self.0).expecting(f)?;
        f.write_str(", or a list of those")
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Vec<Pattern>, E> {
        Ok(vec![One(self.0).visit_bool(yes)?])
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Vec<Pattern>, E> {
        Ok(vec![One(self.0).visit_i64(number)?])
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Vec<Pattern>, E> {
        Ok(vec![One(self.0).visit_u64(number)?])
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Vec<Pattern>, E> {
        Ok(vec![One(self.0).visit_f64(number)?])
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<Pattern>, E> {
        Ok(vec![One(self.0).visit_str(text)?])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Pattern>, A::Error> {
        let mut patterns = Vec::new();
        while let Some(pattern) = list.next_element_seed(One(self.0))? {
            patterns.push(pattern);
        }
        match patterns.is_empty() {
            true => Err(de::Error::custom("an empty list fits nothing; list at least one value")),
            false => Ok(patterns),
        }
    }
}

/// Reads one value.
struct One(Grammar);

impl<'de> DeserializeSeed<'de> for One {
    type Value = Pattern;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Pattern, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for One {
    type Value = Pattern;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Grammar::Text | Grammar::TextInAnyCase => "a text, a glob or a `/regex/`",
            Grammar::Severity => "a severity, or a comparison such as `>= warning`",
            Grammar::Data => "a text, a number, a boolean, a glob, a `/regex/` or a comparison such as `> 30`",
        })
    }

    fn visit_bool<E: de::Error>(self, yes: bool) -> Result<Pattern, E> {
        self.0.compile(&yes.to_string()).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Pattern, E> {
        self.0.compile_number(number.to_string(), number as f64).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Pattern, E> {
        self.0.compile_number(number.to_string(), number as f64).map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Pattern, E> {
        self.0.compile_number(number.to_string(), number).map_err(E::custom)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Pattern, E> {
        self.0.compile(text).map_err(E::custom)
    }
}
