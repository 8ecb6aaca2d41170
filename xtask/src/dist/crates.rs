//! What is linked into the executables, as cargo knows it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// A crate of a registry: its name and version.
pub type Id = (String, String);

/// The crates in every executable.
pub struct Linked {
    /// What is known of each crate.
    pub crates: BTreeMap<Id, Crate>,
    /// The crates of each executable.
    pub by_executable: BTreeMap<String, BTreeSet<Id>>,
    /// The compiler's release, whose standard library is in every executable.
    pub compiler: String,
    /// The target, whose last part says which C library is in every executable.
    pub target: String,
}

/// A crate of a registry.
pub struct Crate {
    /// Its licence, an SPDX expression.
    pub license: String,
    /// The SHA-256 sum of its archive.
    pub checksum: String,
    /// Where it is unpacked.
    pub folder: PathBuf,
}

/// The answer of `cargo metadata`, as far as it is needed here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    manifest_path: PathBuf,
}

/// `Cargo.lock`, as far as it is needed here.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

impl Linked {
    /// Asks cargo: only ordinary dependencies count, for this target and with the features that are
    /// on. What runs inside the compiler is in no executable.
    ///
    /// # Errors
    ///
    /// When cargo fails, or a crate has no licence or checksum.
    pub fn find(workspace: &Workspace, target: &str) -> Result<Self> {
        let mut by_executable = BTreeMap::new();
        let delivered = workspace.delivered();
        let names = delivered.iter().map(|package| package.name.as_str());
        for package in names.chain(["cni-plugins", "cni-installer"]) {
            let executable = package.trim_start_matches("cni-plugin-").to_owned();
            by_executable.insert(executable, tree(workspace, package, target)?);
        }
        let linked: BTreeSet<_> = by_executable.values().flatten().cloned().collect();
        let compiler = process::capture_words(&["rustc", "--version"])?;
        Ok(Self {
            crates: describe(workspace, &linked)?,
            by_executable,
            compiler: compiler.split_whitespace().nth(1).unwrap_or_default().to_owned(),
            target: target.to_owned(),
        })
    }
}

/// The crates of a registry that one package of the workspace is linked with.
fn tree(workspace: &Workspace, package: &str, target: &str) -> Result<BTreeSet<Id>> {
    let mut cargo = workspace.cargo(&["tree", "--locked", "--prefix", "none", "--format", "{p}"]);
    cargo.args(["--edges", "normal,no-proc-macro", "--target", target, "--package", package]);
    Ok(registry_crates(&process::capture(&mut cargo)?))
}

/// Lines are `name vVERSION`, and further words where a crate is of the workspace or told before.
fn registry_crates(tree: &str) -> BTreeSet<Id> {
    let id = |line: &str| {
        let mut words = line.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let is_member = words.next().is_some_and(|word| word.starts_with("(/"));
        (!is_member).then(|| (name.to_owned(), version.to_owned()))
    };
    tree.lines().filter_map(id).collect()
}

fn describe(workspace: &Workspace, linked: &BTreeSet<Id>) -> Result<BTreeMap<Id, Crate>> {
    let mut cargo = workspace.cargo(&["metadata", "--locked", "--format-version=1"]);
    let metadata: Metadata = serde_json::from_str(&process::capture(&mut cargo)?)?;
    let lock = fs::read_to_string(workspace.root.join("Cargo.lock")).context("read Cargo.lock")?;
    let lock: Lock = toml::from_str(&lock).context("decode Cargo.lock")?;
    let find = |id: &Id| {
        let package = metadata.packages.iter().find(|p| (&p.name, &p.version) == (&id.0, &id.1));
        let locked = lock.package.iter().find(|p| (&p.name, &p.version) == (&id.0, &id.1));
        let package = package.context("cargo does not know it")?;
        Ok(Crate {
            // An old way to write OR, which is not SPDX.
            license: package.license.as_ref().context("no licence")?.replace('/', " OR "),
            checksum: locked.and_then(|p| p.checksum.clone()).context("no checksum")?,
            folder: package.manifest_path.parent().context("no folder")?.to_owned(),
        })
    };
    let described = linked.iter().map(|id| {
        let described: Result<Crate> = find(id);
        Ok((id.clone(), described.with_context(|| format!("the crate {} {}", id.0, id.1))?))
    });
    described.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_the_workspace_are_no_registry_crates() {
        let tree =
            "cni-core v0.1.0 (/a/cni-core)\nclap v4.6.7\nserde v1.0.1 (*)\n\nclap v4.6.7 (*)\n";
        let id = |name: &str, version: &str| (name.to_owned(), version.to_owned());
        assert_eq!(registry_crates(tree), [id("clap", "4.6.7"), id("serde", "1.0.1")].into());
    }
}
