//! What happens to interface, namespace and machine while a lease is held.

use std::net::UdpSocket;
use std::time::Duration;
use std::{fs, thread};

use cni_testkit::{Feature, difference, lacks, lacks_release};
use serde_json::json;

use super::script::{DISCOVER, RELEASE, Script};
use super::stage::{RANGE, Stage, given, is_up, wait_for};

#[test]
fn a_lease_is_extended_for_another_hardware_address() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip addr add 192.168.1.5/24 dev eth0; ip link set eth0 address 02:00:00:00:00:77");
    difference("dhcp-changed-mac", || {
        wait_for("two extensions", || server.extensions().len() >= 2);
        let asked = server.asked();
        let last = asked.last().expect("an extension");
        assert_eq!(last.hardware(), [2, 0, 0, 0, 0, 0x77]);
        let mut since = asked.iter().skip_while(|asked| !asked.is_extension());
        assert!(since.all(|asked| asked.kind != DISCOVER));
        net.check(&c1, "eth0").succeeds();
    });
}

#[test]
fn a_link_that_was_down_for_a_while_keeps_its_lease() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 8, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip addr add 192.168.1.5/24 dev eth0; ip link set eth0 down");
    // Beyond the half of the lease, when it is to be extended.
    thread::sleep(Duration::from_secs(5));
    assert!(!is_up(&c1, "eth0"), "nobody but its owner sets it up");
    c1.sh("ip link set eth0 up");
    wait_for("an extension", || !server.extensions().is_empty());
    net.check(&c1, "eth0").succeeds();
}

#[test]
fn a_deleted_namespace_goes_when_its_lease_is_collected() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip addr add 192.168.1.5/24 dev eth0");
    c1.destroy();
    wait_for("an extension", || !server.extensions().is_empty());
    difference("dhcp-gc", || {
        net.gc(&[]).succeeds();
        server.wait_for(RELEASE);
        let has_port = || stage.host.output(&["ip", "link", "show", "c1"]).status.success();
        wait_for("the namespace's end", || !has_port());
    });
}

#[test]
fn a_reboot_starts_clean() {
    let Some(stage) = Stage::scripted() else { return };
    let server = Script::giving(&stage, 4, &[]);
    let daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    stage.network(json!({})).add(&c1, "eth0").succeeds();
    daemon.stop();
    stage.host.sh(
        "sed -i 's/\"boot_id\":\"[^\"]*\"/\"boot_id\":\"another\"/' /run/cni/dhcp.leases/*.json",
    );
    let _daemon = stage.daemon_again(&[]);
    wait_for("the record's end", || stage.records() == 0);
    let so_far = server.kinds().len();
    thread::sleep(Duration::from_secs(3));
    assert_eq!(server.kinds().len(), so_far);
}

#[test]
fn adds_of_one_attachment_at_once_have_one_lease() {
    if lacks_release("1.9.1") {
        return;
    }
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let _daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    let net = stage.network(json!({}));
    difference("dhcp-concurrent-adds", || {
        let addresses: Vec<String> = thread::scope(|scope| {
            let adding: Vec<_> = (0..4).map(|_| scope.spawn(|| given(&net, &c1, "eth0"))).collect();
            adding.into_iter().map(|adding| adding.join().expect("an address")).collect()
        });
        assert!(addresses.iter().all(|address| *address == addresses[0]), "{addresses:?}");
        assert_eq!(stage.log().matches("DHCPACK").count(), 1);
    });
}

#[test]
fn a_daemon_with_nothing_to_do_sleeps() {
    let stage = Stage::new();
    let _server = stage.dnsmasq(&[RANGE]);
    let daemon = stage.daemon(&[]);
    let c1 = stage.container("c1");
    stage.network(json!({})).add(&c1, "eth0").succeeds();
    let status = format!("/proc/{}/status", daemon.id());
    let sleeps = || {
        let status = fs::read_to_string(&status).expect("a process");
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        line.map(str::to_owned)
    };
    // The plugin has gone, and sockets have been closed.
    thread::sleep(Duration::from_millis(500));
    let before = sleeps();
    let noise = || -> std::io::Result<()> {
        let socket = UdpSocket::bind("192.168.1.1:0")?;
        socket.set_broadcast(true)?;
        (0..50).try_for_each(|_| socket.send_to(b"noise", "192.168.1.255:68").map(drop))
    };
    stage.server.run(noise).expect("sent");
    thread::sleep(Duration::from_secs(2));
    assert_eq!(sleeps(), before);
}

/// A VLAN of the parent's has a server of its own.
#[test]
fn uml_a_parent_in_a_vlan_gets_the_leases_of_that_vlan() {
    if lacks(Feature::Vlan) || lacks(Feature::Macvlan) {
        return;
    }
    let stage = Stage::new();
    stage.server.sh("ip link add link eth0 name eth0.5 up type vlan id 5
        ip addr add 192.168.5.1/24 dev eth0.5");
    let tagged = "--dhcp-range=192.168.5.5,192.168.5.5,255.255.255.0,2m";
    let _server = stage.dnsmasq(&[RANGE, "--interface=eth0.5", tagged]);
    let _daemon = stage.daemon(&[]);
    stage.host.sh("ip link add ext0 up type veth peer name p0
        ip link set p0 up master br0
        ip link add link ext0 name ext0.5 up type vlan id 5");
    let in_vlan = |master: &str, container: &cni_testkit::Container| {
        let net = stage.host.network(json!({ "cniVersion": "1.1.0", "name": "net1",
            "type": "macvlan", "master": master, "ipam": { "type": "dhcp" } }));
        let result = net.add(container, "eth0").succeeds().result();
        net.del(container, "eth0").succeeds();
        result["ips"][0]["address"].as_str().unwrap_or_default().to_owned()
    };
    let (c1, c2) = (stage.host.container("c1"), stage.host.container("c2"));
    assert_eq!(in_vlan("ext0.5", &c1), "192.168.5.5/24");
    assert!(in_vlan("ext0", &c2).starts_with("192.168.1."));
}
