//! The roles of the one executable.

#[cfg(any(test, fuzzing))]
pub mod fuzz;

use std::process::ExitCode;

use cni_core::runtime;

use crate::Dhcp;
pub use crate::daemon::USAGE as DAEMON_USAGE;
use crate::daemon::{self, leases};

/// What the executable is beside a plugin.
pub(crate) const ROLES: &[(&str, &str)] =
    &[("daemon", "Keeps the leases of all containers"), ("leases", "Lists what the daemon holds")];

/// Runs the plugin, or the daemon, or the list of what the daemon holds.
pub fn main() -> ExitCode {
    let arguments = runtime::arguments();
    match arguments.split_first() {
        Some((role, rest)) if role == "daemon" => daemon::run(rest),
        Some((role, rest)) if role == "leases" => leases::run(rest),
        _ => runtime::main::<Dhcp>(),
    }
}
