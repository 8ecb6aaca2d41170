//! Private hosts, containers and plugin invocations for the tests.
//!
//! A test makes a [`Host`], containers on it and a [`Network`], runs real plugin executables and
//! says what the world must look like afterwards. Nothing here uses the code under test: state
//! is read with `ip`, `nft` and `iptables-save`, so the two cannot be wrong together.
//!
//! Everything panics rather than returning errors: the caller is a test.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start processes, make namespaces, and are told by the environment what to test"
)]

mod cable;
mod cgroups;
mod container;
mod daemon;
mod faults;
mod golden;
mod host;
mod invocation;
mod kernel;
mod machine;
mod mounts;
mod namespace;
mod network;
mod outcome;
mod outside;
mod placeholders;
mod plugins;
mod reach;
mod reference;
mod rules;
mod skip;
mod state;
pub mod uml;
mod world;

pub use cable::Cable;
pub use container::Container;
pub use daemon::Daemon;
pub use faults::{Fault, Mode, for_each_fault};
pub use host::Host;
pub use invocation::Invocation;
pub use kernel::{Feature, has, lacks};
pub use machine::Machine;
pub use namespace::Namespace;
pub use network::Network;
pub use outcome::{Failure, Outcome, Success};
pub use outside::Outside;
pub use plugins::{debian_dir, dist_dir, fault_plugin_dir, plugin_dir, supported_versions};
pub use reach::Blocked;
pub use reference::{
    against_reference, difference, knows_nothing_of, lacks_file, lacks_plugin, lacks_release,
    lacks_version,
};
