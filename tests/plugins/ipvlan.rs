//! ipvlan: attachments in every mode, alone and behind another plugin, where the kernel has ipvlan.

use cni_testkit::{Feature, Host, difference, lacks, lacks_release, lacks_version};
use expect_test::expect;
use serde_json::json;

use crate::links::link;
use crate::masters::on_outside;

#[test]
fn uml_an_attachment_is_one_interface() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let outside = host.outside();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "ipvlan", json!({}));
    let added = net.add(&c1, "eth0").succeeds().result_is("ipvlan/dual-stack");
    let mac = link(&host, "outside")["address"].clone();
    assert_eq!(added.result()["interfaces"][0]["mac"], mac, "that of the master");
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
    net.add(&c2, "eth0").succeeds();
    c1.reaches(&outside, "192.0.2.2:80");
    c1.reaches(&outside, "[2001:db8::2]:80");
    c1.reaches(&c2, "192.0.2.11:80");
    outside.reaches(&c2, "192.0.2.11:80");
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    assert!(!host.world().contains("192.0.2.10"), "the lease is kept");
    net.check(&c2, "eth0").succeeds();
}

/// In the modes of layer 3 the kernel routes between the containers and to the outside.
#[test]
fn uml_the_modes_of_layer_3_carry_traffic() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    for mode in ["l3", "l3s"] {
        let host = Host::new();
        let outside = host.outside();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24",
                           "routes": [{ "dst": "0.0.0.0/0", "gw": "10.1.2.1" }] });
        let net = on_outside(&host, "ipvlan", json!({ "mode": mode, "ipam": ipam }));
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        assert_eq!(link(&c1, "eth0")["linkinfo"]["info_data"]["mode"], mode);
        // There is no ARP in these modes, so the outside has to be told where they are.
        let mac = link(&host, "outside")["address"].as_str().expect("a MAC").to_owned();
        outside.sh(&format!(
            "ip route add 10.1.2.0/24 via 192.0.2.77
             ip neigh replace 192.0.2.77 lladdr {mac} dev eth0"
        ));
        c1.reaches(&c2, "10.1.2.3:80");
        c1.reaches(&outside, "192.0.2.2:80");
        outside.reaches(&c1, "10.1.2.2:80");
        net.check(&c1, "eth0").succeeds();
        net.with_config("mode", json!("l2"))
            .check(&c1, "eth0")
            .fails(999, &format!("Container IPVlan mode {mode} does not match expected value: l2"));
        net.del(&c1, "eth0").succeeds();
    }
}

/// The same attachment told in every version of the specification.
#[test]
fn uml_every_version_gets_its_own_document() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("ipvlan", version) {
            continue;
        }
        let c1 = host.container("c1");
        let ipam = json!({ "type": "static", "routes": [{ "dst": "0.0.0.0/0" }],
            "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }] });
        let net = on_outside(&host, "ipvlan", json!({ "cniVersion": version, "ipam": ipam }));
        net.add(&c1, "eth0").succeeds().result_is(&format!("ipvlan/static-{version}"));
        net.del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    }
}

