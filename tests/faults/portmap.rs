//! portmap: with both backends and families, UDP, and conditions that take the program `nft`.

use cni_testkit::{Host, Mode, Network, lacks_release};
use serde_json::{Value, json};

use crate::published::{portmap, two_addresses};
use crate::stage::{Fate, Stage};

fn network(host: &Host, keys: Value) -> Network<'_> {
    // A way to the container, so that the host's loopback is let through.
    host.sh("ip link add name cni0 up type bridge; ip addr add 10.0.0.1/24 dev cni0");
    host.rebase();
    let mappings = json!([
        { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": 8081, "containerPort": 81, "protocol": "udp" }
    ]);
    // Whose addresses they are does not matter.
    let result = two_addresses(&host.container("any"));
    portmap(host, keys, mappings).with_prev_result(result)
}

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    // The backend nftables.
    if lacks_release("1.7.0") {
        return;
    }
    for keys in [
        json!({ "backend": "iptables" }),
        json!({ "backend": "nftables" }),
        json!({ "backend": "nftables", "rejectConflicts": true,
                "conditionsV4": ["ip", "saddr", "{", "192.0.2.1,", "192.0.2.2", "}"] }),
    ] {
        println!("{keys}");
        let host = Host::new();
        test(&Stage::new(&host, network(&host, keys)));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "portmap")));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for_each_network(|stage| stage.del_follows_a_killed_add(Fate::Lives));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del_without_the_namespace() {
    for_each_network(|stage| stage.del_follows_a_killed_add(Fate::Dies));
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_network(|stage| stage.del_is_finished_by_another(mode, "portmap"));
    }
}
