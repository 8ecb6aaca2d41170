//! Routes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnetwork::IpNetwork;
use netlink_packet_route::route::{
    RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use nix::errno::Errno;

use super::request::{CHANGE, CREATE, CREATE_NEW, CREATE_OR_REPLACE, DUMP};
use super::wire::{Attributes, HEADER_LEN, Message, number, read_ip, read_u16, read_u32};
use crate::{Error, Family, Link, Request, Result, Rtnl};

/// A route; `None` leaves the choice to the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Destination; the kernel refuses IPv4 host bits and drops IPv6 ones.
    pub destination: IpNetwork,
    /// Next hop.
    pub gateway: Option<IpAddr>,
    /// Address that packets get which have none yet; it must be the host's.
    pub source: Option<IpAddr>,
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

    /// The scope of what is on the link itself (`RT_SCOPE_LINK`); IPv6 has no scopes.
    pub const SCOPE_LINK: u8 = libc::RT_SCOPE_LINK;

    /// The scope of what is on the host itself (`RT_SCOPE_HOST`); IPv6 has no scopes.
    pub const SCOPE_HOST: u8 = libc::RT_SCOPE_HOST;

    /// A route to `destination` out of the link with index `oif`; everything else unset.
    pub fn new(destination: IpNetwork, oif: u32) -> Self {
        Self {
            destination,
            gateway: None,
            source: None,
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

/// Length of `struct rtmsg`.
pub(crate) const FIXED_LEN: usize = 12;

/// Length of `struct rtnexthop`.
const NEXT_HOP_LEN: usize = 8;

impl Rtnl {
    /// Lists the routes of one table, of any type, in the kernel's order.
    ///
    /// An absent table has no routes; cached copies of routes are left out.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_routes(&self, family: Family, table: u32) -> Result<Vec<Route>> {
        self.dump_routes(family, table, libc::RTN_UNSPEC, |list, message| {
            list.extend(decode(message, family).filter(|route| route.table == Some(table)));
        })
    }

    /// Finds the link of the default route in the main table: the first one, IPv4 before IPv6, and
    /// of several next hops the first. Routes that refuse packets do not count.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn find_default_link(&self) -> Result<Option<Link>> {
        for family in [Family::V4, Family::V6] {
            if let Some(index) = self.find_default_oif(family)? {
                return self.find_link(index);
            }
        }
        Ok(None)
    }

    /// Finds the link by which packets to an address leave; none where there is no way to it.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn find_link_towards(&self, address: IpAddr) -> Result<Option<Link>> {
        let (family, octets) = match address {
            IpAddr::V4(address) => (Family::V4, address.octets().to_vec()),
            IpAddr::V6(address) => (Family::V6, address.octets().to_vec()),
        };
        let mut bytes = vec![0; HEADER_LEN + FIXED_LEN];
        bytes[HEADER_LEN] = family.number();
        bytes[HEADER_LEN + 1] = 8 * octets.len() as u8;
        bytes.extend_from_slice(&(4 + octets.len() as u16).to_ne_bytes());
        bytes.extend_from_slice(&number::RTA_DST.to_ne_bytes());
        bytes.extend_from_slice(&octets);
        let object = format!("to {address}");
        let request = Request::from_bytes(bytes, libc::RTM_GETROUTE, CHANGE, "find route", object);
        let collect = |list: &mut Vec<u32>, message: &Message<'_>| {
            let mut attributes = Attributes::after(message.body, FIXED_LEN);
            let oif = attributes.find(|(number, _)| *number == number::RTA_OIF);
            list.extend(oif.and_then(|(_, index)| read_u32(index, 0)));
        };
        match self.dump(&request, collect) {
            Ok(oifs) => oifs.first().map_or(Ok(None), |index| self.find_link(*index)),
            Err(error) if is_no_way(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn find_default_oif(&self, family: Family) -> Result<Option<u32>> {
        let collect = |list: &mut Vec<u32>, message: &Message<'_>| {
            // Kernels before 4.20 list all there are.
            let [_, 0, _, _, MAIN_TABLE, _, _, libc::RTN_UNICAST, ..] = message.body else {
                return;
            };
            let route = decode(message, family);
            let first_hop = |route: &Route| route.next_hops.first().map(|hop| hop.oif);
            list.extend(route.and_then(|route| route.oif.or_else(|| first_hop(&route))));
        };
        let oifs = self.dump_routes(family, Route::MAIN_TABLE, libc::RTN_UNICAST, collect)?;
        Ok(oifs.first().copied())
    }

    /// Lists the routes of one table, of one type or of any (`RTN_UNSPEC`).
    pub(super) fn dump_routes<T>(
        &self,
        family: Family,
        table: u32,
        kind: u8,
        collect: impl FnMut(&mut Vec<T>, &Message<'_>),
    ) -> Result<Vec<T>> {
        let mut bytes = vec![0; HEADER_LEN + FIXED_LEN];
        bytes[HEADER_LEN] = family.number();
        bytes[HEADER_LEN + 7] = kind;
        bytes.extend_from_slice(&8_u16.to_ne_bytes());
        bytes.extend_from_slice(&number::RTA_TABLE.to_ne_bytes());
        bytes.extend_from_slice(&table.to_ne_bytes());
        let object = format!("table {table}");
        let request =
            Request::from_bytes(bytes, libc::RTM_GETROUTE, DUMP, "list routes of", object);
        match self.dump(&request, collect) {
            // IPv4 says so when nothing was ever put into the table.
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(Vec::new()),
            list => list,
        }
    }
}

/// Whether the kernel says that there is no way to an address: no route, or one of the types
/// unreachable, prohibit and blackhole.
fn is_no_way(error: &Error) -> bool {
    matches!(
        error.errno(),
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::EACCES | Errno::EINVAL)
    )
}

/// [`Route::MAIN_TABLE`] where it has one byte.
const MAIN_TABLE: u8 = libc::RT_TABLE_MAIN;

pub(crate) fn decode(message: &Message<'_>, family: Family) -> Option<Route> {
    let fixed = message.body.get(..FIXED_LEN)?;
    if message.kind != libc::RTM_NEWROUTE || read_u32(fixed, 8)? & libc::RTM_F_CLONED != 0 {
        return None;
    }
    let any: IpAddr = match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    };
    let mut destination = any;
    let mut route = Route::new(IpNetwork::from(any), 0);
    route.oif = None;
    route.table = Some(u32::from(fixed[4]));
    route.scope = Some(fixed[6]);
    for (number, value) in Attributes::after(message.body, FIXED_LEN) {
        match number {
            number::RTA_DST => destination = read_ip(value)?,
            number::RTA_GATEWAY => route.gateway = read_ip(value),
            number::RTA_PREFSRC => route.source = read_ip(value),
            number::RTA_OIF => route.oif = read_u32(value, 0),
            number::RTA_PRIORITY => route.priority = read_u32(value, 0),
            number::RTA_TABLE => route.table = read_u32(value, 0),
            number::RTA_METRICS => {
                for (number, value) in Attributes::within(value) {
                    match number {
                        number::RTAX_MTU => route.mtu = read_u32(value, 0),
                        number::RTAX_ADVMSS => route.advmss = read_u32(value, 0),
                        _ => {}
                    }
                }
            }
            number::RTA_MULTIPATH => route.next_hops = decode_next_hops(value),
            _ => {}
        }
    }
    route.destination = IpNetwork::new(destination, fixed[1]).ok()?;
    Some(route)
}

