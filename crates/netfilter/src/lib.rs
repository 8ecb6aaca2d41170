//! Firewall rules as values, and applying them.
//!
//! Everything acts on the network namespace of the calling thread, which is where a socket is
//! bound when it is opened and what a started `iptables` inherits.

pub mod error;
pub mod iptables;
pub mod masquerade;
pub mod naming;
pub mod nft;
mod program;
pub mod spoof_check;

pub use error::{Error, Result};
pub use masquerade::{Backend, Known, Masquerade, choose_backend, collect_garbage};
pub use spoof_check::SpoofCheck;
