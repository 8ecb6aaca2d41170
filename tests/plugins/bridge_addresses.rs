//! bridge: what comes from the IPAM plugin: several addresses, routes, DNS.

use cni_testkit::{Host, difference, lacks_release};
use expect_test::expect;
use serde_json::json;

use crate::networks::{bridge, dual_stack};

/// One IPv4 and two IPv6 subnets: all addresses, all gateways, one default route per family.
#[test]
fn several_subnets_of_a_family_are_possible() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "ranges": [
        [{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }], [{ "subnet": "fd00:2::/64" }]
    ]});
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": ipam }));
    net.add(&c1, "eth0").succeeds().result_is("bridge/several-subnets");
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        addr fd00:2::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
        route fd00:2::/64 dev eth0
    "#]]);
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        addr fd00:1::1/64 dev cni0
        addr fd00:2::1/64 dev cni0
        route 10.1.2.0/24 dev cni0 scope link
        route fd00:1::/64 dev cni0
        route fd00:2::/64 dev cni0
    "#]]);
    net.check(&c1, "eth0").succeeds();
    c1.reaches(&host, "[fd00:2::1]:80");
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// Routes go through their own gateway, or else through that of their family.
#[test]
fn routes_of_the_ipam_plugin_are_installed() {
    let host = Host::new();
    let c1 = host.container("c1");
    let mut ipam = dual_stack();
    ipam["routes"] = json!([
        { "dst": "10.9.0.0/16" },
        { "dst": "10.8.0.0/16", "gw": "10.1.2.200" },
        { "dst": "fd00:9::/64" },
    ]);
    let net = bridge(&host, json!({ "isGateway": true, "ipam": ipam }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route 10.8.0.0/16 via 10.1.2.200 dev eth0
        route 10.9.0.0/16 via 10.1.2.1 dev eth0
        route fd00:1::/64 dev eth0
        route fd00:9::/64 via fd00:1::1 dev eth0
    "#]]);
    if !lacks_release("1.2.0") {
        net.check(&c1, "eth0").succeeds();
    }
}

/// The reference adds a second default route when the first one names no gateway, and fails.
#[test]
fn a_default_route_of_the_ipam_plugin_is_enough() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24",
                       "routes": [{ "dst": "0.0.0.0/0" }] });
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": ipam }));
    difference("bridge-default-route-once", || {
        net.add(&c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.2/24 dev eth0
            route default via 10.1.2.1 dev eth0
            route 10.1.2.0/24 dev eth0 scope link
        "#]]);
    });
}

/// A default route through another gateway is left to it.
#[test]
fn a_default_route_with_its_own_gateway_stays() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24",
                       "routes": [{ "dst": "0.0.0.0/0", "gw": "10.1.2.99" }] });
    bridge(&host, json!({ "isDefaultGateway": true, "ipam": ipam })).add(&c1, "eth0").succeeds();
    let default = c1.exec(&["ip", "route", "show", "default"]);
    assert_eq!(default.trim(), "default via 10.1.2.99 dev eth0");
}

/// The same route twice is the mistake of the IPAM plugin's configuration.
#[test]
fn a_route_the_kernel_refuses_fails_the_attachment() {
    let host = Host::new();
    let (c0, c1) = (host.container("c0"), host.container("c1"));
    let route = json!({ "dst": "10.9.0.0/16" });
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24", "routes": [route, route] });
    let net = bridge(&host, json!({ "isGateway": true, "ipam": ipam }));
    net.with_config("ipam", json!({ "type": "host-local", "subnet": "10.1.2.0/24" }))
        .add(&c0, "eth0")
        .succeeds();
    let before = host.world();
    net.add(&c1, "eth0").fails_with(999, "failed to add route '{10.9.0.0 ");
    difference("bridge-failed-add-leaves-nothing", || assert_eq!(host.world(), before));
}

/// DNS comes from the IPAM plugin unless the configuration has any, an empty list included.
#[test]
fn dns_of_the_configuration_replaces_that_of_the_ipam_plugin() {
    if lacks_release("1.2.0") {
        return;
    }
    let host = Host::new();
    host.sh("printf 'nameserver 10.0.0.53\\nsearch ipam.example\\n' >/run/resolv.conf");
    let mut ipam = dual_stack();
    ipam["resolvConf"] = json!("/run/resolv.conf");
    let of_ipam = json!({ "nameservers": ["10.0.0.53"], "search": ["ipam.example"] });
    for (number, (dns, expected)) in [
        (json!(null), of_ipam.clone()),
        (json!({}), of_ipam.clone()),
        (json!({ "nameservers": null }), of_ipam),
        (json!({ "domain": "a.example" }), json!({ "domain": "a.example" })),
        (json!({ "options": ["ndots:1"] }), json!({ "options": ["ndots:1"] })),
        (json!({ "search": [] }), json!(null)),
    ]
    .into_iter()
    .enumerate()
    {
        let container = host.container(&format!("c{number}"));
        let net = bridge(&host, json!({ "ipam": ipam, "dns": dns }));
        let result = net.add(&container, "eth0").succeeds().result();
        assert_eq!(result["dns"], expected, "configured {dns}");
    }
}

/// Interfaces that the IPAM plugin may report are not ours.
#[test]
fn every_address_belongs_to_the_containers_interface() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipam": dual_stack() }));
    let result = net.add(&c1, "eth0").succeeds().result();
    let addresses = result["ips"].as_array().expect("addresses");
    assert_eq!(addresses.len(), 2);
    assert!(addresses.iter().all(|ip| ip["interface"] == 2), "{result}");
}
