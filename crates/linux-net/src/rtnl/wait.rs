//! Waiting for the kernel: operational state, duplicate address detection.

use std::net::IpAddr;
use std::time::Duration;

use crate::{LinkRef, OperState, Result, Rtnl};

/// How waiting for duplicate address detection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// No address is tentative any more.
    Yes,
    /// Another host has this address.
    Duplicate(IpAddr),
    /// Time ran out and some address is still tentative.
    TimedOut,
}

impl Rtnl {
    /// Waits until a link is operationally up, at most `limit`, and returns the last state.
    ///
    /// # Errors
    ///
    /// When the link cannot be looked up.
    pub fn wait_operstate_up<'a>(
        &self,
        link: impl Into<LinkRef<'a>>,
        limit: Duration,
    ) -> Result<OperState> {
        todo!("{:?} {limit:?}", link.into())
    }

    /// Waits until no IPv6 address of the link with index `index` is tentative.
    ///
    /// # Errors
    ///
    /// When the addresses cannot be listed.
    pub fn wait_addresses_settled(&self, index: u32, limit: Duration) -> Result<Settled> {
        todo!("{index} {limit:?}")
    }
}
