//! A JSON document that knows where in its text everything is.

use std::fmt;

use cni_core::spec::json;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// A value and its place.
#[derive(Debug)]
pub struct Node<'a> {
    /// The value as it is written.
    pub raw: &'a str,
    /// Bytes before it.
    pub offset: usize,
    /// What it consists of.
    pub children: Children<'a>,
}

/// What a value consists of.
#[derive(Debug)]
pub enum Children<'a> {
    /// Nothing: it is no object and no list.
    None,
    /// The elements of a list.
    Elements(Vec<Node<'a>>),
    /// The entries of an object in the order of the document, duplicates included.
    Entries(Vec<Entry<'a>>),
}

/// A key with its value.
#[derive(Debug)]
pub struct Entry<'a> {
    /// The key, without quotes and escapes.
    pub key: String,
    /// The key as it is written.
    pub raw_key: &'a str,
    /// Bytes before the key.
    pub key_offset: usize,
    /// The value.
    pub value: Node<'a>,
}

/// Line and column, counted from 1, the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Why a text is no JSON document, and where that shows.
#[derive(Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The cause.
    pub text: String,
    /// Where the reader stopped.
    pub position: Position,
}

impl Position {
    /// The position of the byte at `offset`.
    pub fn of(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let start = before.rfind('\n').map_or(0, |end| end + 1);
        let line = before.matches('\n').count() + 1;
        Self { line, column: text[start..offset].chars().count() + 1 }
    }
}

/// Reads a document.
///
/// # Errors
///
/// Where the text stops being one.
pub fn parse(text: &str) -> Result<Node<'_>, SyntaxError> {
    let raw = serde_json::from_str::<&RawValue>(text).map_err(|skimming| {
        // Reading tells more than skimming.
        let error = serde_json::from_str::<Value>(text).err().unwrap_or(skimming);
        let told = error.to_string();
        let at = told.rfind(" at line ").unwrap_or(told.len());
        let start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let offset = text.floor_char_boundary(start + error.column().saturating_sub(1));
        SyntaxError { text: told[..at].to_owned(), position: Position::of(text, offset) }
    })?;
    // What has been skimmed may still be nested too deeply to be read.
    json::Document::parse(raw.get().as_bytes()).map_err(|error| SyntaxError {
        text: error.to_string(),
        position: Position { line: 1, column: 1 },
    })?;
    Ok(Node::read(text, raw.get()))
}

impl<'a> Node<'a> {
    fn read(text: &'a str, raw: &'a str) -> Self {
        let children = match raw.as_bytes().first() {
            Some(b'[') => {
                let elements: Vec<&RawValue> = known(raw);
                let read = |element: &&'a RawValue| Self::read(text, element.get());
                Children::Elements(elements.iter().map(read).collect())
            }
            Some(b'{') => {
                let RawEntries(entries) = known(raw);
                let read = |(key, value): &(&'a RawValue, &'a RawValue)| Entry {
                    key: decoded(key.get()).as_str().unwrap_or_default().to_owned(),
                    raw_key: key.get(),
                    key_offset: offset(text, key.get()),
                    value: Self::read(text, value.get()),
                };
                Children::Entries(entries.iter().map(read).collect())
            }
            _ => Children::None,
        };
        Self { raw, offset: offset(text, raw), children }
    }

    /// The value, as the plugins read it.
    pub fn value(&self) -> Value {
        decoded(self.raw)
    }

    /// The entries of an object; none for everything else.
    pub fn entries(&self) -> &[Entry<'a>] {
        match &self.children {
            Children::Entries(entries) => entries,
            _ => &[],
        }
    }

    /// The elements of a list; none for everything else.
    pub fn elements(&self) -> &[Node<'a>] {
        match &self.children {
            Children::Elements(elements) => elements,
            _ => &[],
        }
    }

