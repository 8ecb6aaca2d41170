//! bridge: the gateway addresses on it, forwarding, and its hardware address.

use cni_testkit::{Host, against_reference, difference};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

fn forwarding(host: &Host) -> [String; 2] {
    ["ipv4/ip_forward", "ipv6/conf/all/forwarding"]
        .map(|name| host.exec(&["cat", &format!("/proc/sys/net/{name}")]).trim().to_owned())
}

fn mac(host: &Host, link: &str) -> Value {
    let links = host.exec(&["ip", "-j", "link", "show", link]);
    let links: Value = serde_json::from_str(&links).expect("ip -j prints JSON");
    links[0]["address"].clone()
}

fn subnet(subnet: &str, gateway: &str) -> Value {
    json!({ "type": "host-local", "subnet": subnet, "gateway": gateway })
}

/// Forwarding is switched on for the families that have a gateway here, and only for them.
#[test]
fn forwarding_follows_the_gateways() {
    for (keys, expected) in [
        (json!({}), ["0", "0"]),
        (json!({ "isGateway": true }), ["1", "0"]),
        (
            json!({ "isGateway": true, "ipam": { "type": "host-local", "subnet": "fd00:1::/64" } }),
            ["0", "1"],
        ),
        (json!({ "isDefaultGateway": true, "ipam": dual_stack() }), ["1", "1"]),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        bridge(&host, keys.clone()).add(&c1, "eth0").succeeds();
        assert_eq!(forwarding(&host), expected, "{keys}");
    }
}

/// A gateway without routes: `isGateway` does not promise a way out.
#[test]
fn a_gateway_is_no_default_route() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true }));
    let result = net.add(&c1, "eth0").succeeds().result();
    assert_eq!(result["routes"], Value::Null);
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
    "#]]);
    c1.reaches(&host, "10.1.2.1:80");
}

/// Without `isGateway` the gateway of the IPAM plugin is reported, but is somebody else.
#[test]
fn a_bridge_that_is_no_gateway_has_no_address() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = bridge(&host, json!({})).add(&c1, "eth0").succeeds().result();
    assert_eq!(result["ips"][0]["gateway"], "10.1.2.1");
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
    "#]]);
}

/// Nobody waits for duplicate address detection: the gateway answers from the first moment.
#[test]
fn an_ipv6_gateway_is_there_at_once() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true, "ipam": dual_stack() }));
    net.add(&c1, "eth0").succeeds();
    difference("bridge-gateway-without-detection", || {
        let tentative = ["ip", "-6", "addr", "show", "dev", "cni0", "scope", "global", "tentative"];
        assert_eq!(host.exec(&tentative), "");
    });
}

/// Another IPv4 address on the bridge is a mistake, unless the user insists.
#[test]
fn a_conflicting_ipv4_address_is_replaced_by_force_only() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    bridge(&host, json!({ "isGateway": true, "ipam": subnet("10.0.0.0/8", "10.0.0.1") }))
        .add(&c1, "eth0")
        .succeeds();
    let keys =
        json!({ "name": "net2", "isGateway": true, "ipam": subnet("10.1.0.0/16", "10.1.2.3") });
    let other = bridge(&host, keys);
    let before = host.world();
    other.add(&c2, "eth0").fails(
        999,
        r#"failed to set bridge addr: "cni0" already has an IP address different from 10.1.2.3/16"#,
    );
    difference("bridge-failed-add-leaves-nothing", || assert_eq!(host.world(), before));
    if against_reference() {
        drop(other.del(&c2, "eth0").succeeds());
    }
    other.with_config("forceAddress", json!(true)).add(&c2, "eth0").succeeds();
    let addresses = host.exec(&["ip", "-o", "-4", "addr", "show", "cni0"]);
    assert!(addresses.contains("10.1.2.3/16") && !addresses.contains("10.0.0.1"), "{addresses}");
}

