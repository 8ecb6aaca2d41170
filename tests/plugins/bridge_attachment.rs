//! bridge: what an attachment consists of, in every version and beside others.

use std::collections::BTreeSet;
use std::thread;

use cni_testkit::{Host, Namespace, difference, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

/// Both ends of an attachment, the path between them, and what DEL leaves: the shared bridge.
#[test]
fn an_attachment_joins_container_and_host() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isDefaultGateway": true }));
    net.add(&c1, "eth0").succeeds().result_is("bridge/default-gateway");
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        route default via 10.1.2.1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
    "#]]);
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        route 10.1.2.0/24 dev cni0 scope link
    "#]]);
    c1.reaches(&host, "10.1.2.1:80");
    host.reaches(&c1, "10.1.2.2:80");
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    host.shows(expect![[r#"
        link cni0 up
        addr 10.1.2.1/24 dev cni0
    "#]]);
    assert!(!host.world().contains("10.1.2.2"), "the lease is kept");
}

#[test]
fn both_families_work_at_once() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": dual_stack() }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    for (from, to, address) in [
        (&c1, &*host, "10.1.2.1:80"),
        (&c1, &*host, "[fd00:1::1]:80"),
        (&c1, &*c2, "10.1.2.3:80"),
        (&c1, &*c2, "[fd00:1::3]:80"),
    ] {
        from.reaches(to, address);
    }
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    net.del(&c2, "eth0").succeeds();
    host.shows(expect![[r#"
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        addr fd00:1::1/64 dev cni0
    "#]]);
}

/// The same attachment told in every version of the specification.
#[test]
fn every_version_gets_its_own_document() {
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("bridge", version) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let keys = json!({ "cniVersion": version, "isDefaultGateway": true, "ipam": dual_stack() });
        let net = bridge(&host, keys);
        let added = net.add(&c1, "eth0").succeeds();
        added.result_is(&format!("bridge/dual-stack-{version}"));
        net.del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    }
}

/// A configuration without a version is of the first one.
#[test]
fn no_version_is_the_first_version() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "cniVersion": null, "isDefaultGateway": true }));
    let result = net.add(&c1, "eth0").succeeds().result();
    assert_eq!(result["ip4"]["ip"], "10.1.2.2/24", "{result}");
    assert_eq!(result["ip4"]["routes"][0]["gw"], "10.1.2.1", "{result}");
}

/// Exactly the bridge and one port are new on the host, and the result has their addresses.
#[test]
fn hardware_addresses_in_the_result_are_the_live_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true }));
    let result = net.add(&c1, "eth0").succeeds().result();
    let live = |place: &Namespace, index: usize| {
        let name = result["interfaces"][index]["name"].as_str().expect("a name");
        let links: Value = serde_json::from_str(&place.exec(&["ip", "-j", "link", "show", name]))
            .expect("ip -j prints JSON");
        links[0]["address"].clone()
    };
    assert_eq!(result["interfaces"][0]["mac"], live(&host, 0));
    assert_eq!(result["interfaces"][1]["mac"], live(&host, 1));
    assert_eq!(result["interfaces"][2]["mac"], live(&c1, 2));
    assert_ne!(result["interfaces"][0]["mac"], result["interfaces"][1]["mac"]);
    assert_eq!(host.exec(&["ip", "-o", "link"]).lines().count(), 3, "lo, the bridge, its port");
}

#[test]
fn a_bridge_is_made_once_and_used_again() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let index =
        || host.exec(&["ip", "-o", "link", "show", "cni0"]).split(':').next().map(str::to_owned);
    let net = bridge(&host, json!({ "isGateway": true }));
    net.add(&c1, "eth0").succeeds();
    let first = index();
    net.add(&c2, "eth0").succeeds();
    assert_eq!(index(), first);
    c1.reaches(&c2, "10.1.2.3:80");
}

