//! `dist`: everything that is delivered, the same bytes from the same commit.

mod checksums;
mod contents;
mod crates;
mod deb;
mod image;
mod manual;
mod notices;
mod origin;
mod rpm;
mod sbom;
mod tarball;
mod tree;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Process;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::process;
use crate::release::Release;
use crate::workspace::Workspace;
use contents::Distribution;
use crates::Linked;
use manual::Manual;
use origin::Origin;
use tree::Tree;

/// What the packages are called.
const NAME: &str = "cni-plugins";

/// The packages with links in the folder that runtimes outside of distributions look into.
const LINKS: &str = "cni-plugins-opt";

/// How the task is called.
pub fn command() -> Command {
    Command::new("dist")
        .about("Makes archives, packages, an image and their bill of materials")
        .arg(
            Arg::new("verify")
                .long("verify")
                .action(ArgAction::SetTrue)
                .help("Does it once more from the last commit, in another folder, and compares"),
        )
}

/// Builds and packs into `target/dist`.
///
/// # Errors
///
/// When the build fails or something cannot be packed.
pub fn run(arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    let release = Release::build(&workspace)?;
    let folder = make(&workspace, &release, &workspace.target.join("dist"))?;
    let mut files: Vec<_> = fs::read_dir(&folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::path);
    for file in files {
        println!("{} ({} KB)", file.path().display(), file.metadata()?.len().div_ceil(1024));
    }
    if arguments.get_flag("verify") {
        verify(&workspace, &folder)?;
        println!("the same bytes, made in another folder");
    }
    Ok(())
}

/// Makes everything again from a clone of the last commit and compares.
fn verify(workspace: &Workspace, folder: &Path) -> Result<()> {
    let root = workspace.root.to_string_lossy();
    let changed = process::capture_words(&["git", "-C", &root, "status", "--porcelain"])?;
    ensure!(changed.is_empty(), "commit first; not in the last commit:\n{changed}");
    let elsewhere = tempfile::tempdir().context("make another folder")?;
    let clone = elsewhere.path().join("clone");
    let target = elsewhere.path().join("built");
    process::run(Process::new("git").args(["clone", "--quiet", &*root]).arg(&clone))?;
    let mut again = workspace.cargo(&["xtask", "dist"]);
    process::run(again.current_dir(&clone).env("CARGO_TARGET_DIR", &target))?;
    compare(folder, &target.join("dist"))
}

/// Packs a finished build into a folder, which has nothing else in it afterwards.
///
/// # Errors
///
/// When something cannot be packed.
pub fn make(workspace: &Workspace, release: &Release, folder: &Path) -> Result<PathBuf> {
    let shipment = Shipment::collect(workspace, release)?;
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("empty {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    for (name, content) in shipment.pack()? {
        checksums::write(folder, &name, &content)?;
    }
    Ok(folder.to_owned())
}

/// Compares two deliveries.
///
/// # Errors
///
/// When they differ; the error names the files.
pub fn compare(one: &Path, other: &Path) -> Result<()> {
    let names = |folder: &Path| -> Result<BTreeSet<OsString>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect()
    };
    let mut differing = Vec::new();
    for name in names(one)?.union(&names(other)?) {
        let read = |folder: &Path| fs::read(folder.join(name)).ok();
        if read(one) != read(other) {
            differing.push(name.to_string_lossy().into_owned());
        }
    }
    ensure!(differing.is_empty(), "these differ: {}", differing.join(", "));
    Ok(())
}

/// Everything that the archives and packages are made of.
struct Shipment {
    origin: Origin,
    /// Every executable: its name and content, sorted by name.
    executables: Vec<(String, Vec<u8>)>,
    many_in_one: Vec<u8>,
    installer: Vec<u8>,
    manual: Manual,
    notices: String,
    sbom: String,
    linked: Linked,
    root: PathBuf,
}

impl Shipment {
    fn collect(workspace: &Workspace, release: &Release) -> Result<Self> {
        let read = |name: &str| {
            let file = release.executable(name);
            fs::read(&file).with_context(|| format!("read {}", file.display()))
        };
        let executables = release.names.iter().map(|name| Ok((name.clone(), read(name)?)));
        let executables = executables.collect::<Result<Vec<_>>>()?;
        let (many_in_one, installer) = (read("cni-plugins")?, read("cni-installer")?);
        let origin = Origin::of(workspace)?;
        let linked = Linked::find(workspace, release.target())?;
        let all = executables.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
        let further = [("cni-plugins", &*many_in_one), ("cni-installer", &*installer)];
        let sbom = sbom::document(&origin, &linked, &all.chain(further).collect::<Vec<_>>())?;
        Ok(Self {
            manual: Manual::write(workspace)?,
            notices: notices::of(&linked)?,
            root: workspace.root.clone(),
            origin,
            executables,
            many_in_one,
            installer,
            sbom,
            linked,
        })
    }

    /// The names and contents of the files to deliver.
    fn pack(&self) -> Result<Vec<(String, Vec<u8>)>> {
        let time = self.origin.time;
        let suffix = self.origin.suffix();
        let debian = Distribution::Debian.contents(self)?;
        let fedora = Distribution::Fedora.contents(self)?;
        let links = [Distribution::Debian, Distribution::Fedora].map(|to| to.links(self));
        let [debian_links, fedora_links] = links;
        Ok(vec![
            (format!("{NAME}-{suffix}.tgz"), tarball::gzipped(&self.separate()?, time)?),
            (
                format!("{NAME}-many-in-one-{suffix}.tgz"),
                tarball::gzipped(&self.many_in_one()?, time)?,
            ),
            deb::package(self, &deb::set(self), &debian)?,
            deb::package(self, &deb::links(self), &debian_links)?,
            rpm::package(self, &rpm::set(self), &fedora)?,
            rpm::package(self, &rpm::links(self), &fedora_links)?,
            (format!("{NAME}-oci-{suffix}.tar"), image::layout(self)?),
            (format!("{NAME}-{suffix}.spdx.json"), self.sbom.clone().into_bytes()),
        ])
    }

    /// The layout of the reference's releases: every file at the top.
    fn separate(&self) -> Result<Tree> {
        let mut tree = self.papers()?;
        for (name, content) in &self.executables {
            tree.executable(name, content);
        }
        Ok(tree)
    }

    /// One executable with all plugins in it, and its names as hard links; cnitool is another.
    fn many_in_one(&self) -> Result<Tree> {
        let mut tree = self.papers()?;
        tree.executable("cni-plugins", &self.many_in_one);
        for (name, content) in &self.executables {
            match name.as_str() {
                "cnitool" => tree.executable(name, content),
                _ => tree.hard_link(name, "cni-plugins"),
            }
        }
        Ok(tree)
    }

    /// What every archive has beside the executables.
    fn papers(&self) -> Result<Tree> {
        let mut tree = Tree::default();
        for name in ["LICENSE", "README.md"] {
            tree.file(name, &self.source(Path::new(name))?);
        }
        tree.file("THIRD-PARTY-NOTICES", self.notices.as_bytes());
        Ok(tree)
    }

    /// A file of the work tree.
    fn source(&self, path: &Path) -> Result<Vec<u8>> {
        fs::read(self.root.join(path)).with_context(|| format!("read {}", path.display()))
    }
}
