//! The DHCPv6 client (RFC 8415), and what router advertisements say besides. Pure: packets and time
//! come in, packets and decisions go out.

mod holding;
mod lease;
mod machine;
mod message;
mod names;
mod pace;
#[cfg(test)]
mod tests;

pub(crate) use holding::{Holding, Mode};
pub(crate) use lease::Lease;
pub(crate) use machine::{Action, Client, Identity};
pub(crate) use message::Message;
pub(crate) use names::Names;
