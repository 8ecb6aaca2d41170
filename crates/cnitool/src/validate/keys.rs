//! Keys and types: what decoding drops in silence, and what it refuses.

use cni_core::quote;
use cni_core::spec::json::Shape;
use serde_json::Value;

use super::document::{Entry, Node};
use super::nearest::find_nearest;
use super::readers::Readers;
use super::report::Report;

/// Objects that runtimes write and people hardly ever do.
const OF_RUNTIMES: [&str; 4] = ["args", "runtimeConfig", "prevResult", "cni.dev/valid-attachments"];
/// Keys whose `null` is no absence but a wrong text.
const NULL_IS_TEXT: [&str; 4] = ["subnet", "dst", "address", "ip"];

/// Compares the keys and types of a configuration with what is read of it.
pub struct KeyCheck<'a, 'b> {
    /// Where findings go.
    pub report: &'a mut Report<'b>,
    /// Who reads the configuration, and what of it.
    pub readers: &'a Readers,
    /// Values of wrong types: places to leave out before anything else is looked at.
    pub unreadable: Vec<usize>,
}

impl KeyCheck<'_, '_> {
    /// Checks a value and all that is in it. `path` is that of its key, with dots.
    pub fn value(&mut self, node: &Node<'_>, shape: &Shape, path: &str) {
        let value = node.value();
        if let Some(wanted) = shape.wanted_instead_of(&value) {
            let shown = match &value {
                Value::Array(_) => "array".to_owned(),
                Value::Object(_) => "object".to_owned(),
                scalar => scalar.to_string(),
            };
            let place = if path.is_empty() { String::new() } else { format!(" in key {path}") };
            self.report.error(
                node.offset,
                "wrong-type",
                format!("cannot read {shown} as {wanted}{place}"),
            );
            self.unreadable.push(node.offset);
            return;
        }
        match shape {
            Shape::Object(_) => self.object(node, shape, path),
            Shape::Map(of) => {
                for Entry { key, value, .. } in node.entries() {
                    self.value(value, of, &below(path, key));
                }
            }
            Shape::List(of) => {
                for (index, element) in node.elements().iter().enumerate() {
                    self.value(element, of, &below(path, &index.to_string()));
                }
            }
            _ => (),
        }
    }

    fn object(&mut self, node: &Node<'_>, shape: &Shape, path: &str) {
        let mut seen: Vec<&str> = Vec::new();
        for entry in node.entries() {
            let Some((name, inner)) = shape.find_field(&entry.key) else {
                if !self.readers.open.contains(&path.split('.').next().unwrap_or_default()) {
                    self.unknown(entry, shape, path);
                }
                continue;
            };
            if entry.key != name {
                let text = format!("the key {} is read as {}", quote(&entry.key), quote(name));
                self.report.warning(entry.key_offset, "key-case", text);
            }
            if seen.contains(&name) {
                let text =
                    format!("{} is written more than once; the last one counts", quote(name));
                self.report.warning(entry.key_offset, "duplicate-key", text);
            }
            seen.push(name);
            if entry.value.raw == "null" && !NULL_IS_TEXT.contains(&name) {
                let text = format!("null is as if {} was not written", quote(name));
                self.report.warning(entry.value.offset, "null", text);
            }
            self.value(&entry.value, inner, &below(path, name));
        }
    }

    fn unknown(&mut self, entry: &Entry<'_>, shape: &Shape, path: &str) {
        let key = quote(&entry.key);
        let reader = &self.readers.name;
        let names = shape.fields().iter().map(|(name, _)| *name);
        if let Some(nearest) = find_nearest(&entry.key, names) {
            let text = format!("{reader} has no key {key}; is {} meant?", quote(nearest));
            self.report.error(entry.key_offset, "misspelt-key", text);
            return;
        }
        let mut elsewhere = Vec::new();
        collect_paths(&self.readers.shape, &entry.key, "", &mut elsewhere);
        match elsewhere.iter().find(|found| *found != &below(path, &entry.key)) {
            Some(found) => {
                let text = format!("{reader} has no key {key} here, but {}", quote(found));
                self.report.error(entry.key_offset, "misplaced-key", text);
            }
            None => {
                let text = format!("{reader} has no key {key}; it is ignored");
                self.report.warning(entry.key_offset, "unknown-key", text);
            }
        }
    }
}

/// The path of a key below another.
fn below(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The paths of all keys of this name that people write.
fn collect_paths(shape: &Shape, key: &str, path: &str, found: &mut Vec<String>) {
    for (name, inner) in shape.fields() {
        if OF_RUNTIMES.contains(name) {
            continue;
        }
        let path = below(path, name);
        if name.eq_ignore_ascii_case(key) {
            found.push(path.clone());
        }
        collect_paths(inner, key, &path, found);
    }
}
