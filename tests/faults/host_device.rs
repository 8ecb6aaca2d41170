//! host-device: with addresses of both families, and as a mere move; and a device left on the host.

use cni_testkit::{Host, Mode, Network, for_each_fault};
use serde_json::{Value, json};

use crate::networks::dual_stack;
use crate::stage::{Fate, Stage};

/// Gives the host the device `hd0` and its far end `wire`.
fn plug_in(host: &Host) {
    host.sh("ip link add hd0 type veth peer name wire");
}

fn network(host: &Host, ipam: Value) -> Network<'_> {
    let mut ipam = ipam;
    if ipam["type"].is_string() {
        ipam["routes"] = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    }
    host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "host-device",
                         "device": "hd0", "ipam": ipam }))
}

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Host, Network<'_>)) {
    for ipam in [dual_stack(), json!({})] {
        println!("{ipam}");
        let host = Host::new();
        plug_in(&host);
        test(&host, network(&host, ipam));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|host, net| {
        let has_addresses = net.config()["ipam"]["type"].is_string();
        let stage = Stage::new(host, net);
        drop(stage.add_fails_cleanly(Mode::Fail, "host-device"));
        if has_addresses {
            drop(stage.add_fails_cleanly(Mode::Fail, "host-local"));
        }
    });
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for_each_network(|host, net| Stage::new(host, net).del_follows_a_killed_add(Fate::Lives));
}

/// The device is a virtual one and dies with the container, so it is plugged in again.
#[test]
fn a_killed_add_is_cleaned_up_by_del_without_the_namespace() {
    for_each_network(|host, net| {
        let before = host.world();
        for_each_fault(Mode::Kill, "host-device", |fault, number| {
            let container = host.container(&format!("c{number}"));
            let outcome = net.with_fault(fault).add(&container, "eth0");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            container.destroy();
            net.del(&container, "eth0").succeeds();
            host.sh("for _ in $(seq 500); do
                         [ -e /proc/sys/net/ipv4/conf/wire ] || break
                         [ -e /proc/sys/net/ipv4/conf/hd0 ] && ip link del hd0 || sleep 0.01
                     done");
            plug_in(host);
            host.returns_to(&before);
        });
    });
}

#[test]
fn a_failed_del_is_finished_by_another() {
    for_each_network(|host, net| {
        Stage::new(host, net).del_is_finished_by_another(Mode::Fail, "host-device");
    });
}

#[test]
fn a_killed_del_is_finished_by_another() {
    for_each_network(|host, net| {
        Stage::new(host, net).del_is_finished_by_another(Mode::Kill, "host-device");
    });
}

/// The kernel has put the device back, under the container's name for it.
#[test]
fn a_broken_restoration_is_finished_by_another_del() {
    let host = Host::new();
    plug_in(&host);
    let net = network(&host, json!({}));
    let before = host.shown();
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_fault(mode, "host-device", |fault, number| {
            let container = host.container(&format!("c{number}"));
            container.destroy();
            host.sh("ip link set hd0 name eth0; ip link set eth0 up alias hd0");
            let outcome = net.with_fault(fault).del(&container, "eth0");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            net.del(&container, "eth0").succeeds();
            assert_eq!(host.shown(), before);
        });
    }
}
