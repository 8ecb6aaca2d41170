//! Containers in one and in several networks.

use cni_testkit::Machine;
use expect_test::expect;

use super::Podman;

/// Programs inside, not only sockets: one asks the other over HTTP.
#[test]
fn containers_reach_one_another() {
    let Some(podman) = Podman::boot() else { return };
    podman.write(&format!("{}/www/index.html", Machine::ROOTFS), "served by c1");
    let root = Machine::ROOTFS;
    let before = podman.warmed_up();
    podman.podman(&format!(
        "run -d --name c1 --network t1 --rootfs {root} /bin/httpd -f -p 80 -h /www"
    ));
    let c2 = podman.run("c2", "--network t1");
    for address in ["10.1.2.3", "[fd00:1::3]"] {
        let served = podman.wait_for(&[
            "podman",
            "exec",
            "c2",
            "wget",
            "-qO-",
            &format!("http://{address}/"),
        ]);
        assert_eq!(served, "served by c1");
    }
    podman.network("c1").reaches(&c2, "10.1.2.4:81");
    drop(c2);
    podman.podman("rm -f -t 0 c1 c2");
    podman.returns_to(&before);
}

#[test]
fn a_container_gets_the_addresses_it_asks_for() {
    let Some(podman) = Podman::boot() else { return };
    let before = podman.warmed_up();
    let asked = "--network t1:ip=10.1.2.77,ip=fd00:1::77,mac=02:00:00:00:00:77";
    let c1 = podman.run("c1", asked);
    c1.shows(expect![[r#"
        link eth0 up
        link lo up mtu 65536
        addr 10.1.2.77/24 dev eth0
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
        addr fd00:1::77/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    let c2 = podman.run("c2", "--network t1 --ip 10.1.2.78 --mac-address 02:00:00:00:00:78");
    c2.shows(expect![[r#"
        link eth0 up
        link lo up mtu 65536
        addr 10.1.2.78/24 dev eth0
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
        addr fd00:1::78/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    for (container, mac) in [(&c1, "02:00:00:00:00:77"), (&c2, "02:00:00:00:00:78")] {
        let link = container.exec(&["ip", "link", "show", "eth0"]);
        assert!(link.contains(mac), "{link}");
    }
    drop((c1, c2));
    podman.podman("rm -f -t 0 c1 c2");
    podman.returns_to(&before);
}

#[test]
fn a_running_container_enters_and_leaves_a_network() {
    let Some(podman) = Podman::boot() else { return };
    podman.podman("network create --subnet 10.2.3.0/24 t2");
    podman.run("first", "--network t1,t2 -p 79:79");
    podman.podman("rm -f -t 0 first");
    let before = podman.world();
    let c1 = podman.run("c1", "--network t1 -p 8080:80");
    let only_t1 = podman.world();
    podman.podman("network connect --ip 10.2.3.9 t2 c1");
    c1.shows(expect![[r#"
        link eth0 up
        link eth1 up
        link lo up mtu 65536
        addr 10.1.2.3/24 dev eth0
        addr 10.2.3.9/24 dev eth1
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
        addr fd00:1::3/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via 10.2.3.1 dev eth1
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route 10.2.3.0/24 dev eth1 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    podman.reaches(&c1, "10.2.3.9:80");
    podman.reaches_through(&c1, "127.0.0.1:8080", "10.1.2.3:80");
    podman.podman("network disconnect t2 c1");
    podman.returns_to(&only_t1);
    podman.reaches_through(&c1, "127.0.0.1:8080", "10.1.2.3:80");
    podman.podman("network disconnect t1 c1");
    c1.shows(expect![[r#"
        link lo up mtu 65536
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
    "#]]);
    drop(c1);
    podman.podman("rm -f -t 0 c1");
    podman.returns_to(&before);
}
