//! tuning: settings and every attribute, first and repeated ADDs.
//! The interface is the container's before and after, so its attributes tell what was left.

use std::cell::Cell;

use cni_testkit::{Container, Fault, Host, Mode, Network, for_each_fault};
use serde_json::json;

use crate::tuned::{attached, link, network};

const SETTING: &str = "cat /proc/sys/net/ipv4/conf/eth0/arp_ignore";

/// Containers by number, and the network for one.
struct Stage {
    host: Host,
    before: String,
    containers: Cell<usize>,
}

impl Stage {
    fn new() -> Self {
        let host = Host::new();
        let first = attached(&host, "first");
        let before = host.world();
        let stage = Self { host, before, containers: Cell::new(0) };
        // The folder of the records is shared.
        stage.network(&first).add(&first, "eth0").succeeds();
        stage.network(&first).del(&first, "eth0").succeeds();
        stage
    }

    fn container(&self) -> Container {
        let number = self.containers.get() + 1;
        self.containers.set(number);
        attached(&self.host, &format!("c{number}"))
    }

    fn network(&self, container: &Container) -> Network<'_> {
        let keys = json!({
            "mac": "02:00:00:00:00:0a", "promisc": true, "mtu": 1400, "allmulti": true, "txQLen": 5,
            "sysctl": { "net.ipv4.conf.IFNAME.arp_ignore": "1", "net.ipv4.conf.IFNAME.arp_notify": "1" }
        });
        network(&self.host, container, keys)
    }

    #[track_caller]
    fn is_clean(&self, container: &Container, original: &str, fault: &Fault) {
        println!("{}: after a fault at {:?}", container.id(), fault.hit());
        self.host.returns_to(&self.before);
        if std::path::Path::new(container.netns_path()).exists() {
            assert_eq!(link(container), original);
        }
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    let stage = Stage::new();
    for_each_fault(Mode::Fail, "tuning", |fault, _| {
        let container = stage.container();
        let original = link(&container);
        let net = stage.network(&container);
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        match outcome.is_success() {
            true => drop(net.del(&container, "eth0").succeeds()),
            false => assert_eq!(container.sh(SETTING), "0\n"),
        }
        stage.is_clean(&container, &original, fault);
    });
}

/// What the first one made stays, and is restored by DEL.
#[test]
fn a_failed_second_add_leaves_the_first_alone() {
    let stage = Stage::new();
    for_each_fault(Mode::Fail, "tuning", |fault, _| {
        let container = stage.container();
        let original = link(&container);
        let net = stage.network(&container);
        let first = net.with_config("txQLen", json!(null)).with_config("mtu", json!(1300));
        first.add(&container, "eth0").succeeds();
        let tuned = link(&container);
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        if !outcome.is_success() {
            assert_eq!(link(&container), tuned);
            first.check(&container, "eth0").succeeds();
        }
        net.del(&container, "eth0").succeeds();
        stage.is_clean(&container, &original, fault);
    });
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for dies in [false, true] {
        let stage = Stage::new();
        for_each_fault(Mode::Kill, "tuning", |fault, _| {
            let container = stage.container();
            let original = link(&container);
            let net = stage.network(&container);
            let outcome = net.with_fault(fault).add(&container, "eth0");
            match fault.hit() {
                Some(_) => outcome.is_killed(),
                None => drop(outcome.succeeds()),
            }
            if dies {
                container.destroy();
            }
            net.del(&container, "eth0").succeeds();
            stage.is_clean(&container, &original, fault);
        });
    }
}

/// Killed while more is recorded, too.
#[test]
fn a_killed_second_add_is_cleaned_up_by_del() {
    let stage = Stage::new();
    for_each_fault(Mode::Kill, "tuning", |fault, _| {
        let container = stage.container();
        let original = link(&container);
        let net = stage.network(&container);
        net.with_config("mtu", json!(0)).add(&container, "eth0").succeeds();
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        net.del(&container, "eth0").succeeds();
        stage.is_clean(&container, &original, fault);
    });
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        let stage = Stage::new();
        for_each_fault(mode, "tuning", |fault, _| {
            let container = stage.container();
            let original = link(&container);
            let net = stage.network(&container);
            net.add(&container, "eth0").succeeds();
            let outcome = net.with_fault(fault).del(&container, "eth0");
            assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
            if !outcome.is_success() {
                net.del(&container, "eth0").succeeds();
            }
            stage.is_clean(&container, &original, fault);
        });
    }
}

/// Of a killed ADD whose DEL never comes.
#[test]
fn garbage_of_a_killed_add_is_collected() {
    let stage = Stage::new();
    for_each_fault(Mode::Kill, "tuning", |fault, _| {
        let container = stage.container();
        let net = stage.network(&container);
        let outcome = net.with_fault(fault).add(&container, "eth0");
        assert_ne!(outcome.is_success(), fault.hit().is_some(), "{outcome}");
        container.destroy();
        net.gc(&[]).succeeds();
        stage.host.returns_to(&stage.before);
    });
}
