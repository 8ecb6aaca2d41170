//! What a type reads of a document: its keys and their types, asked of its `Deserialize`.
//!
//! So one definition serves decoding, `cnitool validate` and the schemas for editors.

use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

use super::decode::find_field;
use super::probe;

/// What is read in one place of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `true` or `false`.
    Bool,
    /// A number without fraction or exponent, within bounds.
    Integer {
        /// The least.
        least: i128,
        /// The greatest.
        most: i128,
    },
    /// A text.
    Text,
    /// Elements of one shape.
    List(Box<Shape>),
    /// Values of one shape under any keys, which are exact.
    Map(Box<Shape>),
    /// Known keys, which match in any case.
    Object(Vec<(&'static str, Shape)>),
    /// Whatever there is.
    Anything,
}

impl Shape {
    /// Asks a type, one place of a document after the other.
    pub fn of<T: DeserializeOwned>() -> Self {
        probe::shape_at::<T>(&mut Vec::new())
    }

    /// The shape of what two types read of one document; where both read the same, it is one key.
    #[must_use]
    pub fn merged(self, other: Self) -> Self {
        match (self, other) {
            (Self::Object(mut fields), Self::Object(more)) => {
                for (key, shape) in more {
                    match fields.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, known)) => *known = known.clone().merged(shape),
                        None => fields.push((key, shape)),
                    }
                }
                Self::Object(fields)
            }
            (Self::Anything | Self::Map(_), other @ Self::Object(_)) => other,
            (shape, _) => shape,
        }
    }

    /// The object with another shape under one of its keys.
    #[must_use]
    pub fn with(self, key: &str, shape: Self) -> Self {
        match self {
            Self::Object(mut fields) => {
                let field = fields.iter_mut().find(|(name, _)| *name == key);
                field.into_iter().for_each(|(_, inner)| *inner = shape.clone());
                Self::Object(fields)
            }
            other => other,
        }
    }

    /// The fields of an object; none for everything else.
    pub fn fields(&self) -> &[(&'static str, Shape)] {
        match self {
            Self::Object(fields) => fields,
            _ => &[],
        }
    }

    /// Finds the field that a key belongs to, as decoding does: in any case.
    pub fn find_field(&self, key: &str) -> Option<(&'static str, &Shape)> {
        let names: Vec<&'static str> = self.fields().iter().map(|(name, _)| *name).collect();
        let name = find_field(key, &names)?;
        self.get(name).map(|shape| (name, shape))
    }

    /// The shape under a key that is written exactly so.
    pub fn get(&self, key: &str) -> Option<&Shape> {
        self.fields().iter().find(|(name, _)| *name == key).map(|(_, shape)| shape)
    }

    /// The type that a value lacks, in the words of decoding errors; elements and fields are not
    /// looked at.
    pub fn wanted_instead_of(&self, value: &Value) -> Option<&'static str> {
        let is_within = |number: &Number, least: i128, most: i128| {
            number.as_i128().is_some_and(|number| (least..=most).contains(&number))
        };
        match (self, value) {
            (_, Value::Null)
            | (Self::Anything, _)
            | (Self::Bool, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::List(_), Value::Array(_))
            | (Self::Map(_) | Self::Object(_), Value::Object(_)) => None,
            (Self::Integer { least, most }, Value::Number(number)) if !number.is_f64() => {
                let wanted = if *least < 0 {
                    "i64"
                } else if *most > u32::MAX.into() {
                    "u64"
                } else {
                    "u32"
                };
                (!is_within(number, *least, *most)).then_some(wanted)
            }
            (Self::Bool, _) => Some("boolean"),
            (Self::Integer { .. }, _) => Some("integer"),
            (Self::Text, _) => Some("string"),
            (Self::List(_), _) => Some("array"),
            (Self::Map(_) | Self::Object(_), _) => Some("object"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer};
    use serde_json::json;

    use super::*;
    use crate::Route;

    const I64: Shape = Shape::Integer { least: i64::MIN as i128, most: i64::MAX as i128 };

    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Inner {
        is_on: bool,
        levels: Option<Vec<Vec<u32>>>,
        settings: BTreeMap<String, String>,
        #[serde(deserialize_with = "late")]
        kept: Option<String>,
        any: Value,
    }

    fn late<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
        Ok(i64::deserialize(deserializer).err().map(|mistake| mistake.to_string()))
    }

    #[test]
    fn a_type_tells_its_keys_and_types() {
        let u32 = Shape::Integer { least: 0, most: u32::MAX.into() };
        let list = |of| Shape::List(Box::new(of));
        assert_eq!(
            Shape::of::<Inner>(),
            Shape::Object(vec![
                ("isOn", Shape::Bool),
                ("levels", list(list(u32))),
                ("settings", Shape::Map(Box::new(Shape::Text))),
                ("kept", I64),
                ("any", Shape::Anything),
            ])
        );
        assert_eq!(Shape::of::<Route>().get("dst"), Some(&Shape::Text));
        assert_eq!(Shape::of::<Vec<Route>>(), list(Shape::of::<Route>()));
        assert_eq!(Shape::of::<Route>().find_field("AdvMSS"), Some(("advmss", &I64)));
    }

    #[test]
    fn two_types_of_one_document_merge() {
        let object = |fields: &[(&'static str, Shape)]| Shape::Object(fields.to_vec());
        let one = object(&[("ipam", object(&[("type", Shape::Text)])), ("mtu", I64)]);
        let two =
            object(&[("ipam", object(&[("subnet", Shape::Text)])), ("args", Shape::Anything)]);
        let both = object(&[("type", Shape::Text), ("subnet", Shape::Text)]);
        assert_eq!(
            one.merged(two),
            object(&[("ipam", both), ("mtu", I64), ("args", Shape::Anything)])
        );
    }

    #[test]
    fn wrong_types_are_named_as_decoding_names_them() {
        let byte = Shape::of::<u32>();
        for (shape, value, wanted) in [
            (&Shape::Bool, json!(1), Some("boolean")),
            (&Shape::Text, json!({}), Some("string")),
            (&byte, json!(-1), Some("u32")),
            (&byte, json!(1.0), Some("integer")),
            (&byte, json!("1"), Some("integer")),
            (&byte, json!(7), None),
            (&byte, Value::Null, None),
            (&I64, json!(u64::MAX), Some("i64")),
            (&Shape::of::<Route>(), json!([]), Some("object")),
            (&Shape::of::<Vec<u8>>(), json!({}), Some("array")),
        ] {
            assert_eq!(shape.wanted_instead_of(&value), wanted, "{shape:?} {value}");
            if let (Shape::Integer { least: 0, .. }, Some(wanted)) = (shape, wanted) {
                let text = super::super::from_value::<u32>(&value).expect_err("wrong").to_string();
                assert!(text.ends_with(&format!(" as {wanted}")), "{text}");
            }
        }
    }
}
