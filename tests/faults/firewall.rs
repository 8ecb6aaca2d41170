//! firewall: every backend that writes rules itself, with isolation and both families.

use cni_testkit::{Host, Mode, for_each_fault, lacks_release};
use serde_json::json;

use crate::stage::{Fate, Stage};
use crate::walled::{BOTH, firewall, previous};

/// Runs a test for each backend.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    // The policy `isolated`.
    if lacks_release("1.7.0") {
        return;
    }
    for (backend, policy) in [("iptables", ""), ("iptables", "isolated"), ("nftables", "isolated")]
    {
        println!("{backend} {policy}");
        let host = Host::new();
        host.sh("ip6tables -P FORWARD DROP");
        let net = firewall(&host, json!({ "backend": backend, "ingressPolicy": policy }));
        test(&Stage::new(&host, net.with_prev_result(previous("br0", &BOTH))));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "firewall")));
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
    for_each_network(|stage| stage.del_is_finished_by_another(Mode::Fail, "firewall"));
}

#[test]
fn a_killed_del_is_finished_by_another() {
    for_each_network(|stage| stage.del_is_finished_by_another(Mode::Kill, "firewall"));
}

/// A runtime whose ADD was killed has no result, so that only the plugin knows the addresses.
#[test]
fn a_killed_add_is_cleaned_up_by_del_without_a_result() {
    if lacks_release("1.7.0") {
        return;
    }
    for backend in ["iptables", "nftables"] {
        let host = Host::new();
        let net = firewall(&host, json!({ "backend": backend, "ingressPolicy": "isolated" }));
        let both = net.with_prev_result(previous("br0", &BOTH));
        let first = host.container("first");
        both.add(&first, "eth0").succeeds();
        net.without_prev_result().del(&first, "eth0").succeeds();
        let before = host.world();
        for_each_fault(Mode::Kill, "firewall", |fault, effect| {
            let container = host.container(&format!("c{effect}"));
            let _ = both.with_fault(fault).add(&container, "eth0");
            net.without_prev_result().del_without_netns(&container, "eth0").succeeds();
            println!("{backend}: after a kill at {:?}", fault.hit());
            host.returns_to(&before);
        });
    }
}
