//! Addresses that a server gives although somebody else already uses them.

use std::time::Duration;

use cni_testkit::{Feature, difference, knows_nothing_of, lacks};
use serde_json::json;

use super::script6::{DECLINE, SOLICIT, Script6};
use super::stage::{RANGE, Stage, given};
use super::stage6;

/// The address that the server has for a container, which another one uses by then.
fn taken(stage: &Stage, container: &cni_testkit::Container) -> String {
    let net = stage.network(json!({}));
    let address = given(&net, container, "eth0");
    net.del(container, "eth0").succeeds();
    stage.wait_for_log("DHCPRELEASE");
    let squatter = stage.container("squatter");
    squatter.sh(&format!("ip addr add {address} dev eth0; ip link set lo up"));
    // The bridge takes its time to let a new port in, and dnsmasq has told the kernel who had the
    // address.
    stage.server.sh("ip neigh flush dev eth0");
    stage.server.reaches(&squatter, &format!("{}:80", address.trim_end_matches("/24")));
    address
}

#[test]
fn an_address_that_somebody_uses_is_declined_and_another_one_taken() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let taken = taken(&stage, &c1);
    difference("dhcp-conflicts", || {
        let net = stage.network(json!({ "detectConflicts": true }));
        let other = given(&net, &c1, "eth0");
        assert_ne!(other, taken);
        let log = stage.log();
        let declined = format!("DHCPDECLINE(eth0) {}", taken.trim_end_matches("/24"));
        assert!(log.contains(&declined), "{log}");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    });
}

#[test]
fn a_free_address_is_held_when_nobody_has_answered() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    difference("dhcp-conflicts", || {
        let net = stage.network(json!({ "detectConflicts": true }));
        let added = net.add(&c1, "eth0").succeeds();
        assert!(added.elapsed() >= Duration::from_millis(500), "{:?}", added.elapsed());
        assert!(!stage.log().contains("DHCPDECLINE"));
    });
}

#[test]
fn nobody_is_asked_unless_the_configuration_says_so_or_where_nobody_would_hear() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let taken = taken(&stage, &c1);
    let net = stage.network(json!({}));
    assert_eq!(given(&net, &c1, "eth0"), taken);
    net.del(&c1, "eth0").succeeds();
    c1.sh("ip link set eth0 arp off");
    let net = stage.network(json!({ "detectConflicts": true }));
    assert_eq!(given(&net, &c1, "eth0"), taken);
}

#[test]
fn uml_an_ipvlan_asks_nobody() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&["--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m"]);
    let _daemon = stage.daemon(&[]);
    let (c1, squatter) = (stage.host.container("c1"), stage.container("squatter"));
    squatter.sh("ip addr add 192.168.1.5/24 dev eth0");
    stage.host.sh("ip link add ext0 up type veth peer name p0; ip link set p0 up master br0");
    let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "ipvlan",
        "master": "ext0", "ipam": { "type": "dhcp", "detectConflicts": true } }));
    net.add(&c1, "eth0").succeeds();
}

#[test]
fn an_ipv6_address_that_somebody_uses_is_declined_and_another_one_taken() {
    if knows_nothing_of("ipam.ipv6") {
        return;
    }
    let stage = stage6::stage();
    let squatter = stage.container("squatter");
    squatter.sh("ip addr add fd00:1::5/64 dev eth0 nodad");
    let mut is_told = false;
    let server = Script6::start(&stage, move |asked| {
        is_told |= asked.kind == DECLINE;
        vec![asked.given(if is_told { 9 } else { 5 }, 60)]
    });
    let _daemon = stage.daemon(&[]);
    let c1 = stage6::container(&stage, "c1");
    let net = stage.network(json!({ "ipv6": "dhcp", "ipv4": false, "detectConflicts": true }));
    let added = net.add(&c1, "eth0").succeeds();
    assert_eq!(stage6::addresses(&added.result()), ["fd00:1::9/128"]);
    assert_eq!(server.kinds(), [SOLICIT, DECLINE, SOLICIT]);
    assert!(!c1.sh("ip -6 addr").contains("fd00:1::5"));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
}
