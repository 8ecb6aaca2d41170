//! macvlan: the keys, and what is refused.

use cni_testkit::{Host, difference, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::links::link;
use crate::masters::on_outside;

#[test]
fn the_mtu_is_at_most_the_masters() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({ "ipam": {} }));
    for (mtu, found) in [(0, 1500), (1400, 1400), (1500, 1500)] {
        let net = net.with_config("mtu", json!(mtu));
        net.add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1, "eth0")["mtu"], found);
        net.del(&c1, "eth0").succeeds();
    }
    for mtu in [-1, 1501] {
        let msg = format!("invalid MTU {mtu}, must be [0, master MTU(1500)]");
        net.with_config("mtu", json!(mtu)).add(&c1, "eth0").fails(999, &msg);
    }
    net.with_config("mtu", json!(10))
        .add(&c1, "eth0")
        .fails(999, "failed to create macvlan: invalid argument");
    c1.shows(expect![[""]]);
}

/// Runtime before `CNI_ARGS` before the network; `args.cni` is not read.
#[test]
fn a_hardware_address_is_taken_from_the_strongest_source() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let added = |keys: Value, args: &str| {
        let net = on_outside(&host, "macvlan", keys).with_config("ipam", json!({})).with_args(args);
        let result = net.add(&c1, "eth0").succeeds().result();
        let mac = link(&c1, "eth0")["address"].clone();
        assert_eq!(result["interfaces"][0]["mac"], mac);
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        mac
    };
    let own = json!({ "mac": "02:00:00:00:00:01" });
    assert_eq!(added(own.clone(), ""), "02:00:00:00:00:01");
    let args = "IgnoreUnknown=true;MAC=02-00-00-00-00-02;K8S_POD_NAME=p";
    assert_eq!(added(own.clone(), args), "02:00:00:00:00:02");
    let mut all = own;
    all["RuntimeConfig"] = json!({ "mac": "0200.0000.0003" });
    assert_eq!(added(all, args), "02:00:00:00:00:03");
    let convention = json!({ "args": { "cni": { "mac": "02:00:00:00:00:04" } } });
    assert_ne!(added(convention, ""), "02:00:00:00:00:04");
}

#[test]
fn the_broadcast_queue_has_the_configured_length() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "macvlan", json!({ "ipam": {} }));
    net.add(&c1, "eth0").succeeds();
    net.with_config("bcqueuelen", json!(77)).add(&c2, "eth0").succeeds();
    let length = |container| link(container, "eth0")["linkinfo"]["info_data"]["bcqueuelen"].clone();
    assert_eq!([length(&c1), length(&c2)], [1000, 77]);
}

/// Without `master` it is the interface of the default route, IPv4's before IPv6's.
#[test]
fn the_default_route_tells_the_master() {
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    host.sh("ip link add name other up type bridge");
    for (family, gateway) in [("-4", "192.0.2.2"), ("-6", "2001:db8::2")] {
        host.sh(&format!("ip {family} route add default via {gateway}"));
        for master in [json!(""), json!(null)] {
            let net = on_outside(&host, "macvlan", json!({ "master": master }));
            net.add(&c1, "eth0").succeeds();
            c1.reaches(&outside, "192.0.2.2:80");
            net.del(&c1, "eth0").succeeds();
        }
        host.sh(&format!("ip {family} route del default"));
    }
    let net = on_outside(&host, "macvlan", json!({ "master": "" }));
    net.add(&c1, "eth0").fails(999, "no default route interface found");
}

