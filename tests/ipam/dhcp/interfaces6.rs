//! IPv6 for the interfaces that plugins make.

use cni_testkit::{
    Container, Feature, Network, difference, knows_nothing_of, lacks, lacks_release,
};
use expect_test::expect;
use serde_json::{Value, json};

use super::stage::{Stage, wait_for};
use super::stage6::{NAMES, ONE, ROUTER, addresses, dnsmasq, has_dynamic, router, stage};

const ONE_IPV4: &str = "--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m";

/// The bridge of the stage, and dhcp with these keys.
fn bridge(stage: &Stage, ipam: Value) -> Network<'_> {
    stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "bridge",
        "bridge": "br0", "ipam": ipam }))
}

#[test]
fn a_bridge_brings_both_families_to_the_container() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = stage();
    let _server = stage.dnsmasq(&[ONE_IPV4, ONE, NAMES]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    let net = bridge(&stage, json!({ "type": "dhcp", "ipv6": "dhcp" }));
    difference("dhcp-ipv6-both", || {
        for round in 1..3 {
            net.add(&c1, "eth0").succeeds().result_is("dhcp/bridge-both");
            c1.shows(expect![[r#"
                link eth0 up
                addr 192.168.1.5/24 dev eth0
                addr fd00:1::10/128 dev eth0
                route default via 192.168.1.1 dev eth0
                route 192.168.1.0/24 dev eth0 scope link
                route fd00:1::10 dev eth0
            "#]]);
            // The daemon extends it, and else it goes: what bridge does must not make it stay.
            assert!(has_dynamic(&c1, "fd00:1::10/128"));
            net.check(&c1, "eth0").succeeds();
            net.del(&c1, "eth0").succeeds();
            wait_for("both releases", || stage.log().matches("DHCPRELEASE").count() == 2 * round);
            c1.shows(expect![""]);
        }
    });
}

/// An autoconfigured address goes on being the kernel's, and packets find the way to the router.
fn autoconfigures(stage: &Stage, net: &Network<'_>, c1: &Container) {
    let all = addresses(&net.add(c1, "eth0").succeeds().result());
    assert_eq!(all.len(), 2, "{all:?}");
    assert!(has_dynamic(c1, &all[1]), "{}", c1.sh("ip -6 addr"));
    c1.reaches(&stage.server, "[fd00:1::1]:80");
    net.check(c1, "eth0").succeeds();
    assert!(c1.sh("ip -6 route").contains("default via fe80::"), "{}", c1.sh("ip -6 route"));
    net.del(c1, "eth0").succeeds();
    assert_eq!(stage.records(), 0);
    c1.shows(expect![""]);
}

#[test]
fn a_bridge_reports_an_autoconfigured_address() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = stage();
    let _server = dnsmasq(&stage, &ROUTER);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    let net = bridge(&stage, json!({ "type": "dhcp", "ipv6": "slaac" }));
    difference("dhcp-ipv6-slaac", || autoconfigures(&stage, &net, &c1));
}

/// Flag A alone: the address has no route to its network.
#[test]
fn a_prefix_need_not_be_on_the_link() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage();
    let _router = router(&stage, 0, Some(0x40));
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    let net = bridge(&stage, json!({ "type": "dhcp", "ipv6": "slaac", "ipv4": false }));
    net.add(&c1, "eth0").succeeds();
    assert!(!c1.sh("ip -6 route").contains("fd00:1::/64"));
    net.check(&c1, "eth0").succeeds();
}

#[test]
fn a_macvlan_has_both_families() {
    if lacks(Feature::Macvlan) {
        return;
    }
    let stage = stage();
    let _server = stage.dnsmasq(&[&[ONE_IPV4, ONE], &ROUTER[..]].concat());
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    stage.host.sh("ip link add ext0 up type veth peer name p0; ip link set p0 up master br0");
    let net = |ipv6: &str| {
        stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "macvlan",
            "master": "ext0", "ipam": { "type": "dhcp", "ipv6": ipv6 } }))
    };
    difference("dhcp-ipv6-both", || {
        let leased = net("dhcp");
        let all = addresses(&leased.add(&c1, "eth0").succeeds().result());
        assert_eq!(all, ["192.168.1.5/24", "fd00:1::10/128"]);
        assert!(has_dynamic(&c1, "fd00:1::10/128"));
        leased.check(&c1, "eth0").succeeds();
        leased.del(&c1, "eth0").succeeds();
        wait_for("both releases", || stage.log().matches("DHCPRELEASE").count() == 2);
        c1.shows(expect![""]);
        autoconfigures(&stage, &net("slaac"), &c1);
    });
}

#[test]
fn uml_interfaces_that_share_a_hardware_address_have_leases_of_their_own() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let stage = stage();
    let _server = dnsmasq(&stage, &[super::stage6::STATEFUL]);
    let _daemon = stage.daemon(&[]);
    let (c1, c2) = (stage.host.container("c1"), stage.host.container("c2"));
    stage.host.sh("ip link add ext0 up type veth peer name p0; ip link set p0 up master br0");
    let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "ipvlan",
        "master": "ext0", "ipam": { "type": "dhcp", "ipv6": "dhcp", "ipv4": false } }));
    difference("dhcp-ipv6-server", || {
        let one = addresses(&net.add(&c1, "eth0").succeeds().result());
        let other = addresses(&net.add(&c2, "eth0").succeeds().result());
        assert_ne!(one, other);
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        net.del(&c2, "eth0").succeeds();
        assert_eq!(stage.records(), 0);
    });
}
