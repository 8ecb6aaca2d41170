//! Containers that are restarted, killed, removed, and whose rules somebody else removes.

use std::collections::HashSet;

use cni_testkit::Machine;
use expect_test::expect;

use super::Podman;

/// Another program has flushed the rules, as a restarted firewall does.
#[test]
fn a_reload_restores_the_rules() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    let before = podman.warmed_up();
    let c1 = podman.run("c1", "--network t1 -p 8080:80");
    let (network, rules) = (c1.shown(), podman.iptables_rules());
    podman.sh("for table in nat filter; do
        for family in iptables ip6tables; do $family -t $table -F; $family -t $table -X; done
    done");
    podman.podman("network reload c1");
    assert_eq!(podman.iptables_rules(), rules);
    assert_eq!(c1.shown(), network);
    for host in ["192.0.2.1", "[2001:db8::1]"] {
        outside.reaches_through(&c1, &format!("{host}:8080"), "[::]:80");
    }
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}

#[test]
fn a_restarted_container_is_reached() {
    let Some(podman) = Podman::boot() else { return };
    let before = podman.warmed_up();
    let c1 = podman.run("c1", "--network t1 -p 8080:80");
    podman.reaches_through(&c1, "127.0.0.1:8080", "[::]:80");
    drop(c1);
    podman.podman("restart -t 0 c1");
    let c1 = podman.network("c1");
    podman.reaches_through(&c1, "127.0.0.1:8080", "[::]:80");
    drop(c1);
    podman.podman("stop -t 0 c1");
    podman.returns_to(&before);
    podman.podman("start c1");
    podman.reaches_through(&podman.network("c1"), "127.0.0.1:8080", "[::]:80");
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}

/// Its monitor lives and calls DEL; or is killed, too, and DEL comes with the removal.
#[test]
fn a_killed_container_leaves_nothing() {
    let Some(podman) = Podman::boot() else { return };
    let before = podman.warmed_up();
    podman.run("c1", "--network t1 -p 8080:80");
    podman.exec(&["kill", "-9", &podman.inspect("c1", ".State.Pid")]);
    podman.wait_for(&["sh", "-c", "! ls /run/netns/netns-* 2>/dev/null"]);
    podman.returns_to(&before);

    podman.run("c2", "--network t1 -p 8080:80");
    for process in [".State.ConmonPid", ".State.Pid"] {
        podman.exec(&["kill", "-9", &podman.inspect("c2", process)]);
    }
    podman.podman("rm -f -t 0 c2");
    podman.returns_to(&before);
}

#[test]
fn containers_started_at_once_have_addresses_of_their_own() {
    let Some(podman) = Podman::boot() else { return };
    let before = podman.warmed_up();
    let root = Machine::ROOTFS;
    podman.sh(&format!(
        "for n in 1 2 3 4 5; do podman run -d --name c$n --network t1 -p 800$n:80 \\
            --rootfs {root} /bin/sleep 10000 & done
         wait"
    ));
    let mut addresses = HashSet::new();
    for n in 1..=5 {
        let name = format!("c{n}");
        let dialled = format!("127.0.0.1:800{n}");
        podman.reaches_through(&podman.network(&name), &dialled, "[::]:80");
        addresses.insert(podman.inspect(&name, ".NetworkSettings.Networks.t1.IPAddress"));
    }
    assert_eq!(addresses.len(), 5, "{addresses:?}");
    podman.sh("for n in 1 2 3 4 5; do podman rm -f -t 0 c$n & done; wait");
    podman.returns_to(&before);
}

#[test]
fn a_removed_network_takes_its_bridge() {
    let Some(podman) = Podman::boot() else { return };
    podman.run("c1", "--network t1 -p 8080:80");
    podman.podman("network rm -f -t 0 t1");
    podman.shows(expect![""]);
    assert!(!podman.world().contains("10.1.2."), "{}", podman.world());
}
