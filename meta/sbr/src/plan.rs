//! What we will therefore do: addresses selected, gateways weighed, every value typed.

use std::net::IpAddr;

use cni_core::spec::address::{Cidr, parse_ip};
use cni_core::{AddResult, Error, Result};
use linux_net::Family;

use crate::conf::Conf;

/// What one attachment needs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Never empty.
    pub(crate) addresses: Vec<SourceAddress>,
    pub(crate) tables: Tables,
}

/// An address whose packets get a table of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SourceAddress {
    pub(crate) address: Cidr,
    /// The default route of its table.
    pub(crate) gateway: Option<IpAddr>,
}

/// Where the packets are looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tables {
    /// In a table that somebody else fills.
    Given(u32),
    /// In tables of our own, with the routes of the interface.
    Own {
        /// Those that are configured, IPv4's and IPv6's; else the previous result tells them.
        gateways: [Option<IpAddr>; 2],
        /// Whether the main table keeps routes to the subnets, which name the source address.
        source_hints: bool,
    },
}

impl Plan {
    /// Makes the plan for an interface of the container.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(conf: &Conf, previous: Option<&AddResult>, ifname: &str) -> Result<Self> {
        let missing = || Error::internal("This plugin must be called as chained plugin");
        let previous = previous.ok_or_else(missing)?;
        let tables = Tables::new(conf)?;
        let mut addresses = addresses(previous, ifname);
        if addresses.is_empty() {
            return Err(Error::internal(format!(
                "No IP addresses supplied on interface: {ifname}"
            )));
        }
        if let Tables::Own { gateways, .. } = &tables {
            for address in &mut addresses {
                address.gateway = gateways[address.family_number()].or(address.gateway);
            }
        }
        Ok(Self { addresses, tables })
    }

    /// The families of the addresses. What is another's is left alone.
    pub(crate) fn families(&self) -> Vec<Family> {
        let has = |family: &Family| self.addresses.iter().any(|a| a.family() == *family);
        [Family::V4, Family::V6].into_iter().filter(has).collect()
    }
}

impl SourceAddress {
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    pub(crate) fn family(&self) -> Family {
        [Family::V4, Family::V6][self.family_number()]
    }

    fn family_number(&self) -> usize {
        self.ip().is_ipv6().into()
    }
}

/// The addresses of a result that are the interface's, as far as it tells; another container's
/// interface may have the same name.
pub(crate) fn addresses(result: &AddResult, ifname: &str) -> Vec<SourceAddress> {
    let is_ours = |index: i64| {
        let interface = usize::try_from(index).ok().and_then(|index| result.interfaces.get(index));
        interface.is_none_or(|interface| interface.name == ifname)
    };
    let ours = result.ips.iter().filter(|ip| ip.interface.is_none_or(is_ours));
    ours.filter_map(|ip| Some(SourceAddress { address: ip.address?, gateway: ip.gateway }))
        .collect()
}

impl Tables {
    /// Understands the configuration.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub(crate) fn new(conf: &Conf) -> Result<Self> {
        let Some(table) = conf.table else {
            let gateways = static_gateways(&conf.gateways)?;
            return Ok(Self::Own { gateways, source_hints: conf.add_source_hints });
        };
        // Reference: gateways are not even looked at then.
        match u32::try_from(table) {
            Ok(table) if table > 0 => Ok(Self::Given(table)),
            _ => Err(Error::internal(format!("table {table} is no number of a routing table"))),
        }
    }
}

fn static_gateways(texts: &[String]) -> Result<[Option<IpAddr>; 2]> {
    if texts.len() > 2 {
        return Err(Error::internal(
            "gateways list cannot contain more than 2 entries (one IPv4, one IPv6)",
        ));
    }
    let mut gateways: [Option<IpAddr>; 2] = [None; 2];
    for text in texts {
        let invalid = |_| Error::internal(format!("invalid static gateway IP address: {text}"));
        let gateway = parse_ip(text).map_err(invalid)?;
        let slot = &mut gateways[usize::from(gateway.is_ipv6())];
        if let Some(first) = slot {
            let family = if first.is_ipv4() { "IPv4" } else { "IPv6" };
            return Err(Error::internal(format!(
                "gateways list contains multiple {family} addresses: {first} and {text}"
            )));
        }
        *slot = Some(gateway);
    }
    Ok(gateways)
}

#[cfg(test)]
mod tests;