#[test]
fn a_container_can_have_several_interfaces() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true }));
    let other = bridge(
        &host,
        json!({ "name": "net2", "bridge": "cni1", "isGateway": true,
                "ipam": { "type": "host-local", "subnet": "10.1.3.0/24" } }),
    );
    net.add(&c1, "eth0").succeeds();
    net.add(&c1, "eth1").succeeds();
    other.add(&c1, "net2").succeeds();
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth1 up
        link net2 up
        addr 10.1.2.3/24 dev eth1
        addr 10.1.3.2/24 dev net2
        route 10.1.2.0/24 dev eth1 scope link
        route 10.1.3.0/24 dev net2 scope link
    "#]]);
    net.check(&c1, "eth1").succeeds();
    other.check(&c1, "net2").succeeds();
}

/// Two networks share a bridge as long as only one of them wants its IPv4 address there.
#[test]
fn two_networks_can_share_a_bridge() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true }));
    let ipam = json!({ "type": "host-local", "subnet": "10.1.3.0/24" });
    let other = bridge(&host, json!({ "name": "net2", "isGateway": false, "ipam": ipam }));
    net.add(&c1, "eth0").succeeds();
    other.add(&c2, "eth0").succeeds();
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link <veth:2> up controller cni0
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        route 10.1.2.0/24 dev cni0 scope link
    "#]]);
    let greedy = other.with_config("isGateway", json!(true));
    let before = host.world();
    greedy.add(&c1, "eth1").fails(
        999,
        r#"failed to set bridge addr: "cni0" already has an IP address different from 10.1.3.1/24"#,
    );
    difference("bridge-failed-add-leaves-nothing", || assert_eq!(before, host.world()));
    other.del(&c2, "eth0").succeeds();
    c1.reaches(&host, "10.1.2.1:80");
}

/// The first attachments of a bridge come all at once.
#[test]
fn twenty_containers_can_be_attached_at_once() {
    let host = Host::new();
    let containers: Vec<_> = (0..20).map(|n| host.container(&format!("c{n}"))).collect();
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipam": dual_stack() }));
    let before = host.world();
    let addresses: Vec<String> = thread::scope(|scope| {
        let attach = |container| {
            let net = &net;
            scope.spawn(move || {
                let result = net.add(container, "eth0").succeeds().result();
                result["ips"][0]["address"].to_string()
            })
        };
        let running: Vec<_> = containers.iter().map(attach).collect();
        running.into_iter().map(|add| add.join().expect("an ADD of many")).collect()
    });
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 20, "{addresses:?}");
    // Among other things, every result names the hardware address that the bridge has for good.
    for container in &containers {
        net.check(container, "eth0").succeeds();
    }
    containers[0].reaches(&host, "10.1.2.1:80");
    thread::scope(|scope| {
        for container in &containers {
            scope.spawn(|| net.del(container, "eth0").succeeds());
        }
    });
    let after = host.world();
    assert_eq!(before.matches("link ").count() + 1, after.matches("link ").count(), "{after}");
    assert!(!after.contains("/var/lib/cni/networks/net1/10."), "{after}");
}

/// A binary is run for a container that shares its namespace: both ends are side by side.
#[test]
fn the_plugins_own_namespace_can_be_attached_on_demand() {
    let host = Host::new();
    let net = bridge(&host, json!({ "isGateway": true, "ipMasq": true, "macspoofchk": true }));
    let run = |command: &str| {
        host.invoke("bridge")
            .command(command)
            .env("CNI_CONTAINERID", "self")
            .env("CNI_NETNS", host.netns_path())
            .env("CNI_IFNAME", "eth0")
            .env("CNI_NETNS_OVERRIDE", "1")
            .config(net.config())
            .run()
    };
    run("ADD").succeeds();
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
        link eth0 up
        addr 10.1.2.1/24 dev cni0
        addr 10.1.2.2/24 dev eth0
        route 10.1.2.0/24 dev cni0 scope link
        route 10.1.2.0/24 dev eth0 scope link
    "#]]);
    run("DEL").succeeds();
    host.shows(expect![[r#"
        link cni0 up
        addr 10.1.2.1/24 dev cni0
    "#]]);
    assert!(!host.nft_rules().contains("self"), "{}", host.nft_rules());
}
