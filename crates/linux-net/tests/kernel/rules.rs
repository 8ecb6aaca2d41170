//! Policy rules, and routes that move between tables.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use linux_net::{AddressOptions, Family, Netns, Request, Route, Rtnl, Rule, VethPair, VethPeer};

use crate::namespace::{isolated, name};

fn ip(text: &str) -> String {
    let output = std::process::Command::new("sh").args(["-ec", text]).output().unwrap();
    assert!(output.status.success(), "{text}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Makes `eth0`, up and with addresses, with its peer `far` beside it, and returns its index.
fn eth0(rtnl: &Rtnl) -> u32 {
    let here = Netns::current().unwrap();
    let (eth0, far) = (name("eth0"), name("far"));
    let peer = VethPeer { name: &far, mac: None, netns: &here };
    let pair = VethPair { name: &eth0, controller: None, mtu: None, peer };
    rtnl.apply(Request::create_veth_pair(&pair)).unwrap();
    rtnl.apply(Request::set_up("far")).unwrap();
    let index = rtnl.get_link(&eth0).unwrap().index;
    rtnl.apply(Request::set_up(index)).unwrap();
    for address in ["10.9.2.2/24", "fd09:1::2/64"] {
        let options = AddressOptions { without_detection: true, ..AddressOptions::default() };
        let network: IpNetwork = address.parse().unwrap();
        rtnl.apply(Request::add_address_with(index, network, options)).unwrap();
    }
    index
}

#[test]
fn a_later_rule_goes_before_an_earlier_one() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        for (family, address) in [(Family::V4, "10.9.2.2"), (Family::V6, "fd09:1::2")] {
            let address: IpAddr = address.parse().unwrap();
            let before = rtnl.list_rules(family).unwrap();
            for table in [77, 70_000] {
                rtnl.apply(Request::create_rule(&Rule::from_address(address, table))).unwrap();
            }
            let rules = rtnl.list_rules(family).unwrap();
            let made: Vec<_> = rules.iter().filter(|rule| rule.source.is_some()).collect();
            let expected = |priority, table| Rule {
                priority: Some(priority),
                ..Rule::from_address(address, table)
            };
            assert_eq!(made, [&expected(32764, 70_000), &expected(32765, 77)]);
            for rule in made {
                rtnl.apply(Request::remove_rule(rule)).unwrap();
                let error = rtnl.apply(Request::remove_rule(rule)).unwrap_err();
                assert!(error.is_missing());
                assert!(format!("{error:#}").starts_with("remove rule from "), "{error:#}");
            }
            assert_eq!(rtnl.list_rules(family).unwrap(), before);
        }
    });
}

#[test]
fn a_rule_that_looks_at_more_is_not_plain() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        for (more, is_plain) in [
            ("", true),
            ("to 10.7.0.0/16", false),
            ("iif lo", false),
            ("fwmark 3", false),
            ("tos 8", false),
            ("suppress_prefixlength 0", false),
            ("ipproto tcp", false),
            ("uidrange 1-2", false),
            ("protocol static", false),
        ] {
            ip(&format!("ip rule add from 10.9.2.2 {more} lookup 300"));
            let rules = rtnl.list_rules(Family::V4).unwrap();
            let rule = rules.iter().find(|rule| rule.table == 300).unwrap();
            assert_eq!(rule.is_plain, is_plain, "{more}");
            ip(&format!("ip rule del from 10.9.2.2 {more} lookup 300"));
        }
        ip("ip rule add not from 10.9.2.2 lookup 300; ip rule add from 10.9.2.2 prohibit");
        let rules = rtnl.list_rules(Family::V4).unwrap();
        let of_source: Vec<_> = rules.iter().filter(|rule| rule.source.is_some()).collect();
        assert_eq!(of_source.len(), 1, "a rule without a table is none");
        assert!(!of_source[0].is_plain);
    });
}

/// Whatever a route has, it has in another table, too, and again when it is put back.
#[test]
fn a_route_moves_with_everything_it_has() {
    isolated(|| {
        let rtnl = Rtnl::open_current().unwrap();
        let eth0 = eth0(&rtnl);
        ip("ip route add 10.1.0.0/16 via 10.9.2.7 metric 7 mtu 1300 advmss 1200 proto static
            ip route add 10.2.0.0/16 via 172.16.0.1 dev eth0 onlink
            ip route add 10.3.0.0/16 nexthop via 10.9.2.8 nexthop via 10.9.2.9 weight 3
            ip -6 route add fd07::/64 metric 9 nexthop via fd09:1::8 nexthop via fd09:1::9
            ip route add 10.5.0.0/16 dev far");
        for (family, version, count) in [(Family::V4, "-4", 4), (Family::V6, "-6", 2)] {
            let show = |table: &str| {
                let shown = ip(&format!("ip {version} route show table {table}"));
                let lines = shown.lines().filter(|line| !line.contains("fe80::"));
                lines.map(|line| format!("{line}\n")).collect::<String>()
            };
            let before = show("main");
            let mut routes = rtnl.save_table(eth0, family, Some(Route::MAIN_TABLE)).unwrap();
            routes.retain(|saved| saved.route.destination != "fe80::/64".parse().unwrap());
            routes.sort_by_key(|saved| {
                saved.route.gateway.is_some() || !saved.route.next_hops.is_empty()
            });
            assert_eq!(routes.len(), count);
            let run = |requests: Vec<Request<'_>>| {
                let results = rtnl.run(&requests);
                assert!(results.iter().all(Result::is_ok), "{results:?}");
            };
            run(routes.iter().map(|saved| Request::copy_route(saved, 70_000)).collect());
            run(routes.iter().map(|saved| Request::copy_route(saved, 70_000)).collect());
            let of_far = |line: &&str| !line.contains("dev far");
            let moved: String =
                before.lines().filter(of_far).map(|line| format!("{line}\n")).collect();
            assert_eq!(show("70000"), moved);
            run(routes.iter().map(Request::remove_saved_route).collect());
            assert!(!show("main").contains("eth0"));
            let error = rtnl.apply(Request::remove_saved_route(&routes[0])).unwrap_err();
            assert!(error.is_missing());
            run(routes.iter().map(Request::put_route_back).collect());
            assert_eq!(show("main"), before);
            let error = rtnl.apply(Request::put_route_back(&routes[0])).unwrap_err();
            assert!(error.is_present());
        }
    });
}

#[test]
fn a_lock_keeps_others_out_for_a_while() {
    isolated(|| {
        let (one, other) = (Netns::current().unwrap(), Netns::current().unwrap());
        let limit = std::time::Duration::from_millis(50);
        let lock = one.lock(limit).unwrap();
        let error = other.lock(limit).unwrap_err();
        assert_eq!(error.to_string(), "resource temporarily unavailable");
        drop(lock);
        assert!(other.lock(limit).is_ok());
    });
}
