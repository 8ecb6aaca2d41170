//! bridge: GC takes what vanished attachments of this network left; STATUS says if ADD can work.

use cni_testkit::{Host, difference, lacks_version};
use serde_json::json;

use crate::networks::{bridge, dual_stack};

/// Two networks, each with an attachment that lives and one whose container has vanished.
#[test]
fn only_vanished_attachments_of_this_network_are_collected() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    for backend in ["iptables", "nftables"] {
        difference("bridge-gc", || collects_what_vanished(backend));
    }
}

fn collects_what_vanished(backend: &str) {
    let host = Host::new();
    let (alive, vanished) = (host.container("alive"), host.container("vanished"));
    let outside = host.outside();
    let keys = json!({ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": backend,
                           "ipam": dual_stack() });
    let net = bridge(&host, keys.clone());
    net.add(&alive, "eth0").succeeds();
    let clean = host.world();
    net.add(&vanished, "eth0").succeeds();

    let other = bridge(&host, keys)
        .with_config("name", json!("net2"))
        .with_config("bridge", json!("cni1"))
        .with_config("ipam", json!({ "type": "host-local", "subnet": "10.1.3.0/24" }));
    other.add(&vanished, "eth1").succeeds();
    // Routes come and go with the carrier.
    let is_others = |line: &&str| line.contains("10.1.3.") && !line.starts_with("route ");
    let others = |world: &str| world.lines().filter(is_others).count();
    let owned_by_other = others(&host.world());
    assert!(owned_by_other > 2);

    vanished.destroy();
    net.gc(&[(&alive, "eth0")]).succeeds().silent();
    let collected = host.world();
    for gone in ["10.1.2.3", "fd00:1::3"] {
        assert!(!collected.contains(gone), "{backend}: {gone} is left in {collected}");
    }
    assert_eq!(others(&collected), owned_by_other, "the other network's are touched");
    assert_eq!(outside.sees_source(&alive, "192.0.2.2:80"), "192.0.2.1");
    net.check(&alive, "eth0").succeeds();

    other.gc(&[]).succeeds();
    let leftovers = host.world().replace("link cni1 up\n", "");
    assert!(!leftovers.contains("vanished"), "{backend}: {leftovers}");
    assert_eq!(leftovers.matches("10.1.2.2").count(), clean.matches("10.1.2.2").count());
}

/// The rules that drop foreign senders go like the others; those of another network, which look the
/// same, stay.
#[test]
fn spoof_checks_of_vanished_attachments_are_collected() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let (alive, vanished) = (host.container("alive"), host.container("vanished"));
    let net = bridge(&host, json!({ "macspoofchk": true }));
    net.add(&alive, "eth0").succeeds();
    let other = net.with_config("name", json!("net2"));
    other.add(&vanished, "eth1").succeeds();
    let clean = host.nft_rules();
    net.add(&vanished, "eth0").succeeds();
    vanished.destroy();
    net.gc(&[(&alive, "eth0")]).succeeds().silent();
    difference("bridge-gc", || assert_eq!(host.nft_rules(), clean));
    other.gc(&[]).succeeds().silent();
    difference("bridge-gc", || {
        let rules = host.nft_rules();
        assert!(rules.contains("alive-eth0") && !rules.contains("vanished"), "{rules}");
    });
}

/// The interface counts, not only the container.
#[test]
fn a_vanished_interface_of_a_living_container_is_collected() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipMasq": true, "ipMasqBackend": "nftables" }));
    net.add(&c1, "eth0").succeeds();
    let before = host.nft_rules();
    net.add(&c1, "eth1").succeeds();
    net.gc(&[(&c1, "eth0")]).succeeds();
    difference("bridge-gc", || {
        assert_eq!(host.nft_rules(), before);
        let leases = host.exec(&["ls", "/var/lib/cni/networks/net1"]);
        assert_eq!(leases.matches("10.1.2.").count(), 1, "{leases}");
    });
}

/// Without a list nothing can be proved to be stale.
#[test]
fn without_a_list_nothing_is_collected() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    let before = host.world();
    let gc = host.invoke("bridge").command("GC").config(net.config()).run();
    gc.succeeds();
    assert_eq!(host.world(), before);
}

#[test]
fn status_is_that_of_the_ipam_plugin() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/30" });
    let net = bridge(&host, json!({ "ipam": ipam }));
    net.status().succeeds().silent();
    net.add(&c1, "eth0").succeeds();
    difference("bridge-status", || drop(net.status().fails_with(50, "no IP addresses available")));
    net.with_config("ipam", json!({})).status().succeeds().silent();
    let lost = net.with_config("ipam", json!({ "type": "nowhere" }));
    difference("bridge-status", || {
        lost.status().fails_with(50, "failed to find plugin \"nowhere\"");
    });
    net.with_config("mtu", json!("x")).status().fails_with(999, "failed to load netconf: ");
    assert_eq!(c1.shown().lines().count(), 3, "STATUS changes nothing");
}

#[test]
fn status_says_when_nothing_could_masquerade() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let net = bridge(&host, json!({ "ipMasq": true, "ipMasqBackend": "iptables" }));
    net.status().succeeds().silent();
    let without_programs = net.with_env("PATH", "/nowhere");
    without_programs.status().fails_with(50, "neither iptables nor nf_tables can be used");
    without_programs.with_config("ipMasqBackend", json!("nftables")).status().succeeds();
    without_programs.with_config("ipMasqBackend", json!(null)).status().succeeds();
    net.with_config("ipMasqBackend", json!("pf"))
        .status()
        .fails_with(999, "unknown ipmasq backend \"pf\"");
}
