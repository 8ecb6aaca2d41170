//! What the tests of packages need: a delivery, and a Debian to install it in.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use super::{SUITE, uml};
use crate::dist;
use crate::process;
use crate::release::Release;
use crate::workspace::Workspace;

/// What the installed Debian has beside its base: what the tests use in it.
const INCLUDED: &str = "iproute2,iptables,nftables";

/// What was made for the tests.
pub struct Packages {
    /// The folder of the delivery.
    pub dist: PathBuf,
    /// The folder of an installed Debian; `None` without root or a network.
    pub debian: Option<PathBuf>,
    release: Release,
}

impl Packages {
    /// Builds and packs, and installs a Debian meanwhile, if the filter leaves tests of packages.
    ///
    /// # Errors
    ///
    /// When cargo fails or something cannot be packed.
    pub fn prepare(workspace: &Workspace, filter: Option<&str>) -> Result<Option<Self>> {
        let arguments = ["test", "--quiet", "--package", SUITE, "--test", "packages", "--"];
        let mut listing = workspace.cargo(&arguments);
        listing.arg("--list").args(filter).stderr(Stdio::inherit());
        // Those for another kernel are about configurations.
        let needs_packages = |line: &str| line.ends_with(": test") && !line.contains(uml::MARK);
        if !process::capture(&mut listing)?.lines().any(needs_packages) {
            return Ok(None);
        }
        let debian = Installation::start(workspace)?;
        let release = Release::build(workspace);
        // Waited for whatever became of the build: nothing goes on behind a task that has ended.
        let debian = debian.finish()?;
        let release = release?;
        let dist = dist::make(workspace, &release, &workspace.target.join("dist"))?;
        Ok(Some(Self { dist, debian, release }))
    }

    /// Packs a second time: it has to be the same.
    ///
    /// # Errors
    ///
    /// When it cannot be packed or is not the same.
    pub fn pack_again(&self, workspace: &Workspace) -> Result<()> {
        let folder = tempfile::tempdir().context("make a folder to pack into")?;
        let again = dist::make(workspace, &self.release, &folder.path().join("dist"))?;
        dist::compare(&self.dist, &again)
    }
}

/// An installation under way.
enum Installation {
    /// One from before, of the same release and with the same packages.
    Kept(PathBuf),
    Running {
        debootstrap: Child,
        log: PathBuf,
        folder: PathBuf,
        /// What is written into the finished one, to tell it from others.
        content: String,
    },
    Impossible,
}

impl Installation {
    /// Starts to install the Debian that this machine runs, from where it gets its own packages.
    fn start(workspace: &Workspace) -> Result<Self> {
        if !nix::unistd::geteuid().is_root() {
            return Ok(Self::Impossible);
        }
        let folder = workspace.target.join("debian");
        let Some((mirror, release)) = own_mirror()? else { return Ok(Self::Impossible) };
        let content = format!("{release} {INCLUDED}");
        if fs::read_to_string(folder.join(FINISHED)).is_ok_and(|kept| kept == content) {
            return Ok(Self::Kept(folder));
        }
        if folder.exists() {
            fs::remove_dir_all(&folder).context("remove half an installation")?;
        }
        let log = workspace.target.join("debootstrap.log");
        let output = fs::File::create(&log).with_context(|| log.display().to_string())?;
        println!("installing a Debian in {}", folder.display());
        // What it mounts for the time goes with its namespace, however it ends.
        let debootstrap = Command::new("unshare")
            .args(["--mount", "--propagation=private", "debootstrap"])
            .args(["--variant=minbase", "--include", INCLUDED, &release])
            .arg(&folder)
            .arg(mirror)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("start debootstrap")?;
        Ok(Self::Running { debootstrap, log, folder, content })
    }

    /// Waits for it.
    fn finish(self) -> Result<Option<PathBuf>> {
        let (mut debootstrap, log, folder, content) = match self {
            Self::Kept(folder) => return Ok(Some(folder)),
            Self::Impossible => return Ok(None),
            Self::Running { debootstrap, log, folder, content } => {
                (debootstrap, log, folder, content)
            }
        };
        if debootstrap.wait()?.success() {
            fs::write(folder.join(FINISHED), content)?;
            return Ok(Some(folder));
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        println!("debootstrap failed:\n{log}");
        Ok(None)
    }
}

/// The file that says that an installation is whole, and what it is.
const FINISHED: &str = "etc/installed-for-tests";

/// Where this machine gets Debian's own packages, and the release's name.
fn own_mirror() -> Result<Option<(String, String)>> {
    if !process::is_installed("debootstrap") || !process::is_installed("apt-get") {
        return Ok(None);
    }
    let format = "$(ORIGIN) $(LABEL) $(REPO_URI) $(RELEASE)";
    let mut apt = Command::new("apt-get");
    apt.args(["indextargets", "--format", format, "Created-By: Packages"]);
    let listing = process::capture(&mut apt)?;
    let found = listing.lines().find_map(|line| {
        let (mirror, release) = line.strip_prefix("Debian Debian ")?.split_once(' ')?;
        let is_whole = !release.contains(['-', '/']);
        is_whole.then(|| (mirror.to_owned(), release.to_owned()))
    });
    Ok(found)
}
