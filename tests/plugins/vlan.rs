//! vlan: attachments and what is on the wire, where the kernel has VLAN interfaces.

use std::time::Duration;

use cni_testkit::{
    Blocked, Feature, Host, Outside, difference, lacks, lacks_release, lacks_version,
};
use expect_test::expect;
use serde_json::{Value, json};

use crate::links::link;
use crate::masters::on_outside;

/// The outside with its addresses in VLAN 10; it is deaf to frames without a tag.
fn tagged_outside(host: &Host) -> Outside {
    let outside = host.outside();
    outside.sh("ip link add link eth0 name tagged type vlan id 10
         ip addr flush dev eth0
         ip addr add 192.0.2.2/24 dev tagged
         ip addr add 2001:db8::2/64 dev tagged nodad
         ip link set tagged up");
    outside.rebase();
    outside
}

#[test]
fn uml_an_attachment_is_an_interface_of_its_vlan() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let outside = tagged_outside(&host);
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    let added = net.add(&c1, "eth0").succeeds().result_is("vlan/dual-stack");
    let mac = link(&host, "outside")["address"].clone();
    assert_eq!(added.result()["interfaces"][0]["mac"], mac, "that of the master");
    let made = link(&c1, "eth0")["linkinfo"].clone();
    assert_eq!(made["info_kind"], "vlan");
    assert_eq!(made["info_data"]["id"], 10);
    assert_eq!(made["info_data"]["protocol"], "802.1Q");
    assert_eq!(made["info_data"]["flags"], json!(["REORDER_HDR"]));
    c1.shows(expect![[r#"
        link eth0 up
        addr 192.0.2.10/24 dev eth0
        addr 2001:db8::10/64 dev eth0
        route default via 192.0.2.1 dev eth0
        route default via 2001:db8::1 dev eth0
        route 192.0.2.0/24 dev eth0 scope link
        route 2001:db8::/64 dev eth0
    "#]]);
    host.shows(expect![[""]]);
    c1.reaches(&outside, "192.0.2.2:80");
    c1.reaches(&outside, "[2001:db8::2]:80");
    outside.reaches(&c1, "192.0.2.10:80");
    host.cannot_reach(&outside, "192.0.2.2:80", Blocked::Silently);

    // Another VLAN is another wire, and one without an id only says how urgent its frames are.
    let other = net.with_config("vlanId", json!(11));
    other.add(&c2, "eth0").succeeds();
    c2.cannot_reach(&outside, "192.0.2.2:80", Blocked::Silently);
    let dns = json!({ "domain": "a.example" });
    let priority = net.with_config("vlanId", json!(null)).with_config("dns", dns.clone());
    let result = priority.add(&c2, "eth1").succeeds().result();
    assert_eq!(result["dns"], dns, "that of the network");
    assert_eq!(link(&c2, "eth1")["linkinfo"]["info_data"]["id"], 0);
    priority.check(&c2, "eth1").succeeds();
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    assert!(!host.world().contains("192.0.2.10"), "the lease is kept");
    other.check(&c2, "eth0").succeeds();
}

/// The same attachment told in every version of the specification.
#[test]
fn uml_every_version_gets_its_own_document() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "routes": [{ "dst": "0.0.0.0/0" }],
        "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }],
        "dns": { "domain": "dropped.example" } });
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("vlan", version) {
            continue;
        }
        let keys = json!({ "cniVersion": version, "vlanId": 4094, "ipam": ipam });
        let net = on_outside(&host, "vlan", keys);
        net.add(&c1, "eth0").succeeds().result_is(&format!("vlan/static-{version}"));
        net.del(&c1, "eth0").succeeds();
    }
    c1.shows(expect![[""]]);
}

