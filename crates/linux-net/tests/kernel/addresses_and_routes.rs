//! Addresses and routes on the running kernel.

use std::process::Command;
use std::time::Duration;

use crate::namespace::{another, isolated, name};
use ipnetwork::IpNetwork;
use linux_net::{
    Family, Netns, NextHop, Request, Route, Rtnl, Settled, VethPair, VethPeer, sysctl,
};

fn net(text: &str) -> IpNetwork {
    text.parse().expect("a network")
}

/// Makes `veth1` here and `eth0` in another namespace, and returns sockets to both sides.
fn pair() -> (Rtnl, Rtnl, Netns) {
    let container = another();
    let rtnl = Rtnl::open_current().unwrap();
    let (one, other) = (name("veth1"), name("eth0"));
    let peer = VethPeer { name: &other, mac: None, netns: &container };
    let pair = VethPair { name: &one, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    (rtnl, Rtnl::open(&container).unwrap(), container)
}

#[test]
fn addresses_keep_their_host_bits_and_order() {
    isolated(|| {
        let (_, inside, _container) = pair();
        let eth0 = inside.get_link("eth0").unwrap().index;
        let networks = ["10.1.2.3/24", "10.9.0.1/32", "10.1.2.2/24"].map(net);
        let results = inside.run(&networks.map(|network| Request::add_address(eth0, network)));
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let list = inside.list_addresses(eth0, Family::V4).unwrap();
        // The kernel puts secondary addresses behind all primary ones.
        let listed: Vec<_> = list.iter().map(|address| address.network).collect();
        assert_eq!(listed, networks);
        assert_eq!(inside.list_addresses(1, Family::V4).unwrap(), []);
        assert_eq!(inside.list_addresses(eth0, Family::V6).unwrap(), []);

        let again = inside.apply(Request::add_address(eth0, networks[0])).unwrap_err();
        assert!(again.is_present());
        inside.apply(Request::remove_address(eth0, networks[1])).unwrap();
        let gone = inside.apply(Request::remove_address(eth0, networks[1])).unwrap_err();
        assert!(gone.is_missing());
        assert_eq!(gone.to_string(), "cannot assign requested address");
    });
}

#[test]
fn only_networks_with_room_for_it_have_a_broadcast_address() {
    isolated(|| {
        let (_, inside, container) = pair();
        let eth0 = inside.get_link("eth0").unwrap().index;
        for network in ["10.1.2.3/24", "10.3.0.0/31", "10.9.0.1/32"] {
            inside.apply(Request::add_address(eth0, net(network))).unwrap();
        }
        let show = container.run(|| {
            let show = Command::new("ip").args(["-o", "-4", "addr"]).output();
            String::from_utf8(show.unwrap().stdout).unwrap()
        });
        let show = show.unwrap();
        assert!(show.contains("10.1.2.3/24 brd 10.1.2.255 scope global"), "{show}");
        assert!(show.contains("10.3.0.0/31 scope"), "{show}");
        assert!(show.contains("10.9.0.1/32 scope"), "{show}");
    });
}

#[test]
fn an_interface_is_configured_with_one_send() {
    isolated(|| {
        let (_, inside, _container) = pair();
        let eth0 = inside.get_link("eth0").unwrap().index;
        let mut default = Route::new(net("0.0.0.0/0"), eth0);
        default.gateway = Some([10, 1, 2, 1].into());
        default.mtu = Some(1300);
        default.advmss = Some(1200);
        let mut other = Route::new(net("192.168.0.0/16"), eth0);
        other.table = Some(1000);
        other.scope = Some(253);
        other.priority = Some(7);
        let bad = Route { gateway: Some([10, 7, 7, 7].into()), ..default.clone() };
        let results = inside.run(&[
            Request::add_address(eth0, net("10.1.2.2/24")),
            Request::set_up(eth0),
            Request::add_route(&default),
            Request::add_route(&bad),
            Request::add_route(&other),
            Request::add_route(&default),
        ]);
        assert!(results[..3].iter().all(Result::is_ok), "{results:?}");
        let error = results[3].as_ref().unwrap_err();
        assert_eq!(error.to_string(), "network is unreachable");
        assert_eq!(error.extack(), Some("Nexthop has invalid gateway"));
        assert!(results[4].is_ok(), "{results:?}");
        assert!(results[5].as_ref().unwrap_err().is_present());

        let main = inside.list_routes(Family::V4, Route::MAIN_TABLE).unwrap();
        assert_eq!(main.len(), 2);
        assert_eq!(main[0], Route { table: Some(254), scope: Some(0), ..default });
        assert_eq!(main[1].destination, net("10.1.2.0/24"));
        assert_eq!(main[1].scope, Some(253));
        let listed = inside.list_routes(Family::V4, 1000).unwrap();
        assert_eq!(listed, [other]);
        assert_eq!(inside.list_routes(Family::V4, 1001).unwrap(), []);
    });
}

#[test]
fn the_later_ipv4_route_of_two_comes_first() {
    isolated(|| {
        let (_, inside, _container) = pair();
        let eth0 = inside.get_link("eth0").unwrap().index;
        let mut first = Route::new(net("0.0.0.0/0"), eth0);
        first.gateway = Some([10, 1, 2, 1].into());
        let second = Route { gateway: Some([10, 1, 2, 9].into()), ..first.clone() };
        let results = inside.run(&[
            Request::add_address(eth0, net("10.1.2.2/24")),
            Request::set_up(eth0),
            Request::add_route(&first),
            Request::add_route(&second),
        ]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let main = inside.list_routes(Family::V4, Route::MAIN_TABLE).unwrap();
        let gateways: Vec<_> = main.iter().filter_map(|route| route.gateway).collect();
        assert_eq!(gateways, [second.gateway.unwrap(), first.gateway.unwrap()]);
    });
}

#[test]
fn ipv6_routes_to_one_place_merge() {
    isolated(|| {
        let (_, inside, container) = pair();
        let settings = [("net/ipv6/conf/eth0/accept_dad", "0")];
        assert!(sysctl::write_in(&container, &settings).unwrap()[0].is_ok());
        let eth0 = inside.get_link("eth0").unwrap().index;
        let mut one = Route::new(net("::/0"), eth0);
        one.gateway = Some("2001:db8::1".parse().unwrap());
        let other = Route { gateway: Some("2001:db8::9".parse().unwrap()), ..one.clone() };
        let results = inside.run(&[
            Request::add_address(eth0, net("2001:db8::2/64")),
            Request::set_up(eth0),
            Request::add_route(&one),
            Request::add_route(&other),
        ]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let main = inside.list_routes(Family::V6, Route::MAIN_TABLE).unwrap();
        let default = main.iter().find(|route| route.destination.prefix() == 0).unwrap();
        let hop = |gateway| NextHop { gateway, oif: eth0 };
        assert_eq!(default.next_hops, [hop(one.gateway), hop(other.gateway)]);
        let prefix = main.iter().find(|route| route.destination == net("2001:db8::/64"));
        assert_eq!(prefix.unwrap().gateway, None);
    });
}

#[test]
fn addresses_settle_after_duplicate_detection() {
    isolated(|| {
        let (_, inside, _container) = pair();
        let eth0 = inside.get_link("eth0").unwrap().index;
        let results =
            inside.run(&[Request::add_address(eth0, net("2001:db8::2/64")), Request::set_up(eth0)]);
        assert!(results.iter().all(Result::is_ok), "{results:?}");
        let early = inside.wait_addresses_settled(eth0, Duration::ZERO).unwrap();
        assert_eq!(early, Settled::TimedOut);
        let late = inside.wait_addresses_settled(eth0, Duration::from_secs(5)).unwrap();
        assert_eq!(late, Settled::Yes);
        let list = inside.list_addresses(eth0, Family::V6).unwrap();
        assert!(list.len() == 2 && list.iter().all(|address| !address.is_tentative()));
    });
}

#[test]
fn an_address_another_host_has_is_a_duplicate() {
    isolated(|| {
        let (outside, inside, _container) = pair();
        sysctl::write("net/ipv6/conf/veth1/accept_dad", "0").unwrap();
        let veth1 = outside.get_link("veth1").unwrap().index;
        let eth0 = inside.get_link("eth0").unwrap().index;
        let address = net("2001:db8::2/64");
        outside.apply(Request::add_address(veth1, address)).unwrap();
        inside.apply(Request::set_up(eth0)).unwrap();
        assert_eq!(
            inside.wait_addresses_settled(eth0, Duration::from_secs(5)).unwrap(),
            Settled::Yes
        );
        inside.apply(Request::add_address(eth0, address)).unwrap();
        assert_eq!(
            inside.wait_addresses_settled(eth0, Duration::from_secs(5)).unwrap(),
            Settled::Duplicate(address.ip())
        );
    });
}
