//! CHECK: a result's addresses and routes, read back from an interface.

use std::net::IpAddr;

use cni_core::{AddResult, Error, Interface, IpConfig, Result, Route};
use linux_net::{Family, Link, Rtnl};

/// Verifies that a listed interface exists, is of a kind in the words of rtnetlink, and has its
/// hardware address. `prefix` begins the messages about absence and address: `vlan: `, or nothing.
///
/// # Errors
///
/// The reference's texts.
pub fn link(rtnl: &Rtnl, listed: &Interface, kind: &str, prefix: &str) -> Result<Link> {
    let name = &listed.name;
    let link = rtnl.find_link(name.as_str())?.ok_or_else(|| {
        let text = format!("{prefix}Container Interface name in prevResult: {name} not found");
        Error::internal(text)
    })?;
    if link.kind.as_deref() != Some(kind) {
        let text = format!("Error: Container interface {name} not of type {kind}");
        return Err(Error::internal(text));
    }
    let mac = link.mac.map(|mac| mac.to_string()).unwrap_or_default();
    if !listed.mac.is_empty() && listed.mac != mac {
        let listed = &listed.mac;
        return Err(Error::internal(format!(
            "{prefix}Interface {name} Mac {listed} doesn't match container Mac: {mac}"
        )));
    }
    Ok(link)
}

/// Verifies that `ifname` has every address of the result, each with a route to its network.
///
/// # Errors
///
/// The reference's texts.
pub fn addresses(rtnl: &Rtnl, ifname: &str, result: &AddResult) -> Result<()> {
    let link = container_link(rtnl, ifname)?;
    for ip in &result.ips {
        let Some(address) = ip.address else {
            continue;
        };
        let family = family_of(address.ip());
        let present = rtnl
            .list_addresses(link.index, family)
            .map_err(|_| Error::internal("Cannot obtain List of IP Addresses"))?;
        let found = present.iter().find(|found| found.network == address.0).ok_or_else(|| {
            Error::internal(format!("Failed to match addr {address} on interface {ifname}"))
        })?;
        // A router may advertise a prefix for addresses and not say that it is on the link.
        if address.ip().is_ipv6() && found.is_dynamic() {
            continue;
        }
        network_route(rtnl, &link, ip, family)?;
    }
    Ok(())
}

/// The route to the address's own network, which the kernel makes, but not for a single IPv4.
fn network_route(rtnl: &Rtnl, link: &Link, ip: &IpConfig, family: Family) -> Result<()> {
    let Some(address) = ip.address else {
        return Ok(());
    };
    if address.ip().is_ipv4() && address.prefix() == 32 {
        return Ok(());
    }
    let (gateway, ifname) = (shown(ip.gateway), &link.name);
    let leads_there = |route: &linux_net::Route| {
        route.destination.prefix() == address.prefix()
            && route.destination.network() == address.network()
    };
    let exists = has_route(rtnl, link, family, None, leads_there).map_err(|error| {
        Error::internal(format!(
            "Error {error} trying to find Gateway {gateway} for interface {ifname}"
        ))
    })?;
    if exists {
        return Ok(());
    }
    Err(Error::internal(format!("Failed to find Gateway {gateway} for interface {ifname}")))
}

/// Whether a table, without one the main table, has such a route.
///
/// Plugins behind this one, sbr and vrf, move the interface's routes from the main table into
/// another one.
fn has_route(
    rtnl: &Rtnl,
    link: &Link,
    family: Family,
    table: Option<u32>,
    is_it: impl Fn(&linux_net::Route) -> bool,
) -> linux_net::Result<bool> {
    let listed = rtnl.list_routes(family, table.unwrap_or(linux_net::Route::MAIN_TABLE))?;
    if listed.iter().any(&is_it) || table.is_some() {
        return Ok(listed.iter().any(is_it));
    }
    let own = rtnl.save_table(link.index, family, None)?;
    Ok(own.iter().any(|saved| is_it(&saved.route)))
}

/// Verifies that every route of the result exists in its table.
///
/// # Errors
///
/// The reference's texts.
pub fn routes(rtnl: &Rtnl, ifname: &str, result: &AddResult) -> Result<()> {
    if result.routes.is_empty() {
        return Ok(());
    }
    let link = container_link(rtnl, ifname)?;
    for route in &result.routes {
        let dst = route.dst.ok_or_else(|| {
            Error::internal(format!("Invalid static route found {}", printed(route)))
        })?;
        let table =
            route.table.and_then(|table| u32::try_from(table).ok()).filter(|table| *table != 0);
        let matches = |found: &linux_net::Route| {
            let same_destination = found.destination.prefix() == dst.prefix()
                && found.destination.network() == dst.network();
            // Reference: any default route of the family will do.
            let via_gateway = dst.is_default_route()
                || route.gw.is_none_or(|gw| {
                    found.gateway == Some(gw)
                        || found.next_hops.iter().any(|hop| hop.gateway == Some(gw))
                });
            same_destination && via_gateway
        };
        let exists =
            has_route(rtnl, &link, family_of(dst.ip()), table, matches).map_err(|error| {
                Error::internal(format!(
                    "Expected Route {} not route table lookup error {error}",
                    printed(route)
                ))
            })?;
        if !exists {
            return Err(Error::internal(format!(
                "Expected Route {} not found in routing table",
                printed(route)
            )));
        }
    }
    Ok(())
}

fn container_link(rtnl: &Rtnl, ifname: &str) -> Result<Link> {
    rtnl.get_link(ifname)
        .map_err(|_| Error::internal(format!("Cannot find container link {ifname}")))
}

fn family_of(address: IpAddr) -> Family {
    if address.is_ipv4() { Family::V4 } else { Family::V6 }
}

fn shown(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "<nil>".to_owned(), |address| address.to_string())
}

/// A route as the reference's messages print it.
fn printed(route: &Route) -> String {
    let (ip, mask) = match route.dst {
        Some(dst) => {
            let mask: String = match dst.0.mask() {
                IpAddr::V4(mask) => mask.octets().iter().map(|b| format!("{b:02x}")).collect(),
                IpAddr::V6(mask) => mask.octets().iter().map(|b| format!("{b:02x}")).collect(),
            };
            (dst.ip().to_string(), mask)
        }
        None => ("<nil>".to_owned(), "<nil>".to_owned()),
    };
    let number = |value: Option<i64>| value.map_or_else(|| "<nil>".to_owned(), |n| n.to_string());
    format!(
        "{{Dst:{{IP:{ip} Mask:{mask}}} GW:{} MTU:{} AdvMSS:{} Priority:{} Table:{} Scope:{}}}",
        shown(route.gw),
        route.mtu,
        route.advmss,
        route.priority,
        number(route.table),
        number(route.scope)
    )
}
