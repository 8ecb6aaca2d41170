//! Results of 0.1.0 and 0.2.0: at most one address of each family, with its routes.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AddResult, Dns, IpConfig, OrderedDns, OrderedRoute, Route};
use crate::spec::address::{self, Cidr};
use crate::spec::error::{Error, Result};
use crate::spec::json;
use crate::spec::version::SpecVersion;

/// What is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming {
    ip4: Option<IncomingIp>,
    ip6: Option<IncomingIp>,
    dns: Dns,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IncomingIp {
    #[serde(deserialize_with = "address::deserialize_cidr")]
    ip: Option<Cidr>,
    #[serde(with = "address::optional_ip")]
    gateway: Option<IpAddr>,
    #[serde(deserialize_with = "json::deserialize_elements")]
    routes: Vec<Route>,
}

impl From<Incoming> for AddResult {
    fn from(incoming: Incoming) -> Self {
        let mut result = Self { dns: incoming.dns, ..Self::default() };
        for ip in [incoming.ip4, incoming.ip6].into_iter().flatten() {
            result.ips.push(IpConfig { interface: None, address: ip.ip, gateway: ip.gateway });
            result.routes.extend(ip.routes);
        }
        result
    }
}

/// What is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    cni_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip4: Option<OrderedIp<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ip6: Option<OrderedIp<'a>>,
    dns: OrderedDns<'a>,
}

#[derive(Serialize)]
struct OrderedIp<'a> {
    #[serde(serialize_with = "address::serialize_cidr")]
    ip: &'a Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none", with = "address::optional_ip")]
    gateway: &'a Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<OrderedRoute<'a>>,
}

impl<'a> Document<'a> {
    /// Keeps the first address of each family, and of the routes destination and next hop.
    pub(super) fn of(result: &'a AddResult, version: SpecVersion) -> Result<Self> {
        let block = |of_ipv4: bool| {
            let ip = result.ips.iter().find(|ip| is_ipv4(ip.address) == of_ipv4)?;
            let routes = result
                .routes
                .iter()
                .filter(|route| is_ipv4(route.dst) == of_ipv4)
                .map(|Route { dst, gw, .. }| OrderedRoute {
                    dst,
                    gw,
                    mtu: 0,
                    advmss: 0,
                    priority: 0,
                    table: None,
                    scope: None,
                })
                .collect();
            Some(OrderedIp { ip: &ip.address, gateway: &ip.gateway, routes })
        };
        let (ip4, ip6) = (block(true), block(false));
        if ip4.is_none() && ip6.is_none() {
            return Err(Error::internal("cannot convert: no valid IP addresses"));
        }
        Ok(Self { cni_version: version.as_str(), ip4, ip6, dns: OrderedDns::of(&result.dns) })
    }
}

/// Whether the address is IPv4 or IPv4 mapped into IPv6; an unset one counts as IPv6.
pub(super) fn is_ipv4(address: Option<Cidr>) -> bool {
    address.is_some_and(|cidr| cidr.ip().to_canonical().is_ipv4())
}
