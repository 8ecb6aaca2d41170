//! JSON as the reference reads and writes it, where serde's habits differ.
//!
//! Reading: keys match in any case, the last duplicate wins and objects merge, `null` means
//! "leave it", text with broken encoding is repaired. Writing: four blanks of indentation and the
//! escapes that make text safe inside HTML.

mod decode;
mod encode;
mod probe;
mod shape;
mod tree;

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};

pub use encode::{to_compact, to_pretty};
pub use shape::Shape;

/// Why a document could not be read: a syntax error, or a value of the wrong type with its key.
#[derive(Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

/// Reads a document into a typed value with the rules of this module.
///
/// Fields of `T` are matched in any case. Give every field `#[serde(default)]` (on the struct):
/// `null` and absence leave the default, except for `null` under the keys `subnet`, `dst`,
/// `address` and `ip`, which reaches the field as the empty text.
///
/// # Errors
///
/// Syntax errors, and values of a wrong type with the path of their key.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, JsonError> {
    Document::parse(bytes)?.decode()
}

/// A document read once, to be decoded into several types.
pub struct Document(tree::Node);

impl Document {
    /// Reads the syntax; values are not looked at.
    ///
    /// # Errors
    ///
    /// Syntax errors.
    pub fn parse(bytes: &[u8]) -> Result<Self, JsonError> {
        tree::parse(bytes).map(Self)
    }

    /// Decodes the document; see [`from_slice`].
    ///
    /// # Errors
    ///
    /// Values of a wrong type with the path of their key.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, JsonError> {
        decode::decode(&self.0)
    }

    /// The document as a generic value: keys exact, the last duplicate wins, sorted.
    pub fn to_value(&self) -> serde_json::Value {
        self.0.to_value()
    }
}

/// Reads a document as a generic value: keys exact, the last duplicate wins, sorted.
///
/// # Errors
///
/// Syntax errors.
pub fn to_value(bytes: &[u8]) -> Result<serde_json::Value, JsonError> {
    Ok(Document::parse(bytes)?.to_value())
}

/// Decodes a generic value with the rules of [`from_slice`].
///
/// # Errors
///
/// Values of a wrong type with the path of their key.
pub fn from_value<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, JsonError> {
    decode::decode(&tree::Node::from_value(value))
}

/// Reads a list whose elements must be there: the reference crashes where it walks over a `null`.
///
/// # Errors
///
/// `a list element is null`, and those of the elements.
pub fn deserialize_elements<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let elements: Option<Vec<T>> =
        Vec::<Option<T>>::deserialize(deserializer)?.into_iter().collect();
    elements.ok_or_else(|| D::Error::custom("a list element is null"))
}
