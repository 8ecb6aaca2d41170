//! The mounts that keep a plugin's files inside its private host.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::cgroups::{self, Shown};

const NONE: Option<&str> = None;

/// Directories where plugins and the tools they call keep state.
const STATE: [&str; 3] = ["/var/lib/cni", "/etc/cni", "/run"];

/// Directories where runtimes and daemons keep configuration and state.
const RUNTIME_STATE: [&str; 12] = [
    "/etc/cni",
    "/etc/containerd",
    "/etc/containers",
    "/etc/docker",
    "/etc/firewalld",
    "/opt",
    "/run",
    "/var/lib/cni",
    "/var/lib/containerd",
    "/var/lib/containers",
    "/var/lib/docker",
    "/var/log",
];

/// Directories where everybody may write.
const SCRATCH: [&str; 3] = ["/dev/shm", "/tmp", "/var/tmp"];

/// What plugins and tools expect to exist below those.
const EXPECTED: [&str; 4] = ["/etc/cni/net.d", "/run/netns", "/run/lock", "/run/cni"];

/// Where runtimes look for plugins: Debian's, and everybody else's.
const PLUGINS: [&str; 2] = ["/usr/lib/cni", "/opt/cni/bin"];

/// Hides the machine's state behind empty directories; the caller has a mount namespace of its own.
pub(crate) fn hide_state() -> Result<()> {
    keep_private()?;
    for directory in STATE {
        if !Path::new(directory).exists() {
            let parent = Path::new(directory).parent().expect("a state directory has a parent");
            make_writable(parent)?;
            fs::create_dir(directory).with_context(|| format!("make {directory}"))?;
        }
        tmpfs(Path::new(directory), "mode=755")?;
    }
    make_expected()
}

/// Hides what runtimes could see or change of the machine, shows them these control groups, and
/// puts the plugins where they look for them; the caller has namespaces of its own for mounts and
/// network.
pub(crate) fn hide_machine(plugins: &Path, groups: &[Shown]) -> Result<()> {
    keep_private()?;
    // Before anything is hidden, for the plugins may be anywhere.
    let [first, others @ ..] = PLUGINS.map(Path::new);
    if !first.exists() {
        make_writable(Path::new("/usr/lib"))?;
        fs::create_dir(first).with_context(|| format!("make {}", first.display()))?;
    }
    bind(plugins, first)?;

    // A sysfs shows the links of the namespace it was mounted in. It must be complete before it
    // takes the place of the one that leads to the control groups.
    let sys = Path::new("/run");
    mount(Some("sysfs"), sys, Some("sysfs"), MsFlags::empty(), NONE).context("mount a sysfs")?;
    cgroups::show(groups, &sys.join("fs/cgroup"))?;
    // Only covered, the old one would still be listed, and runtimes take the first they read of.
    umount2("/sys", MntFlags::MNT_DETACH).context("take /sys away")?;
    mount(Some(sys), "/sys", NONE, MsFlags::MS_MOVE, NONE).context("replace /sys")?;

    for directory in ["/etc", "/var"] {
        make_writable(Path::new(directory))?;
    }
    for directory in RUNTIME_STATE {
        fs::create_dir_all(directory).with_context(|| format!("make {directory}"))?;
        tmpfs(Path::new(directory), "mode=755")?;
    }
    for directory in SCRATCH {
        tmpfs(Path::new(directory), "mode=1777")?;
    }
    for other in others {
        fs::create_dir_all(other).with_context(|| format!("make {}", other.display()))?;
        bind(first, other)?;
    }
    make_expected()
}

/// Nothing mounted from now on is seen elsewhere.
fn keep_private() -> Result<()> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .context("make the mounts private")
}

fn make_expected() -> Result<()> {
    for directory in EXPECTED {
        fs::create_dir_all(directory).with_context(|| format!("make {directory}"))?;
    }
    Ok(())
}

/// Puts an overlay over a directory of the machine, so that making something in it leaves no trace.
fn make_writable(directory: &Path) -> Result<()> {
    let scratch = Path::new("/run");
    tmpfs(scratch, "mode=755")?;
    let (upper, work) = (scratch.join("upper"), scratch.join("work"));
    fs::create_dir(&upper)?;
    fs::create_dir(&work)?;
    let options = format!(
        "lowerdir={},upperdir={},workdir={}",
        directory.display(),
        upper.display(),
        work.display()
    );
    mount(Some("overlay"), directory, Some("overlay"), MsFlags::empty(), Some(options.as_str()))
        .with_context(|| format!("overlay {}", directory.display()))?;
    // The overlay keeps its own reference to the scratch file system.
    umount2(scratch, MntFlags::MNT_DETACH).context("hide the scratch file system")
}

/// Shows a directory in another place, too.
pub(crate) fn bind(source: &Path, target: &Path) -> Result<()> {
    mount(Some(source), target, NONE, MsFlags::MS_BIND, NONE)
        .with_context(|| format!("mount {} on {}", source.display(), target.display()))
}

/// Puts an empty file system over a directory.
pub(crate) fn tmpfs(directory: &Path, options: &str) -> Result<()> {
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some(options))
        .with_context(|| format!("mount a tmpfs over {}", directory.display()))
}
