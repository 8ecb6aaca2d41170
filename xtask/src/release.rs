//! The static release build that `install`, `dist`, the demonstration and the benchmark share.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;
use crate::workspace::Workspace;

/// Separates the words of `CARGO_ENCODED_RUSTFLAGS`.
const SEPARATOR: &str = "\u{1f}";

/// A finished build: where its executables are.
pub struct Release {
    folder: PathBuf,
    target: String,
    /// The executables delivered one by one, sorted by name.
    pub names: Vec<String>,
}

/// How the C library gets into the executables.
enum Linkage {
    /// The small C library made for it; starts fastest.
    Musl(String),
    /// glibc, where the musl target is not to be had.
    Glibc(String),
}

impl Release {
    /// Builds every plugin, cnitool, the many-in-one executable and the installer, statically.
    ///
    /// # Errors
    ///
    /// When cargo fails.
    pub fn build(workspace: &Workspace) -> Result<Self> {
        let delivered = workspace.delivered();
        let packages = delivered.iter().map(|package| package.name.as_str());
        Self::build_packages(workspace, packages.chain(["cni-plugins", "cni-installer"]).collect())
    }

    /// Builds some packages of the workspace the same way.
    ///
    /// # Errors
    ///
    /// When cargo fails.
    pub fn build_packages(workspace: &Workspace, packages: Vec<&str>) -> Result<Self> {
        let linkage = Linkage::choose();
        println!("building {} packages for {}", packages.len(), linkage.description());
        let mut cargo = workspace.cargo(&["build", "--release", "--target", linkage.target()]);
        for package in &packages {
            cargo.args(["--package", package]);
        }
        cargo.env("CARGO_ENCODED_RUSTFLAGS", linkage.flags(workspace).join(SEPARATOR));
        process::run(&mut cargo)?;
        let mut names: Vec<String> = workspace
            .delivered()
            .into_iter()
            .filter(|package| packages.contains(&package.name.as_str()))
            .flat_map(|package| package.executables().map(str::to_owned))
            .collect();
        names.sort();
        let folder = workspace.target.join(linkage.target()).join("release");
        Ok(Self { folder, target: linkage.target().to_owned(), names })
    }

    /// The path of a built executable.
    pub fn executable(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// What the executables are built for, in the compiler's words.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The folder with all of them.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Linkage {
    /// musl when it is installed or rustup brings it, else glibc.
    fn choose() -> Self {
        let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        if is_installed(&musl) || (add(&musl) && is_installed(&musl)) {
            return Self::Musl(musl);
        }
        Self::Glibc(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
    }

    fn target(&self) -> &str {
        match self {
            Self::Musl(target) | Self::Glibc(target) => target,
        }
    }

    fn description(&self) -> String {
        match self {
            Self::Musl(target) => format!("{target} (static, musl)"),
            Self::Glibc(target) => {
                format!("{target} (static, glibc: the musl target is not installed)")
            }
        }
    }

    /// The compiler's flags. Folders of this machine are mapped away, so that a build is the
    /// same wherever it is made.
    ///
    /// A plugin runs for two milliseconds, and half a millisecond of them went into relocating
    /// itself and into page faults: so the executables have a fixed address, as the reference's
    /// have, and fewer segments.
    fn flags(&self, workspace: &Workspace) -> Vec<String> {
        let mut flags: Vec<String> = [
            "-Ctarget-feature=+crt-static",
            "-Crelocation-model=static",
            "-Clink-arg=-Wl,-z,noseparate-code",
            "-Clink-arg=-Wl,-z,norelro",
        ]
        .map(str::to_owned)
        .into();
        let cargo_home = std::env::var("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|_| std::env::var("HOME").map(|home| Path::new(&home).join(".cargo")));
        if let Ok(cargo_home) = cargo_home {
            flags.push(format!("--remap-path-prefix={}=cargo", cargo_home.display()));
        }
        flags.push(format!("--remap-path-prefix={}=cni", workspace.root.display()));
        flags
    }
}

/// Whether the compiler has a target's standard library.
fn is_installed(target: &str) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", target]);
    process::capture(&mut rustc).is_ok_and(|folder| Path::new(folder.trim()).is_dir())
}

/// Asks rustup, where there is one, for a target.
fn add(target: &str) -> bool {
    let mut rustup = Command::new("rustup");
    process::capture(rustup.args(["target", "add", target])).is_ok()
}
