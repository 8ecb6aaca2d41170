//! The DHCP client (RFC 2131): messages, the terms of a lease, and what to do when. Pure: packets
//! and time come in, packets and decisions go out.

pub(crate) mod arp;
pub(crate) mod frame;
mod lease;
mod machine;
mod message;
mod options;
mod pace;
#[cfg(test)]
mod tests;
pub(crate) mod v6;

pub(crate) use lease::Lease;
pub(crate) use machine::{Action, Client, Destination, Identity};
pub(crate) use message::{CHADDR_OFFSET, Hardware, Message, Wishes};
pub(crate) use options::CLASSLESS_ROUTES_MICROSOFT;
pub(crate) use pace::{Random, Timing, vary};

/// A point in time: how long after the machine was started. Suspension counts.
pub(crate) type Moment = std::time::Duration;
