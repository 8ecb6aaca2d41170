//! Where protocol and kernel meet: leases, configuring interfaces, and verifying them.

pub mod configure;
pub mod lease;
pub mod link;
pub mod verify;
