//! bandwidth: limits of both directions.

use cni_testkit::{Container, Fault, Host, Mode, Network, for_each_fault};
use serde_json::json;

use crate::wired::wire;

/// A container with a veth pair, and the network that is to limit it.
struct Scene<'h> {
    host: &'h Host,
    c1: Container,
    net: Network<'h>,
    /// The world without the container, and with it.
    empty: String,
    wired: String,
}

impl Scene<'_> {
    /// The host's end and everything else are as they were.
    #[track_caller]
    fn is_untouched(&self) {
        self.host.returns_to(&self.wired);
    }
}

/// Runs a test with a fault at each effect.
fn for_each_scene(mode: Mode, test: impl Fn(&Scene<'_>, &Fault)) {
    for_each_fault(mode, "bandwidth", |fault, _| {
        let host = Host::new();
        let c1 = host.container("c1");
        let empty = host.world();
        let result = wire(&host, "vhost", &c1, "eth0");
        let wired = host.world();
        let net = host.network(json!({
            "cniVersion": "1.1.0", "name": "net1", "type": "bandwidth",
            "ingressRate": 1_000_000, "ingressBurst": 800_000,
            "egressRate": 1_000_000, "egressBurst": 800_000
        }));
        let net = net.with_prev_result(result);
        test(&Scene { host: &host, c1, net, empty, wired }, fault);
        println!("after a fault at {:?}", fault.hit());
    });
}

/// Runs an ADD with a fault, which it has to fail of.
#[track_caller]
fn break_add(scene: &Scene<'_>, fault: &Fault) {
    let outcome = scene.net.with_fault(fault).add(&scene.c1, "eth0");
    assert_eq!(outcome.is_success(), fault.hit().is_none(), "{:?}: {outcome}", fault.hit());
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_scene(Mode::Fail, |scene, fault| {
        break_add(scene, fault);
        if fault.hit().is_some() {
            scene.is_untouched();
        }
    });
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for_each_scene(Mode::Kill, |scene, fault| {
        break_add(scene, fault);
        scene.net.del(&scene.c1, "eth0").succeeds();
        scene.is_untouched();
    });
}

#[test]
fn a_killed_add_is_cleaned_up_by_del_without_the_namespace() {
    for_each_scene(Mode::Kill, |scene, fault| {
        break_add(scene, fault);
        scene.c1.destroy();
        scene.net.without_prev_result().del_without_netns(&scene.c1, "eth0").succeeds();
        scene.host.returns_to(&scene.empty);
    });
}

#[test]
fn a_killed_add_is_cleaned_up_by_gc() {
    for_each_scene(Mode::Kill, |scene, fault| {
        break_add(scene, fault);
        scene.c1.destroy();
        scene.net.gc(&[]).succeeds();
        scene.host.returns_to(&scene.empty);
    });
}

#[test]
fn a_killed_add_is_finished_by_another() {
    for_each_scene(Mode::Kill, |scene, fault| {
        break_add(scene, fault);
        scene.net.add(&scene.c1, "eth0").succeeds();
        scene.net.check(&scene.c1, "eth0").succeeds();
        scene.net.del(&scene.c1, "eth0").succeeds();
        scene.is_untouched();
    });
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_scene(mode, |scene, fault| {
            scene.net.add(&scene.c1, "eth0").succeeds();
            let outcome = scene.net.with_fault(fault).del(&scene.c1, "eth0");
            assert_eq!(outcome.is_success(), fault.hit().is_none(), "{outcome}");
            scene.net.del(&scene.c1, "eth0").succeeds();
            scene.is_untouched();
        });
    }
}
