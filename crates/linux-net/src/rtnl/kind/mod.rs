//! Making links: one file per kind.

pub(crate) mod bridge;
pub(crate) mod veth;
