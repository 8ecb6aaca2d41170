//! Routes.

use std::net::IpAddr;

use ipnetwork::IpNetwork;

use crate::{Family, Request, Result, Rtnl};

/// A unicast route; `None` leaves the choice to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination; host bits are dropped when sent.
    pub destination: IpNetwork,
    /// Next hop.
    pub gateway: Option<IpAddr>,
    /// Index of the link to leave by.
    pub oif: Option<u32>,
    /// Metric; smaller is preferred.
    pub priority: Option<u32>,
    /// Routing table; none: main (254).
    pub table: Option<u32>,
    /// `RT_SCOPE_*`; none: universe (0).
    pub scope: Option<u8>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Largest TCP segment to announce, in bytes.
    pub advmss: Option<u32>,
    /// Next hops of a route over several; only ever read, never sent.
    pub next_hops: Vec<NextHop>,
}

/// One of several next hops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextHop {
    /// Next hop; none: directly connected.
    pub gateway: Option<IpAddr>,
    /// Index of the link to leave by.
    pub oif: u32,
}

impl Route {
    /// The number of the main table (`RT_TABLE_MAIN`).
    pub const MAIN_TABLE: u32 = 254;

    /// A route to `destination` out of the link with index `oif`; everything else unset.
    pub fn new(destination: IpNetwork, oif: u32) -> Self {
        Self {
            destination,
            gateway: None,
            oif: Some(oif),
            priority: None,
            table: None,
            scope: None,
            mtu: None,
            advmss: None,
            next_hops: Vec::new(),
        }
    }
}

impl Rtnl {
    /// Lists the routes of one table, in the kernel's order; an absent table is empty.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_routes(&self, family: Family, table: u32) -> Result<Vec<Route>> {
        todo!("{family:?} {table}")
    }
}

impl Request<'_> {
    /// Adds a route (`proto boot`) beside those to the same destination.
    ///
    /// An identical one fails with `is_present()`. IPv4 puts it before the others of the same
    /// metric, IPv6 merges it into a route over several next hops.
    pub fn add_route(route: &Route) -> Self {
        todo!("{route:?}")
    }
}
