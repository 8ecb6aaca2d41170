//! The syntax tree of a document: object keys in document order, duplicates kept.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::JsonError;

/// One value of a document.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Number(Number),
    String(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

/// Reads one document; anything but white space after it is an error.
pub(super) fn parse(bytes: &[u8]) -> Result<Node, JsonError> {
    let text = String::from_utf8_lossy(bytes);
    let text = without_lone_surrogates(&text);
    serde_json::from_str(&text).map_err(|error| {
        JsonError(if error.is_eof() {
            "unexpected end of JSON input".to_owned()
        } else {
            error.to_string()
        })
    })
}

/// Replaces `\uD800`-style escapes without a partner by `\uFFFD`, as the reference reads them.
fn without_lone_surrogates(text: &str) -> Cow<'_, str> {
    if !text.contains("\\u") {
        return Cow::Borrowed(text);
    }
    let unit = |at: usize| -> Option<u16> {
        let escape = text.get(at..at + 6)?;
        u16::from_str_radix(escape.strip_prefix("\\u")?, 16).ok()
    };
    let mut repaired = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some(found) = text[rest..].find('\\') {
        let at = rest + found;
        repaired.push_str(&text[rest..at]);
        rest = match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => {
                repaired.push_str(&text[at..at + 12]);
                at + 12
            }
            Some(0xd800..=0xdfff) => {
                repaired.push_str("\\ufffd");
                at + 6
            }
            // Any other escape is two bytes at least, so an escaped backslash is not an opener.
            _ => {
                let end = at + 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
                repaired.push_str(&text[at..end]);
                end
            }
        };
    }
    repaired.push_str(&text[rest..]);
    Cow::Owned(repaired)
}

impl Node {
    /// The value as the reference's generic map holds it: the last duplicate wins whole.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Node::Null => Value::Null,
            Node::Bool(b) => Value::Bool(*b),
            Node::Number(n) => Value::Number(n.clone()),
            Node::String(s) => Value::String(s.clone()),
            Node::Array(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Node::Object(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    pub(super) fn from_value(value: &Value) -> Node {
        match value {
            Value::Null => Node::Null,
            Value::Bool(b) => Node::Bool(*b),
            Value::Number(n) => Node::Number(n.clone()),
            Value::String(s) => Node::String(s.clone()),
            Value::Array(items) => Node::Array(items.iter().map(Node::from_value).collect()),
            Value::Object(map) => Node::Object(
                map.iter().map(|(key, value)| (key.clone(), Node::from_value(value))).collect(),
            ),
        }
    }

    /// What is left when `self` was decoded and then `later`, a duplicate of its key.
    pub(super) fn overlaid_by(self, later: Node) -> Node {
        match (self, later) {
            (Node::Object(mut entries), Node::Object(more)) => {
                entries.extend(more);
                Node::Object(entries)
            }
            (Node::Array(items), Node::Array(more)) => {
                let mut earlier = items.into_iter();
                Node::Array(
                    more.into_iter()
                        .map(|item| match earlier.next() {
                            Some(before) => before.overlaid_by(item),
                            None => item,
                        })
                        .collect(),
                )
            }
            (scalar @ (Node::Bool(_) | Node::Number(_) | Node::String(_)), Node::Null) => scalar,
            (_, later) => later,
        }
    }

    /// How an error message shows the value.
    pub(super) fn shown(&self) -> String {
        match self {
            Node::Array(_) => "array".to_owned(),
            Node::Object(_) => "object".to_owned(),
            scalar => super::to_compact(&scalar.to_value()),
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Node, E> {
        Ok(Node::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Node, E> {
        Ok(Node::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Object(entries))
    }
}
