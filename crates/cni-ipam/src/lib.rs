//! Where protocol, kernel and rules meet: leases, interfaces and masquerading of attachments.

pub mod configure;
pub mod container;
pub mod lease;
pub mod link;
pub mod masquerade;
pub mod master;
pub mod sole;
pub mod state_file;
pub mod verify;
pub mod veth;