fn decode_next_hops(mut bytes: &[u8]) -> Vec<NextHop> {
    let mut hops = Vec::new();
    while let (Some(len), Some(oif)) = (read_u16(bytes, 0), read_u32(bytes, 4)) {
        let len = usize::from(len);
        let Some(hop) = bytes.get(..len).filter(|_| len >= NEXT_HOP_LEN) else { break };
        let gateway = Attributes::after(hop, NEXT_HOP_LEN)
            .find(|(number, _)| *number == number::RTA_GATEWAY)
            .and_then(|(_, value)| read_ip(value));
        hops.push(NextHop { gateway, oif });
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    hops
}

impl Request<'_> {
    /// Adds a route (`proto boot`) beside those to the same destination.
    ///
    /// An identical one fails with `is_present()`. IPv4 puts it before the others of the same
    /// metric, IPv6 merges it into a route over several next hops.
    pub fn add_route(route: &Route) -> Self {
        let message = RouteNetlinkMessage::NewRoute(encode(route));
        Self::new(&message, CREATE, "add route", object(route))
    }

    /// Creates a route (`proto boot`); fails with `is_present()` when there is one to the same
    /// destination with the same priority.
    pub fn create_route(route: &Route) -> Self {
        let message = RouteNetlinkMessage::NewRoute(encode(route));
        Self::new(&message, CREATE_NEW, "create route", object(route))
    }

    /// Puts a route (`proto boot`) in the place of the first one to the same destination with the
    /// same priority, if there is one.
    pub fn replace_route(route: &Route) -> Self {
        let message = RouteNetlinkMessage::NewRoute(encode(route));
        Self::new(&message, CREATE_OR_REPLACE, "replace route", object(route))
    }

    /// Removes the first route that is like `route`, of any type and protocol; fails with
    /// `is_missing()` when there is none.
    ///
    /// What is unset in `route` may be anything, the table apart.
    pub fn remove_route(route: &Route) -> Self {
        let mut message = encode(route);
        message.header.protocol = RouteProtocol::Unspec;
        message.header.kind = RouteType::Unspec;
        message.header.scope = route.scope.map_or(RouteScope::NoWhere, RouteScope::from);
        let message = RouteNetlinkMessage::DelRoute(message);
        Self::new(&message, CHANGE, "remove route", object(route))
    }
}

fn encode(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match route.destination {
        IpNetwork::V4(_) => AddressFamily::Inet,
        IpNetwork::V6(_) => AddressFamily::Inet6,
    };
    message.header.destination_prefix_length = route.destination.prefix();
    message.header.protocol = RouteProtocol::Boot;
    message.header.scope = RouteScope::from(route.scope.unwrap_or(0));
    message.header.kind = RouteType::Unicast;
    let attributes = &mut message.attributes;
    attributes.push(RouteAttribute::Destination(route.destination.ip().into()));
    match route.table.map(u8::try_from) {
        None => message.header.table = RouteHeader::RT_TABLE_MAIN,
        Some(Ok(table)) => message.header.table = table,
        Some(Err(_)) => attributes.extend(route.table.map(RouteAttribute::Table)),
    }
    attributes.extend(route.gateway.map(|gateway| RouteAttribute::Gateway(gateway.into())));
    attributes.extend(route.source.map(|source| RouteAttribute::PrefSource(source.into())));
    attributes.extend(route.oif.map(RouteAttribute::Oif));
    attributes.extend(route.priority.map(RouteAttribute::Priority));
    let mtu = route.mtu.map(RouteMetric::Mtu);
    let metrics: Vec<_> = mtu.into_iter().chain(route.advmss.map(RouteMetric::Advmss)).collect();
    if !metrics.is_empty() {
        attributes.push(RouteAttribute::Metrics(metrics));
    }
    message
}

pub(crate) fn object(route: &Route) -> String {
    format!("to {}", route.destination)
}
