//! The gateway addresses of the containers, on the bridge or on its VLAN device.

use std::net::IpAddr;

use cni_core::spec::address::{self, Cidr};
use cni_core::{AddResult, Context, Error, Interface, Result, Route, quote};
use cni_ipam::veth::{NewPair, Port};
use linux_net::{
    AddressOptions, Family, IfName, Link, Mac, Netns, Place, PortFlags, Request, Rtnl, VlanId,
};

use crate::plan::{Layer3, Vlans};
use crate::port;

/// Writes the missing gateways and default routes into the result, and returns the gateways with
/// their prefix lengths, IPv4 first.
pub(crate) fn complete(result: &mut AddResult, layer3: &Layer3) -> Vec<Cidr> {
    let mut gateways = Vec::new();
    let mut has_default = [false; 2];
    let AddResult { ips, routes, .. } = result;
    for ip in ips {
        let Some(own) = ip.address else {
            continue;
        };
        if ip.gateway.is_none() && layer3.gateway {
            ip.gateway = address::next(own.network());
        }
        let Some(gateway) = ip.gateway else {
            continue;
        };
        let is_ipv6 = own.ip().is_ipv6();
        if layer3.default_gateway && !has_default[usize::from(is_ipv6)] {
            has_default[usize::from(is_ipv6)] = true;
            ensure_default_route(routes, gateway, is_ipv6);
        }
        if layer3.gateway {
            gateways.push(Cidr::new(gateway, own.prefix()));
        }
    }
    gateways.sort_by_key(|gateway| gateway.ip().is_ipv6());
    gateways
}

/// A default route of the family through `gateway`, unless there is one.
///
/// The reference appends a second one when the first does not say its gateway, and then fails to
/// install it.
fn ensure_default_route(routes: &mut Vec<Route>, gateway: IpAddr, is_ipv6: bool) {
    let is_default = |route: &Route| {
        route.dst.is_some_and(|dst| dst.is_default_route() && dst.ip().is_ipv6() == is_ipv6)
    };
    if !routes.iter().any(is_default) {
        let everywhere = if is_ipv6 { "::/0" } else { "0.0.0.0/0" };
        routes.push(Route { dst: everywhere.parse().ok(), gw: Some(gateway), ..Route::default() });
    }
}

/// The device in the host that carries the gateway addresses.
pub(crate) struct GatewayDevice {
    pub(crate) link: Link,
    /// How the result lists it when it is not the bridge itself.
    pub(crate) listed: Option<Interface>,
    /// The words before an error about its addresses.
    error_context: &'static str,
}

impl GatewayDevice {
    /// The bridge itself.
    pub(crate) fn bridge(link: Link) -> Self {
        Self { link, listed: None, error_context: "failed to set bridge addr" }
    }

    /// The device `<bridge>.<vlan>`, made as a veth pair whose other end is a port in the VLAN.
    /// It is shared by the attachments of the VLAN, and stays like the bridge.
    pub(crate) fn ensure_vlan(
        host: &Rtnl,
        bridge: &Link,
        vlan: VlanId,
        vlans: &Vlans,
    ) -> Result<Self> {
        let link = ensure_vlan_link(host, bridge, vlan, vlans)
            .context(|| "failed to create vlan interface")?;
        let listed = Interface {
            name: link.name.clone(),
            mac: link.mac.map(|mac| mac.to_string()).unwrap_or_default(),
            ..Interface::default()
        };
        Ok(Self {
            link,
            listed: Some(listed),
            error_context: "failed to set vlan interface for bridge with addr",
        })
    }

    /// Ensures that the device has the addresses, and its hardware address stays as it is.
    pub(crate) fn ensure_addresses(
        &self,
        host: &Rtnl,
        gateways: &[Cidr],
        force: bool,
    ) -> Result<()> {
        for gateway in gateways {
            ensure_address(host, &self.link, *gateway, force).context(|| self.error_context)?;
        }
        Ok(())
    }
}

fn ensure_vlan_link(host: &Rtnl, bridge: &Link, vlan: VlanId, vlans: &Vlans) -> Result<Link> {
    let name = format!("{}.{vlan}", bridge.name);
    let find = || {
        host.find_link(name.as_str())
            .context(|| format!("failed to find interface {}", quote(&name)))
    };
    if let Some(link) = find()? {
        return Ok(link);
    }
    let create_failed = || format!("faild to create vlan gateway {}", quote(&name));
    let far_name = IfName::try_from(name.as_str()).context(create_failed)?;
    let host_netns = Netns::current().context(|| "faild to find host namespace")?;
    let access = Vlans {
        filtering: vlans.filtering,
        access: Some(vlan),
        keep_default: vlans.keep_default,
        ..Vlans::default()
    };
    let flags = PortFlags { hairpin: false, isolated: false };
    let pair = NewPair {
        port: Some(Port { bridge: bridge.index, flags }),
        mtu: Some(bridge.mtu),
        far_name: &far_name,
        far_mac: None,
        far: Place { netns: &host_netns, rtnl: host },
    };
    if let Err(error) = port::create(host, &pair, &access) {
        // Another ADD of the same VLAN may have been faster; its device serves both.
        return match find()? {
            Some(link) => Ok(link),
            None => Err(error).context(create_failed),
        };
    }
    host.apply(Request::set_up(&far_name)).context(|| format!("failed to up {}", quote(&name)))?;
    host.get_link(&far_name).context(|| format!("failed to lookup {}", quote(&name)))
}

/// Ensures one gateway address. The first on a device also pins the device's hardware address,
/// which would otherwise follow its ports.
fn ensure_address(host: &Rtnl, device: &Link, gateway: Cidr, force: bool) -> Result<()> {
    let name = quote(&device.name);
    let family = if gateway.ip().is_ipv4() { Family::V4 } else { Family::V6 };
    let present = host
        .list_addresses(device.index, family)
        .context(|| "could not get list of IP addresses")?;
    for found in present {
        if found.network == gateway.0 {
            return Ok(());
        }
        let overlaps = family == Family::V4
            || found.network.contains(gateway.ip())
            || gateway.0.contains(found.network.ip());
        if !overlaps {
            continue;
        }
        if !force {
            return Err(Error::internal(format!(
                "{name} already has an IP address different from {gateway}"
            ))
            .with_details(format!("it has {}", found.network)));
        }
        match host.apply(Request::remove_address(device.index, found.network)) {
            Err(error) if !error.is_missing() => {
                return Err(error).context(|| format!("could not remove IP address from {name}"));
            }
            _ => (),
        }
    }
    // The containers may ask for it at once, a second or two before its detection would end; the
    // reference lets it run, and never looks at its outcome.
    let options = AddressOptions { without_detection: true, ..AddressOptions::default() };
    match host.apply(Request::add_address_with(device.index, gateway.0, options)) {
        Err(error) if !error.is_present() => {
            return Err(error).context(|| format!("could not add IP address {gateway} to {name}"));
        }
        _ => (),
    }
    let Some(mac) = mac_to_pin(host, device)? else {
        return Ok(());
    };
    host.apply(Request::set_mac(device.index, mac)).context(|| "could not set bridge's mac")
}

/// The hardware address from before this attachment. A bridge without ports may have had none:
/// then the one it has now.
fn mac_to_pin(host: &Rtnl, device: &Link) -> Result<Option<Mac>> {
    match device.mac {
        Some(mac) => Ok(Some(mac)),
        None => Ok(host.get_link(device.index)?.mac),
    }
}
