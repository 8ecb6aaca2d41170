//! dhcp called by the plugins that make interfaces.

use cni_testkit::{Feature, lacks, lacks_release};
use expect_test::expect;
use serde_json::json;

use super::stage::{Stage, wait_for};

const ONE: &str = "--dhcp-range=192.168.1.5,192.168.1.5,255.255.255.0,2m";

#[test]
fn a_bridge_brings_the_server_to_the_container() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[ONE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "bridge",
        "bridge": "br0", "ipam": { "type": "dhcp" } }));
    for round in 1..4 {
        net.add(&c1, "eth0").succeeds().result_is("dhcp/bridge");
        c1.shows(expect![[r#"
            link eth0 up
            addr 192.168.1.5/24 dev eth0
            route default via 192.168.1.1 dev eth0
            route 192.168.1.0/24 dev eth0 scope link
        "#]]);
        c1.reaches(&stage.server, "192.168.1.1:80");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        // It has left before the link is gone.
        let releases = || stage.log().matches("DHCPRELEASE(eth0) 192.168.1.5").count();
        wait_for("the release", || releases() == round);
        c1.shows(expect![""]);
    }
}

#[test]
fn a_macvlan_has_a_lease_of_its_own() {
    if lacks(Feature::Macvlan) {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[ONE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    stage.host.sh("ip link add ext0 up type veth peer name p0; ip link set p0 up master br0");
    let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "macvlan",
        "master": "ext0", "ipam": { "type": "dhcp" } }));
    net.add(&c1, "eth0").succeeds();
    c1.reaches(&stage.server, "192.168.1.1:80");
    net.del(&c1, "eth0").succeeds();
    stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1.5");
}

#[test]
fn uml_an_ipvlan_asks_for_broadcasts() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[ONE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.host.container("c1");
    stage.host.sh("ip link add ext0 up type veth peer name p0; ip link set p0 up master br0");
    let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "ipvlan",
        "master": "ext0", "ipam": { "type": "dhcp" } }));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    wait_for("the release", || stage.log().contains("DHCPRELEASE(eth0) 192.168.1.5"));
}
