//! tuning: repeated and failed ADDs, CHECK, DEL, GC, STATUS, and a node that is switched over.

use std::path::Path;

use cni_testkit::{
    Host, against_reference, difference, lacks_file, lacks_release, lacks_version, plugin_dir,
};
use serde_json::json;

use crate::tuned::{MAC, attached, link, network};

const RECORD: &str = "/run/cni/tuning/c1_eth0.json";

/// The reference writes the tuned values over the original ones.
#[test]
fn a_repeated_add_keeps_the_original_values() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let before = link(&c1);
    let net = network(&host, &c1, json!({ "mtu": 1400 }));
    net.add(&c1, "eth0").succeeds();
    let record = host.sh(&format!("cat {RECORD}"));
    net.add(&c1, "eth0").succeeds();
    difference("tuning-repeated-add", || {
        assert_eq!(host.sh(&format!("cat {RECORD}")), record);
        let more = net.with_config("mtu", json!(1300)).with_config("txQLen", json!(5));
        more.add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1), format!("{MAC} mtu 1300 qlen 5 promiscuity 0"));
        net.del(&c1, "eth0").succeeds();
        assert_eq!(link(&c1), before);
    });
}

#[test]
fn a_failed_add_leaves_everything_as_it_was() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let (before, world) = (link(&c1), host.world());
    let setting = "cat /proc/sys/net/ipv4/conf/eth0/arp_ignore";
    let keys = json!({ "mac": "02:00:00:00:00:0a", "promisc": true, "mtu": 10, "txQLen": 5,
                       "sysctl": { "net.ipv4.conf.IFNAME.arp_ignore": "1" } });
    let net = network(&host, &c1, keys);
    net.add(&c1, "eth0").fails(999, "invalid argument");
    difference("tuning-failed-add-leaves-nothing", || {
        assert_eq!((link(&c1), host.world()), (before, world));
        assert_eq!(c1.sh(setting), "0\n");
    });
    // After a good one, what that one made is left.
    let c2 = attached(&host, "c2");
    let good = network(&host, &c2, json!({ "mtu": 1400, "promisc": true }));
    good.add(&c2, "eth0").succeeds();
    let (before, world) = (link(&c2), host.world());
    difference("tuning-failed-add-leaves-nothing", || {
        net.add(&c2, "eth0").fails(999, "invalid argument");
        assert_eq!(link(&c2), before);
        good.check(&c2, "eth0").succeeds();
        good.del(&c2, "eth0").succeeds();
        assert_eq!(link(&c2), format!("{MAC} mtu 1500 qlen 1000 promiscuity 0"));
        assert_ne!(host.world(), world);
    });
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let (before, world) = (link(&c1), host.world());
    let keys = json!({ "mtu": 1400, "sysctl": { "net.ipv4.conf.IFNAME.arp_ignore": "1" } });
    let net = network(&host, &c1, keys);
    net.without_prev_result().add(&c1, "eth0").fails(999, "Required prevResult missing");
    let broken =
        net.with_prev_result(json!({ "cniVersion": "1.0.0", "ips": [{ "address": "x" }] }));
    broken.add(&c1, "eth0").fails(999, "could not parse prevResult: invalid CIDR address: x");
    let gone = net.with_env("CNI_NETNS", "/run/netns/gone");
    let no_namespace = "failed to Statfs \"/run/netns/gone\": no such file or directory";
    gone.add(&c1, "eth0").fails(999, no_namespace);
    assert_eq!(c1.sh("cat /proc/sys/net/ipv4/conf/eth0/arp_ignore"), "0\n");
    let absent = network(&host, &c1, json!({ "mtu": 1400 }));
    absent.add(&c1, "eth7").fails(999, "failed to get \"eth7\": Link not found");
    difference("tuning-typed-plan", || {
        let mac = "invalid args 02:0 for MAC addr: address 02:0: invalid MAC address";
        net.with_config("mac", json!("02:0")).add(&c1, "eth0").fails(999, mac);
        net.with_config("mtu", json!(-1)).add(&c1, "eth0").fails(999, "mtu -1 is out of range");
        assert_eq!((link(&c1), host.world()), (before, world));
        assert_eq!(c1.sh("cat /proc/sys/net/ipv4/conf/eth0/arp_ignore"), "0\n");
    });
}

