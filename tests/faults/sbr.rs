//! sbr: addresses of both families, with hints and without, and a table that is given.
//! The interface is made and removed by the plugin before.

use std::cell::Cell;

use cni_testkit::{Container, Host, Mode, for_each_fault};
use serde_json::{Value, json};

use crate::routed::{attached, dual, network};

fn container(host: &Host) -> Container {
    let container = attached(host, "192.168.1.209/24 fd00::10/64");
    container.sh("ip route append default via 192.168.1.1 dev net1
         ip route add 192.168.2.0/24 via 192.168.1.2 dev net1
         ip route add fd05::/64 via fd00::5 dev net1");
    container
}

/// Everything that sbr changes, in the kernel's order, which counts.
fn routing(container: &Container) -> String {
    container.sh("ip rule; ip -6 rule; ip route; ip -6 route | grep -v far | sort
         ip route show table 100 2>/dev/null || :; ip -6 route show table 101 2>/dev/null || :")
}

fn for_each_network(test: impl Fn(Value)) {
    for keys in [json!({}), json!({ "addSourceHints": true }), json!({ "table": 5000 })] {
        println!("{keys}");
        test(keys);
    }
}

#[test]
fn a_failed_add_leaves_the_routes_as_they_were() {
    for_each_network(|keys| {
        let host = Host::new();
        for_each_fault(Mode::Fail, "sbr", |fault, _| {
            let container = container(&host);
            let before = routing(&container);
            let net = network(&host, keys.clone(), dual());
            let outcome = net.with_fault(fault).add(&container, "net1");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            if !outcome.is_success() {
                assert_eq!(routing(&container), before, "after a fault at {:?}", fault.hit());
            }
        });
    });
}

#[test]
fn a_killed_add_is_completed_by_another_or_cleaned_up_by_del() {
    for_each_network(|keys| {
        let host = Host::new();
        let complete = {
            let container = container(&host);
            network(&host, keys.clone(), dual()).add(&container, "net1").succeeds();
            routing(&container)
        };
        let repeated = Cell::new(false);
        for_each_fault(Mode::Kill, "sbr", |fault, _| {
            let container = container(&host);
            let net = network(&host, keys.clone(), dual());
            let outcome = net.with_fault(fault).add(&container, "net1");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            if repeated.replace(!repeated.get()) {
                net.add(&container, "net1").succeeds();
                net.check(&container, "net1").succeeds();
                if keys["addSourceHints"].is_null() {
                    assert_eq!(routing(&container), complete, "{:?}", fault.hit());
                }
            }
            net.del(&container, "net1").succeeds();
            container.sh("ip link del net1");
            assert_eq!(container.shown(), "", "after a kill at {:?}", fault.hit());
            net.del(&container, "net1").succeeds();
        });
    });
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for_each_network(|keys| {
        for mode in [Mode::Fail, Mode::Kill] {
            let host = Host::new();
            for_each_fault(mode, "sbr", |fault, _| {
                let container = container(&host);
                let net = network(&host, keys.clone(), dual());
                net.add(&container, "net1").succeeds();
                let outcome = net.with_fault(fault).del(&container, "net1");
                assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
                if !outcome.is_success() {
                    net.del(&container, "net1").succeeds();
                }
                container.sh("ip link del net1");
                assert_eq!(container.shown(), "", "after a fault at {:?}", fault.hit());
            });
        }
    });
}