/// IPv6 addresses conflict only where their networks overlap.
#[test]
fn ipv6_addresses_coexist_unless_they_overlap() {
    let host = Host::new();
    let containers = ["c1", "c2", "c3"].map(|name| host.container(name));
    let net = |name: &str, ipam: Value| {
        bridge(&host, json!({ "name": name, "isGateway": true, "ipam": ipam }))
    };
    net("net1", subnet("2001:db8:1::/64", "2001:db8:1::1")).add(&containers[0], "eth0").succeeds();
    net("net2", subnet("2001:db8:2::/64", "2001:db8:2::1")).add(&containers[1], "eth0").succeeds();
    let wide = net("net3", subnet("2001:db8::/32", "2001:db8::1"));
    wide.add(&containers[2], "eth0").fails_with(
        999,
        r#"failed to set bridge addr: "cni0" already has an IP address different from 2001:db8::1/32"#,
    );
    wide.del(&containers[2], "eth0").succeeds();
    wide.with_config("forceAddress", json!(true)).add(&containers[2], "eth0").succeeds();
    let addresses = host.exec(&["ip", "-o", "-6", "addr", "show", "cni0", "scope", "global"]);
    assert_eq!(addresses.lines().count(), 1, "{addresses}");
    assert!(addresses.contains("2001:db8::1/32"), "{addresses}");
}

/// The hardware address of a gateway is pinned: ports come and go, neighbours need not learn.
#[test]
fn a_gateway_keeps_its_hardware_address() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true }));
    // A port with a lower address than any bridge would take over without pinning.
    let result =
        net.with_args("IgnoreUnknown=1;MAC=02:00:00:00:00:02").add(&c1, "eth0").succeeds().result();
    let pinned = mac(&host, "cni0");
    assert_eq!(result["interfaces"][0]["mac"], pinned);
    host.sh("ip link add low address 02:00:00:00:00:01 type veth peer name low2
             ip link set low master cni0");
    assert_eq!(mac(&host, "cni0"), pinned);
    net.add(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    net.del(&c2, "eth0").succeeds();
    host.exec(&["ip", "link", "del", "low"]);
    assert_eq!(mac(&host, "cni0"), pinned);
}

/// A bridge that has lost its last port has no hardware address to pin; one is found anyway.
#[test]
fn a_bridge_without_hardware_address_becomes_a_gateway() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let switch = bridge(&host, json!({ "ipam": {} }));
    switch.add(&c1, "eth0").succeeds();
    switch.del(&c1, "eth0").succeeds();
    assert_eq!(mac(&host, "cni0"), "00:00:00:00:00:00");
    difference("bridge-without-mac", || {
        let net = bridge(&host, json!({ "isGateway": true }));
        net.add(&c2, "eth0").succeeds();
        let pinned = mac(&host, "cni0");
        assert_ne!(pinned, "00:00:00:00:00:00");
        net.check(&c2, "eth0").succeeds();
        c2.reaches(&host, "10.1.2.1:80");
        net.del(&c2, "eth0").succeeds();
        assert_eq!(mac(&host, "cni0"), pinned);
    });
}

/// The gateway of an IPAM plugin that names none is the first address of the network.
#[test]
fn a_missing_gateway_is_the_first_address() {
    let host = Host::new();
    let c1 = host.container("c1");
    let plugins = tempfile::tempdir().expect("a directory for a plugin");
    let script = "#!/bin/sh\\n[ $CNI_COMMAND = ADD ] && echo '{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.1.2.77/24\"}]}'\\nexit 0\\n";
    let file = plugins.path().join("some-ipam");
    host.sh(&format!(
        "printf '{}' >{file}; chmod +x {file}",
        script.replace('\'', "'\\''"),
        file = file.display()
    ));
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": { "type": "some-ipam" } }));
    let path = plugins.path().display().to_string();
    let result = net.with_env("CNI_PATH", &path).add(&c1, "eth0").succeeds().result();
    assert_eq!(result["ips"][0]["gateway"], "10.1.2.1");
    c1.reaches(&host, "10.1.2.1:80");
}
