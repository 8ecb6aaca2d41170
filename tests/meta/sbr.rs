//! sbr: rules, tables of its own, and what stays in the main table.

use cni_testkit::{Blocked, Host, difference, lacks_release};
use expect_test::expect;
use serde_json::json;

use crate::routed::{attached, dual, network, single};

#[test]
fn an_address_gets_a_rule_and_a_table() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    c1.sh("ip route add 192.168.2.0/24 via 192.168.1.2 dev net1
         ip route add 10.99.0.0/16 dev net1 scope link metric 50
         ip route add 10.98.0.0/16 dev eth0");
    let net = network(&host, json!({}), single());
    net.add(&c1, "net1").succeeds().result_is("sbr/single");
    c1.shows(expect![[r#"
        link far1 up
        link net1 up
        addr 192.168.1.209/24 dev net1
        route default via 192.168.1.1 dev net1 table 100
        route 10.98.0.0/16 dev eth0 scope link
        route 10.99.0.0/16 dev net1 table 100 scope link metric 50
        route 192.168.1.0/24 dev net1 table 100 scope link
        route 192.168.2.0/24 via 192.168.1.2 dev net1 table 100
        rule 32765 from 192.168.1.209 lookup 100
    "#]]);
    net.check(&c1, "net1").succeeds();
    for _ in 0..2 {
        net.del(&c1, "net1").succeeds();
        assert!(!c1.shown().contains("rule "));
    }
    c1.sh("ip link del net1");
    c1.shows(expect![[r#"
        route 10.98.0.0/16 dev eth0 scope link
    "#]]);
}

/// The reference copies also IPv6 routes into the table of IPv4.
#[test]
fn families_do_not_mix() {
    difference("sbr-families", || {
        let host = Host::new();
        let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
        c1.sh("ip route append default via 192.168.1.1 dev net1
             ip route add 192.168.2.0/24 via 192.168.1.2 dev net1
             ip route add fd05::/64 via fd00::5 dev net1");
        let net = network(&host, json!({}), dual());
        net.add(&c1, "net1").succeeds();
        c1.shows(expect![[r#"
            link far1 up
            link net1 up
            addr 192.168.1.209/24 dev net1
            addr fd00::10/64 dev net1
            route default via 192.168.1.1 dev net1 table 100
            route default via fd00::1 dev net1 table 101
            route 192.168.1.0/24 dev net1 table 100 scope link
            route 192.168.2.0/24 via 192.168.1.2 dev net1 table 100
            route fd00::/64 dev net1 table 101
            route fd05::/64 via fd00::5 dev net1 table 101
            rule 32765 from 192.168.1.209 lookup 100
            rule 32765 from fd00::10 lookup 101
        "#]]);
        assert_eq!(c1.sh("ip -6 route show table 101 | grep -c fe80"), "1\n");
        net.check(&c1, "net1").succeeds();
        net.del(&c1, "net1").succeeds();
        assert!(!c1.shown().contains("rule "));
    });
}

#[test]
fn each_of_several_addresses_has_a_table_of_its_own() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 192.168.101.209/24");
    c1.sh("ip route add 10.99.0.0/16 dev net1 scope link");
    // The second one's interface does not exist, and the third one's is another.
    let result = json!({
        "cniVersion": "1.0.0",
        "interfaces": [{ "name": "net1", "sandbox": "x" }, { "name": "eth0", "sandbox": "x" }],
        "ips": [
            { "interface": 0, "address": "192.168.1.209/24", "gateway": "192.168.1.1" },
            { "interface": 2, "address": "192.168.101.209/24", "gateway": "192.168.101.1" },
            { "interface": 1, "address": "10.1.2.2/24", "gateway": "10.1.2.1" }
        ]
    });
    let net = network(&host, json!({}), result);
    net.add(&c1, "net1").succeeds();
    c1.shows(expect![[r#"
        link far1 up
        link net1 up
        addr 192.168.1.209/24 dev net1
        addr 192.168.101.209/24 dev net1
        route default via 192.168.1.1 dev net1 table 100
        route default via 192.168.101.1 dev net1 table 101
        route 10.99.0.0/16 dev net1 table 100 scope link
        route 10.99.0.0/16 dev net1 table 101 scope link
        route 192.168.1.0/24 dev net1 table 100 scope link
        route 192.168.101.0/24 dev net1 table 101 scope link
        rule 32764 from 192.168.101.209 lookup 101
        rule 32765 from 192.168.1.209 lookup 100
    "#]]);
    net.check(&c1, "net1").succeeds();
    net.del(&c1, "net1").succeeds();
    assert!(!c1.shown().contains("rule "));
}

/// What makes it all worth while: the answer leaves by the interface it came in by.
#[test]
fn answers_take_the_way_of_the_question() {
    let host = Host::new();
    let c1 = host.container("c1");
    // Two routers on the way to one address; the default route leads through the first.
    c1.sh("sysctl -q net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
    for (number, ifname) in [(1, "eth0"), (2, "net1")] {
        host.sh(&format!(
            "ip link add r{number} type veth peer name {ifname} netns {}
             ip addr add 10.0.{number}.1/24 dev r{number}; ip link set r{number} up",
            c1.netns_path()
        ));
        c1.sh(&format!("ip addr add 10.0.{number}.2/24 dev {ifname}; ip link set {ifname} up"));
    }
    host.sh("ip addr add 203.0.113.7/32 dev lo; ip route change 10.0.2.0/24 dev r2 src 203.0.113.7
         nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }
              add rule ip t in iifname r1 drop'");
    c1.sh("ip route add default via 10.0.1.1");
    host.cannot_reach(&c1, "10.0.2.2:80", Blocked::Silently);
    let result = json!({ "cniVersion": "1.0.0",
        "ips": [{ "address": "10.0.2.2/24", "gateway": "10.0.2.1" }] });
    let net = network(&host, json!({}), result);
    net.add(&c1, "net1").succeeds();
    host.reaches(&c1, "10.0.2.2:80");
    net.del(&c1, "net1").succeeds();
    host.cannot_reach(&c1, "10.0.2.2:80", Blocked::Silently);
}

#[test]
fn a_given_table_gets_rules_only() {
    // Older releases do not know the key.
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    let net = network(&host, json!({ "table": 5000, "gateways": ["x"] }), dual());
    net.add(&c1, "net1").succeeds();
    c1.shows(expect![[r#"
        link far1 up
        link net1 up
        addr 192.168.1.209/24 dev net1
        addr fd00::10/64 dev net1
        route 192.168.1.0/24 dev net1 scope link
        route fd00::/64 dev net1
        rule 32765 from 192.168.1.209 lookup 5000
        rule 32765 from fd00::10 lookup 5000
    "#]]);
    net.check(&c1, "net1").succeeds();
    let other = net.with_config("table", json!(5001));
    other.del(&c1, "net1").succeeds();
    net.check(&c1, "net1").succeeds();
    net.del(&c1, "net1").succeeds();
    c1.shows(expect![[r#"
        link far1 up
        link net1 up
        addr 192.168.1.209/24 dev net1
        addr fd00::10/64 dev net1
        route 192.168.1.0/24 dev net1 scope link
        route fd00::/64 dev net1
    "#]]);
    difference("sbr-table-number", || {
        let zero = net.with_config("table", json!(0));
        zero.add(&c1, "net1").fails(999, "table 0 is no number of a routing table");
        c1.shows(expect![[r#"
            link far1 up
            link net1 up
            addr 192.168.1.209/24 dev net1
            addr fd00::10/64 dev net1
            route 192.168.1.0/24 dev net1 scope link
            route fd00::/64 dev net1
        "#]]);
    });
}

#[test]
fn gateways_may_be_configured() {
    // Older releases do not know the key.
    if lacks_release("1.9.2") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    let keys = json!({ "gateways": ["192.168.1.254", "fd00::fe"] });
    let net = network(&host, keys, dual());
    net.add(&c1, "net1").succeeds();
    c1.shows(expect![[r#"
        link far1 up
        link net1 up
        addr 192.168.1.209/24 dev net1
        addr fd00::10/64 dev net1
        route default via 192.168.1.254 dev net1 table 100
        route default via fd00::fe dev net1 table 101
        route 192.168.1.0/24 dev net1 table 100 scope link
        route fd00::/64 dev net1 table 101
        rule 32765 from 192.168.1.209 lookup 100
        rule 32765 from fd00::10 lookup 101
    "#]]);
    net.check(&c1, "net1").succeeds();
    // A route that the interface has to somewhere else does not count for more.
    let host = Host::new();
    let c2 = attached(&host, "192.168.1.209/24");
    c2.sh("ip route append default via 192.168.1.1 dev net1");
    let net = network(&host, json!({ "gateways": ["192.168.1.254"] }), single());
    net.add(&c2, "net1").succeeds();
    difference("sbr-gateway-wins", || {
        assert_eq!(
            c2.sh("ip route show table 100 default"),
            "default via 192.168.1.254 dev net1 \n"
        );
    });
    let two = net.with_config("gateways", json!(["192.168.1.254", "192.168.1.253"]));
    two.add(&c2, "net1").fails_with(999, "multiple IPv4 addresses");
}

/// Without sbr's own, the interface's default route is the table's.
#[test]
fn a_default_route_of_the_interface_is_the_tables() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    c1.sh("ip route append default via 192.168.1.254 dev net1");
    let net = network(&host, json!({}), single());
    net.add(&c1, "net1").succeeds();
    let shown = c1.sh("ip route show table 100 default");
    assert_eq!(shown, "default via 192.168.1.254 dev net1 \n");
    net.check(&c1, "net1").succeeds();
}

#[test]
fn the_main_table_may_keep_the_subnets() {
    // Older releases do not know the key.
    if lacks_release("1.9.2") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    c1.sh("ip route append default via 192.168.1.1 dev net1
         ip route add 10.99.0.0/16 dev net1 scope link
         ip route add fd01::/64 dev net1
         ip route add fd05::/64 via fd00::5 dev net1");
    let net = network(&host, json!({ "addSourceHints": true }), dual());
    difference("sbr-hints-keep", || {
        net.add(&c1, "net1").succeeds();
        c1.shows(expect![[r#"
            link far1 up
            link net1 up
            addr 192.168.1.209/24 dev net1
            addr fd00::10/64 dev net1
            route default via 192.168.1.1 dev net1 table 100
            route default via fd00::1 dev net1 table 101
            route 10.99.0.0/16 dev net1 scope link
            route 10.99.0.0/16 dev net1 table 100 scope link
            route 192.168.1.0/24 dev net1 scope link src 192.168.1.209
            route 192.168.1.0/24 dev net1 table 100 scope link
            route fd00::/64 dev net1 src fd00::10
            route fd00::/64 dev net1 table 101
            route fd01::/64 dev net1
            route fd01::/64 dev net1 table 101
            route fd05::/64 via fd00::5 dev net1 table 101
            rule 32765 from 192.168.1.209 lookup 100
            rule 32765 from fd00::10 lookup 101
        "#]]);
        assert_eq!(c1.sh("ip -6 route show table main | grep -c 'fe80::/64 dev net1'"), "1\n");
        net.check(&c1, "net1").succeeds();
    });
}

/// Metrics, several next hops, and what has no way but the link itself.
#[test]
fn routes_keep_what_they_have() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    c1.sh(
        "ip route add 10.1.0.0/16 via 192.168.1.7 dev net1 metric 7 mtu 1300 advmss 1200 proto static
         ip route add 10.2.0.0/16 via 172.16.0.1 dev net1 onlink
         ip route add 10.3.0.0/16 nexthop via 192.168.1.8 dev net1 nexthop via 192.168.1.9 dev net1 weight 3
         ip -6 route add fd07::/64 metric 9 nexthop via fd00::8 dev net1 nexthop via fd00::9 dev net1
         ip route add 10.4.0.0/16 nexthop via 192.168.1.8 dev net1 nexthop via 10.1.2.9 dev eth0",
    );
    let net = network(&host, json!({}), dual());
    difference("sbr-every-route", || {
        net.add(&c1, "net1").succeeds();
        c1.shows(expect![[r#"
            link far1 up
            link net1 up
            addr 192.168.1.209/24 dev net1
            addr fd00::10/64 dev net1
            route default via 192.168.1.1 dev net1 table 100
            route default via fd00::1 dev net1 table 101
            route 10.1.0.0/16 via 192.168.1.7 dev net1 table 100 metric 7 advmss 1200 mtu 1300
            route 10.2.0.0/16 via 172.16.0.1 dev net1 table 100 onlink
            route 10.3.0.0/16 nexthop via 192.168.1.8 dev net1 nexthop via 192.168.1.9 dev net1 table 100
            route 10.4.0.0/16 nexthop via 192.168.1.8 dev net1 nexthop via 10.1.2.9 dev eth0
            route 192.168.1.0/24 dev net1 table 100 scope link
            route fd00::/64 dev net1 table 101
            route fd07::/64 nexthop via fd00::8 dev net1 nexthop via fd00::9 dev net1 table 101 metric 9
            rule 32765 from 192.168.1.209 lookup 100
            rule 32765 from fd00::10 lookup 101
        "#]]);
        assert_eq!(c1.sh("ip route show table 100 10.3.0.0/16 | grep -c 'weight 3'"), "1\n");
        assert_eq!(
            c1.sh("ip route show table 100 proto static"),
            "10.1.0.0/16 via 192.168.1.7 dev net1 metric 7 mtu 1300 advmss 1200 \n"
        );
    });
}
