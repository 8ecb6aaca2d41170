//! Addresses of a link.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnetwork::IpNetwork;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage, CacheInfo};
use rtnetlink::AddressMessageBuilder;

use super::request::{CHANGE, CREATE_NEW, CREATE_OR_REPLACE, DUMP};
use super::wire::{Attributes, HEADER_LEN, Message, number, read_ip, read_u32};
use crate::{Family, LinkRef, Request, Result, Rtnl};

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address {
    /// The address with its prefix length; host bits are kept.
    pub network: IpNetwork,
    /// `IFA_F_*` flags of `linux/if_addr.h`.
    pub flags: u32,
}

impl Address {
    /// Tells whether duplicate address detection still runs.
    pub fn is_tentative(&self) -> bool {
        self.flags & libc::IFA_F_TENTATIVE != 0
    }

    /// Tells whether the address goes by itself after a time, unless somebody goes on giving it more.
    pub fn is_dynamic(&self) -> bool {
        self.flags & libc::IFA_F_PERMANENT == 0
    }

    /// Tells whether the kernel has made the address up for privacy (RFC 8981).
    pub fn is_temporary(&self) -> bool {
        self.flags & libc::IFA_F_TEMPORARY != 0
    }

    /// Tells whether another host has the address.
    pub fn is_duplicate(&self) -> bool {
        self.flags & libc::IFA_F_DADFAILED != 0
    }
}

/// What the kernel is to leave out for a new address.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressOptions {
    /// The route to the network, which it else makes when the link is up (`IFA_F_NOPREFIXROUTE`).
    pub without_route: bool,
    /// Duplicate address detection of this IPv6 address (`IFA_F_NODAD`).
    ///
    /// Then the address is good at once. With detection switched off by `accept_dad` it still is
    /// tentative for a moment, and no route may name it as its source.
    pub without_detection: bool,
    /// For how long there is to be such an address; none: for good.
    pub lifetime: Option<Lifetime>,
}

/// For how long an address is there, counted from now in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// For how long new connections begin with it.
    pub preferred: Duration,
    /// For how long it is there.
    pub valid: Duration,
}

impl Lifetime {
    /// The longest time that is not "for good".
    const LONGEST: u64 = u32::MAX as u64 - 1;

    fn seconds(time: Duration) -> u32 {
        time.as_secs().min(Self::LONGEST) as u32
    }
}

/// Length of `struct ifaddrmsg`.
pub(crate) const FIXED_LEN: usize = 8;

impl Rtnl {
    /// Lists the addresses of the link with index `index`, in the kernel's order.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_addresses(&self, index: u32, family: Family) -> Result<Vec<Address>> {
        self.list(Some(index), family)
    }

    /// Lists the addresses of all links.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_all_addresses(&self, family: Family) -> Result<Vec<Address>> {
        self.list(None, family)
    }

    fn list(&self, index: Option<u32>, family: Family) -> Result<Vec<Address>> {
        let request = list_request(index, family);
        self.dump(&request, |list, message| list.extend(decode(message, index)))
    }
}

/// Asks for the addresses of a link, or of all.
pub(crate) fn list_request(index: Option<u32>, family: Family) -> Request<'static> {
    let mut bytes = vec![0; HEADER_LEN + FIXED_LEN];
    bytes[HEADER_LEN] = family.number();
    bytes[HEADER_LEN + 4..].copy_from_slice(&index.unwrap_or(0).to_ne_bytes());
    let object = index.map_or("all links".to_owned(), |index| LinkRef::Index(index).to_string());
    Request::from_bytes(bytes, libc::RTM_GETADDR, DUMP, "list addresses of", object)
}

/// Reads an address, of this link if one is given: kernels before 4.20 list all links' addresses.
pub(crate) fn decode(message: &Message<'_>, index: Option<u32>) -> Option<Address> {
    let of = read_u32(message.body, 4)?;
    if message.kind != libc::RTM_NEWADDR || index.is_some_and(|index| index != of) {
        return None;
    }
    let mut address = None;
    let mut local = None;
    let mut flags = u32::from(message.body[2]);
    for (number, value) in Attributes::after(message.body, FIXED_LEN) {
        match number {
            number::IFA_ADDRESS => address = read_ip(value),
            number::IFA_LOCAL => local = read_ip(value),
            number::IFA_FLAGS => flags = read_u32(value, 0)?,
            _ => {}
        }
    }
    // On a point-to-point link the address is the other side's.
    let network = IpNetwork::new(local.or(address)?, message.body[1]).ok()?;
    Some(Address { network, flags })
}

impl Request<'_> {
    /// Gives the link with index `index` an address; fails with `is_present()` when it has it.
    ///
    /// IPv4 networks wider than /31 get their broadcast address.
    pub fn add_address(index: u32, network: IpNetwork) -> Self {
        let message = RouteNetlinkMessage::NewAddress(encode(index, network));
        Self::new(&message, CREATE_NEW, "add address", object(index, network))
    }

    /// Does the same in an unusual way.
    pub fn add_address_with(index: u32, network: IpNetwork, options: AddressOptions) -> Self {
        let message = RouteNetlinkMessage::NewAddress(encode_with(index, network, options));
        Self::new(&message, CREATE_NEW, "add address", object(index, network))
    }

    /// Does the same, or changes the address that is there already.
    pub fn replace_address(index: u32, network: IpNetwork, options: AddressOptions) -> Self {
        let message = RouteNetlinkMessage::NewAddress(encode_with(index, network, options));
        Self::new(&message, CREATE_OR_REPLACE, "replace address", object(index, network))
    }

    /// Takes an address from the link with index `index`; fails with `is_missing()` without it.
    pub fn remove_address(index: u32, network: IpNetwork) -> Self {
        let message = RouteNetlinkMessage::DelAddress(encode(index, network));
        Self::new(&message, CHANGE, "remove address", object(index, network))
    }
}

fn encode(index: u32, network: IpNetwork) -> AddressMessage {
    match network {
        IpNetwork::V4(network) => AddressMessageBuilder::<Ipv4Addr>::new()
            .index(index)
            .address(network.ip(), network.prefix())
            .build(),
        IpNetwork::V6(network) => AddressMessageBuilder::<Ipv6Addr>::new()
            .index(index)
            .address(network.ip(), network.prefix())
            .build(),
    }
}

fn encode_with(index: u32, network: IpNetwork, options: AddressOptions) -> AddressMessage {
    let mut flags = AddressFlags::empty();
    flags.set(AddressFlags::Noprefixroute, options.without_route);
    flags.set(AddressFlags::Nodad, options.without_detection && network.is_ipv6());
    let mut message = encode(index, network);
    message.attributes.push(AddressAttribute::Flags(flags));
    if let Some(Lifetime { preferred, valid }) = options.lifetime {
        let mut times = CacheInfo::default();
        times.ifa_preferred = Lifetime::seconds(preferred);
        times.ifa_valid = Lifetime::seconds(valid);
        message.attributes.push(AddressAttribute::CacheInfo(times));
    }
    message
}

pub(crate) fn object(index: u32, network: IpNetwork) -> String {
    format!("{network} of {}", LinkRef::Index(index))
}
