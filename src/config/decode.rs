//! From the tree to the types of the rooms: a serde deserializer that is strict and knows where everything is.
//!
//! A number is a plain number, a boolean `true` or `false`, a list a list; any plain value is a text for who asks for
//! a text, as it was written. What comes from the environment is whatever it is asked for. Knows nothing of
//! several mistakes at once: that is [`super::read`].

mod access;
mod error;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use config::{Value, ValueKind};
use serde::de::{Deserializer, Visitor};

use self::access::{Entries, Items, Variant};
pub(super) use self::error::{About, Error};
use super::read::Repairs;
use super::tree::{Origin, Path, Style, describe};

/// What stands in for a text that is missing: a name, a duration, a secret and a template all take it.
const BLANK_TEXT: &str = "1s";

/// What stands in for a number that is missing.
const BLANK_NUMBER: &str = "1";

/// One node of the tree, and the repairs in force.
#[derive(Clone)]
pub(super) struct Decoder<'a> {
    node: Node<'a>,
    path: Path,
    repairs: &'a Repairs,
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Written(&'a Value),
    Blank,
}

/// A node as the types see it.
enum Shape<'a> {
    Nothing,
    Scalar(&'a str, Style),
    List(&'a [Value]),
    Map,
    Blank,
}

impl<'a> Decoder<'a> {
    pub(super) fn new(root: &'a Value, repairs: &'a Repairs) -> Self {
        Self { node: Node::Written(root), path: Path::default(), repairs }
    }

    fn shape(&self) -> Shape<'a> {
        let Node::Written(value) = self.node else {
            return Shape::Blank;
        };
        match &value.kind {
            ValueKind::String(text) => {
                Shape::Scalar(text, Origin::of(value).map_or(Style::Text, |origin| origin.style))
            }
            ValueKind::Array(items) => Shape::List(items),
            ValueKind::Table(_) => Shape::Map,
            // Our layers write every scalar as its text; the other kinds of value do not occur.
            _ => Shape::Nothing,
        }
    }

    /// Not what was asked for. Says nothing of the value, which may be a secret in the wrong place.
    fn mismatch(&self, expected: &str) -> Error {
        let Node::Written(value) = self.node else {
            return Error::new(format!("expected {expected}")).at(&self.path);
        };
        let error = Error::new(format!("expected {expected}, found {}", describe(&value.kind)));
        let error = match self.shape() {
            Shape::Scalar(_, Style::Variable) => {
                error.hinted("environment variables carry single values; write this in a file")
            }
            Shape::Nothing if expected == "a map" => error.hinted("write `{}` for one without entries"),
            Shape::Scalar(..) if expected == "a list" => error.hinted("write `[…]`, also around a single item"),
            _ => error,
        };
        error.at(&self.path)
    }

    fn text(&self) -> Result<&'a str, Error> {
        match self.shape() {
            Shape::Scalar(text, _) => Ok(text),
            Shape::Blank => Ok(BLANK_TEXT),
            _ => Err(self.mismatch("a text")),
        }
    }

    fn boolean(&self) -> Result<bool, Error> {
        let (text, style) = match self.shape() {
            Shape::Scalar(text, style) => (text, style),
            Shape::Blank => return Ok(false),
            _ => return Err(self.mismatch("`true` or `false`")),
        };
        let parsed = text.to_ascii_lowercase().parse().ok();
        let error = Error::new(format!("`{text}` is not `true` or `false`"));
        match (parsed, style, text.to_ascii_lowercase().as_str()) {
            (Some(yes), Style::Plain | Style::Variable, _) => Ok(yes),
            (Some(_), Style::Text, _) => Err(unquote(text).at(&self.path)),
            (None, _, "yes" | "on" | "y") => Err(error.hinted("write `true`").at(&self.path)),
            (None, _, "no" | "off" | "n") => Err(error.hinted("write `false`").at(&self.path)),
            (None, ..) => Err(error.at(&self.path)),
        }
    }

    fn number_text(&self, expected: &str) -> Result<&'a str, Error> {
        match self.shape() {
            Shape::Scalar(text, Style::Plain | Style::Variable) => Ok(text),
            Shape::Scalar(text, Style::Text) if text.parse::<f64>().is_ok_and(f64::is_finite) => {
                Err(unquote(text).at(&self.path))
            }
            Shape::Scalar(text, Style::Text) => Err(Error::new(format!("`{text}` is not {expected}")).at(&self.path)),
            Shape::Blank => Ok(BLANK_NUMBER),
            _ => Err(self.mismatch(expected)),
        }
    }

    fn whole<T: FromStr + Display>(&self, range: RangeInclusive<T>) -> Result<T, Error> {
        let text = self.number_text("a whole number")?;
        text.parse().map_err(|_| {
            let message = match text.parse::<i128>() {
                Ok(_) => format!("`{text}` is out of range: from {} to {} is allowed", range.start(), range.end()),
                Err(_) => format!("`{text}` is not a whole number"),
            };
            Error::new(message).at(&self.path)
        })
    }

    fn float(&self) -> Result<f64, Error> {
        let text = self.number_text("a number")?;
        let number = text.parse().ok().filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| Error::new(format!("`{text}` is not a number")).at(&self.path))
    }

    fn list<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let items = match self.shape() {
            Shape::List(items) => items,
            Shape::Blank => &[],
            _ => return Err(self.mismatch("a list")),
        };
        let mut access = Items::of(&self, items);
        let value = visitor.visit_seq(&mut access).map_err(|error| error.at(&self.path))?;
        match access.left() {
            0 => Ok(value),
            left => {
                let message = format!("expected {} items, found {}", items.len().saturating_sub(left), items.len());
                Err(Error::new(message).at(&self.path))
            }
        }
    }

    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.shape() {
            Shape::Map | Shape::Blank => visitor.visit_map(Entries::of(&self)).map_err(|error| error.at(&self.path)),
            _ => Err(self.mismatch("a map")),
        }
    }

    fn variant(self, variants: &'static [&'static str]) -> Result<Variant<'a>, Error> {
        match self.shape() {
            Shape::Scalar(name, _) => Ok(Variant { name: name.to_owned(), content: None, place: self }),
            Shape::Blank => {
                let name = variants.first().copied().unwrap_or_default().to_owned();
                Ok(Variant { name, content: Some(self.clone()), place: self })
            }
            Shape::Map => self.only_entry(variants),
            _ => Err(self.mismatch("a name, or a map with one key")),
        }
    }

    /// The one entry of a map that stands for a variant: `{ sqlite: { path: … } }`.
    fn only_entry(self, variants: &'static [&'static str]) -> Result<Variant<'a>, Error> {
        let mut entries = access::entries(&self);
        if entries.len() > 1 {
            // A later layer takes back what an earlier one chose with `null`.
            entries.retain(|(_, entry)| !matches!(entry.shape(), Shape::Nothing));
        }
        let stray = entries.iter().find(|(key, _)| !variants.contains(&key.as_str()));
        match (stray, entries.len()) {
            (Some((key, _)), 2..) => return Err(Error::unknown_key(key, variants).at(&self.path)),
            (None, 2..) => {
                let keys: Vec<_> = entries.iter().map(|(key, _)| format!("`{key}`")).collect();
                return Err(Error::new(format!("{} exclude each other; keep one", keys.join(" and "))).at(&self.path));
            }
            _ => {}
        }
        match entries.pop() {
            Some((name, content)) => Ok(Variant { name, content: Some(content), place: self }),
            None => Err(Error::new("expected a map with one key, found an empty one").among(variants).at(&self.path)),
        }
    }
}

