//! bridge: with rules of both backends, the spoof check and both families; and as a mere switch.

use cni_testkit::{Host, Mode};
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};
use crate::stage::{Fate, Stage};

fn with_rules(backend: &str) -> Value {
    json!({ "isDefaultGateway": true, "hairpinMode": true, "ipMasq": true,
            "ipMasqBackend": backend, "macspoofchk": true, "ipam": dual_stack() })
}

fn switch() -> Value {
    json!({ "ipam": {}, "macspoofchk": true, "promiscMode": true, "portIsolation": true })
}

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    for keys in [with_rules("iptables"), with_rules("nftables"), switch()] {
        println!("{keys}");
        let host = Host::new();
        test(&Stage::new(&host, bridge(&host, keys)));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "bridge")));
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
fn a_failed_del_is_finished_by_another() {
    for_each_network(|stage| stage.del_is_finished_by_another(Mode::Fail, "bridge"));
}

#[test]
fn a_killed_del_is_finished_by_another() {
    for_each_network(|stage| stage.del_is_finished_by_another(Mode::Kill, "bridge"));
}