/// A previous plugin has given the container an interface, on which the new one is made.
#[test]
fn the_master_can_be_in_the_container() {
    if lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    c1.sh(&format!("ip link add name outside type veth peer name eth0 netns {}", c2.netns_path()));
    c1.sh("ip addr add 192.0.2.1/24 dev outside; ip link set outside up");
    c2.sh("ip addr add 192.0.2.2/24 dev eth0; ip link set eth0 up");
    c1.rebase();
    let net = on_outside(&host, "macvlan", json!({ "linkInContainer": true }));
    net.add(&c1, "eth0").succeeds();
    c2.reaches(&c1, "192.0.2.10:80");
    net.check(&c1, "eth0").succeeds();
    net.status().succeeds();
    net.add(&c1, "eth0").fails(999, r#"failed to rename macvlan to "eth0": file exists"#);
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);

    c1.sh("ip route add default via 192.0.2.2");
    c1.rebase();
    let net = net.with_config("master", json!(null));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let absent = net.with_config("master", json!("absent"));
    absent.add(&c1, "eth0").fails(999, "Link not found");
    c1.shows(expect![[""]]);
}

/// Several networks and several interfaces of one network beside each other.
#[test]
fn a_container_can_have_several_interfaces() {
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    net.with_config("ipam", json!({})).add(&c1, "eth1").succeeds();
    net.del(&c1, "eth1").succeeds();
    net.check(&c1, "eth0").succeeds();
    c1.reaches(&outside, "192.0.2.2:80");
}

/// The reference leaves its link under a temporary name.
#[test]
fn a_taken_name_leaves_its_owner_alone() {
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    let before = c1.shown();
    let again = net.add(&c1, "eth0");
    again.fails(999, r#"failed to rename macvlan to "eth0": file exists"#);
    assert_eq!(c1.shown(), before);
    assert!(host.world().contains("192.0.2.10"), "the lease is lost");
    c1.reaches(&outside, "192.0.2.2:80");
}

/// An `eth0` of the host is no obstacle; older kernels need a detour.
#[test]
fn uml_the_hosts_own_interface_may_have_the_name() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("ip link add name eth0 up type bridge; ip addr add 192.0.2.1/24 dev eth0");
    let net = on_outside(&host, "macvlan", json!({ "master": "eth0" }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 192.0.2.10/24 dev eth0
        addr 2001:db8::10/64 dev eth0
        route default via 192.0.2.1 dev eth0
        route default via 2001:db8::1 dev eth0
        route 192.0.2.0/24 dev eth0 scope link
        route 2001:db8::/64 dev eth0
    "#]]);
    let again = net.add(&c1, "eth0");
    again.fails(999, r#"failed to rename macvlan to "eth0": file exists"#);
    assert_eq!(c1.exec(&["ip", "-o", "link"]).lines().count(), 2, "nothing is left behind");
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let before = host.world();
    let net = on_outside(&host, "macvlan", json!({}));
    for (key, value, msg) in [
        ("master", json!("absent"), "Link not found"),
        ("mode", json!("source"), "unknown macvlan mode: \"source\""),
        (
            "mac",
            json!("02:00"),
            "invalid args 02:00 for MAC addr: address 02:00: invalid MAC address",
        ),
        ("mac", json!("02:00:00:00:00:00:00:01"), "failed to create macvlan: invalid argument"),
    ] {
        net.with_config(key, value.clone()).add(&c1, "eth0").fails(999, msg);
        c1.shows(expect![[""]]);
    }
    net.with_args("MAC=a=b").add(&c1, "eth0").fails(999, "ARGS: invalid pair \"MAC=a=b\"");
    net.with_config("mtu", json!("1")).add(&c1, "eth0").fails_with(999, "failed to load netconf: ");
    assert_eq!(host.world(), before);
    let ipam = json!({ "type": "a/b" });
    net.with_config("ipam", ipam).add(&c1, "eth0").fails(999, "invalid plugin name: a/b");
    difference("macvlan-failed-add-leaves-nothing", || c1.shows(expect![[""]]));
}

/// The reference prints a formatting mistake in place of the path.
#[test]
fn a_missing_namespace_is_told_by_its_path() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({})).with_env("CNI_NETNS", "/run/netns/none");
    difference("macvlan-netns-in-messages", || {
        drop(net.add(&c1, "eth0").fails(
            999,
            "failed to open netns \"/run/netns/none\": failed to Statfs \"/run/netns/none\": \
             no such file or directory",
        ));
    });
}
