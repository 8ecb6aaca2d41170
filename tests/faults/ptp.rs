//! ptp: with rules of both backends and both families.

use cni_testkit::{Host, Mode};
use serde_json::json;

use crate::networks::ptp;
use crate::stage::{Fate, Stage};

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    for backend in ["iptables", "nftables"] {
        println!("{backend}");
        let host = Host::new();
        let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": backend, "mtu": 1400 }));
        test(&Stage::new(&host, net));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "ptp")));
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
        for_each_network(|stage| stage.del_is_finished_by_another(mode, "ptp"));
    }
}

/// Whatever happens to its IPAM plugin, it takes back its own part.
#[test]
fn a_broken_ipam_plugin_is_survived() {
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_network(|stage| drop(stage.add_fails_cleanly(mode, "host-local")));
    }
}
