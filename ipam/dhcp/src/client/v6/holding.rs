//! All IPv6 that an attachment has, and what a result says of it.

use std::net::{IpAddr, Ipv6Addr};

use cni_core::spec::address::Cidr;
use cni_core::{AddResult, Dns, IpConfig};
use serde::{Deserialize, Serialize};

use super::lease::Lease;
use super::names::Names;

/// Where an attachment's IPv6 addresses come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// From a DHCPv6 server.
    Dhcp,
    /// From the kernel, which makes them out of the prefixes that routers advertise.
    Slaac,
    /// From wherever the routers say.
    Auto,
}

/// What an attachment has. It is empty when there was nothing yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holding {
    /// What a server has given.
    pub(crate) lease: Option<Lease>,
    /// Addresses that the kernel has made, with the lengths of their prefixes.
    pub(crate) autonomous: Vec<(Ipv6Addr, u8)>,
    /// The router.
    pub(crate) gateway: Option<Ipv6Addr>,
    /// What routers, or servers that were asked for nothing else, say about names.
    pub(crate) names: Names,
}

/// A server gives an address, and says nothing about what else is on the link.
const HOST_PREFIX: u8 = 128;

impl Holding {
    /// Every address with the length of its prefix, the server's first.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (Ipv6Addr, u8)> {
        let leased = self.lease.iter().map(|lease| (lease.address, HOST_PREFIX));
        leased.chain(self.autonomous.iter().copied())
    }

    /// What ADD answers. There are no routes in it: the kernel has those that routers advertise,
    /// for as long as they do.
    pub(crate) fn result(&self) -> AddResult {
        let told = self.lease.as_ref().map(|lease| lease.names.clone());
        let mut names = told.unwrap_or_default();
        names.add(self.names.clone());
        let ip = |(address, prefix): (Ipv6Addr, u8)| IpConfig {
            interface: None,
            address: Some(Cidr::new(address.into(), prefix)),
            gateway: self.gateway.map(IpAddr::V6),
        };
        AddResult {
            ips: self.addresses().map(ip).collect(),
            dns: Dns {
                nameservers: names.servers.iter().map(Ipv6Addr::to_string).collect(),
                search: names.search,
                ..Dns::default()
            },
            ..AddResult::default()
        }
    }
}
