//! The set under real runtimes, each on a machine of its own.

mod containerd;
mod docker;
#[path = "../support/firewalld.rs"]
mod firewalld;
mod neighbours;
mod page;
mod podman;
mod stage;
