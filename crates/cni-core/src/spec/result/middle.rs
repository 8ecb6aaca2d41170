//! Results of 0.3.0, 0.3.1 and 0.4.0: addresses carry their IP version as text.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{AddResult, Dns, Interface, IpConfig, OrderedDns, OrderedRoute, Route};
use crate::spec::address::{self, Cidr};
use crate::spec::json;
use crate::spec::version::SpecVersion;

/// What is read.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Incoming {
    #[serde(deserialize_with = "json::deserialize_elements")]
    interfaces: Vec<IncomingInterface>,
    #[serde(deserialize_with = "json::deserialize_elements")]
    ips: Vec<IncomingIp>,
    #[serde(deserialize_with = "json::deserialize_elements")]
    routes: Vec<Route>,
    dns: Dns,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IncomingInterface {
    name: String,
    mac: String,
    sandbox: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct IncomingIp {
    // Only its type is looked at: the address tells its version.
    #[serde(rename = "version")]
    _version: String,
    interface: Option<i64>,
    #[serde(deserialize_with = "address::deserialize_cidr")]
    address: Option<Cidr>,
    #[serde(with = "address::optional_ip")]
    gateway: Option<IpAddr>,
}

impl From<Incoming> for AddResult {
    fn from(incoming: Incoming) -> Self {
        Self {
            interfaces: incoming
                .interfaces
                .into_iter()
                .map(|IncomingInterface { name, mac, sandbox }| Interface {
                    name,
                    mac,
                    sandbox,
                    ..Interface::default()
                })
                .collect(),
            ips: incoming
                .ips
                .into_iter()
                .map(|ip| IpConfig {
                    interface: ip.interface,
                    address: ip.address,
                    gateway: ip.gateway,
                })
                .collect(),
            routes: incoming.routes,
            dns: incoming.dns,
        }
    }
}

/// What is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    cni_version: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    interfaces: Vec<OrderedInterface<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ips: Vec<OrderedIp<'a>>,
    // Reference: routes keep the additions of 1.1.0 here too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    routes: Vec<OrderedRoute<'a>>,
    dns: OrderedDns<'a>,
}

#[derive(Serialize)]
struct OrderedInterface<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    mac: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    sandbox: &'a str,
}

#[derive(Serialize)]
struct OrderedIp<'a> {
    version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<i64>,
    #[serde(serialize_with = "address::serialize_cidr")]
    address: &'a Option<Cidr>,
    #[serde(skip_serializing_if = "Option::is_none", with = "address::optional_ip")]
    gateway: &'a Option<IpAddr>,
}

impl<'a> Document<'a> {
    pub(super) fn of(result: &'a AddResult, version: SpecVersion) -> Self {
        Self {
            cni_version: version.as_str(),
            interfaces: result
                .interfaces
                .iter()
                .map(|interface| OrderedInterface {
                    name: &interface.name,
                    mac: &interface.mac,
                    sandbox: &interface.sandbox,
                })
                .collect(),
            ips: result
                .ips
                .iter()
                .map(|ip| OrderedIp {
                    version: if super::old::is_ipv4(ip.address) { "4" } else { "6" },
                    interface: ip.interface,
                    address: &ip.address,
                    gateway: &ip.gateway,
                })
                .collect(),
            routes: result.routes.iter().map(OrderedRoute::of).collect(),
            dns: OrderedDns::of(&result.dns),
        }
    }
}
