//! How serde walks through lists, maps and enums, as they are after the repairs of earlier rounds.

use config::{Value, ValueKind};
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::super::read::Repair;
use super::super::tree;
use super::{Decoder, Error, Node};

/// The items of a list, one after the other.
pub(super) struct Items<'a>(std::vec::IntoIter<Decoder<'a>>);

impl<'a> Items<'a> {
    pub(super) fn of(list: &Decoder<'a>, items: &'a [Value]) -> Self {
        let item = |(index, item): (usize, &'a Value)| list.below(list.path.index(index), item);
        let items: Vec<_> = (0..).zip(items).filter_map(item).collect();
        Self(items.into_iter())
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|item| item.read(seed)).transpose()
    }
}

/// The entries of a map in the order they were written, then those that stand in for missing ones.
pub(super) struct Entries<'a> {
    entries: std::vec::IntoIter<(String, Decoder<'a>)>,
    value: Option<Decoder<'a>>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(map: &Decoder<'a>) -> Self {
        Self { entries: entries(map).into_iter(), value: None }
    }
}

/// The entries of a map after the repairs.
pub(super) fn entries<'a>(map: &Decoder<'a>) -> Vec<(String, Decoder<'a>)> {
    let written = match map.node {
        Node::Written(value) => tree::entries(value),
        Node::Blank => Vec::new(),
    };
    let kept = |(key, value): &(&String, &'a Value)| Some(((*key).clone(), map.below(map.path.key(key), value)?));
    let mut entries: Vec<_> = written.iter().filter_map(kept).collect();
    let mut blanks: Vec<&str> = map.repairs.blanks_below(&map.path).collect();
    blanks.retain(|key| written.iter().all(|(other, _)| other != key));
    blanks.sort_unstable();
    entries.extend(
        blanks
            .into_iter()
            .map(|key| (key.to_owned(), Decoder { node: Node::Blank, path: map.path.key(key), repairs: map.repairs })),
    );
    entries
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.entries.next() else {
            return Ok(None);
        };
        let name: StrDeserializer<'_, Error> = key.as_str().into_deserializer();
        let found = seed.deserialize(name).map_err(|error| error.at_key(&value.path))?;
        self.value = Some(value);
        Ok(Some(found))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(value) => value.read(seed),
            None => Err(Error::new("a value was asked for before its key")),
        }
    }
}

/// A variant by name, with what is written below it.
pub(super) struct Variant<'a> {
    pub name: String,
    /// `None` when only the name is written: `store: memory`.
    pub content: Option<Decoder<'a>>,
    /// The enum itself.
    pub place: Decoder<'a>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = self.name.as_str().into_deserializer();
        let variant = seed.deserialize(name).map_err(|error| match &self.content {
            Some(content) => error.at_key(&content.path),
            None => error.at(&self.place.path),
        })?;
        Ok((variant, self))
    }
}

impl<'a> Variant<'a> {
    fn content(self) -> Result<Decoder<'a>, Error> {
        let (name, path) = (self.name, self.place.path);
        let missing = || Error::new(format!("`{name}` needs its settings")).hinted(format!("write `{name}: {{ … }}`"));
        self.content.ok_or_else(|| missing().at(&path))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        let Some(content) = self.content else {
            return Ok(());
        };
        let is_nothing = match content.node {
            Node::Blank => true,
            Node::Written(value) => {
                value.kind == ValueKind::Nil || matches!(&value.kind, ValueKind::Table(table) if table.is_empty())
            }
        };
        match is_nothing {
            true => Ok(()),
            false => Err(Error::new(format!("`{}` takes no settings", self.name)).at(&content.path)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.content()?.read(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _length: usize, visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_seq(self.content()?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_map(self.content()?, visitor)
    }
}

impl<'a> Decoder<'a> {
    /// This node as the type of `seed`. Names the place also of what a type refuses after it was given its text.
    fn read<'de, T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let path = self.path.clone();
        seed.deserialize(self).map_err(|error| error.at(&path))
    }

    /// The node at `path` as it is in this round; `None` when it is left out.
    fn below(&self, path: tree::Path, value: &'a Value) -> Option<Self> {
        let node = match self.repairs.of(&path) {
            None => Node::Written(value),
            Some(Repair::Blank) => Node::Blank,
            Some(Repair::Removed) => return None,
        };
        Some(Self { node, path, repairs: self.repairs })
    }
}
