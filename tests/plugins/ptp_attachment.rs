//! ptp: what an attachment consists of, in every version and beside others.

use std::thread;
use std::time::Instant;

use cni_testkit::{Host, Namespace, difference, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::ptp;

/// Both ends, the path between them in both families, and nothing left after DEL.
#[test]
fn an_attachment_joins_container_and_host() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({}));
    let before = host.world();
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 via 10.1.2.1 dev eth0 src 10.1.2.2
        route 10.1.2.1 dev eth0 scope link src 10.1.2.2
        route fd00:1::/64 via fd00:1::1 dev eth0 src fd00:1::2
        route fd00:1::1 dev eth0 src fd00:1::2
    "#]]);
    host.shows(expect![[r#"
        link <veth:1> up
        addr 10.1.2.1/32 dev <veth:1>
        addr fd00:1::1/128 dev <veth:1>
        route 10.1.2.2 dev <veth:1> scope host
        route fd00:1::1 dev <veth:1>
        route fd00:1::2 dev <veth:1>
    "#]]);
    for (from, to, address) in [
        (&*c1, &*host, "10.1.2.1:80"),
        (&*c1, &*host, "[fd00:1::1]:80"),
        (&*host, &*c1, "10.1.2.2:80"),
        (&*host, &*c1, "[fd00:1::2]:80"),
    ] {
        from.reaches(to, address);
    }
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    host.returns_to(&before);
}

/// The same attachment told in every version of the specification.
#[test]
fn every_version_gets_its_own_document() {
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("ptp", version) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = ptp(&host, json!({ "cniVersion": version }));
        let added = net.add(&c1, "eth0").succeeds();
        added.result_is(&format!("ptp/dual-stack-{version}"));
        net.del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    }
}

/// One pair is new on the host, and the result has its addresses.
#[test]
fn hardware_addresses_in_the_result_are_the_live_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = ptp(&host, json!({})).add(&c1, "eth0").succeeds().result();
    let live = |place: &Namespace, index: usize| {
        let name = result["interfaces"][index]["name"].as_str().expect("a name");
        let links: Value = serde_json::from_str(&place.exec(&["ip", "-j", "link", "show", name]))
            .expect("ip -j prints JSON");
        links[0]["address"].clone()
    };
    assert_eq!(result["interfaces"][0]["mac"], live(&host, 0));
    assert_eq!(result["interfaces"][1]["mac"], live(&c1, 1));
    assert_ne!(result["interfaces"][0]["mac"], result["interfaces"][1]["mac"]);
    assert_eq!(host.exec(&["ip", "-o", "link"]).lines().count(), 2, "lo and the host's end");
}

/// Containers of a network reach one another through the host, though they are of one subnet.
#[test]
fn the_host_routes_between_containers() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = ptp(&host, json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.reaches(&c2, "10.1.2.3:80");
    c2.reaches(&c1, "[fd00:1::2]:80");
    let hops = c1.exec(&["ip", "route", "get", "10.1.2.3"]);
    assert!(hops.starts_with("10.1.2.3 via 10.1.2.1 dev eth0 src 10.1.2.2"), "{hops}");
    let hops = c1.exec(&["ip", "route", "get", "fd00:1::3"]);
    assert!(hops.contains("via fd00:1::1 dev eth0"), "{hops}");
    net.del(&c1, "eth0").succeeds();
    net.check(&c2, "eth0").succeeds();
    c2.reaches(&host, "10.1.2.1:80");
}

/// Both ends know the size, and only a positive one counts.
#[test]
fn the_mtu_is_that_of_both_ends() {
    for (mtu, shown) in
        [(512, "mtu 512 "), (5000, "mtu 5000 "), (0, "mtu 1500 "), (-1, "mtu 1500 ")]
    {
        let host = Host::new();
        let c1 = host.container("c1");
        let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24" });
        let net = ptp(&host, json!({ "mtu": mtu, "ipam": ipam }));
        let result = net.add(&c1, "eth0").succeeds().result();
        let name = result["interfaces"][0]["name"].as_str().expect("a name");
        for (place, name) in [(&*c1, "eth0"), (&*host, name)] {
            let link = place.exec(&["ip", "link", "show", name]);
            assert!(link.contains(shown), "{mtu}: {link}");
        }
    }
}