#[test]
fn check_finds_what_has_changed() {
    // Older releases look for a setting of the interface "IFNAME".
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let keys = json!({ "mac": "02:00:00:00:00:0a", "promisc": true, "mtu": 1400, "allmulti": true,
                       "txQLen": 20, "sysctl": { "net.ipv4.conf.IFNAME.arp_ignore": "1" } });
    let net = network(&host, &c1, keys);
    net.add(&c1, "eth0").succeeds();
    let fails = |script: &str, msg: &str| {
        c1.sh(script);
        net.check(&c1, "eth0").fails(999, msg);
        net.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds().silent();
    };
    fails(
        "echo 0 >/proc/sys/net/ipv4/conf/eth0/arp_ignore",
        "Error: Tuning configured value of /proc/sys/net/ipv4/conf/eth0/arp_ignore is 1, current value is 0",
    );
    fails(
        "ip link set eth0 address 02:00:00:00:00:0b",
        "Error: Tuning configured Ethernet of eth0 is 02:00:00:00:00:0a, current value is 02:00:00:00:00:0b",
    );
    fails(
        "ip link set eth0 promisc off",
        "Error: Tuning link eth0 configured promisc is true, current value is 0",
    );
    fails(
        "ip link set eth0 mtu 1500",
        "Error: Tuning configured MTU of eth0 is 1400, current value is 1500",
    );
    // The reference prints addresses of its memory.
    difference("tuning-check-values", || {
        fails(
            "ip link set eth0 allmulticast off",
            "Error: Tuning configured all-multicast mode of eth0 is true, current value is false",
        );
        fails(
            "ip link set eth0 txqueuelen 30",
            "Error: Tuning configured Transmit Queue Length of eth0 is 20, current value is 30",
        );
    });
    net.without_prev_result().check(&c1, "eth0").fails(999, "Required prevResult missing");
    c1.sh("ip link del eth0");
    let fails =
        |msg: &str| drop(net.with_config("sysctl", json!({})).check(&c1, "eth0").fails(999, msg));
    fails("Cannot find container link eth0");
}

/// A capture, for example, makes an interface promiscuous without being asked to by us.
#[test]
fn check_does_not_mind_what_was_not_configured() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let net = network(&host, &c1, json!({ "mtu": 1400 }));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip link set eth0 promisc on");
    difference("tuning-check-promisc", || drop(net.check(&c1, "eth0").succeeds()));
}

#[test]
fn del_needs_neither_namespace_nor_interface() {
    let host = Host::new();
    let world = host.world();
    let keys = json!({ "mtu": 1400 });
    let gone = |destroy: &dyn Fn(&cni_testkit::Container)| {
        let c1 = attached(&host, "c1");
        let net = network(&host, &c1, keys.clone());
        net.add(&c1, "eth0").succeeds();
        destroy(&c1);
        net.without_prev_result().del(&c1, "eth0").succeeds().silent();
        assert_eq!(host.world(), world);
    };
    difference("tuning-del-without-interface", || gone(&|c1| drop(c1.sh("ip link del eth0"))));
    difference("tuning-del-without-netns", || gone(&|c1| c1.destroy()));
    let c2 = attached(&host, "c2");
    let net = network(&host, &c2, keys.clone());
    net.add(&c2, "eth0").succeeds();
    net.del_without_netns(&c2, "eth0").succeeds().silent();
    difference("tuning-del-without-netns", || assert_eq!(host.world(), world));
}

#[test]
fn del_does_not_mind_what_the_configuration_is_now() {
    let host = Host::new();
    let (c1, world) = (attached(&host, "c1"), host.world());
    let before = link(&c1);
    let net = network(&host, &c1, json!({ "mtu": 1400, "promisc": true }));
    net.add(&c1, "eth0").succeeds();
    host.sh("mkdir -p /etc/cni/tuning; echo nothing >/etc/cni/tuning/allowlist.conf");
    let changed = net
        .with_config("mtu", json!(-1))
        .with_config("mac", json!("x"))
        .with_config("sysctl", json!({ "kernel.hostname": "x" }))
        .with_prev_result(json!({ "cniVersion": "1.0.0", "ips": [{ "address": "x" }] }));
    changed.del(&c1, "eth0").succeeds().silent();
    assert_eq!((link(&c1), host.world()), (before.clone(), world.clone()));
    host.sh("rm /etc/cni/tuning/allowlist.conf");
    net.add(&c1, "eth0").succeeds();
    difference("tuning-del-arguments", || {
        net.with_args("X=1").del(&c1, "eth0").succeeds().silent();
        assert_eq!((link(&c1), host.world()), (before, world));
    });
}

