//! The set under real runtimes, each on a machine of its own.

mod containerd;
#[path = "../support/firewalld.rs"]
mod firewalld;
mod neighbours;
mod podman;
mod stage;
