//! The set under real runtimes, each on a machine of its own.

mod podman;
mod stage;
