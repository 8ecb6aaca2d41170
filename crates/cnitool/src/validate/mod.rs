//! `cnitool validate`: whether configurations are right, and why not. No plugin is started.

mod catalogue;
mod culprit;
mod document;
mod finding;
mod keys;
mod list;
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

use std::path::Path;

use cni_runtime::NetworkList;

pub use finding::{Finding, Severity, for_machines, for_people};
pub use machine::Machine;
use network::Networks;
pub use schema::schema;

/// Checks files together, of folders the configurations in them, and tells how many there were.
/// Without a machine, what they need of one is not looked at.
pub fn check(paths: &[String], machine: Option<&Machine>) -> (Vec<Finding>, usize) {
    let files: Vec<String> = paths.iter().flat_map(|path| files(path)).collect();
    let mut networks = Networks::new(machine);
    for file in &files {
        networks.check(file);
    }
    (networks.finish(), files.len())
}

/// The file of this path, or the configurations in the folder.
fn files(path: &str) -> Vec<String> {
    if !Path::new(path).is_dir() {
        return vec![path.to_owned()];
    }
    match NetworkList::configurations(Path::new(path)) {
        Ok(files) => files.iter().map(|file| file.to_string_lossy().into_owned()).collect(),
        // Reading it as a file tells why.
        Err(_) => vec![path.to_owned()],
    }
}
