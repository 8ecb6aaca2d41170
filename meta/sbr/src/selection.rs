//! Which routes of the interface go where. Pure.

use linux_net::Route;

use crate::plan::SourceAddress;

/// Whether a route of the address's family belongs into the table of one of the `addresses`: it
/// leads from the address's subnet, or through it, or neither says. One that belongs to no address
/// at all belongs to each, or it would be lost.
pub(crate) fn belongs(route: &Route, to: &SourceAddress, addresses: &[SourceAddress]) -> bool {
    if route.destination.is_ipv6() != to.ip().is_ipv6() {
        return false;
    }
    let is_general = gateways(route).next().is_none() && route.source.is_none();
    let is_nobodys = || !addresses.iter().any(|address| is_from(route, address));
    is_general || is_from(route, to) || is_nobodys()
}

/// Whether a route leads from an address's subnet, or through it.
pub(crate) fn is_from(route: &Route, address: &SourceAddress) -> bool {
    let contains = |ip: &std::net::IpAddr| address.address.0.contains(*ip);
    route.source.as_ref().is_some_and(contains) || gateways(route).any(|ip| contains(&ip))
}

fn gateways(route: &Route) -> impl Iterator<Item = std::net::IpAddr> {
    route.gateway.into_iter().chain(route.next_hops.iter().filter_map(|hop| hop.gateway))
}

/// Whether a route leads somewhere without a gateway, so that gateways can be reached by it.
pub(crate) fn is_on_link(route: &Route) -> bool {
    gateways(route).next().is_none()
}

/// Whether a route stays in the main table beside the hints: what is on the link stays, but for
/// IPv6's own route to a subnet, which would be preferred to the hint.
pub(crate) fn stays_beside_hints(route: &Route, addresses: &[SourceAddress]) -> bool {
    if route.destination.is_ipv4() {
        return route.scope == Some(Route::SCOPE_LINK);
    }
    let is_subnet_of = |address: &SourceAddress| {
        route.destination == hint(address, 0).destination && route.source.is_none()
    };
    is_on_link(route) && !addresses.iter().any(is_subnet_of)
}

/// The route to an address's subnet that tells which source to use.
pub(crate) fn hint(address: &SourceAddress, index: u32) -> Route {
    let cidr = address.address;
    let subnet = ipnetwork::IpNetwork::new(cidr.network(), cidr.prefix());
    Route {
        source: Some(address.ip()),
        scope: Some(Route::SCOPE_LINK),
        // The kernel's choice. Said, it tells the hint from the subnet's own route.
        priority: address.ip().is_ipv6().then_some(1024),
        ..Route::new(subnet.unwrap_or(cidr.0), index)
    }
}

#[cfg(test)]
mod tests {
    use linux_net::NextHop;

    use super::*;

    fn address(text: &str) -> SourceAddress {
        SourceAddress { address: text.parse().expect("an address"), gateway: None }
    }

    /// A route in the words of `ip`: destination, `via`, `src`, `scope link`.
    fn route(text: &str) -> Route {
        let mut words = text.split(' ');
        let destination = words.next().expect("a destination").parse().expect("a network");
        let mut route = Route::new(destination, 2);
        route.scope = Some(0);
        while let Some(key) = words.next() {
            let value = words.next().expect("a value");
            match key {
                "via" => route.gateway = value.parse().ok(),
                "src" => route.source = value.parse().ok(),
                "nexthop" => {
                    route.next_hops.push(NextHop { gateway: value.parse().ok(), oif: 2 });
                }
                _ => route.scope = Some(Route::SCOPE_LINK),
            }
        }
        route
    }

    #[test]
    fn a_route_goes_with_the_address_it_belongs_to() {
        let all = ["192.168.1.209/24", "192.168.101.209/24", "fd00::10/64"].map(address);
        for (text, owners) in [
            ("192.168.1.0/24 src 192.168.1.209 scope link", &[0][..]),
            ("192.168.101.0/24 src 192.168.101.209 scope link", &[1]),
            ("0.0.0.0/0 via 192.168.1.1", &[0]),
            ("10.0.0.0/8 nexthop 192.168.101.2 nexthop 192.168.101.3", &[1]),
            ("10.99.0.0/16 scope link", &[0, 1]),
            ("10.98.0.0/16 via 172.16.0.1", &[0, 1]),
            ("10.97.0.0/16 src 172.16.0.2 scope link", &[0, 1]),
            ("fd00::/64", &[2]),
            ("fe80::/64", &[2]),
            ("fd05::/64 via fd00::5", &[2]),
            ("fd06::/64 via fe80::1", &[2]),
        ] {
            let found: Vec<_> =
                (0..all.len()).filter(|&i| belongs(&route(text), &all[i], &all)).collect();
            assert_eq!(found, owners, "{text}");
        }
    }

    #[test]
    fn beside_hints_stays_what_is_on_the_link() {
        let all = ["192.168.1.209/24", "fd00::10/64"].map(address);
        for (text, stays) in [
            ("192.168.1.0/24 src 192.168.1.209 scope link", true),
            ("10.99.0.0/16 scope link", true),
            ("10.99.0.0/16", false),
            ("0.0.0.0/0 via 192.168.1.1", false),
            ("fd00::/64", false),
            ("fd00::/64 src fd00::10", true),
            ("fe80::/64", true),
            ("fd01::/64", true),
            ("fd05::/64 via fd00::5", false),
        ] {
            assert_eq!(stays_beside_hints(&route(text), &all), stays, "{text}");
        }
        let hint = hint(&all[1], 7);
        let route = route("fd00::/64 src fd00::10 scope link");
        assert_eq!(hint, Route { oif: Some(7), priority: Some(1024), ..route });
    }
}
