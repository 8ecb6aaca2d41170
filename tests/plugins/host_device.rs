//! host-device: a device goes into a container and comes home.

use std::time::Duration;

use cni_testkit::{Host, Network, difference, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

/// The hardware address of the device `hd0`.
const MAC: &str = "02:00:00:00:00:01";

/// A host with the device `hd0`, a cable from it, and its far end `wire`: 10.1.2.1 and fd00:1::1.
pub fn host_with_device() -> Host {
    let host = Host::new();
    plug_in(&host);
    host
}

/// Gives the host the device `hd0`.
pub fn plug_in(host: &Host) {
    host.sh(&format!(
        "ip link add hd0 address {MAC} type veth peer name wire address 02:00:00:00:00:02
         ip link set wire up
         ip addr add 10.1.2.1/24 dev wire; ip addr add fd00:1::1/64 dev wire nodad"
    ));
}

/// The network `net1` without addresses, with these keys added or replaced.
pub fn network(host: &Host, keys: Value) -> Network<'_> {
    let mut config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "host-device" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// The network of the device `hd0` with one address of each family.
pub fn with_addresses(host: &Host) -> Network<'_> {
    network(
        host,
        json!({ "device": "hd0", "ipam": { "type": "host-local", "ranges": [
            [{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]
        ], "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }] } }),
    )
}

/// The first release that moves devices by way of a third namespace, and clears the alias.
pub const RECENT: &str = "1.6.0";

/// Demands that nothing tells of the container any more.
fn has_no_alias(host: &Host) {
    if !lacks_release(RECENT) {
        let link = host.exec(&["ip", "link", "show", "hd0"]);
        assert!(!link.contains("alias"), "{link}");
    }
}

#[test]
fn a_device_goes_and_comes_home() {
    let host = host_with_device();
    let before = host.world();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "device": "hd0", "dns": { "domain": "ignored" } }));
    let result = net.add(&c1, "eth0").succeeds().result_is("host-device/layer2").result();
    assert_eq!(result["interfaces"][0]["mac"], MAC);
    c1.shows(expect![[r#"
        link eth0 up
    "#]]);
    assert!(!host.shown().contains("hd0"), "{}", host.shown());
    assert_eq!(c1.exec(&["cat", "/proc/sys/net/ipv6/conf/eth0/accept_dad"]), "1\n");
    assert!(c1.exec(&["ip", "link", "show", "eth0"]).contains("alias hd0"));
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    assert_eq!(host.world(), before);
    has_no_alias(&host);
}

#[test]
fn addresses_and_routes_are_those_of_the_ipam_plugin() {
    let host = host_with_device();
    let before = host.world();
    let c1 = host.container("c1");
    let net = with_addresses(&host).with_config("dns", json!({ "nameservers": ["10.1.2.1"] }));
    net.add(&c1, "eth0").succeeds().result_is("host-device/addresses");
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    c1.reaches(&host, "10.1.2.1:80");
    host.reaches(&c1, "10.1.2.2:80");
    host.reaches(&c1, "[fd00:1::2]:80");
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    host.returns_to(&before);
}

/// The addresses can be used at once; to look for duplicates takes over a second.
#[test]
fn ipv6_does_not_wait() {
    let host = host_with_device();
    let c1 = host.container("c1");
    let net = with_addresses(&host);
    difference("host-device-dad", || {
        let elapsed = net.add(&c1, "eth0").succeeds().elapsed();
        assert!(elapsed < Duration::from_secs(1), "{elapsed:?}");
        let addresses = c1.exec(&["ip", "-6", "addr", "show", "dev", "eth0", "scope", "global"]);
        assert!(!addresses.contains("tentative"), "{addresses}");
    });
}

#[test]
fn the_configuration_replaces_dns_settings() {
    let host = host_with_device();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "addresses": [{ "address": "10.1.2.9/24" }],
                       "dns": { "nameservers": ["10.0.0.1"] } });
    let net = network(&host, json!({ "device": "hd0", "ipam": ipam }));
    let result = net.add(&c1, "eth0").succeeds().result();
    assert!(matches!(&result["dns"], Value::Null | Value::Object(_)), "{result}");
    assert_eq!(result["dns"]["nameservers"], Value::Null);
}

/// Nobody knows at the time of DEL, so the device stays out of the way.
#[test]
fn a_device_that_was_up_comes_home_down() {
    let host = host_with_device();
    let c1 = host.container("c1");
    host.sh("ip link set hd0 up; ip addr add 10.9.9.9/24 dev hd0; ip link set hd0 alias uplink");
    let net = network(&host, json!({ "device": "hd0" }));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert!(host.shown().contains("link hd0 down\n"), "{}", host.shown());
    assert!(!host.shown().contains("10.9.9.9"), "{}", host.shown());
    has_no_alias(&host);
}

#[test]
fn names_on_either_side_do_not_meet() {
    if lacks_release(RECENT) {
        return;
    }
    let host = host_with_device();
    let c1 = host.container("c1");
    c1.sh("ip link add hd0 type veth peer name other; ip link set hd0 up");
    c1.rebase();
    host.sh("ip link add net1 type veth peer name more");
    let before = host.world();
    let net = network(&host, json!({ "device": "hd0" }));
    net.add(&c1, "net1").succeeds();
    c1.shows(expect![[r#"
        link net1 up
    "#]]);
    net.check(&c1, "net1").succeeds();
    net.del(&c1, "net1").succeeds();
    c1.shows(expect![[""]]);
    assert_eq!(host.world(), before);
}

/// Nothing is lost, and the next DEL succeeds.
#[test]
fn a_name_taken_on_the_host_keeps_the_device_in_the_container() {
    let host = host_with_device();
    let before = host.world();
    let c1 = host.container("c1");
    let net = with_addresses(&host);
    net.add(&c1, "eth0").succeeds();
    host.sh("ip link add hd0 type veth peer name other");
    let failure = net.del(&c1, "eth0");
    if lacks_release(RECENT) {
        drop(failure.fails_with(999, "file exists"));
    } else {
        drop(failure.fails(999, "failed to move \"hd0\" to hostNS: file exists"));
    }
    let inside = c1.exec(&["ip", "link", "show", "eth0"]);
    assert!(inside.contains(MAC) && inside.contains("state UP"), "{inside}");
    host.sh("ip link del hd0");
    net.del(&c1, "eth0").succeeds();
    host.returns_to(&before);
}

#[test]
fn a_taken_interface_name_is_refused_before_anything_is_done() {
    let host = host_with_device();
    let c1 = host.container("c1");
    c1.sh("ip link add eth0 type veth peer name other");
    c1.rebase();
    host.sh("ip link set hd0 up; ip addr add 10.9.9.9/24 dev hd0");
    let before = host.world();
    let text =
        "failed to move link failed to move \"eth0\" (host: \"hd0\") to container NS: file exists";
    difference("host-device-guards", || {
        with_addresses(&host).add(&c1, "eth0").fails(999, text);
        assert_eq!(host.world(), before);
        host.sh("ip link property add dev hd0 altname net1");
        let text =
            "failed to move link failed to rename host device \"hd0\" to \"net1\": file exists";
        with_addresses(&host).add(&c1, "net1").fails(999, text);
        assert_eq!(host.world(), before);
        // The interface is somebody else's, and the device is at home.
        with_addresses(&host).del(&c1, "eth0").succeeds();
        assert_eq!(c1.shown(), "");
    });
}

/// The device keeps its addresses when there are none for the container.
#[test]
fn without_an_address_the_device_is_not_touched() {
    let host = host_with_device();
    let c1 = host.container("c1");
    host.sh("ip link set hd0 up; ip addr add 10.9.9.9/24 dev hd0");
    let before = host.world();
    let ipam = json!({ "type": "static", "addresses": [] });
    let net = network(&host, json!({ "device": "hd0", "ipam": ipam }));
    difference("host-device-rollback", || {
        net.add(&c1, "eth0").fails(999, "IPAM plugin returned missing IP config");
        assert_eq!(host.world(), before);
    });
}

/// The kernel takes away addresses and routes by the move; all else is as before.
#[test]
fn a_failed_add_brings_the_device_home() {
    let host = host_with_device();
    let c1 = host.container("c1");
    host.sh("ip link set hd0 up alias uplink");
    let before = host.world();
    let ipam = json!({ "type": "static", "addresses": [{ "address": "10.1.2.9/24" }],
                       "routes": [{ "dst": "10.7.0.0/16", "gw": "10.99.0.1" }] });
    let net = network(&host, json!({ "device": "hd0", "ipam": ipam }));
    difference("host-device-rollback", || {
        net.add(&c1, "eth0").fails_with(999, "failed to add route");
        assert_eq!(c1.shown(), "");
        assert_eq!(host.world(), before);
        assert!(host.exec(&["ip", "link", "show", "hd0"]).contains("alias uplink"));
        net.del(&c1, "eth0").succeeds();
        assert_eq!(host.world(), before);
    });
}

/// Version 0.2.0 has no result without addresses.
#[test]
fn a_result_that_cannot_be_said_brings_the_device_home() {
    let host = host_with_device();
    let before = host.world();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "device": "hd0", "cniVersion": "0.2.0" }));
    difference("host-device-rollback", || {
        net.add(&c1, "eth0").fails(999, "cannot convert: no valid IP addresses");
        assert_eq!(host.world(), before);
    });
}

#[test]
fn check_finds_what_has_changed() {
    let host = host_with_device();
    let c1 = host.container("c1");
    let net = with_addresses(&host);
    net.add(&c1, "eth0").succeeds();
    net.without_prev_result().check(&c1, "eth0").fails(999, "Required prevResult missing");
    c1.sh("ip link set eth0 address 02:00:00:00:00:99");
    net.check(&c1, "eth0").fails(
        999,
        "Interface eth0 Mac 02:00:00:00:00:01 doesn't match container Mac: 02:00:00:00:00:99",
    );
    c1.sh(&format!("ip link set eth0 address {MAC}; ip addr del 10.1.2.2/24 dev eth0"));
    net.check(&c1, "eth0").fails(999, "Failed to match addr 10.1.2.2/24 on interface eth0");
    c1.sh("ip link set eth0 down; ip link set eth0 name eth1");
    let gone = "Container Interface name in prevResult: eth0 not found";
    net.check(&c1, "eth0").fails(999, gone);
    let c2 = host.container("c2");
    net.with_env("CNI_NETNS", c2.netns_path())
        .check(&c1, "eth0")
        .fails_with(999, "Sandbox in prevResult  doesn't match configured netns: ");
}

#[test]
fn status_and_gc_are_those_of_the_ipam_plugin() {
    if lacks_release("1.5.0") {
        return;
    }
    let host = host_with_device();
    let c1 = host.container("c1");
    let net = with_addresses(&host);
    net.add(&c1, "eth0").succeeds();
    // The device is in use, which is no fault of the node.
    net.status().succeeds().silent();
    net.gc(&[(&c1, "eth0")]).succeeds().silent();
    net.check(&c1, "eth0").succeeds();
    difference("host-device-gc", || {
        net.gc(&[]).succeeds().silent();
        net.check(&c1, "eth0").fails_with(999, "");
        let ipam = json!({ "type": "nowhere" });
        net.with_config("ipam", ipam).status().fails_with(50, "nowhere");
    });
}
