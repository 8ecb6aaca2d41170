//! ptp: what comes from the IPAM plugin: several addresses, routes, DNS, single addresses.

use cni_testkit::{Host, difference, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::{dual_stack, ptp};

/// The key `ipam` with these addresses, each with its gateway.
fn fixed(addresses: &[(&str, &str)], routes: &Value) -> Value {
    let addresses: Vec<Value> = addresses
        .iter()
        .map(|(address, gateway)| json!({ "address": address, "gateway": gateway }))
        .collect();
    json!({ "type": "static", "addresses": addresses, "routes": routes })
}

/// Routes go through their own gateway, or else through that of their family.
#[test]
fn routes_of_the_ipam_plugin_are_installed() {
    let host = Host::new();
    let c1 = host.container("c1");
    let routes = json!([
        { "dst": "0.0.0.0/0" },
        { "dst": "10.9.0.0/16" },
        { "dst": "10.8.0.0/16", "gw": "10.1.2.200" },
        { "dst": "192.168.7.7/32" },
        { "dst": "fd00:9::/64" },
    ]);
    let ipam = fixed(&[("10.1.2.3/24", "10.1.2.1"), ("fd00:1::3/66", "fd00:1::1")], &routes);
    let net = ptp(&host, json!({ "ipam": ipam }));
    net.add(&c1, "eth0").succeeds().result_is("ptp/routes");
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.3/24 dev eth0
        addr fd00:1::3/66 dev eth0
        route default via 10.1.2.1 dev eth0
        route 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.3
        route 10.1.2.1 dev eth0 scope link src 10.1.2.3
        route 10.8.0.0/16 via 10.1.2.200 dev eth0
        route 10.9.0.0/16 via 10.1.2.1 dev eth0
        route 192.168.7.7 via 10.1.2.1 dev eth0
        route fd00:1::/66 via fd00:1::1 dev eth0 src fd00:1::3
        route fd00:1::1 dev eth0 src fd00:1::3
        route fd00:9::/64 via fd00:1::1 dev eth0
    "#]]);
    c1.reaches(&host, "[fd00:1::1]:80");
    if !lacks_release("1.2.0") {
        net.check(&c1, "eth0").succeeds();
    }
}

/// The gateway is a neighbour even if it is in none of the container's subnets.
#[test]
fn a_gateway_can_be_outside_the_subnet() {
    let host = Host::new();
    let c1 = host.container("c1");
    let routes = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    let ipam = fixed(&[("10.1.2.3/24", "169.254.1.1"), ("fd00:1::3/64", "fd00:9::1")], &routes);
    let net = ptp(&host, json!({ "ipam": ipam }));
    difference("ptp-gateway-anywhere", || {
        net.add(&c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.3/24 dev eth0
            addr fd00:1::3/64 dev eth0
            route default via 169.254.1.1 dev eth0
            route default via fd00:9::1 dev eth0
            route 10.1.2.0/24 via 169.254.1.1 dev eth0 src 10.1.2.3
            route 169.254.1.1 dev eth0 scope link src 10.1.2.3
            route fd00:1::/64 via fd00:9::1 dev eth0 src fd00:1::3
            route fd00:9::1 dev eth0 src fd00:1::3
        "#]]);
        c1.reaches(&host, "169.254.1.1:80");
        c1.reaches(&host, "[fd00:9::1]:80");
        net.check(&c1, "eth0").succeeds();
    });
}

/// A single address has no subnet, which the reference does not expect of IPv4.
#[test]
fn single_addresses_are_possible() {
    let host = Host::new();
    let c1 = host.container("c1");
    let routes = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    let ipam = fixed(&[("10.1.2.3/32", "10.1.2.1"), ("fd00:1::3/128", "fd00:1::1")], &routes);
    let net = ptp(&host, json!({ "ipam": ipam }));
    difference("ptp-single-addresses", || {
        net.add(&c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.3/32 dev eth0
            addr fd00:1::3/128 dev eth0
            route default via 10.1.2.1 dev eth0
            route default via fd00:1::1 dev eth0
            route 10.1.2.1 dev eth0 scope link src 10.1.2.3
            route 10.1.2.3 via 10.1.2.1 dev eth0 src 10.1.2.3
            route fd00:1::1 dev eth0 src fd00:1::3
            route fd00:1::3 via fd00:1::1 dev eth0 src fd00:1::3
        "#]]);
        c1.reaches(&host, "10.1.2.1:80");
        host.reaches(&c1, "[fd00:1::3]:80");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    });
}

/// A single IPv6 address works with the reference, too.
#[test]
fn a_single_ipv6_address_has_a_route_like_a_subnet() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = fixed(&[("fd00:1::3/128", "fd00:1::1")], &json!([]));
    ptp(&host, json!({ "ipam": ipam })).add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr fd00:1::3/128 dev eth0
        route fd00:1::1 dev eth0 src fd00:1::3
        route fd00:1::3 via fd00:1::1 dev eth0 src fd00:1::3
    "#]]);
}

/// The second one shares gateway and routes with the first.
#[test]
fn several_addresses_of_a_subnet_are_possible() {
    let host = Host::new();
    let c1 = host.container("c1");
    let addresses = [
        ("10.1.2.3/24", "10.1.2.1"),
        ("10.1.2.4/24", "10.1.2.1"),
        ("fd00:1::3/64", "fd00:1::1"),
        ("fd00:1::4/64", "fd00:1::1"),
    ];
    let net = ptp(&host, json!({ "ipam": fixed(&addresses, &json!([])) }));
    difference("ptp-addresses-of-one-subnet", || {
        net.add(&c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.3/24 dev eth0
            addr 10.1.2.4/24 dev eth0
            addr fd00:1::3/64 dev eth0
            addr fd00:1::4/64 dev eth0
            route 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.3
            route 10.1.2.1 dev eth0 scope link src 10.1.2.3
            route fd00:1::/64 via fd00:1::1 dev eth0 src fd00:1::3
            route fd00:1::1 dev eth0 src fd00:1::3
        "#]]);
        host.shows(expect![[r#"
            link <veth:1> up
            addr 10.1.2.1/32 dev <veth:1>
            addr fd00:1::1/128 dev <veth:1>
            route 10.1.2.3 dev <veth:1> scope host
            route 10.1.2.4 dev <veth:1> scope host
            route fd00:1::1 dev <veth:1>
            route fd00:1::3 dev <veth:1>
            route fd00:1::4 dev <veth:1>
        "#]]);
        for address in ["10.1.2.3:80", "10.1.2.4:80", "[fd00:1::3]:80", "[fd00:1::4]:80"] {
            host.reaches(&c1, address);
        }
        net.check(&c1, "eth0").succeeds();
    });
}

#[test]
fn several_subnets_of_a_family_are_possible() {
    let host = Host::new();
    let c1 = host.container("c1");
    let addresses = [("10.1.2.3/24", "10.1.2.1"), ("10.1.3.3/24", "10.1.3.1")];
    let net = ptp(&host, json!({ "ipam": fixed(&addresses, &json!([])) }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.3/24 dev eth0
        addr 10.1.3.3/24 dev eth0
        route 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.3
        route 10.1.2.1 dev eth0 scope link src 10.1.2.3
        route 10.1.3.0/24 via 10.1.3.1 dev eth0 src 10.1.3.3
        route 10.1.3.1 dev eth0 scope link src 10.1.3.3
    "#]]);
    host.reaches(&c1, "10.1.3.3:80");
    c1.reaches(&host, "10.1.3.1:80");
    net.check(&c1, "eth0").succeeds();
}

/// The IPAM plugin's own route to the subnet stays, and only the kernel's goes.
#[test]
fn a_route_to_the_subnet_can_be_the_ipam_plugins() {
    let host = Host::new();
    let c1 = host.container("c1");
    let routes = json!([{ "dst": "10.1.2.0/24" }, { "dst": "fd00:1::/64", "priority": 9 }]);
    let ipam = fixed(&[("10.1.2.3/24", "10.1.2.1"), ("fd00:1::3/64", "fd00:1::1")], &routes);
    let net = ptp(&host, json!({ "ipam": ipam }));
    difference("ptp-route-to-own-subnet", || {
        net.add(&c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.3/24 dev eth0
            addr fd00:1::3/64 dev eth0
            route 10.1.2.0/24 via 10.1.2.1 dev eth0
            route 10.1.2.1 dev eth0 scope link src 10.1.2.3
            route fd00:1::/64 via fd00:1::1 dev eth0 metric 9
            route fd00:1::/64 via fd00:1::1 dev eth0 src fd00:1::3
            route fd00:1::1 dev eth0 src fd00:1::3
        "#]]);
        c1.reaches(&host, "10.1.2.1:80");
        net.check(&c1, "eth0").succeeds();
    });
}

/// Somebody else's route to the container's address is theirs.
#[test]
fn a_route_that_the_host_has_stays() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("ip link set lo up; ip route add 10.1.2.2/32 dev lo");
    ptp(&host, json!({})).add(&c1, "eth0").succeeds();
    let route = host.exec(&["ip", "route", "show", "10.1.2.2"]);
    assert_eq!(route.trim(), "10.1.2.2 dev lo scope link");
}

/// DNS comes from the IPAM plugin unless the configuration has any, an empty list included.
#[test]
fn dns_of_the_configuration_replaces_that_of_the_ipam_plugin() {
    if lacks_release("1.2.0") {
        return;
    }
    let host = Host::new();
    let mut ipam = fixed(&[("10.1.2.3/24", "10.1.2.1")], &json!([]));
    ipam["dns"] = json!({ "nameservers": ["10.0.0.53"], "search": ["ipam.example"] });
    let of_ipam = ipam["dns"].clone();
    for (number, (dns, expected)) in [
        (json!(null), of_ipam.clone()),
        (json!({}), of_ipam.clone()),
        (json!({ "nameservers": null }), of_ipam),
        (json!({ "domain": "a.example" }), json!({ "domain": "a.example" })),
        (json!({ "options": ["ndots:1"] }), json!({ "options": ["ndots:1"] })),
        (json!({ "nameservers": [], "search": [], "options": [] }), json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let container = host.container(&format!("c{number}"));
        let net = ptp(&host, json!({ "ipam": ipam, "dns": dns }));
        let result = net.add(&container, "eth0").succeeds().result();
        assert_eq!(result["dns"], expected, "configured {dns}");
        net.del(&container, "eth0").succeeds();
    }
}

/// What an address without a gateway lacks is told before anything is configured.
#[test]
fn a_gateway_is_needed() {
    for (address, gateway, msg) in [
        (
            "10.1.2.3/24",
            json!(null),
            "IPAM plugin returned no gateway for 10.1.2.3/24, and ptp cannot do without",
        ),
        (
            "fd00:1::3/64",
            json!(null),
            "IPAM plugin returned no gateway for fd00:1::3/64, and ptp cannot do without",
        ),
        (
            "10.1.2.3/24",
            json!("fd00:1::1"),
            "IPAM plugin returned gateway fd00:1::1 of another family for 10.1.2.3/24",
        ),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let ipam = json!({ "type": "static",
                           "addresses": [{ "address": address, "gateway": gateway }] });
        let before = host.world();
        difference("ptp-gateway-needed", || {
            ptp(&host, json!({ "ipam": ipam })).add(&c1, "eth0").fails(999, msg);
            assert_eq!(host.world(), before);
            assert_eq!(c1.shown(), "");
        });
    }
}

/// A container without IPv6 gets it for the addresses it is given.
#[test]
fn ipv6_is_switched_on_in_the_container() {
    let host = Host::new();
    let c1 = host.container("c1");
    c1.sh("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
           echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6");
    ptp(&host, json!({ "ipam": dual_stack() })).add(&c1, "eth0").succeeds();
    c1.reaches(&host, "[fd00:1::1]:80");
}
