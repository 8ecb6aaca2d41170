//! The bill of materials.

use std::collections::BTreeSet;
use std::fs;

use cni_testkit::Host;
use serde_json::Value;

use crate::dist::{Dist, plugins};

fn document(dist: &Dist) -> Value {
    let text = fs::read(dist.file("cni-plugins-", ".spdx.json")).expect("the document");
    serde_json::from_slice(&text).expect("JSON")
}

fn list<'d>(document: &'d Value, key: &str) -> &'d Vec<Value> {
    document[key].as_array().expect(key)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

#[test]
fn package_materials_are_all_there_and_whole() {
    let Some(dist) = Dist::find() else { return };
    let document = document(&dist);
    assert_eq!(document["spdxVersion"], "SPDX-2.3");
    let known: BTreeSet<_> =
        list(&document, "packages").iter().map(|package| text(&package["SPDXID"])).collect();
    assert_eq!(known.len(), list(&document, "packages").len(), "an identifier twice");
    let is_sound = |id: &str| {
        id.starts_with("SPDXRef-")
            && id.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    assert!(known.iter().all(|id| is_sound(id)), "{known:?}");
    for relationship in list(&document, "relationships") {
        for end in ["spdxElementId", "relatedSpdxElement"] {
            let id = text(&relationship[end]);
            assert!(known.contains(id) || id == "SPDXRef-DOCUMENT", "{id}");
        }
    }
    for package in list(&document, "packages") {
        if text(&package["SPDXID"]).starts_with("SPDXRef-crate-") {
            assert_eq!(text(&package["checksums"][0]["checksumValue"]).len(), 64, "{package}");
            assert!(!text(&package["licenseDeclared"]).contains('/'), "{package}");
        }
    }
}

/// D-Bus is for firewalld, which only `firewall` speaks to, and two have the code of every plugin; what
/// tests and tasks use is in nothing.
#[test]
fn package_materials_are_those_that_are_linked() {
    let Some(dist) = Dist::find() else { return };
    let document = document(&dist);
    let linked_into = |beginning: &str| -> BTreeSet<String> {
        list(&document, "relationships")
            .iter()
            .filter(|r| text(&r["relatedSpdxElement"]).starts_with(beginning))
            .map(|r| text(&r["spdxElementId"]).replace("SPDXRef-executable-", ""))
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
    let with_firewall = names(&["cni-plugins", "cnitool", "firewall"]);
    assert_eq!(linked_into("SPDXRef-crate-zbus-6"), with_firewall);
    let mut all: BTreeSet<String> = plugins().into_iter().collect();
    all.extend(["cnitool", "cni-installer", "cni-plugins"].map(str::to_owned));
    assert_eq!(linked_into("SPDXRef-crate-serde-json-"), all);
    for absent in ["expect-test", "rpm", "serde-derive", "tempfile", "toml"] {
        assert_eq!(linked_into(&format!("SPDXRef-crate-{absent}-")), names(&[]), "{absent}");
    }
}

#[test]
fn package_materials_name_the_executables_that_are_delivered() {
    let Some(dist) = Dist::find() else { return };
    let host = Host::new();
    let archive = dist.file("cni-plugins-linux-", ".tgz");
    let document = document(&dist);
    for name in plugins() {
        let sum = host.sh(&format!("tar -xOzf {archive} ./{name} | sha256sum"));
        let is_it = |package: &&Value| package["SPDXID"] == format!("SPDXRef-executable-{name}");
        let package = list(&document, "packages").iter().find(is_it).expect(&name);
        let expected = text(&package["checksums"][0]["checksumValue"]);
        assert_eq!(sum.split_whitespace().next(), Some(expected), "{name}");
    }
}
