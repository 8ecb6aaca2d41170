//! The set under real runtimes, each on a machine of its own.

#[path = "../support/firewalld.rs"]
mod firewalld;
mod neighbours;
mod podman;
mod stage;