/// The reference waits for the end of duplicate address detection, and tells the neighbours
/// nothing.
#[test]
fn uml_addresses_are_announced_and_not_waited_for() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    difference("vlan-without-detection", || {
        let elapsed = net.add(&c1, "eth0").succeeds().elapsed();
        assert!(elapsed < Duration::from_millis(900), "{elapsed:?}");
        let addresses = c1.exec(&["ip", "-6", "addr", "show", "dev", "eth0", "scope", "global"]);
        assert!(!addresses.contains("tentative"), "{addresses}");
    });
    difference("vlan-announcement", || {
        let set = c1.sh("cat /proc/sys/net/ipv4/conf/eth0/arp_notify
                         cat /proc/sys/net/ipv6/conf/eth0/ndisc_notify");
        assert_eq!(set, "1\n1\n");
    });
}

/// The reference makes the interface and then misses the IPAM plugin.
#[test]
fn uml_without_ipam_it_is_a_link_and_nothing_else() {
    if lacks(Feature::Vlan) {
        return;
    }
    difference("vlan-layer-2", || {
        let host = Host::new();
        let outside = tagged_outside(&host);
        let c1 = host.container("c1");
        let net = on_outside(&host, "vlan", json!({ "vlanId": 10, "ipam": {} }));
        net.add(&c1, "eth0").succeeds().result_is("vlan/layer2");
        c1.shows(expect![[r#"
            link eth0 up
        "#]]);
        c1.exec(&["ip", "addr", "add", "192.0.2.77/24", "dev", "eth0"]);
        c1.reaches(&outside, "192.0.2.2:80");
        net.check(&c1, "eth0").succeeds().silent();
        net.status().succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        c1.shows(expect![[""]]);
    });
}

#[test]
fn uml_the_mtu_is_at_most_the_masters() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    host.sh("ip link set outside mtu 1450");
    for (mtu, found) in [(0, 1450), (1400, 1400), (1450, 1450)] {
        let net = net.with_config("mtu", json!(mtu));
        net.add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1, "eth0")["mtu"], found);
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    }
}

/// A previous plugin has given the container an interface, on which the new one is made.
#[test]
fn uml_the_master_can_be_in_the_container() {
    if lacks(Feature::Vlan) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    c1.sh(&format!("ip link add name outside type veth peer name eth0 netns {}", c2.netns_path()));
    c1.sh("ip link set outside up");
    c2.sh("ip link set eth0 up
         ip link add link eth0 name tagged up type vlan id 10
         ip addr add 192.0.2.2/24 dev tagged");
    c1.rebase();
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10, "linkInContainer": true }));
    net.add(&c1, "eth0").succeeds();
    c2.reaches(&c1, "192.0.2.10:80");
    net.check(&c1, "eth0").succeeds();
    net.status().succeeds();
    net.add(&c1, "eth0").fails(999, r#"failed to rename vlan to "eth0": file exists"#);
    net.add(&c1, "eth1").fails(999, "failed to create vlan: file exists");
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
    let absent = net.with_config("master", json!("absent"));
    absent.add(&c1, "eth0").fails(999, "Link not found");
    c1.shows(expect![[""]]);
}

/// An `eth0` of the host is no obstacle, and may be the master; older kernels need a detour.
#[test]
fn uml_the_hosts_own_interface_may_have_the_name() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    host.sh("ip link add name eth0 up type bridge");
    let net = on_outside(&host, "vlan", json!({ "master": "eth0", "vlanId": 10 }));
    net.add(&c1, "eth0").succeeds();
    let before = c1.shown();
    // The same VLAN twice on one master is the one thing that several containers cannot have.
    net.add(&c2, "eth0").fails(999, "failed to create vlan: file exists");
    c2.shows(expect![[""]]);
    let other: Value = json!(11);
    let again = net.with_config("vlanId", other).add(&c1, "eth0");
    again.fails(999, r#"failed to rename vlan to "eth0": file exists"#);
    difference("vlan-failed-add-leaves-nothing", || {
        assert_eq!(c1.shown(), before);
        assert!(!host.world().contains("192.0.2.11"), "a lease is kept");
    });
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
}
