//! Daemons in the packages that tests need. Tests start their own, on private hosts; the machine is
//! to start none because of them.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::Command;

use anyhow::{Context, Result};

use crate::process;

/// What the scripts of packages ask before they start a daemon (`invoke-rc.d(8)`).
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// The answer is that it is forbidden.
const FORBIDDING: &str = "#!/bin/sh\nexit 101\n";

/// Keeps daemons from starting while packages are installed. It ends with this value.
pub struct Held {
    is_ours: bool,
}

impl Held {
    /// Forbids daemons to start, unless the machine has a policy of its own.
    ///
    /// # Errors
    ///
    /// When the policy cannot be written.
    pub fn hold() -> Result<Self> {
        match OpenOptions::new().write(true).create_new(true).mode(0o755).open(POLICY) {
            Ok(mut policy) => {
                let held = Self { is_ours: true };
                policy
                    .write_all(FORBIDDING.as_bytes())
                    .with_context(|| format!("write {POLICY}"))?;
                Ok(held)
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(Self { is_ours: false }),
            Err(error) => Err(error).with_context(|| format!("make {POLICY}")),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_ours {
            // It was there a moment ago, and gone is as good.
            let _ = fs::remove_file(POLICY);
        }
    }
}

/// Keeps the daemons of installed packages from starting with the machine.
///
/// # Errors
///
/// When they cannot be listed or disabled.
pub fn disable(packages: &[&str]) -> Result<()> {
    if !process::is_installed("systemctl") {
        return Ok(());
    }
    let files = process::capture_words(&[&["dpkg", "--listfiles"], packages].concat())?;
    let daemons: Vec<_> = files.lines().filter_map(daemon).collect();
    if daemons.is_empty() {
        return Ok(());
    }
    process::run(Command::new("systemctl").args(["--quiet", "disable"]).args(daemons))
}

/// The name of the daemon that a file of a package describes to the machine's first process.
fn daemon(file: &str) -> Option<&str> {
    let (folder, name) = file.rsplit_once('/')?;
    let is_unit = folder.ends_with("/systemd/system") && name.contains('.');
    (is_unit || folder == "/etc/init.d").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn daemons_are_known_by_their_files() {
        assert_eq!(daemon("/lib/systemd/system/docker.socket"), Some("docker.socket"));
        assert_eq!(daemon("/etc/init.d/isc-dhcp-server"), Some("isc-dhcp-server"));
        for other in ["/lib/systemd/system", "/usr/sbin/dockerd", "/etc/init.d", "/."] {
            assert_eq!(daemon(other), None, "{other}");
        }
    }
}
