//! ptp: configurations and surroundings it refuses, with nothing left behind.

use cni_testkit::{Host, difference, lacks_release};
use serde_json::json;

use crate::networks::ptp;

#[test]
fn an_ipam_plugin_is_needed() {
    for (ipam, msg) in [
        (json!({}), "no plugin name provided"),
        (json!(null), "no plugin name provided"),
        (json!({ "type": "../host-local" }), "invalid plugin name: ../host-local"),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let before = host.world();
        ptp(&host, json!({ "ipam": ipam })).add(&c1, "eth0").fails(999, msg);
        assert_eq!(host.world(), before);
        assert_eq!(c1.shown(), "");
    }
    let host = Host::new();
    let c1 = host.container("c1");
    ptp(&host, json!({ "ipam": { "type": "nowhere" } }))
        .add(&c1, "eth0")
        .fails_with(999, "failed to find plugin \"nowhere\" in path [");
}

#[test]
fn values_are_of_their_type() {
    for (key, value) in [
        ("mtu", json!("1400")),
        ("mtu", json!(1400.5)),
        ("ipMasq", json!("true")),
        ("ipam", json!([])),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let failure = ptp(&host, json!({ key: value }))
            .add(&c1, "eth0")
            .fails_with(999, "failed to load netconf: ");
        assert!(host.shown().is_empty(), "{key}: {}", failure.msg);
    }
}

#[test]
fn an_unknown_backend_is_refused() {
    if lacks_release("1.7.0") {
        return;
    }
    for backend in ["", "pf", "Iptables"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": backend }));
        let before = host.world();
        net.add(&c1, "eth0").fails(999, &format!("unknown ipmasq backend \"{backend}\""));
        difference("ptp-failed-add-leaves-nothing", || assert_eq!(host.world(), before));
        // Nobody is asked for a backend without masquerade.
        net.with_config("ipMasq", json!(false)).add(&c1, "eth0").succeeds();
    }
}

/// The reference has taken an address by then, and gives it back.
#[test]
fn a_missing_namespace_is_told_by_its_path() {
    for (path, cause) in [
        ("/run/netns/none", "failed to Statfs \"/run/netns/none\": no such file or directory"),
        ("/run/plain", "unknown FS magic on \"/run/plain\": 1021994"),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        host.exec(&["touch", "/run/plain"]);
        let net = ptp(&host, json!({})).with_env("CNI_NETNS", path);
        let before = host.world();
        let msg = format!("failed to open netns \"{path}\": {cause}");
        net.add(&c1, "eth0").fails(999, &msg);
        assert_eq!(host.world(), before);
    }
}

/// The interface of the first ADD, its lease and its rules survive the second.
#[test]
fn a_taken_name_leaves_its_owner_alone() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    let (before, inside) = (host.world(), c1.shown());
    let again = net.add(&c1, "eth0");
    difference("ptp-taken-name", || {
        let msg = again.fails_with(999, "already exists").msg;
        let start = "container veth name (\"eth0\") peer provided (\"veth";
        assert!(msg.starts_with(start) && msg.ends_with("\") already exists"), "{msg}");
        assert_eq!(host.world(), before);
        assert_eq!(c1.shown(), inside);
        c1.reaches(&host, "10.1.2.1:80");
    });
}

/// A network of one usable address, asked for a second one.
#[test]
fn an_exhausted_range_leaves_nothing() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/30" });
    let net = ptp(&host, json!({ "ipMasq": true, "ipam": ipam }));
    net.add(&c1, "eth0").succeeds();
    let before = host.world();
    net.add(&c2, "eth0")
        .fails_with(999, "no IP addresses available in range set: 10.1.2.1-10.1.2.2");
    assert_eq!(host.world(), before);
    assert_eq!(c2.shown(), "");
    net.check(&c1, "eth0").succeeds();
}

/// What the kernel refuses half-way is taken back; the reference leaves pair and routes.
#[test]
fn a_failed_add_leaves_nothing() {
    let route = json!({ "dst": "10.9.0.0/16" });
    let twice = json!({ "type": "host-local", "subnet": "10.1.2.0/24", "routes": [route, route] });
    for (key, value, msg) in [
        ("mtu", json!(70_000), "failed to make veth pair: "),
        ("ipam", twice, "failed to add route '{10.9.0.0 "),
    ] {
        let host = Host::new();
        let (c0, c1) = (host.container("c0"), host.container("c1"));
        let net = ptp(&host, json!({}));
        net.add(&c0, "eth0").succeeds();
        net.del(&c0, "eth0").succeeds();
        let before = host.world();
        net.with_config(key, value).add(&c1, "eth0").fails_with(999, msg);
        let is_clean = || {
            host.returns_to(&before);
            assert_eq!(c1.shown(), "");
        };
        match key {
            "mtu" => is_clean(),
            _ => difference("ptp-failed-add-leaves-nothing", is_clean),
        }
    }
}

/// Arguments are the IPAM plugin's: no hardware address can be asked for.
#[test]
fn arguments_do_not_matter() {
    let host = Host::new();
    let c1 = host.container("c1");
    let mac = "02:00:00:00:00:09";
    let net = ptp(&host, json!({ "mac": mac, "runtimeConfig": { "mac": mac } }))
        .with_args(&format!("IgnoreUnknown=1;MAC={mac}"));
    let result = net.add(&c1, "eth0").succeeds().result();
    assert!(!result.to_string().contains(mac), "{result}");
}
