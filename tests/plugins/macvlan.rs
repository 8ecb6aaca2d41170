//! macvlan: what an attachment consists of, and whom it reaches in every mode.

use std::time::Duration;

use cni_testkit::{Blocked, Container, Host, Outside, difference, lacks_version};
use expect_test::expect;
use serde_json::json;

use crate::links::link;
use crate::masters::on_outside;

#[test]
fn an_attachment_is_one_interface() {
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    net.add(&c1, "eth0").succeeds().result_is("macvlan/dual-stack");
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
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    assert_eq!(c1.shown() + &host.shown(), "");
    assert!(!host.world().contains("192.0.2.10"), "the lease is kept");
}

/// The same attachment told in every version of the specification.
#[test]
fn every_version_gets_its_own_document() {
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("macvlan", version) {
            continue;
        }
        let host = Host::new();
        let _outside = host.outside();
        let c1 = host.container("c1");
        let ipam = json!({ "type": "static", "routes": [{ "dst": "0.0.0.0/0" }],
            "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }] });
        let keys = json!({ "cniVersion": version, "ipam": ipam });
        let net = on_outside(&host, "macvlan", keys);
        net.add(&c1, "eth0").succeeds().result_is(&format!("macvlan/static-{version}"));
        net.del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    }
}

/// The reference waits for the end of duplicate address detection.
#[test]
fn a_gateway_of_ipv6_costs_no_time() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    difference("macvlan-without-detection", || {
        let elapsed = net.add(&c1, "eth0").succeeds().elapsed();
        assert!(elapsed < Duration::from_millis(900), "{elapsed:?}");
        let addresses = c1.exec(&["ip", "-6", "addr", "show", "dev", "eth0", "scope", "global"]);
        assert!(!addresses.contains("tentative"), "{addresses}");
    });
}

/// Two containers of a mode; the outside may send back what comes in, as some switches do.
struct Scene {
    outside: Outside,
    c1: Container,
    c2: Container,
}

fn with_mode(mode: &str, reflecting: bool, test: impl FnOnce(&Scene)) {
    let host = Host::new();
    let scene =
        Scene { outside: host.outside(), c1: host.container("c1"), c2: host.container("c2") };
    if reflecting {
        scene.outside.sh("ip link add name switch up type bridge
             ip addr flush dev eth0
             ip link set eth0 master switch
             bridge link set dev eth0 hairpin on
             ip addr add 192.0.2.2/24 dev switch");
    }
    let net = on_outside(&host, "macvlan", json!({ "mode": mode }));
    net.add(&scene.c1, "eth0").succeeds();
    net.add(&scene.c2, "eth0").succeeds();
    for container in [&scene.c1, &scene.c2] {
        container.reaches(&scene.outside, "192.0.2.2:80");
        net.check(container, "eth0").succeeds();
    }
    test(&scene);
}

#[test]
fn a_bridge_connects_its_containers() {
    with_mode("bridge", false, |scene| {
        scene.c1.reaches(&scene.c2, "192.0.2.11:80");
        scene.c2.reaches(&scene.c1, "[2001:db8::10]:80");
        scene.c1.reaches_by_udp(&scene.c2, "192.0.2.11:53");
    });
}

/// Not even a switch that sends frames back to their port connects them.
#[test]
fn private_containers_do_not_reach_each_other() {
    for reflecting in [false, true] {
        with_mode("private", reflecting, |scene| {
            scene.c1.cannot_reach(&scene.c2, "192.0.2.11:80", Blocked::Silently);
            scene.c2.cannot_reach(&scene.c1, "192.0.2.10:80", Blocked::Silently);
        });
    }
}

#[test]
fn vepa_containers_need_the_switch_outside() {
    with_mode("vepa", false, |scene| {
        scene.c1.cannot_reach(&scene.c2, "192.0.2.11:80", Blocked::Silently);
    });
    with_mode("vepa", true, |scene| {
        scene.c1.reaches(&scene.c2, "192.0.2.11:80");
        scene.c2.reaches(&scene.c1, "192.0.2.10:80");
    });
}

/// The one container has the master for itself, and the master's hardware address.
#[test]
fn passthru_is_for_one_container() {
    let host = Host::new();
    let outside = host.outside();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let keys = json!({ "mode": "passthru", "mac": "02:00:00:00:00:07" });
    let net = on_outside(&host, "macvlan", keys);
    let result = net.add(&c1, "eth0").succeeds().result();
    assert_eq!(result["interfaces"][0]["mac"], link(&host, "outside")["address"]);
    c1.reaches(&outside, "192.0.2.2:80");
    net.check(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").fails(999, "failed to create macvlan: invalid argument");
    net.del(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c2.reaches(&outside, "192.0.2.2:80");
}

/// Frames only: no addresses, and the interface is up.
#[test]
fn without_ipam_it_is_a_link_and_nothing_else() {
    let host = Host::new();
    let outside = host.outside();
    let c1 = host.container("c1");
    for ipam in [json!({}), json!(null)] {
        let net = on_outside(&host, "macvlan", json!({ "ipam": ipam }));
        net.add(&c1, "eth0").succeeds().result_is("macvlan/layer2");
        c1.shows(expect![[r#"
            link eth0 up
        "#]]);
        c1.exec(&["ip", "addr", "add", "192.0.2.77/24", "dev", "eth0"]);
        c1.reaches(&outside, "192.0.2.2:80");
        net.check(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        c1.shows(expect![[""]]);
    }
}

/// The first versions cannot tell of an attachment without addresses.
#[test]
fn layer_2_is_refused_in_the_first_versions() {
    for version in ["0.1.0", "0.2.0"] {
        let host = Host::new();
        let _outside = host.outside();
        let c1 = host.container("c1");
        let keys = json!({ "cniVersion": version, "ipam": {} });
        let net = on_outside(&host, "macvlan", keys);
        net.add(&c1, "eth0").fails(999, "cannot convert: no valid IP addresses");
        difference("macvlan-failed-add-leaves-nothing", || c1.shows(expect![[""]]));
    }
}
