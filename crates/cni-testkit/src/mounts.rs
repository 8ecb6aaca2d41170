//! The mounts that keep a plugin's files inside its private host.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

const NONE: Option<&str> = None;

/// Directories where plugins and the tools they call keep state.
const STATE: [&str; 3] = ["/var/lib/cni", "/etc/cni", "/run"];

/// What plugins and tools expect to exist below those.
const EXPECTED: [&str; 4] = ["/etc/cni/net.d", "/run/netns", "/run/lock", "/run/cni"];

/// Hides the machine's state behind empty directories; the caller has a mount namespace of its own.
pub(crate) fn hide_state() -> Result<()> {
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
        .context("make the mounts private")?;
    for directory in STATE {
        if !Path::new(directory).exists() {
            let parent = Path::new(directory).parent().expect("a state directory has a parent");
            make_writable(parent)?;
            fs::create_dir(directory).with_context(|| format!("make {directory}"))?;
        }
        tmpfs(Path::new(directory))?;
    }
    for directory in EXPECTED {
        fs::create_dir_all(directory).with_context(|| format!("make {directory}"))?;
    }
    Ok(())
}

/// Puts an overlay over a directory of the machine, so that making something in it leaves no trace.
fn make_writable(directory: &Path) -> Result<()> {
    let scratch = Path::new("/run");
    tmpfs(scratch)?;
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

fn tmpfs(directory: &Path) -> Result<()> {
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
        .with_context(|| format!("mount a tmpfs over {}", directory.display()))
}
