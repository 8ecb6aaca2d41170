//! bandwidth: what CHECK notices.

use std::path::Path;

use cni_testkit::{Host, Network, Outcome, difference, lacks_file, lacks_release};
use serde_json::json;

use crate::bandwidth::{IFB, bandwidth, both, queues_of};
use crate::wired::wire;

/// Attaches a container, and then another one for each of these accidents; CHECK says so.
#[track_caller]
fn notices(accidents: &[(&str, &str)]) {
    for (accident, msg) in accidents {
        with_attachment(|host, net, check| {
            check(net).succeeds();
            host.sh(accident);
            check(net).fails(999, msg);
        });
    }
}

/// Runs a test with an attachment and its CHECK.
#[track_caller]
fn with_attachment(test: impl FnOnce(&Host, &Network<'_>, &dyn Fn(&Network<'_>) -> Outcome)) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bandwidth(&host, both());
    net.with_prev_result(wire(&host, "vhost", &c1, "eth0")).add(&c1, "eth0").succeeds();
    test(&host, &net, &|net| net.check(&c1, "eth0"));
}

#[test]
fn other_limits_are_noticed() {
    for (key, value, msg) in [
        ("ingressRate", 2_000_000, "Rate doesn't match"),
        ("ingressBurst", 80_000, "Limit doesn't match"),
        ("egressRate", 16_000, "Rate doesn't match"),
        ("egressBurst", 800, "Limit doesn't match"),
    ] {
        with_attachment(|_, net, check| {
            drop(check(&net.with_config(key, value.into())).fails(999, msg));
        });
    }
    // Same limit, other bucket.
    notices(&[(
        "tc qdisc change dev vhost root handle 1: tbf rate 1mbit burst 50000 limit 103125",
        "Buffer doesn't match",
    )]);
}

#[test]
fn what_is_missing_is_noticed() {
    notices(&[(&format!("ip link del {IFB}"), "get ifb device: Link not found")]);
    // The reference stops at the next best discipline, and looks for no filter.
    difference("bandwidth-check", || {
        notices(&[
            ("tc qdisc del dev vhost root", "Failed to find qdisc"),
            (&format!("tc qdisc del dev {IFB} root"), "Failed to find qdisc"),
            (
                "tc qdisc del dev vhost root; tc qdisc add dev vhost root handle 1: pfifo",
                "Failed to find qdisc",
            ),
            ("tc filter del dev vhost parent ffff:", "Failed to find filter"),
            ("tc qdisc del dev vhost ingress", "Failed to find filter"),
            // Another device under the name: what is sent is still for the one that has gone.
            (
                &format!(
                    "ip link del {IFB}; ip link add name {IFB} up type ifb
                     tc qdisc add dev {IFB} root handle 1: tbf rate 8kbit burst 10 limit 35"
                ),
                "Failed to find filter",
            ),
        ]);
    });
}

#[test]
fn without_limits_only_the_pair_is_looked_for() {
    // Older ones crash.
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, json!({})).with_prev_result(result);
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds().silent();
    host.sh("ip link del vhost");
    let cause = "could not look up \"eth0\": Link not found";
    let msg = format!("container interface eth0 has no veth peer: {cause}");
    net.check(&c1, "eth0").fails(999, &msg);
}

/// The folder of the reference's plugins.
const REFERENCE: &str = "/usr/lib/cni";

/// A node is switched over while its containers run, and back. The burst is what Kubernetes asks
/// for where it means that there is no limit; of such numbers the reference loses the upper bits.
#[test]
fn attachments_of_the_reference_are_taken_over() {
    if lacks_file(&format!("{REFERENCE}/bandwidth")) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let before = host.world();
    let keys = json!({ "cniVersion": "1.0.0", "ingressRate": 1_000_000, "ingressBurst": i32::MAX,
                       "egressRate": 8000, "egressBurst": 80 });
    let ours = bandwidth(&host, keys);
    let theirs = ours.with_plugins(Path::new(REFERENCE));
    theirs.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
    assert!(queues_of(&host).contains("burst 27917286b"));
    ours.check(&c1, "eth0").succeeds().silent();
    ours.del(&c1, "eth0").succeeds();
    difference("bandwidth-del-restores", || assert_eq!(host.world(), before));
}

#[test]
fn attachments_are_taken_over_by_the_reference() {
    if lacks_file(&format!("{REFERENCE}/bandwidth")) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let ours = bandwidth(&host, both()).with_config("cniVersion", json!("1.0.0"));
    let theirs = ours.with_plugins(Path::new(REFERENCE));
    ours.with_prev_result(result).add(&c1, "eth0").succeeds();
    theirs.check(&c1, "eth0").succeeds().silent();
    theirs.del(&c1, "eth0").succeeds();
    assert!(!host.shown().contains("link bwp"));
}
