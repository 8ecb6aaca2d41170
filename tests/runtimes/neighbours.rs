//! Other programs with rules of their own on the machine of a runtime.

use cni_testkit::Blocked;

use crate::docker::Docker;
use crate::firewalld::Firewalld;
use crate::podman::Podman;

/// firewalld rejects what it forwards, unless a zone says otherwise. When it reloads, it takes away
/// the rules of everybody else and what it has not read from files; Podman's reload restores them.
#[test]
fn published_ports_arrive_through_firewalld() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    let firewalld = Firewalld::start(&podman);
    podman.warmed_up();
    // It makes its table anew, so the order is from now on the one after a reload.
    podman.exec(&["firewall-cmd", "--reload"]);
    let before = podman.warmed_up();
    let c1 = podman.run("c1", "--network t1:ip=10.1.2.9,ip=fd00:1::9 -p 8080:80");
    let rules = podman.iptables_rules();
    let is_reached = || {
        outside.reaches_through(&c1, "192.0.2.1:8080", "[::]:80");
        outside.reaches_through(&c1, "[2001:db8::1]:8080", "[::]:80");
        podman.reaches_through(&c1, "127.0.0.1:8080", "[::]:80");
        c1.reaches(&outside, "192.0.2.2:80");
        assert_eq!(firewalld.sources("trusted"), "10.1.2.9/32 fd00:1::9/128");
    };
    is_reached();

    podman.exec(&["firewall-cmd", "--reload"]);
    assert_eq!(firewalld.sources("trusted"), "");
    outside.cannot_reach(&c1, "192.0.2.1:8080", Blocked::Unreachable);
    podman.podman("network reload c1");
    assert_eq!(podman.iptables_rules(), rules);
    is_reached();

    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}

/// dockerd with its own rules, whose containers come and go among ours.
#[test]
fn dockers_rules_and_ours_leave_each_other_alone() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    let docker = Docker::start(&podman);
    let dockers = podman.iptables_rules();
    let before = podman.warmed_up();
    assert_eq!(without_ours(&podman.iptables_rules()), dockers);

    let d1 = docker.run("d1", "-p 8081:80");
    let with_d1 = podman.iptables_rules();
    let c1 = podman.run("c1", "--network t1 -p 8080:80");
    for from in [&*outside, &podman, &c1] {
        from.reaches_through(&d1, "192.0.2.1:8081", "[::]:80");
    }
    for from in [&podman, &c1] {
        from.reaches_through(&c1, "192.0.2.1:8080", "[::]:80");
    }
    c1.reaches(&outside, "192.0.2.2:80");
    // dockerd drops what nobody has accepted, and the plugins accept what a container has begun.
    outside.cannot_reach(&c1, "192.0.2.1:8080", Blocked::Silently);
    let admin = ["CNI-ADMIN", "-o", "cni-podman1", "-j", "ACCEPT"];
    podman.exec(&[&["iptables", "-A"], &admin[..]].concat());
    for from in [&*outside, &d1] {
        from.reaches_through(&c1, "192.0.2.1:8080", "[::]:80");
    }
    podman.exec(&[&["iptables", "-D"], &admin[..]].concat());
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    assert_eq!(podman.iptables_rules(), with_d1);

    let c1 = podman.run("c1", "--network t1 -p 8080:80");
    drop(d1);
    podman.exec(&["docker", "rm", "-f", "d1"]);
    podman.reaches_through(&c1, "127.0.0.1:8080", "[::]:80");
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}

/// The rules of everybody else, as they are printed.
fn without_ours(rules: &str) -> String {
    rules.lines().filter(|line| !line.contains("CNI")).map(|line| format!("{line}\n")).collect()
}
