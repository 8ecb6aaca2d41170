//! vrf: an interface with addresses and routes of both families, where the kernel has VRFs.
//! The interface is the container's before and after, so its state tells what was left.

use std::cell::Cell;

use cni_testkit::{Container, Fault, Feature, Host, Mode, Network, for_each_fault, lacks};
use serde_json::json;

struct Stage {
    host: Host,
    containers: Cell<usize>,
}

impl Stage {
    fn new() -> Self {
        Self { host: Host::new(), containers: Cell::new(0) }
    }

    /// A container with an interface; the kernel's rule for VRFs is there for good.
    fn container(&self) -> Container {
        let number = self.containers.get() + 1;
        self.containers.set(number);
        let container = self.host.container(&format!("c{number}"));
        container.sh("ip link add name first type vrf table 999; ip link del first
            ip link add name eth0 up type veth peer name far; ip link set far up
            ip addr add 10.1.2.2/24 dev eth0; ip addr add fd00::2/64 dev eth0 nodad
            ip route add default via 10.1.2.1; ip route add default via fd00::1");
        container.rebase();
        container
    }

    fn network(&self) -> Network<'_> {
        let net =
            json!({ "cniVersion": "1.1.0", "name": "net1", "type": "vrf", "vrfname": "blue" });
        self.host.network(net).with_prev_result(json!({ "cniVersion": "1.1.0" }))
    }
}

#[track_caller]
fn is_clean(container: &Container, fault: &Fault) {
    assert_eq!(container.shown(), "", "{} after a fault at {:?}", container.id(), fault.hit());
}

/// What DEL leaves: IPv6 addresses and routes are not moved back.
#[track_caller]
fn has_left(container: &Container, fault: &Fault) {
    let shown = container.shown();
    assert!(!shown.contains("blue"), "after a fault at {:?}: {shown}", fault.hit());
}

#[test]
fn uml_a_failed_add_leaves_the_container_as_it_was() {
    if lacks(Feature::Vrf) {
        return;
    }
    let stage = Stage::new();
    for_each_fault(Mode::Fail, "vrf", |fault, _| {
        let container = stage.container();
        let net = stage.network();
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        if !outcome.is_success() {
            is_clean(&container, fault);
        }
    });
}

#[test]
fn uml_a_killed_add_is_cleaned_up_by_del() {
    if lacks(Feature::Vrf) {
        return;
    }
    let stage = Stage::new();
    for_each_fault(Mode::Kill, "vrf", |fault, _| {
        let container = stage.container();
        let net = stage.network();
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        net.del_without_netns(&container, "eth0").succeeds();
        net.del(&container, "eth0").succeeds();
        has_left(&container, fault);
    });
}

#[test]
fn uml_a_broken_del_is_finished_by_another() {
    if lacks(Feature::Vrf) {
        return;
    }
    for mode in [Mode::Fail, Mode::Kill] {
        let stage = Stage::new();
        for_each_fault(mode, "vrf", |fault, _| {
            let container = stage.container();
            let net = stage.network();
            net.add(&container, "eth0").succeeds();
            let outcome = net.with_fault(fault).del(&container, "eth0");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            net.del(&container, "eth0").succeeds();
            has_left(&container, fault);
        });
    }
}