/// Queues and settings of the host's end are the reference's.
#[test]
fn the_host_does_not_listen_to_the_containers_router_advertisements() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = ptp(&host, json!({})).add(&c1, "eth0").succeeds().result();
    let name = result["interfaces"][0]["name"].as_str().expect("a name");
    let accepts = host.exec(&["cat", &format!("/proc/sys/net/ipv6/conf/{name}/accept_ra")]);
    assert_eq!(accepts.trim(), "0");
    for (name, value) in [("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1")] {
        let setting = host.exec(&["cat", &format!("/proc/sys/net/{name}")]);
        assert_eq!(setting.trim(), value, "{name}");
    }
    let link = host.exec(&["ip", "-o", "link", "show", name]);
    assert!(!link.contains("qlen"), "{link}");
}

/// An IPv4 network does not make the host forward IPv6.
#[test]
fn only_the_families_of_the_addresses_are_forwarded() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24" });
    ptp(&host, json!({ "ipam": ipam })).add(&c1, "eth0").succeeds();
    let setting = host.exec(&["cat", "/proc/sys/net/ipv6/conf/all/forwarding"]);
    assert_eq!(setting.trim(), "0");
}

/// IPv6 works at once: to the host, and from other containers, for which the host has to find the
/// container. The reference waits for the end of detection.
#[test]
fn ipv6_is_not_waited_for() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = ptp(&host, json!({}));
    difference("ptp-without-detection", || {
        let start = Instant::now();
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        c1.reaches(&c2, "[fd00:1::3]:80");
        c1.reaches(&host, "[fd00:1::1]:80");
        assert!(start.elapsed().as_millis() < 900, "{:?}", start.elapsed());
        let addresses = [c1.exec(&["ip", "-6", "addr"]), host.exec(&["ip", "-6", "addr"])].concat();
        let global = addresses.lines().filter(|line| line.contains("scope global"));
        assert_eq!(global.clone().count(), 3, "{addresses}");
        assert!(global.clone().all(|line| !line.contains("tentative")), "{addresses}");
    });
}

#[test]
fn a_container_can_have_several_interfaces() {
    let host = Host::new();
    let c1 = host.container("c1");
    let subnet = |subnet: &str| json!({ "type": "host-local", "subnet": subnet });
    let net = ptp(&host, json!({ "ipam": subnet("10.1.2.0/24") }));
    let other = ptp(&host, json!({ "name": "net2", "ipam": subnet("10.1.3.0/24") }));
    net.add(&c1, "eth0").succeeds();
    other.add(&c1, "net2").succeeds();
    c1.reaches(&host, "10.1.2.1:80");
    c1.reaches(&host, "10.1.3.1:80");
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link net2 up
        addr 10.1.3.2/24 dev net2
        route 10.1.3.0/24 via 10.1.3.1 dev net2 src 10.1.3.2
        route 10.1.3.1 dev net2 scope link src 10.1.3.2
    "#]]);
    other.check(&c1, "net2").succeeds();
    c1.reaches(&host, "10.1.3.1:80");
}

#[test]
fn ten_containers_can_be_attached_at_once() {
    let host = Host::new();
    let containers: Vec<_> = (0..10).map(|n| host.container(&format!("c{n}"))).collect();
    let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": "nftables" }));
    let before = host.world();
    thread::scope(|scope| {
        for container in &containers {
            scope.spawn(|| net.add(container, "eth0").succeeds());
        }
    });
    for container in &containers {
        net.check(container, "eth0").succeeds();
    }
    containers[9].reaches(&host, "10.1.2.1:80");
    thread::scope(|scope| {
        for container in &containers {
            scope.spawn(|| net.del(container, "eth0").succeeds());
        }
    });
    let after = host.world();
    assert_eq!(before.matches("link ").count(), after.matches("link ").count(), "{after}");
    assert!(!after.contains("net: net1") && !after.contains("networks/net1/10."), "{after}");
}

/// A process that shares the host's namespace is connected to itself, on demand.
#[test]
fn the_plugins_own_namespace_can_be_attached_on_demand() {
    let host = Host::new();
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/24" });
    let net = ptp(&host, json!({ "ipam": ipam }));
    let run = |command: &str| {
        host.invoke("ptp")
            .command(command)
            .env("CNI_CONTAINERID", "self")
            .env("CNI_NETNS", host.netns_path())
            .env("CNI_IFNAME", "eth0")
            .env("CNI_NETNS_OVERRIDE", "1")
            .config(net.config())
            .run()
    };
    run("ADD").succeeds();
    let shown = host.shown();
    assert!(shown.contains("addr 10.1.2.2/24 dev eth0"), "{shown}");
    run("DEL").succeeds();
    host.shows(expect![[""]]);
}