/// A crash of the reference leaves an empty file, and then its DELs leave it for ever.
#[test]
fn a_broken_record_goes_with_del() {
    let host = Host::new();
    let (c1, world) = (attached(&host, "c1"), host.world());
    let net = network(&host, &c1, json!({ "mtu": 1400 }));
    for broken in ["", "{ \"mtu\": ", "[]"] {
        net.add(&c1, "eth0").succeeds();
        host.sh(&format!("printf '%s' '{broken}' >{RECORD}"));
        net.del(&c1, "eth0").succeeds();
        difference("tuning-broken-record", || assert_eq!(host.world(), world));
    }
}

/// The record stays for another attempt.
#[test]
fn del_tells_what_cannot_be_restored() {
    let host = Host::new();
    let (c1, world) = (attached(&host, "c1"), host.world());
    let net = network(&host, &c1, json!({ "mtu": 1400, "txQLen": 5 }));
    net.add(&c1, "eth0").succeeds();
    let record = host.sh(&format!("cat {RECORD}"));
    host.sh(&format!("sed -i 's/1500/10/' {RECORD}"));
    difference("tuning-del-tells", || {
        net.del(&c1, "eth0").fails(999, "invalid argument").details_mention("set mtu of link");
    });
    assert_eq!(link(&c1), format!("{MAC} mtu 1400 qlen 1000 promiscuity 0"));
    host.sh(&format!("printf '%s' '{record}' >{RECORD}"));
    net.del(&c1, "eth0").succeeds();
    assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen 1000 promiscuity 0"));
    assert_eq!(host.world(), world);
}

#[test]
fn garbage_is_what_provably_belongs_to_the_network() {
    if lacks_version("tuning", "1.1.0") {
        return;
    }
    let host = Host::new();
    let keys = json!({ "mtu": 1400 });
    let (c1, c2, c3) = (attached(&host, "c1"), attached(&host, "c2"), attached(&host, "c3"));
    let net = network(&host, &c1, keys.clone());
    for container in [&c1, &c2] {
        net.add(container, "eth0").succeeds();
    }
    let other = net.with_config("name", json!("net2"));
    other.add(&c3, "eth0").succeeds();
    // The reference's, which name no network, and something else's.
    host.sh("cd /run/cni/tuning; printf '{\\n \"mtu\": 1500\\n}' >c4_eth0.json; echo x >notes
         cp c1_eth0.json .c5_eth0.json.new; cp c1_eth0.json c6_eth0.json");
    let left = || host.sh("ls -A /run/cni/tuning");
    difference("tuning-gc", || {
        net.gc(&[(&c2, "eth0")]).succeeds().silent();
        assert_eq!(left(), "c2_eth0.json\nc3_eth0.json\nc4_eth0.json\nnotes\n");
    });
    net.gc(&[]).succeeds();
    assert_eq!(left(), "c3_eth0.json\nc4_eth0.json\nnotes\n");
    other.with_config("dataDir", json!("/run/absent")).gc(&[]).succeeds();
    other.gc(&[]).succeeds();
    assert_eq!(left(), "c4_eth0.json\nnotes\n");
}

#[test]
fn status_tells_whether_add_can_work() {
    if lacks_version("tuning", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let net = network(&host, &c1, json!({ "sysctl": { "net.ipv4.conf.IFNAME.arp_ignore": "1" } }));
    net.without_prev_result().status().succeeds().silent();
    host.sh("mkdir -p /etc/cni/tuning; echo x >/etc/cni/tuning/allowlist.conf");
    difference("tuning-status", || {
        net.status().fails_with(50, "Sysctl net.ipv4.conf.IFNAME.arp_ignore is not allowed.");
    });
    net.with_config("sysctl", json!({})).status().succeeds();
}

/// Both ways: what one has recorded the other restores.
#[test]
fn a_node_can_be_switched_over_and_back() {
    const REFERENCE: &str = "/usr/lib/cni";
    if against_reference() || lacks_file("/usr/lib/cni/tuning") {
        return;
    }
    let (ours, reference) = (plugin_dir(), Path::new(REFERENCE));
    for (first, second) in [(ours.as_path(), reference), (reference, ours.as_path())] {
        let host = Host::new();
        let (c1, world) = (attached(&host, "c1"), host.world());
        let before = link(&c1);
        let keys = json!({ "cniVersion": "1.0.0", "mac": "02:00:00:00:00:0a", "promisc": true,
                           "mtu": 1400, "allmulti": true });
        let net = network(&host, &c1, keys);
        drop(net.with_plugins(first).add(&c1, "eth0").exits(0));
        assert_ne!(link(&c1), before);
        drop(net.with_plugins(second).check(&c1, "eth0").exits(0));
        drop(net.with_plugins(second).del(&c1, "eth0").exits(0));
        assert_eq!((link(&c1), host.world()), (before, world));
    }
}
