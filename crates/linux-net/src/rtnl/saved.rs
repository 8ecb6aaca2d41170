//! Addresses and routes as the kernel describes them, to be made again when it has dropped them.
//!
//! They are kept as bytes, so nothing gets lost that has no name here: lifetimes, peers, metrics,
//! protocols, preferences.

use ipnetwork::IpNetwork;

use super::request::{CREATE, CREATE_NEW, CREATE_OR_REPLACE};
use super::wire::{Attributes, HEADER_LEN, Message, number, push, read_u16, read_u32};
use super::{address, route};
use crate::{Family, Request, Result, Route, Rtnl};

/// An address of a link.
#[derive(Debug, Clone)]
pub struct SavedAddress {
    /// The address with its prefix length.
    pub network: IpNetwork,
    index: u32,
    body: Vec<u8>,
}

/// A route out of one link alone.
#[derive(Debug, Clone)]
pub struct SavedRoute {
    /// What of it is known by name.
    pub route: Route,
    pub(crate) body: Vec<u8>,
}

/// What stands for every table where routes are listed.
const ALL_TABLES: u32 = libc::RT_TABLE_UNSPEC as u32;

impl Rtnl {
    /// Describes the IPv6 addresses of the link with index `index`: the kernel drops them when the
    /// link goes down or gets another controller. The oldest is the first one, so that they get
    /// their order back.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn save_addresses(&self, index: u32) -> Result<Vec<SavedAddress>> {
        let request = address::list_request(Some(index), Family::V6);
        let mut addresses = self.dump(&request, |list, message| {
            let address = address::decode(message, Some(index));
            list.extend(address.map(|address| SavedAddress {
                network: address.network,
                index,
                body: message.body.to_vec(),
            }));
        })?;
        addresses.reverse();
        Ok(addresses)
    }

    /// Describes the routes out of the link with index `index`, of all tables: the kernel drops
    /// them when the link goes down. Those that it makes by itself are left out, and those over
    /// several links, for they are not this one's.
    ///
    /// They are in an order in which they can be made: what leads to a gateway first, and of equal
    /// ones the preferred one last.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn save_routes(&self, index: u32) -> Result<Vec<SavedRoute>> {
        let mut routes = Vec::new();
        for family in [Family::V4, Family::V6] {
            let made = |message: &Message<'_>| {
                let is_made = message.body.get(5) != Some(&libc::RTPROT_KERNEL);
                let route = route::decode(message, family).filter(|route| leaves_by(route, index));
                route.filter(|_| is_made)
            };
            routes.extend(self.dump_routes(
                family,
                ALL_TABLES,
                libc::RTN_UNSPEC,
                |list, message| {
                    let body = || message.body.to_vec();
                    list.extend(made(message).map(|route| SavedRoute { route, body: body() }));
                },
            )?);
        }
        routes.reverse();
        routes.sort_by_key(SavedRoute::has_gateway);
        Ok(routes)
    }
}

/// Whether a route leaves by the link with index `index`, and by no other.
pub(crate) fn leaves_by(route: &Route, index: u32) -> bool {
    match &route.next_hops[..] {
        [] => route.oif == Some(index),
        hops => hops.iter().all(|hop| hop.oif == index),
    }
}

impl SavedRoute {
    fn has_gateway(&self) -> bool {
        self.route.gateway.is_some() || !self.route.next_hops.is_empty()
    }

    /// The message, behind room for its header, that makes or removes the route in `table`.
    pub(crate) fn message(&self, table: u32) -> Vec<u8> {
        let mut bytes = [&[0; HEADER_LEN], &self.body[..route::FIXED_LEN]].concat();
        let flags = &mut bytes[HEADER_LEN + 8..];
        let settable = read_u32(flags, 0).unwrap_or(0) & u32::from(ONLINK);
        flags.copy_from_slice(&settable.to_ne_bytes());
        for (number, value) in Attributes::after(&self.body, route::FIXED_LEN) {
            match number {
                number::RTA_TABLE => push(&mut bytes, number, &table.to_ne_bytes()),
                number::RTA_MULTIPATH => push(&mut bytes, number, &without_state(value)),
                // Its age, and the number of an object that goes with the link.
                number::RTA_CACHEINFO | number::RTA_NH_ID => {}
                _ => push(&mut bytes, number, value),
            }
        }
        bytes
    }
}

impl Request<'_> {
    /// Makes an address again; fails with `is_present()` when it is still there.
    ///
    /// It is good at once if it was: nobody else can have taken it meanwhile.
    pub fn restore_address(saved: &SavedAddress) -> Self {
        let mut bytes = [&[0; HEADER_LEN], &saved.body[..address::FIXED_LEN]].concat();
        for (number, value) in Attributes::after(&saved.body, address::FIXED_LEN) {
            match read_u32(value, 0) {
                Some(flags) if number == number::IFA_FLAGS => {
                    let is_good = flags & (libc::IFA_F_TENTATIVE | libc::IFA_F_DADFAILED) == 0;
                    let flags = flags | if is_good { libc::IFA_F_NODAD } else { 0 };
                    push(&mut bytes, number, &flags.to_ne_bytes());
                }
                _ => push(&mut bytes, number, value),
            }
        }
        let object = address::object(saved.index, saved.network);
        Self::from_bytes(bytes, libc::RTM_NEWADDR, CREATE_NEW, "restore address", object)
    }

    /// Makes a route again, in `table`, before those of other links to the same destination, or
    /// instead of them: IPv6 would merge two to gateways into one over both links, and keep it so
    /// when one of the links leaves. Fails with `is_present()` when it is still there.
    pub fn restore_route(saved: &SavedRoute, table: u32) -> Self {
        let object = format!("{} in table {table}", route::object(&saved.route));
        let bytes = saved.message(table);
        let merges = saved.route.destination.is_ipv6() && saved.has_gateway();
        let flags = if merges { CREATE_OR_REPLACE } else { CREATE };
        Self::from_bytes(bytes, libc::RTM_NEWROUTE, flags, "restore route", object)
    }
}

/// The flag `RTNH_F_ONLINK` of `linux/rtnetlink.h`, of routes and next hops. All others are the
/// kernel's, for their state, and some are refused.
const ONLINK: u8 = 4;

fn without_state(hops: &[u8]) -> Vec<u8> {
    let mut hops = hops.to_vec();
    let mut at = 0;
    while let Some(len) = read_u16(&hops, at).filter(|len| *len != 0) {
        if let Some(flags) = hops.get_mut(at + 2) {
            *flags &= ONLINK;
        }
        at += usize::from(len).next_multiple_of(4);
    }
    hops
}
