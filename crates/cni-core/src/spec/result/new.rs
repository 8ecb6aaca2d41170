//! Results of 1.0.0 and 1.1.0: every object's keys in alphabetical order.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AddResult, Dns, Interface, IpConfig, Route, is_zero};
use crate::spec::address::{self, Cidr};
use crate::spec::json;
use crate::spec::version::SpecVersion;

/// What is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming {
    #[serde(deserialize_with = "json::deserialize_elements")]
    interfaces: Vec<Interface>,
    #[serde(deserialize_with = "json::deserialize_elements")]
    ips: Vec<IpConfig>,
    #[serde(deserialize_with = "json::deserialize_elements")]
    routes: Vec<Route>,
    dns: Dns,
}

impl From<Incoming> for AddResult {
    fn from(incoming: Incoming) -> Self {
        let Incoming { interfaces, ips, routes, dns } = incoming;
        Self { interfaces, ips, routes, dns }
    }
}

/// What is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    cni_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<SortedDns<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<SortedInterface<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<SortedIp<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<SortedRoute<'a>>,
}

#[derive(Serialize)]
struct SortedDns<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    domain: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    nameservers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    options: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    search: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SortedInterface<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    mac: &'a str,
    #[serde(skip_serializing_if = "is_zero")]
    mtu: i64,
    name: &'a str,
    #[serde(rename = "pciID", skip_serializing_if = "str::is_empty")]
    pci_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sandbox: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    socket_path: &'a str,
}

#[derive(Serialize)]
struct SortedIp<'a> {
    #[serde(serialize_with = "address::serialize_cidr")]
    address: &'a Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none", with = "address::optional_ip")]
    gateway: &'a Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<i64>,
}

#[derive(Serialize)]
struct SortedRoute<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    advmss: i64,
    #[serde(serialize_with = "address::serialize_cidr")]
    dst: &'a Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none", with = "address::optional_ip")]
    gw: &'a Option<IpAddr>,
    #[serde(skip_serializing_if = "is_zero")]
    mtu: i64,
    #[serde(skip_serializing_if = "is_zero")]
    priority: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<i64>,
}

impl<'a> Document<'a> {
    pub(super) fn of(result: &'a AddResult, version: SpecVersion) -> Self {
        let dns = &result.dns;
        Self {
            cni_version: version.as_str(),
            dns: (!dns.is_empty()).then(|| SortedDns {
                domain: &dns.domain,
                nameservers: &dns.nameservers,
                options: &dns.options,
                search: &dns.search,
            }),
            // Reference: 1.0.0 results carry the additions of 1.1.0 too.
            interfaces: result
                .interfaces
                .iter()
                .map(|interface| SortedInterface {
                    mac: &interface.mac,
                    mtu: interface.mtu,
                    name: &interface.name,
                    pci_id: &interface.pci_id,
                    sandbox: &interface.sandbox,
                    socket_path: &interface.socket_path,
                })
                .collect(),
            ips: result
                .ips
                .iter()
                .map(|ip| SortedIp {
                    address: &ip.address,
                    gateway: &ip.gateway,
                    interface: ip.interface,
                })
                .collect(),
            routes: result
                .routes
                .iter()
                .map(|route| SortedRoute {
                    advmss: route.advmss,
                    dst: &route.dst,
                    gw: &route.gw,
                    mtu: route.mtu,
                    priority: route.priority,
                    scope: route.scope,
                    table: route.table,
                })
                .collect(),
        }
    }
}
