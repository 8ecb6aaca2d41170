//! The start of the executable, which may be one of two things.

use std::process::ExitCode;

use cni_core::runtime;

use crate::Tap;

/// Runs the plugin, or the part of it that another process of it has started this one for.
pub fn main() -> ExitCode {
    match linux_net::obey_tap_order(&runtime::arguments()) {
        Some(status) => ExitCode::from(status),
        None => runtime::main::<Tap>(),
    }
}
