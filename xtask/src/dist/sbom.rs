//! The bill of materials: an SPDX 2.3 document of every executable and what is linked into it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::NAME;
use super::checksums::sha256;
use super::crates::{Crate, Id, Linked};
use super::origin::Origin;

/// Writes the document. It depends on nothing but its content: its time is the commit's, and the
/// name that has to be unique ends in a checksum.
///
/// # Errors
///
/// When nothing is known of what an executable is linked with.
pub fn document(origin: &Origin, linked: &Linked, executables: &[(&str, &[u8])]) -> Result<String> {
    let mut packages = vec![set(origin)];
    let mut relationships = vec![relationship("DOCUMENT", "DESCRIBES", NAME)];
    for (name, content) in executables {
        let id = format!("executable-{name}");
        packages.push(executable(origin, name, &id, content));
        relationships.push(relationship(NAME, "CONTAINS", &id));
        for library in ["rust-std", "libc"] {
            relationships.push(relationship(&id, "STATIC_LINK", library));
        }
        let crates = linked.by_executable.get(*name);
        let crates = crates.with_context(|| format!("nothing is known of {name}"))?;
        let link = |to: &Id| relationship(&id, "STATIC_LINK", &crate_id(to));
        relationships.extend(crates.iter().map(link));
    }
    packages.extend(libraries(linked));
    packages.extend(linked.crates.iter().map(|(id, described)| of_registry(id, described)));
    let content = json!({ "packages": packages, "relationships": relationships });
    let sum = sha256(content.to_string().as_bytes());
    let document = json!({
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": format!("{NAME}-{}", origin.suffix()),
        "documentNamespace": format!("urn:sha256:{sum}"),
        "creationInfo": {
            "created": origin.created,
            "creators": ["Tool: cargo-xtask-dist"],
        },
        "packages": content["packages"],
        "relationships": content["relationships"],
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The licences of everything that is linked into the set, as one SPDX expression.
pub fn license(linked: &Linked) -> String {
    let mut licenses: BTreeSet<_> = linked.crates.values().map(|c| c.license.as_str()).collect();
    licenses.remove("Apache-2.0");
    let parts = licenses.into_iter().map(|license| match license {
        compound if compound.contains(' ') => format!("({compound})"),
        simple => simple.to_owned(),
    });
    ["Apache-2.0".to_owned()].into_iter().chain(parts).collect::<Vec<_>>().join(" AND ")
}

fn relationship(from: &str, kind: &str, to: &str) -> Value {
    json!({
        "spdxElementId": format!("SPDXRef-{from}"),
        "relationshipType": kind,
        "relatedSpdxElement": format!("SPDXRef-{to}"),
    })
}

fn set(origin: &Origin) -> Value {
    json!({
        "name": NAME,
        "SPDXID": format!("SPDXRef-{NAME}"),
        "versionInfo": origin.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "Apache-2.0",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION",
        "supplier": format!("Organization: {}", origin.maintainer.replace(" <", " (").replace('>', ")")),
    })
}

fn executable(origin: &Origin, name: &str, id: &str, content: &[u8]) -> Value {
    json!({
        "name": name,
        "SPDXID": format!("SPDXRef-{id}"),
        "versionInfo": origin.version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "Apache-2.0",
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "APPLICATION",
        "checksums": [checksum(&sha256(content))],
    })
}

/// The libraries that no manifest names.
fn libraries(linked: &Linked) -> [Value; 2] {
    let library = |id: &str, name: &str, version: &str, license: &str| {
        json!({
            "name": name,
            "SPDXID": format!("SPDXRef-{id}"),
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": false,
            "licenseConcluded": license,
            "licenseDeclared": license,
            "copyrightText": "NOASSERTION",
            "primaryPackagePurpose": "LIBRARY",
        })
    };
    let is_musl = linked.target.ends_with("musl");
    let (libc, license) = if is_musl { ("musl", "MIT") } else { ("glibc", "LGPL-2.1-or-later") };
    let version = format!("as Rust {} links it", linked.compiler);
    [
        library("rust-std", "rust-std", &linked.compiler, "MIT OR Apache-2.0"),
        library("libc", libc, &version, license),
    ]
}

fn of_registry(id: &Id, described: &Crate) -> Value {
    let (name, version) = id;
    let locator = format!("pkg:cargo/{name}@{version}");
    json!({
        "name": name,
        "SPDXID": format!("SPDXRef-{}", crate_id(id)),
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": false,
        "licenseConcluded": described.license,
        "licenseDeclared": described.license,
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "checksums": [checksum(&described.checksum)],
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": locator,
        }],
    })
}

fn checksum(sum: &str) -> Value {
    json!({ "algorithm": "SHA256", "checksumValue": sum })
}

/// A crate's identifier: letters, digits, dots and hyphens.
fn crate_id((name, version): &Id) -> String {
    format!("crate-{name}-{version}").replace(['_', '+'], "-")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn an_executable_is_linked_with_its_crates_alone() -> Result<()> {
        let id = |name: &str| (name.to_owned(), "1.0.0+b".to_owned());
        let described = |license: &str| Crate {
            license: license.to_owned(),
            checksum: "00".to_owned(),
            folder: "/".into(),
        };
        let linked = Linked {
            crates: BTreeMap::from([
                (id("a_b"), described("MIT OR Apache-2.0")),
                (id("c"), described("MIT")),
            ]),
            by_executable: BTreeMap::from([
                ("bridge".to_owned(), [id("a_b")].into()),
                ("ptp".to_owned(), [id("a_b"), id("c")].into()),
            ]),
            compiler: "1.95.0".to_owned(),
            target: "x86_64-unknown-linux-musl".to_owned(),
        };
        assert_eq!(license(&linked), "Apache-2.0 AND MIT AND (MIT OR Apache-2.0)");
        let origin = Origin::default();
        let document = document(&origin, &linked, &[("bridge", b"1"), ("ptp", b"2")])?;
        assert_eq!(
            document,
            super::document(&origin, &linked, &[("bridge", b"1"), ("ptp", b"2")])?
        );
        let document: Value = serde_json::from_str(&document)?;
        let relationships = document["relationships"].as_array().context("a list")?;
        let links = relationships
            .iter()
            .filter(|relationship| relationship["spdxElementId"] == "SPDXRef-executable-bridge")
            .map(|relationship| &relationship["relatedSpdxElement"]);
        let expected = ["SPDXRef-rust-std", "SPDXRef-libc", "SPDXRef-crate-a-b-1.0.0-b"];
        assert_eq!(links.collect::<Vec<_>>(), expected);
        Ok(())
    }
}