/// The previous plugin names the master and gives addresses and routes, but no DNS settings.
#[test]
fn uml_a_previous_plugin_gives_master_and_addresses() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    let keys = json!({ "master": null, "ipam": null, "dns": { "domain": "own.example" } });
    let net = on_outside(&host, "ipvlan", keys);
    let previous = json!({
        "cniVersion": "1.0.0",
        "interfaces": [{ "name": "outside" }],
        "ips": [{ "address": "192.0.2.99/24", "gateway": "192.0.2.1" }],
        "routes": [{ "dst": "10.0.0.0/8", "gw": "192.0.2.2" }],
        "dns": { "nameservers": ["192.0.2.53"] }
    });
    net.with_prev_result(previous).add(&c1, "eth0").succeeds().result_is("ipvlan/chained");
    c1.shows(expect![[r#"
        link eth0 up
        addr 192.0.2.99/24 dev eth0
        route 10.0.0.0/8 via 192.0.2.2 dev eth0
        route 192.0.2.0/24 dev eth0 scope link
    "#]]);
    c1.reaches(&outside, "192.0.2.2:80");
    // The reference knows no master any more, and does not go on without one.
    difference("ipvlan-check-without-master", || drop(net.check(&c1, "eth0").succeeds()));
    net.with_config("master", json!("outside")).check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// With an IPAM plugin of its own the addresses of the previous plugin do not count.
#[test]
fn uml_an_own_ipam_plugin_goes_before_the_previous_result() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let previous = json!({ "cniVersion": "1.0.0", "interfaces": [{ "name": "outside" }],
                           "ips": [{ "address": "192.0.2.99/24" }] });
    let net = on_outside(&host, "ipvlan", json!({ "master": "" })).with_prev_result(previous);
    let result = net.add(&c1, "eth0").succeeds().result();
    assert_eq!(result["ips"][0]["address"], "192.0.2.10/24");
}

/// The default route tells the master; once it is gone, DEL and CHECK do not miss it.
#[test]
fn uml_the_default_route_tells_the_master() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    host.exec(&["ip", "route", "add", "default", "via", "192.0.2.2"]);
    let net = on_outside(&host, "ipvlan", json!({ "master": "" }));
    net.add(&c1, "eth0").succeeds();
    c1.reaches(&outside, "192.0.2.2:80");
    host.exec(&["ip", "route", "del", "default"]);
    difference("ipvlan-check-without-master", || drop(net.check(&c1, "eth0").succeeds()));
    difference("ipvlan-del-without-master", || {
        net.without_prev_result().del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    });
}

#[test]
fn uml_the_master_can_be_in_the_container() {
    if lacks(Feature::Ipvlan) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    c1.sh(&format!("ip link add name outside type veth peer name eth0 netns {}", c2.netns_path()));
    c1.sh("ip link set outside up; ip addr add 198.51.100.1/24 dev outside");
    c2.sh("ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up");
    c1.rebase();
    let net = on_outside(&host, "ipvlan", json!({ "linkInContainer": true }));
    net.add(&c1, "eth0").succeeds();
    c2.reaches(&c1, "192.0.2.10:80");
    net.check(&c1, "eth0").succeeds();
    // The reference loses the reason.
    let again = net.add(&c1, "eth0");
    again.fails(999, r#"failed to rename ipvlan to "eth0": file exists"#);
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// The MTU is not compared with the master's, and below zero it is the kernel's choice.
#[test]
fn uml_the_mtu_is_as_configured() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    for (mtu, found) in [(1400, 1400), (9000, 9000), (0, 1500), (-5, 1500)] {
        let net = on_outside(&host, "ipvlan", json!({ "mtu": mtu }));
        net.add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1, "eth0")["mtu"], found);
        net.del(&c1, "eth0").succeeds();
    }
}

/// Older kernels refuse the host's own names at first; the container's are taken for good.
#[test]
fn uml_a_taken_name_leaves_its_owner_alone() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    host.sh("ip link add name eth0 up type bridge");
    let net = on_outside(&host, "ipvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    let before = c1.shown();
    let again = net.add(&c1, "eth0");
    again.fails(999, r#"failed to rename ipvlan to "eth0": file exists"#);
    difference("ipvlan-failed-add-leaves-nothing", || assert_eq!(c1.shown(), before));
    c1.reaches(&outside, "192.0.2.2:80");
}

/// Neither link nor lease stays.
#[test]
fn uml_a_failed_add_leaves_nothing() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "ipvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let before = host.world();
    let mut ipam = net.config()["ipam"].clone();
    ipam["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.9.9.9" }]);
    difference("ipvlan-failed-add-leaves-nothing", || {
        net.with_config("ipam", ipam).add(&c1, "eth0").fails_with(999, "failed to add route");
        c1.shows(expect![[""]]);
        host.returns_to(&before);
    });
    let c2 = host.container("c2");
    let without = net.with_config("ipam", json!({}));
    without.add(&c2, "eth0").fails(999, "no plugin name provided");
    difference("ipvlan-failed-add-leaves-nothing", || c2.shows(expect![[""]]));
}

#[test]
fn uml_a_device_has_either_macvlans_or_ipvlans() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    host.sh("ip link add link outside name blocker type macvlan");
    let net = on_outside(&host, "ipvlan", json!({}));
    net.add(&c1, "eth0").fails(999, "failed to create ipvlan: device or resource busy");
}

#[test]
fn uml_check_finds_what_changed() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "ipvlan", json!({}));
    let result = net.add(&c1, "eth0").succeeds().result();
    let fails = |msg: &str| drop(net.check(&c1, "eth0").fails(999, msg));
    let mac = result["interfaces"][0]["mac"].as_str().expect("a MAC");
    let mut other = result.clone();
    other["interfaces"][0]["mac"] = json!("02:00:00:00:00:09");
    net.with_prev_result(other).check(&c1, "eth0").fails(
        999,
        &format!("Interface eth0 Mac 02:00:00:00:00:09 doesn't match container Mac: {mac}"),
    );
    let bare = net.without_prev_result();
    bare.check(&c1, "eth0").fails(999, "Required prevResult missing");
    let absent = net.with_config("master", json!("absent"));
    absent.check(&c1, "eth0").fails(999, r#"failed to lookup master "absent": Link not found"#);
    c1.sh("ip link del eth0");
    fails("Container Interface name in prevResult: eth0 not found");
    c1.sh("ip link add name eth0 type bridge");
    fails("Error: Container interface eth0 not of type ipvlan");
}