fn unquote(text: &str) -> Error {
    Error::new(format!("`{text}` is quoted and therefore a text")).hinted("write it without quotes")
}

/// Methods for whole numbers: what they are called, what they visit, of which type.
macro_rules! whole_numbers {
    ($($deserialize:ident $visit:ident $number:ident),+ $(,)?) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            visitor.$visit(self.whole($number::MIN..=$number::MAX)?).map_err(|error: Error| error.at(&self.path))
        }
    )+};
}

impl<'de> Deserializer<'de> for Decoder<'_> {
    type Error = Error;

    whole_numbers! {
        deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16, deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64, deserialize_i128 visit_i128 i128,
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_u128 visit_u128 u128,
    }

    /// For types that look at what is there, such as secrets: plain numbers and booleans are what they look like.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let path = self.path.clone();
        let visited = match self.shape() {
            Shape::Nothing => visitor.visit_unit(),
            Shape::List(_) => return self.list(visitor),
            Shape::Map => return self.map(visitor),
            Shape::Blank => visitor.visit_str(BLANK_TEXT),
            Shape::Scalar(text, Style::Text | Style::Variable) => visitor.visit_str(text),
            Shape::Scalar(text, Style::Plain) => plain(text, visitor),
        };
        visited.map_err(|error: Error| error.at(&path))
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_bool(self.boolean()?).map_err(|error: Error| error.at(&self.path))
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float()?).map_err(|error: Error| error.at(&self.path))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(self.text()?).map_err(|error: Error| error.at(&self.path))
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.shape() {
            Shape::Nothing | Shape::Blank => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.shape() {
            Shape::Nothing | Shape::Blank => visitor.visit_unit(),
            _ => Err(self.mismatch("nothing")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        let path = self.path.clone();
        visitor.visit_newtype_struct(self).map_err(|error| error.at(&path))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.list(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let path = self.path.clone();
        visitor.visit_enum(self.variant(variants)?).map_err(|error| error.at(&path))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

fn plain<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, Error> {
    if let Ok(yes) = text.to_ascii_lowercase().parse() {
        return visitor.visit_bool(yes);
    }
    if let Ok(number) = text.parse() {
        return visitor.visit_u64(number);
    }
    if let Ok(number) = text.parse() {
        return visitor.visit_i64(number);
    }
    match text.parse::<f64>().ok().filter(|number| number.is_finite()) {
        Some(number) => visitor.visit_f64(number),
        None => visitor.visit_str(text),
    }
}

#[cfg(test)]
#[path = "tests/decode.rs"]
mod tests;
