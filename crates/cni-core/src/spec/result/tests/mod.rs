//! The documents of every version: as they are written, read, and turned into one another.

mod conversion;
mod decoding;
mod encoding;

use super::{AddResult, Dns};
use crate::spec::json;
use crate::spec::version::SpecVersion;

/// Reads a document of its own version.
fn read(document: &str) -> AddResult {
    let value = json::to_value(document.as_bytes()).expect("a document");
    let version = value["cniVersion"].as_str().expect("a version");
    let version = SpecVersion::find(version).expect("a known version");
    AddResult::from_value(&value, version).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// Why a document cannot be read as one of `version`.
fn refusal(document: &str, version: SpecVersion) -> String {
    let value = json::to_value(document.as_bytes()).expect("a document");
    AddResult::from_value(&value, version).expect_err(document).msg
}

/// Reads a document and writes it in another version.
fn converted(document: &str, version: SpecVersion) -> String {
    read(document).to_document(version).unwrap_or_else(|error| panic!("{document}: {error}"))
}

/// A document on one line, so that tables of them can be read.
fn compact(document: &str) -> String {
    json::to_compact(&json::to_value(document.as_bytes()).expect("a document"))
}

fn example_dns() -> Dns {
    Dns {
        nameservers: vec!["10.1.0.1".to_owned()],
        domain: "example.org".to_owned(),
        search: vec!["a.example.org".to_owned()],
        options: vec!["ndots:2".to_owned()],
    }
}
