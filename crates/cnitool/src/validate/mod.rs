//! `cnitool validate`: whether configurations are right, and why not. No plugin is started.

mod catalogue;
mod culprit;
mod document;
mod finding;
mod keys;
mod machine;
mod nearest;
mod network;
mod page;
mod plugin;
mod ranges;
mod readers;
mod report;
mod schema;
mod sense;
#[cfg(test)]
mod tests;

use cni_core::spec::error::io_cause;

pub use finding::{Finding, Severity, for_machines, for_people};
pub use machine::Machine;
use network::Networks;
pub use schema::schema;

/// Checks files together. Without a machine, what they need of one is not looked at.
pub fn check(files: &[String], machine: Option<&Machine>) -> Vec<Finding> {
    let mut networks = Networks::default();
    for file in files {
        match std::fs::read(file) {
            Ok(bytes) => networks.check(file, &bytes, machine),
            Err(error) => networks.unreadable(file, io_cause(&error)),
        }
    }
    networks.finish(files)
}
