//! Routes as a host needs them that is reached through one link only, and the default route.

use ipnetwork::IpNetwork;
use linux_net::{AddressOptions, Family, Netns, Request, Route, Rtnl, VethPair, VethPeer};

use crate::namespace::{isolated, name};

fn net(text: &str) -> IpNetwork {
    text.parse().expect("a network")
}

/// Makes `eth0`, up, with its peer `far` beside it, and returns its index.
fn eth0(rtnl: &Rtnl) -> u32 {
    let here = Netns::current().unwrap();
    let (eth0, far) = (name("eth0"), name("far"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &eth0, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    rtnl.apply(Request::set_up("far")).unwrap();
    rtnl.get_link(&eth0).unwrap().index
}

fn main_table(rtnl: &Rtnl, family: Family) -> Vec<Route> {
    let mut routes = rtnl.list_routes(family, Route::MAIN_TABLE).unwrap();
    // The kernel's own.
    routes.retain(|route| route.destination != net("fe80::/64"));
    routes
}

#[test]
fn a_network_can_be_reached_through_its_gateway_only() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        for (family, address, network, gateway, host) in [
            (Family::V4, "10.9.2.2/24", "10.9.2.0/24", "10.9.2.1", "/32"),
            (Family::V6, "fd09:1::2/64", "fd09:1::/64", "fd09:1::1", "/128"),
        ] {
            let source = Some(net(address).ip());
            let options =
                AddressOptions { without_route: true, without_detection: true, lifetime: None };
            let scope = Some(Route::SCOPE_LINK);
            let to_gateway =
                Route { source, scope, ..Route::new(net(&format!("{gateway}{host}")), eth0) };
            let through = Route {
                gateway: Some(gateway.parse().unwrap()),
                source,
                ..Route::new(net(network), eth0)
            };
            let results = rtnl.run(&[
                Request::add_address_with(eth0, net(address), options),
                Request::create_route(&to_gateway),
                Request::create_route(&through),
            ]);
            assert!(results.iter().all(Result::is_ok), "{results:?}");
            let table = main_table(&rtnl, family);
            assert_eq!(table.len(), 2, "{table:?}");
            let found = |like: &Route| {
                table.iter().find(|route| route.destination == like.destination).unwrap()
            };
            assert_eq!(
                (found(&through).gateway, found(&through).source),
                (through.gateway, source)
            );
            assert_eq!((found(&to_gateway).gateway, found(&to_gateway).source), (None, source));
            if family == Family::V4 {
                assert_eq!(found(&to_gateway).scope, scope);
            }
            let again = rtnl.apply(Request::create_route(&through)).unwrap_err();
            assert!(again.is_present());
        }
    });
}

#[test]
fn a_host_route_needs_no_gateway() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        let scope = Some(Route::SCOPE_HOST);
        for (family, host) in [(Family::V4, "10.9.2.2/32"), (Family::V6, "fd09:1::2/128")] {
            let route = Route { scope, ..Route::new(net(host), eth0) };
            rtnl.apply(Request::create_route(&route)).unwrap();
            assert!(rtnl.apply(Request::create_route(&route)).unwrap_err().is_present());
            let table = main_table(&rtnl, family);
            assert_eq!((table.len(), table[0].oif), (1, Some(eth0)));
            if family == Family::V4 {
                assert_eq!(table[0].scope, scope);
            }
        }
    });
}

#[test]
fn a_route_is_removed_whatever_is_left_open() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        for (family, address, network) in [
            (Family::V4, "10.9.2.2/24", "10.9.2.0/24"),
            (Family::V6, "fd09:1::2/64", "fd09:1::/64"),
        ] {
            rtnl.apply(Request::add_address(eth0, net(address))).unwrap();
            assert_eq!(main_table(&rtnl, family).len(), 1);
            // The kernel's own has another protocol, and a scope or priority.
            let route = Route::new(net(network), eth0);
            rtnl.apply(Request::remove_route(&route)).unwrap();
            assert_eq!(main_table(&rtnl, family), []);
            let error = rtnl.apply(Request::remove_route(&route)).unwrap_err();
            assert!(error.is_missing());
            assert_eq!(error.to_string(), "no such process");
        }
    });
}

#[test]
fn a_route_is_replaced_or_made() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        rtnl.apply(Request::add_address(eth0, net("10.1.2.2/24"))).unwrap();
        let default = Route::new(net("0.0.0.0/0"), eth0);
        for gateway in [[10, 1, 2, 1], [10, 1, 2, 9]] {
            let route = Route { gateway: Some(gateway.into()), ..default.clone() };
            rtnl.apply(Request::replace_route(&route)).unwrap();
            let table = main_table(&rtnl, Family::V4);
            assert_eq!((table.len(), table[0].gateway), (2, route.gateway));
        }
    });
}

#[test]
fn the_default_route_names_a_link() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        let far = rtnl.get_link("far").unwrap().index;
        let found = || rtnl.find_default_link().unwrap().map(|link| link.name);
        assert_eq!(found(), None);
        rtnl.apply(Request::add_route(&Route::new(net("::/0"), eth0))).unwrap();
        assert_eq!(found().as_deref(), Some("eth0"));

        let ip = |arguments: &str| {
            let mut ip = std::process::Command::new("ip");
            assert!(ip.args(arguments.split(' ')).status().unwrap().success());
        };
        // IPv4 comes first, but not where nothing leaves, nor from another table.
        ip("route add unreachable default");
        ip("route add 0.0.0.0/1 dev far");
        ip("route add default dev far table 7");
        assert_eq!(found().as_deref(), Some("eth0"));
        let later = Route { priority: Some(7), ..Route::new(net("0.0.0.0/0"), far) };
        rtnl.apply(Request::add_route(&later)).unwrap();
        assert_eq!(found().as_deref(), Some("far"));
        ip("route del unreachable default");
        ip("route add default nexthop dev eth0 nexthop dev far");
        assert_eq!(found().as_deref(), Some("eth0"));
    });
}

#[test]
fn the_link_towards_an_address_is_the_one_its_route_names() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        rtnl.apply(Request::set_up(eth0)).unwrap();
        let towards = |address: &str| {
            let link = rtnl.find_link_towards(address.parse().unwrap()).unwrap();
            link.map(|link| link.name)
        };
        assert_eq!(towards("10.9.2.7"), None);
        for address in ["10.9.2.2/24", "fd09:1::2/64"] {
            let options = AddressOptions { without_detection: true, ..AddressOptions::default() };
            rtnl.apply(Request::add_address_with(eth0, net(address), options)).unwrap();
        }
        assert_eq!(towards("10.9.2.7").as_deref(), Some("eth0"));
        assert_eq!(towards("fd09:1::7").as_deref(), Some("eth0"));
        assert_eq!(towards("10.9.2.2").as_deref(), Some("lo"));
        std::process::Command::new("ip")
            .args(["route", "add", "blackhole", "10.9.3.0/24"])
            .status()
            .unwrap();
        assert_eq!(towards("10.9.3.7"), None);
    });
}
