//! Namespaces in which this process, and what it starts, may do as root without harm.

use std::fs;

use anyhow::{Context, Result};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

/// Moves this process, and what it starts from now on, into its own network and mount
/// namespaces; an ordinary user becomes root of a user namespace first.
///
/// Must be called before this process has a second thread: the kernel refuses a user namespace
/// to a process with several (`unshare(2)`). There is no network afterwards, so everything that
/// downloads comes earlier.
///
/// # Errors
///
/// When the kernel does not grant the namespaces.
pub fn enter() -> Result<()> {
    let (uid, gid) = (geteuid(), getegid());
    let mut flags = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    if !uid.is_root() {
        flags |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(flags).context(
        "make namespaces: this needs root, or a kernel that grants user namespaces to everybody",
    )?;
    if !uid.is_root() {
        // The kernel accepts a group map of an ordinary user only after setgroups is given up.
        fs::write("/proc/self/setgroups", "deny").context("give up setgroups")?;
        fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("become root")?;
        fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("become root's group")?;
    }
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount::<str, str, str, str>(None, "/", None, private, None).context("keep mounts private")
}
