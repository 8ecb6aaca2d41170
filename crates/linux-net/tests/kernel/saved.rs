//! What the kernel drops when a link goes down, made again from its own description.

use std::process::Command;

use linux_net::{Family, Netns, Request, Route, Rtnl, VethPair, VethPeer};

use crate::namespace::{isolated, name};

#[expect(clippy::disallowed_methods, reason = "the test reads what the kernel says elsewhere")]
fn ip(arguments: &str) -> String {
    let output = Command::new("ip").args(arguments.split(' ')).output().expect("ip runs");
    assert!(output.status.success(), "ip {arguments}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Makes `eth0` with addresses and routes of all sorts, and returns its index.
fn make_eth0(rtnl: &Rtnl) -> u32 {
    let here = Netns::current().expect("a namespace");
    let (eth0, far) = (name("eth0"), name("far"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &eth0, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).expect("a pair");
    for arguments in [
        "link set far up",
        "link set eth0 up addrgenmode none",
        "addr add 10.1.2.2/24 dev eth0",
        "addr add fd00::2/64 dev eth0 nodad",
        "addr add fd00::3/128 dev eth0 nodad preferred_lft 0",
        "addr add fd00::4 peer fd00::5 dev eth0 nodad",
        "route add 10.99.0.0/16 dev eth0 proto static",
        "route add 10.98.0.0/16 via 10.1.2.1 metric 50 mtu 1300 src 10.1.2.2",
        "route add 10.97.0.0/16 nexthop via 10.1.2.1 weight 3 nexthop via 10.1.2.3",
        "route add 10.96.0.0/16 via 10.200.0.1 dev eth0 onlink",
        "route add 10.95.0.0/16 via 10.1.2.1 table 1000",
        "route add default via 10.1.2.1",
        "route append default via 10.1.2.3",
        "-6 route add fd09::/64 via fd00::1 metric 77 src fd00::2 pref high",
        "-6 route add fd08::/64 dev eth0 table 100",
        "-6 route add default via fd00::1",
    ] {
        ip(arguments);
    }
    rtnl.get_link(&eth0).expect("a link").index
}

#[test]
fn addresses_and_routes_are_made_again_as_they_were() {
    isolated(|| {
        let rtnl = Rtnl::open_current().expect("a socket");
        let eth0 = make_eth0(&rtnl);
        let shown = || {
            [
                "-6 addr show dev eth0",
                "route show dev eth0",
                "route show table 1000",
                "route show default",
                "route show 10.97.0.0/16",
                "-6 route show dev eth0 table all",
            ]
            .map(ip)
        };
        let before = shown();
        let addresses = rtnl.save_addresses(eth0).expect("addresses");
        let routes = rtnl.save_routes(eth0).expect("routes");
        let table = |saved: &linux_net::SavedRoute| saved.route.table.expect("a table");
        let restore = || -> Vec<_> {
            let addresses = addresses.iter().map(Request::restore_address);
            let routes = routes.iter().map(|saved| Request::restore_route(saved, table(saved)));
            rtnl.run(&addresses.chain(routes).collect::<Vec<_>>())
        };

        let cycled = rtnl.run(&[Request::set_down(eth0), Request::set_up(eth0)]);
        assert!(cycled.iter().all(Result::is_ok), "{cycled:?}");
        assert_ne!(shown(), before);
        let outcomes = restore();
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(shown(), before);

        // What is there stays as it is; only a route of IPv6 is replaced by itself.
        let is_there = |outcome: &linux_net::Result<()>| {
            outcome.as_ref().map_or_else(linux_net::Error::is_present, |()| true)
        };
        let outcomes = restore();
        assert!(outcomes.iter().all(is_there), "{outcomes:?}");
        assert_eq!(shown(), before);
    });
}

/// The kernel's own are not saved, nor what leaves by another link.
#[test]
fn only_made_routes_of_the_link_are_saved() {
    isolated(|| {
        let rtnl = Rtnl::open_current().expect("a socket");
        let eth0 = make_eth0(&rtnl);
        ip("addr add 10.1.9.2/24 dev far");
        ip("route add 10.90.0.0/16 via 10.1.9.1");
        ip("route add 10.91.0.0/16 nexthop via 10.1.9.1 nexthop via 10.1.2.1");
        let routes = rtnl.save_routes(eth0).expect("routes");
        assert_eq!(routes.len(), 10, "{routes:?}");
        let gateways = |saved: &linux_net::SavedRoute| {
            saved.route.gateway.is_some() || !saved.route.next_hops.is_empty()
        };
        assert!(routes.is_sorted_by_key(gateways), "what leads to gateways goes first");
        assert!(rtnl.list_routes(Family::V4, Route::MAIN_TABLE).expect("routes").len() > 9);
    });
}
