//! What ids and keys look like in the document of the API. Knows their bounds; next: [`super`].

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{EventId, GroupKey, IncidentKey};

macro_rules! text {
    ($name:ident, $longest:literal) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "maxLength": $longest})
            }
        }
    };
}

text!(EventId, 255);
text!(GroupKey, 255);
text!(IncidentKey, 255);
