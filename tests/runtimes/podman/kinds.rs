//! The other kinds of networks that Podman makes.

use cni_testkit::{Blocked, Feature, lacks};
use expect_test::expect;

use super::Podman;

#[test]
fn isolated_networks_do_not_reach_one_another() {
    let Some(podman) = Podman::boot() else { return };
    podman.podman("network create --subnet 10.2.3.0/24 --opt isolate=true i2");
    podman.podman("network create --subnet 10.3.4.0/24 --opt isolate=true i3");
    let c1 = podman.run("c1", "--network t1");
    let c2 = podman.run("c2", "--network i2");
    let c3 = podman.run("c3", "--network i3");
    c2.cannot_reach(&c3, "10.3.4.2:80", Blocked::Silently);
    c2.reaches(&c1, "10.1.2.2:80");
    podman.reaches(&c2, "10.2.3.2:80");
}

#[test]
fn an_internal_network_does_not_lead_outside() {
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    podman.podman("network create --internal --subnet 10.2.3.0/24 --opt mtu=1400 inside");
    let (c1, c2) = (podman.run("c1", "--network inside"), podman.run("c2", "--network inside"));
    c1.shows(expect![[r#"
        link eth0 up mtu 1400
        link lo up mtu 65536
        addr 10.2.3.2/24 dev eth0
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
        route 10.2.3.0/24 dev eth0 scope link
    "#]]);
    c1.reaches(&c2, "10.2.3.3:80");
    c1.cannot_reach(&outside, "192.0.2.2:80", Blocked::Unreachable);
}

#[test]
fn a_macvlan_network_is_part_of_the_one_outside() {
    if lacks(Feature::Macvlan) {
        return;
    }
    let Some(podman) = Podman::boot() else { return };
    let outside = podman.outside();
    let before = podman.world();
    podman.podman("network create -d macvlan -o parent=outside --subnet 192.0.2.0/24 lan");
    let c1 = podman.run("c1", "--network lan --ip 192.0.2.9");
    c1.shows(expect![[r#"
        link eth0 up
        link lo up mtu 65536
        addr 127.0.0.1/8 dev lo
        addr 192.0.2.9/24 dev eth0
        addr ::1/128 dev lo
        route default via 192.0.2.1 dev eth0
        route 192.0.2.0/24 dev eth0 scope link
    "#]]);
    outside.reaches(&c1, "192.0.2.9:80");
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}