    /// The values in this one: those of entries or elements.
    pub fn nodes(&self) -> Vec<&Node<'a>> {
        match &self.children {
            Children::None => Vec::new(),
            Children::Elements(elements) => elements.iter().collect(),
            Children::Entries(entries) => entries.iter().map(|entry| &entry.value).collect(),
        }
    }

    /// Whether the byte at `offset` belongs to the value.
    pub fn contains(&self, offset: usize) -> bool {
        (self.offset..self.offset + self.raw.len()).contains(&offset)
    }

    /// Finds the object or list that has the value at `offset`.
    pub fn find_parent(&self, offset: usize) -> Option<&Node<'a>> {
        let inner = self.nodes().into_iter().find(|inner| inner.contains(offset))?;
        if inner.offset == offset { Some(self) } else { inner.find_parent(offset) }
    }

    /// Finds the value under a key in any case: the last one, as decoding does.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        let named = |entry: &&Entry<'a>| entry.key.eq_ignore_ascii_case(key);
        self.entries().iter().rev().find(named).map(|entry| &entry.value)
    }

    /// Writes the document without the values at these offsets.
    pub fn without(&self, removed: &[usize]) -> String {
        let mut text = String::with_capacity(self.raw.len());
        self.write(removed, &mut text);
        text
    }

    /// Appends the value to a text; see [`Node::without`].
    pub fn write(&self, removed: &[usize], text: &mut String) {
        let is_kept = |node: &Node<'_>| !removed.contains(&node.offset);
        match &self.children {
            Children::None => text.push_str(self.raw),
            Children::Elements(elements) => {
                text.push('[');
                for (index, node) in elements.iter().filter(|node| is_kept(node)).enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    node.write(removed, text);
                }
                text.push(']');
            }
            Children::Entries(entries) => {
                text.push('{');
                let kept = entries.iter().filter(|entry| is_kept(&entry.value));
                for (index, entry) in kept.enumerate() {
                    text.push_str(if index == 0 { "" } else { "," });
                    text.push_str(entry.raw_key);
                    text.push(':');
                    entry.value.write(removed, text);
                }
                text.push('}');
            }
        }
    }
}

/// The text under a key.
pub fn text(node: &Node<'_>, key: &str) -> Option<String> {
    node.get(key).and_then(|node| node.value().as_str().map(str::to_owned))
}

/// The place of the value under a key, or of what lacks it.
pub fn offset_of(node: &Node<'_>, key: &str) -> usize {
    node.get(key).map_or(node.offset, |node| node.offset)
}

/// Bytes before a part of a text.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr().addr() - text.as_ptr().addr()
}

/// Reads what has been read before.
fn known<'a, T: Deserialize<'a>>(raw: &'a str) -> T {
    serde_json::from_str(raw).expect("the whole document has been read")
}

fn decoded(raw: &str) -> Value {
    json::to_value(raw.as_bytes()).unwrap_or_default()
}

/// The entries of an object, unread.
struct RawEntries<'a>(Vec<(&'a RawValue, &'a RawValue)>);

impl<'de> Deserialize<'de> for RawEntries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = RawEntries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawEntries<'de>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(RawEntries(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"a\": [1, {\"ü\": \"x\", \"b\\u0062\": null}],\n\t\"a\" : true }\n";

    #[test]
    fn everything_has_its_place() {
        let root = parse(TEXT).expect("a document");
        let [first, second] = root.entries() else { panic!("two entries: {root:?}") };
        assert_eq!(Position::of(TEXT, first.key_offset), Position { line: 2, column: 3 });
        assert_eq!(Position::of(TEXT, second.value.offset), Position { line: 3, column: 8 });
        let object = &first.value.elements()[1];
        let names: Vec<&str> = object.entries().iter().map(|entry| entry.key.as_str()).collect();
        assert_eq!(names, ["ü", "bb"]);
        let after_umlaut = object.entries()[1].key_offset;
        assert_eq!(Position::of(TEXT, after_umlaut), Position { line: 2, column: 23 });
        assert_eq!(root.get("A").map(Node::value), Some(Value::Bool(true)), "the last one");
    }

    #[test]
    fn values_can_be_left_out() {
        let root = parse(TEXT).expect("a document");
        let [first, second] = root.entries() else { panic!("two entries: {root:?}") };
        assert_eq!(root.without(&[first.value.offset]), r#"{"a":true}"#);
        let [one, object] = first.value.elements() else { panic!("two elements") };
        let removed = [one.offset, object.entries()[0].value.offset, second.value.offset];
        assert_eq!(root.without(&removed), "{\"a\":[{\"b\\u0062\":null}]}");
    }

    #[test]
    fn mistakes_of_syntax_have_a_place() {
        for (text, line, column, cause) in [
            ("{\n\"a\": 1\n\"b\": 2}", 3, 1, "expected `,` or `}`"),
            ("{\"a\": [1,]}", 1, 10, "trailing comma"),
            ("", 1, 1, "EOF while parsing a value"),
            ("{} x", 1, 4, "trailing characters"),
            ("{\"a\": 01}", 1, 8, "invalid number"),
            ("{\n// no\n}", 2, 1, "key must be a string"),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!((error.text.as_str(), error.position), (cause, Position { line, column }));
        }
    }
}
