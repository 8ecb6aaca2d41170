//! The workspace as `cargo metadata` and git describe it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// The answer of `cargo metadata --no-deps`, as far as the tasks need it.
#[derive(Deserialize)]
pub struct Workspace {
    /// The members, in no particular order.
    pub packages: Vec<Package>,
    /// The folder of the root `Cargo.toml`.
    #[serde(rename = "workspace_root")]
    pub root: PathBuf,
    /// Where cargo builds.
    #[serde(rename = "target_directory")]
    pub target: PathBuf,
}

/// A member of the workspace.
#[derive(Deserialize)]
pub struct Package {
    /// The package's name, for example `cni-plugin-bridge`.
    pub name: String,
    /// The package's version.
    pub version: String,
    /// The absolute path of its `Cargo.toml`.
    pub manifest_path: PathBuf,
    /// What its manifest asks for.
    pub dependencies: Vec<Dependency>,
    targets: Vec<Target>,
}

/// One line of a manifest's dependency tables.
#[derive(Deserialize)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// `None` for an ordinary one, else `dev` or `build`.
    pub kind: Option<String>,
    /// Present when it is a member of this workspace.
    pub path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    ///
    /// When cargo cannot be run or refuses a manifest.
    pub fn load() -> Result<Self> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("Cargo.toml");
        let mut command = Command::new(cargo_program());
        command.args(["metadata", "--no-deps", "--format-version=1", "--manifest-path"]);
        let answer = process::capture(command.arg(manifest))?;
        serde_json::from_str(&answer).context("decode the answer of cargo metadata")
    }

    /// A cargo command line in the workspace's root.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(cargo_program());
        command.current_dir(&self.root).args(arguments);
        command
    }

    /// The packages that are plugins, sorted by name.
    pub fn plugins(&self) -> Vec<&Package> {
        let mut plugins: Vec<_> = self.packages.iter().filter(|p| p.is_plugin()).collect();
        plugins.sort_by(|a, b| a.name.cmp(&b.name));
        plugins
    }

    /// The packages whose executables are delivered one by one: every plugin, and cnitool.
    pub fn delivered(&self) -> Vec<&Package> {
        let mut delivered = self.plugins();
        delivered.extend(self.packages.iter().filter(|package| package.name == "cnitool"));
        delivered
    }

    /// The project's version: that of every member.
    pub fn version(&self) -> &str {
        self.packages.first().map_or("0.0.0", |package| &package.version)
    }

    /// Every file git tracks or would track, relative to the root, sorted.
    ///
    /// # Errors
    ///
    /// When the workspace is not a git work tree.
    pub fn files(&self) -> Result<Vec<String>> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.root);
        command.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listing = process::capture(&mut command)?;
        let mut files: Vec<String> = listing
            .split_terminator('\0')
            .filter(|file| self.root.join(file).is_file())
            .map(str::to_owned)
            .collect();
        files.sort();
        files.dedup();
        Ok(files)
    }
}

impl Package {
    /// Whether this is one of the plugins, as opposed to a crate they share.
    pub fn is_plugin(&self) -> bool {
        self.name.starts_with("cni-plugin-")
    }

    /// The names of its executables.
    pub fn executables(&self) -> impl Iterator<Item = &str> {
        let is_executable = |target: &&Target| target.kind.iter().any(|kind| kind == "bin");
        self.targets.iter().filter(is_executable).map(|target| target.name.as_str())
    }

    /// Its folder, relative to the workspace's root.
    pub fn folder<'a>(&'a self, workspace: &Workspace) -> &'a Path {
        let folder = self.manifest_path.parent().unwrap_or(&self.manifest_path);
        folder.strip_prefix(&workspace.root).unwrap_or(folder)
    }
}

/// The cargo that started this task, so that a toolchain override stays in force.
fn cargo_program() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}
