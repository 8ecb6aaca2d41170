//! Rules about packages: which may know which, and what each manifest and folder has.

use std::path::Path;

use anyhow::{Context, Result};

use super::{Finding, Source};
use crate::workspace::{Dependency, Package, Workspace};

const LAYOUT: &str = "docs/ARCHITECTURE.md";
const STYLE: &str = "docs/style.md";

/// Which members a member may depend on; `plugin` stands for every plugin.
/// What is not drawn here is not there on purpose: `cni-core` and `linux-net` do not know each
/// other, `netfilter` knows neither, plugins do not know one another.
const EDGES: &[(&str, &[&str])] = &[
    ("fault-point", &[]),
    ("cni-core", &["fault-point"]),
    ("linux-net", &["fault-point"]),
    ("netfilter", &["fault-point"]),
    ("cni-ipam", &["cni-core", "linux-net", "netfilter", "fault-point"]),
    ("cni-runtime", &["cni-core"]),
    ("cnitool", &["cni-core", "cni-runtime", "linux-net", "plugin"]),
    ("cni-plugins", &["cni-core", "plugin"]),
    ("cni-installer", &["cni-core"]),
    ("cni-manual", &["cni-plugins", "cnitool", "plugin"]),
    ("cni-testkit", &[]),
    ("conformance", &["cni-core", "fault-point"]),
    ("plugin", &["cni-core", "cni-ipam", "fault-point", "linux-net", "netfilter"]),
    ("bench-probes", &["linux-net"]),
    ("xtask", &["cni-installer", "cni-testkit"]),
];

/// External packages that stay behind one door, because they change often or bring much along.
const CONFINED: &[(&str, &str)] = &[
    ("rtnetlink", "linux-net"),
    ("netlink-packet-core", "linux-net"),
    ("netlink-packet-route", "linux-net"),
    ("nftables", "netfilter"),
    ("dhcproto", "cni-plugin-dhcp"),
    ("idna_adapter", "cni-plugin-dhcp"),
    ("zbus", "cni-plugin-firewall"),
];

/// Applies every rule about packages.
///
/// # Errors
///
/// When a manifest cannot be parsed.
pub fn check(workspace: &Workspace, sources: &[Source]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for package in &workspace.packages {
        let folder = package.folder(workspace);
        let path = folder.join("Cargo.toml").to_string_lossy().into_owned();
        let manifest = sources.iter().find(|source| source.path == path);
        let manifest = manifest.with_context(|| format!("{path} is not tracked by git"))?;
        findings.extend(edges(package, manifest));
        findings.extend(inheritance(manifest)?);
        findings.extend(readme(package, folder, sources));
    }
    Ok(findings)
}

/// The dependencies of one package that the design does not draw.
fn edges(package: &Package, manifest: &Source) -> Vec<Finding> {
    let forbidden = package.dependencies.iter().filter(|to| !is_drawn(&package.name, to));
    let finding = |to: &Dependency| {
        let text = format!("{} may not depend on {}", package.name, to.name);
        manifest.finding(line_of(manifest, &to.name), text, LAYOUT)
    };
    forbidden.map(finding).collect()
}

/// Whether the design draws the edge between two packages.
fn is_drawn(from: &str, to: &Dependency) -> bool {
    if to.path.is_none() {
        let door = CONFINED.iter().find(|(name, _)| *name == to.name);
        return door.is_none_or(|(_, door)| *door == from);
    }
    if to.name == "cni-testkit" && to.kind.as_deref() == Some("dev") {
        return true;
    }
    let row = EDGES.iter().find(|(name, _)| *name == role(from));
    row.is_some_and(|(_, allowed)| allowed.contains(&role(&to.name)))
}

/// The name of a package in [`EDGES`].
fn role(name: &str) -> &str {
    if name.starts_with("cni-plugin-") { "plugin" } else { name }
}

/// Lints and every dependency's version come from the root manifest.
fn inheritance(manifest: &Source) -> Result<Vec<Finding>> {
    let table: toml::Table = manifest.text.parse().with_context(|| manifest.path.clone())?;
    let inherits = |value: &toml::Value| value.get("workspace") == Some(&true.into());
    let mut findings = Vec::new();
    if !table.get("lints").is_some_and(inherits) {
        let text = "`[lints] workspace = true` is missing";
        findings.push(manifest.finding(None, text, STYLE));
    }
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = table.get(section).and_then(toml::Value::as_table);
        for (name, value) in dependencies.into_iter().flatten() {
            if !inherits(value) {
                let text = format!("{name} does not take its version from the workspace");
                findings.push(manifest.finding(line_of(manifest, name), text, STYLE));
            }
        }
    }
    Ok(findings)
}

/// A plugin has a page for its user.
fn readme(package: &Package, folder: &Path, sources: &[Source]) -> Vec<Finding> {
    let file = folder.join("README.md").to_string_lossy().into_owned();
    if !package.is_plugin() || sources.iter().any(|source| source.path == file) {
        return Vec::new();
    }
    let text = format!("{} has no page for its user", package.name);
    vec![Finding { file, line: None, text, explained_in: "docs/adding-a-plugin.md" }]
}

/// The line of a manifest that begins with a dependency's name.
fn line_of(manifest: &Source, name: &str) -> Option<usize> {
    let is_entry = |line: &str| {
        let rest = line.trim_start().strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with(['.', ' ', '=']))
    };
    manifest.lines().find(|(_, line)| is_entry(line)).map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), kind: None, path: Some("crates".into()) }
    }

    fn external(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), kind: None, path: None }
    }

    #[test]
    fn only_drawn_edges_pass() {
        assert!(is_drawn("cni-plugin-bridge", &member("linux-net")));
        assert!(is_drawn("cni-plugins", &member("cni-plugin-bridge")));
        assert!(!is_drawn("cni-plugin-bridge", &member("cni-plugin-ptp")));
        assert!(!is_drawn("cni-core", &member("linux-net")));
        assert!(!is_drawn("linux-net", &member("cni-core")));
        assert!(!is_drawn("netfilter", &member("linux-net")));
        assert!(!is_drawn("a-new-crate", &member("cni-core")));
    }

    #[test]
    fn the_testkit_is_for_tests() {
        let mut testkit = member("cni-testkit");
        assert!(!is_drawn("linux-net", &testkit));
        testkit.kind = Some("dev".to_owned());
        assert!(is_drawn("linux-net", &testkit));
    }

    #[test]
    fn confined_packages_have_one_door() {
        assert!(is_drawn("linux-net", &external("rtnetlink")));
        assert!(!is_drawn("cni-plugin-bridge", &external("rtnetlink")));
        assert!(is_drawn("cni-plugin-bridge", &external("serde")));
    }

    #[test]
    fn manifests_inherit_lints_and_versions() {
        let manifest = Source {
            path: "crates/a/Cargo.toml".to_owned(),
            text:
                "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true\nnix = \"0.31\"\n"
                    .to_owned(),
        };
        let findings: Vec<_> =
            inheritance(&manifest).expect("valid toml").iter().map(ToString::to_string).collect();
        assert_eq!(
            findings,
            [
                "crates/a/Cargo.toml: `[lints] workspace = true` is missing (see docs/style.md)",
                "crates/a/Cargo.toml:5: nix does not take its version from the workspace (see docs/style.md)",
            ]
        );
    }
}
