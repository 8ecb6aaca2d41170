//! Ports that Podman publishes.

use cni_testkit::{Blocked, Namespace};

use super::Podman;

/// From the machine itself, from another one, from a neighbour and from the container: over both
/// families and protocols.
#[test]
fn published_ports_arrive() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    let before = podman.warmed_up();
    let c1 = podman.run("c1", "--network t1 -p 8080:80 -p 5353:53/udp");
    let c2 = podman.run("c2", "--network t1");
    let reaches = |from: &Namespace, host: &str, container: &str| {
        from.reaches_through(&c1, &format!("{host}:8080"), &format!("{container}:80"));
        from.reaches_through_by_udp(&c1, &format!("{host}:5353"), &format!("{container}:53"));
    };
    for from in [&podman, &*outside, &c2, &c1] {
        reaches(from, "192.0.2.1", "10.1.2.3");
        reaches(from, "[2001:db8::1]", "[fd00:1::3]");
    }
    reaches(&podman, "127.0.0.1", "10.1.2.3");
    drop((c1, c2));
    podman.podman("rm -f -t 0 c1 c2");
    podman.returns_to(&before);
}

/// Of the machine's addresses, one; of its ports, three and one that Podman chooses.
#[test]
fn ports_are_published_as_asked() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    outside.exec(&["ip", "route", "add", "10.1.2.0/24", "via", "192.0.2.1"]);
    let before = podman.warmed_up();
    let ports = "-p 192.0.2.1:8080:80 -p '[2001:db8::1]:8080:80' -p 9000-9002:7000-7002 -p 81";
    let c1 = podman.run("c1", &format!("--network t1 {ports}"));
    outside.reaches_through(&c1, "192.0.2.1:8080", "10.1.2.3:80");
    outside.reaches_through(&c1, "[2001:db8::1]:8080", "[fd00:1::3]:80");
    outside.cannot_reach(&c1, "10.1.2.1:8080", Blocked::Refused);
    for last in 0..3 {
        outside.reaches_through(&c1, &format!("192.0.2.1:900{last}"), &format!("[::]:700{last}"));
    }
    let chosen = podman.podman("port c1 81/tcp");
    let port = chosen.rsplit(':').next().unwrap_or_default();
    outside.reaches_through(&c1, &format!("192.0.2.1:{port}"), "10.1.2.3:81");
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}
