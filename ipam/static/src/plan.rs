//! What a configuration means.

use std::fmt;
use std::net::IpAddr;

use cni_core::spec::address::{Cidr, parse_ip};
use cni_core::spec::args;
use cni_core::{Dns, Error, Request, Result, Route, SpecVersion};

use crate::conf::{AddressConf, Conf, IpsConf};

/// What the container gets.
#[derive(Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its addresses.
    pub addresses: Vec<Address>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its name resolution.
    pub dns: Dns,
}

/// An address and its gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// The address with the subnet's prefix length.
    pub cidr: Cidr,
    /// Not necessarily in the subnet, nor of the same family.
    pub gateway: Option<IpAddr>,
}

impl Plan {
    /// Collects the addresses, and checks them.
    ///
    /// # Errors
    ///
    /// The reference's texts.
    pub fn of(request: &Request<Conf>) -> Result<Self> {
        Self::new(&request.conf, &request.network.cni_version, &request.cni_args)
    }

    fn new(conf: &Conf, cni_version: &str, cni_args: &str) -> Result<Self> {
        let written = conf.written()?;
        let ipam = written.ipam()?;
        // Every source is read before one is chosen: a mistake in any of them is an error.
        let appended = from_cni_args(cni_args)?;
        let by_args = from_ips(&written.args.cni)?;
        let by_runtime = from_ips(&written.runtime_config)?;
        let addresses = match [by_runtime, by_args].into_iter().find(|ips| !ips.is_empty()) {
            Some(replacing) => replacing,
            None => {
                let configured = ipam.addresses.iter().map(from_conf).chain(appended.map(Ok));
                configured.collect::<Result<_>>()?
            }
        };
        refuse_what_old_versions_cannot_say(&addresses, cni_version)?;
        Ok(Self { addresses, routes: ipam.routes.clone(), dns: ipam.dns.clone() })
    }
}

impl Address {
    fn without_gateway(cidr: Cidr) -> Self {
        Self { cidr, gateway: None }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cidr)?;
        match self.gateway {
            Some(gateway) => write!(f, " with gateway {gateway}"),
            None => Ok(()),
        }
    }
}

/// An IPv4 address mapped into IPv6 as plain IPv4; the reference makes no difference between them.
pub fn canonical(cidr: Cidr) -> Cidr {
    match (cidr.ip(), cidr.ip().to_canonical()) {
        (IpAddr::V6(_), v4 @ IpAddr::V4(_)) => Cidr::new(v4, cidr.prefix().saturating_sub(96)),
        _ => cidr,
    }
}

fn parse_cidr(text: &str) -> Option<Cidr> {
    text.parse().map(canonical).ok()
}

/// Reads `IP` and `GATEWAY` of `CNI_ARGS`, both lists with commas.
///
/// Reference: a gateway goes to every address of these whose subnet it lies in, the last one wins,
/// and one that fits nowhere is not missed. The configuration's own addresses never get it.
fn from_cni_args(cni_args: &str) -> Result<impl Iterator<Item = Address> + use<>> {
    let [ips, gateways] = args::parse_strictly(cni_args, ["IP", "GATEWAY"])?;
    let mut addresses = Vec::new();
    for text in items(ips.as_deref()).map(str::trim) {
        let cidr = parse_cidr(text).ok_or_else(|| {
            Error::internal(format!(
                "the 'ip' field is expected to be in CIDR notation, got: '{text}'"
            ))
        })?;
        addresses.push(Address::without_gateway(cidr));
    }
    for text in items(gateways.as_deref()) {
        let gateway = parse_ip(text.trim())
            .map_err(|_| Error::internal(format!("invalid gateway address: {text}")))?;
        for address in addresses.iter_mut().filter(|address| address.cidr.0.contains(gateway)) {
            address.gateway = Some(gateway);
        }
    }
    Ok(addresses.into_iter())
}

/// The items of a list with commas; a list that is empty has none.
fn items(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.filter(|list| !list.is_empty()).into_iter().flat_map(|list| list.split(','))
}

fn from_ips(conf: &IpsConf) -> Result<Vec<Address>> {
    let read = |text: &String| {
        parse_cidr(text).map(Address::without_gateway).ok_or_else(|| {
            Error::internal(format!(
                "an entry in the 'ips' field is NOT in CIDR notation, got: '{text}'"
            ))
        })
    };
    conf.ips.iter().map(read).collect()
}

fn from_conf(conf: &AddressConf) -> Result<Address> {
    let cidr = parse_cidr(&conf.address).ok_or_else(|| {
        Error::internal(format!(
            "the 'address' field is expected to be in CIDR notation, got: '{}'",
            conf.address
        ))
    })?;
    Ok(Address { cidr, gateway: conf.gateway })
}

fn refuse_what_old_versions_cannot_say(addresses: &[Address], cni_version: &str) -> Result<()> {
    let ipv4 = addresses.iter().filter(|address| address.cidr.ip().is_ipv4()).count();
    let several = ipv4 > 1 || addresses.len() - ipv4 > 1;
    let version = SpecVersion::find(cni_version).unwrap_or(SpecVersion::V0_1_0);
    if several && version < SpecVersion::V0_3_0 {
        return Err(Error::internal(format!(
            "CNI version {cni_version} does not support more than 1 address per family"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
