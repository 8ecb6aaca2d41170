//! Where protocol and kernel meet: leases, configuring interfaces, and verifying them.

pub mod configure;
pub mod container;
pub mod lease;
pub mod link;
pub mod masquerade;
pub mod master;
pub mod sole;
pub mod verify;
pub mod veth;
