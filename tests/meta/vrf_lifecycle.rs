//! vrf: tables, repeated and concurrent commands, refusals, DEL and CHECK.

use cni_testkit::{
    Container, Feature, Host, against_reference, difference, has, lacks, lacks_release,
};
use serde_json::{Value, json};

use crate::vrf::{network, wire, with_the_rule};

/// A container with so many interfaces without any address.
fn container(host: &Host, name: &str, interfaces: usize) -> Container {
    let container = host.container(name);
    for number in 0..interfaces {
        container.sh(&format!("ip link add name eth{number} up type bridge"));
    }
    container.rebase();
    container
}

fn table_of(container: &Container, vrf: &str) -> u64 {
    let links = container.sh(&format!("ip -d -j link show {vrf}"));
    let links: Value = serde_json::from_str(&links).expect("ip prints JSON");
    links[0]["linkinfo"]["info_data"]["table"].as_u64().expect("a table")
}

#[test]
fn uml_tables_are_chosen_or_given() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 7);
    let add = |ifname: &str, vrf: &str, table: Value| {
        let net = network(&host, json!({ "vrfName": vrf, "vrfname": null, "table": table }));
        net.add(&c1, ifname).succeeds();
        net.check(&c1, ifname).succeeds();
        table_of(&c1, vrf)
    };
    assert_eq!(add("eth0", "a", json!(0)), 1);
    assert_eq!(add("eth1", "b", json!(3)), 3);
    assert_eq!(add("eth2", "c", Value::Null), 2);
    assert_eq!(add("eth3", "b", json!(3)), 3, "the same VRF");
    assert_eq!(add("eth4", "b2", json!(3)), 3, "two VRFs with one table");
    c1.sh("ip route add 10.0.0.0/8 dev eth0 table 4; ip -6 route add fd00::/8 dev eth0 table 5
        ip rule add from 10.9.9.9 lookup 6; ip -6 rule add from fd00::9 lookup 7");
    difference("vrf-table-in-use", || assert_eq!(add("eth5", "d", json!(0)), 8));
    let net = network(&host, json!({ "vrfname": "b", "table": 9 }));
    net.add(&c1, "eth6")
        .fails(999, "cmdAdd failed: VRF b already exist with different routing table 3");
    let net = network(&host, json!({ "table": 4_294_967_295_u32 }));
    net.add(&c1, "eth6").succeeds();
    assert_eq!(table_of(&c1, "blue"), 4_294_967_295);
}

/// Whatever an ADD fails for, the container is as it was.
#[test]
fn uml_what_fails_leaves_nothing() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 1);
    c1.sh("ip link add name br0 type bridge; ip link add name taken type veth peer name other
        ip link set taken master br0");
    with_the_rule(&c1);
    c1.rebase();
    let net = network(&host, json!({}));
    for (key, value, ifname, msg) in [
        ("vrfname", json!(""), "eth0", "configuration is expected to have a valid vrf name"),
        ("vrfname", Value::Null, "eth0", "configuration is expected to have a valid vrf name"),
        ("vrfname", json!("br0"), "eth0", "cmdAdd failed: Netlink br0 is not a VRF"),
    ] {
        let net = net.with_config(key, value);
        net.add(&c1, ifname).fails(999, msg);
        assert_eq!(c1.shown(), "");
    }
    // Older releases say so without the words before.
    net.with_config("vrfname", json!("1234567890123456"))
        .add(&c1, "eth0")
        .fails_with(999, "numerical result out of range");
    for (ifname, msg) in [
        ("taken", "cmdAdd failed: interface taken has already a master set: br0"),
        ("absent", "cmdAdd failed: could not get link by name absent"),
    ] {
        net.add(&c1, ifname).fails(999, msg);
        difference("vrf-failed-add-leaves-nothing", || assert_eq!(c1.shown(), ""));
        c1.sh("ip link del blue 2>/dev/null || :");
    }
    net.with_prev_result(Value::Null)
        .add(&c1, "eth0")
        .fails(999, "missing prevResult from earlier plugin");
    net.with_prev_result(json!({ "cniVersion": "0.4.0" }))
        .add(&c1, "eth0")
        .fails_with(999, "could not parse prevResult: could not parse prevResult: ");
    net.with_config("table", json!(-1))
        .add(&c1, "eth0")
        .fails_with(999, "failed to load netconf: ");
    net.with_env("CNI_NETNS", "/run/absent")
        .add(&c1, "eth0")
        .fails(999, "cmdAdd failed: failed to Statfs \"/run/absent\": no such file or directory");
    assert_eq!(c1.shown(), "");
}

/// A route that cannot be moved takes everything back.
#[test]
fn uml_a_failed_move_is_taken_back() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let (c1, far) = (host.container("c1"), host.container("far"));
    wire(&c1, "eth0", &["10.1.2.2/24", "fd00::2/64"], &far, &["10.1.2.1/24"]);
    c1.sh("ip link set lo up; ip addr add fd77::1/128 dev lo
        ip route add default via 10.1.2.1
        ip route add default via fd00::1
        ip route add fd09::/64 via fd00::1 src fd77::1");
    with_the_rule(&c1);
    let before = c1.shown();
    let net = network(&host, json!({}));
    // The source is an address outside of the VRF.
    difference("vrf-failed-add-leaves-nothing", || {
        let failure = net.add(&c1, "eth0").fails_with(999, "cmdAdd failed: could not add route '");
        failure.details_mention("fd09::/64");
        assert_eq!(c1.shown(), before);
    });
}

#[test]
fn uml_a_repeated_add_changes_nothing() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 1);
    let net = network(&host, json!({}));
    net.add(&c1, "eth0").succeeds();
    let before = c1.shown();
    difference("vrf-repeated-add", || {
        net.add(&c1, "eth0").succeeds();
    });
    assert_eq!(c1.shown(), before);
    let other = net.with_config("vrfname", json!("red"));
    other
        .add(&c1, "eth0")
        .fails(999, "cmdAdd failed: interface eth0 has already a master set: blue");
    difference("vrf-failed-add-leaves-nothing", || assert_eq!(c1.shown(), before));
    net.del(&c1, "eth0").succeeds();
}

/// One VRF for all, and different tables for different ones.
#[test]
fn uml_concurrent_adds_share_and_do_not_collide() {
    // Whether the reference's collide is a matter of luck.
    if against_reference() || lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 6);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (host, c1) = (&host, &c1);
            scope.spawn(move || {
                let vrf = ["blue", "red", "green"][number % 3];
                let net = network(host, json!({ "vrfname": vrf }));
                net.add(c1, &format!("eth{number}")).succeeds();
            });
        }
    });
    let mut tables: Vec<u64> =
        ["blue", "red", "green"].iter().map(|vrf| table_of(&c1, vrf)).collect();
    tables.sort_unstable();
    assert_eq!(tables, [1, 2, 3]);
}

/// Where one processor runs everything, nothing collides by luck.
#[test]
fn commands_for_one_namespace_wait_for_each_other() {
    let host = Host::new();
    let c1 = container(&host, "c1", 1);
    let net = network(&host, json!({}));
    let hold = "rm -f /run/held
        { flock 9; touch /run/held; sleep 0.6; } 9<$NETNS >/dev/null 2>&1 &
        until [ -e /run/held ]; do :; done";
    let hold = hold.replace("$NETNS", c1.netns_path());
    let at_least = std::time::Duration::from_millis(400);
    difference("vrf-lock", || {
        host.sh(&hold);
        assert!(net.add(&c1, "eth0").elapsed() > at_least);
        host.sh(&hold);
        assert!(net.del(&c1, "eth0").elapsed() > at_least);
    });
}

#[test]
fn uml_del_gets_along_with_everything() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 2);
    c1.sh("ip link add name br0 type bridge");
    c1.rebase();
    let net = network(&host, json!({}));
    net.without_prev_result().del(&c1, "eth0").succeeds();
    net.add(&c1, "eth0").succeeds();
    net.add(&c1, "eth1").succeeds();
    // Interfaces that have gone already.
    c1.sh("ip link del eth1");
    difference("vrf-del-without-interface", || {
        net.del(&c1, "eth1").succeeds();
    });
    c1.sh("ip link del eth0");
    difference("vrf-del-without-interface", || {
        net.del(&c1, "eth0").succeeds();
        assert!(!c1.shown().contains("blue"));
    });
    c1.sh("ip link del blue 2>/dev/null || :; ip link add name eth0 up type bridge
        ip link add name port type veth peer name other; ip link set port master br0");
    // What is no VRF of ours is left alone, and so is who is in it.
    c1.sh("ip link add name blue type vrf table 9");
    let before = c1.shown();
    difference("vrf-del-other-master", || {
        let other = network(&host, json!({}));
        c1.sh("ip link add name keeps type veth peer name keeps1; ip link set keeps master blue");
        let with_keeper = c1.shown();
        other.del(&c1, "port").succeeds();
        assert_eq!(c1.shown(), with_keeper);
        c1.sh("ip link del keeps");
    });
    c1.sh("ip link del keeps 2>/dev/null || :; ip link set port master br0");
    assert_eq!(c1.shown(), before);
    for (key, value) in [
        ("vrfname", json!("br0")),
        ("vrfname", json!("")),
        ("vrfname", json!("1234567890123456")),
        ("vrfname", json!("absent")),
    ] {
        if value == "absent" {
            net.with_config(key, value).del(&c1, "port").succeeds();
        } else {
            difference("vrf-del-any-configuration", || {
                net.with_config(key, value).del(&c1, "port").succeeds();
            });
        }
        assert_eq!(c1.shown(), before);
    }
}

#[test]
fn uml_check_finds_what_is_not_so() {
    if lacks(Feature::Vrf) || lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let c1 = container(&host, "c1", 2);
    let net = network(&host, json!({ "table": 5 }));
    net.check(&c1, "eth0").fails(999, "Link not found");
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds().silent();
    net.without_prev_result()
        .check(&c1, "eth0")
        .fails(999, "missing prevResult from earlier plugin");
    net.check(&c1, "eth1").fails(999, "failed to find eth1 associated to vrf blue");
    net.check(&c1, "absent").fails(999, "failed to find absent associated to vrf blue");
    let other = net.with_config("vrfname", json!("eth1"));
    other.check(&c1, "eth0").fails(999, "Netlink eth1 is not a VRF");
    difference("vrf-check", || {
        let other = net.with_config("table", json!(6));
        other
            .check(&c1, "eth0")
            .fails(999, "VRF blue already exist with different routing table 5");
        c1.sh("ip link set blue down");
        net.check(&c1, "eth0").fails(999, "VRF blue is down");
    });
    // The reference leaves one that is down as it is.
    difference("vrf-existing-down", || {
        net.add(&c1, "eth1").succeeds();
        net.check(&c1, "eth0").succeeds();
    });
    c1.sh("ip link set eth0 nomaster");
    net.check(&c1, "eth0").fails(999, "failed to find eth0 associated to vrf blue");
}

/// Kernels without VRFs say so, and DEL has nothing to do.
#[test]
fn the_configuration_is_looked_at_without_a_kernel_that_has_vrfs() {
    let host = Host::new();
    let c1 = container(&host, "c1", 1);
    let net = network(&host, json!({}));
    let unnamed = net.with_config("vrfname", json!(null));
    unnamed.add(&c1, "eth0").fails(999, "configuration is expected to have a valid vrf name");
    net.with_prev_result(json!(null))
        .add(&c1, "eth0")
        .fails(999, "missing prevResult from earlier plugin");
    net.add(&c1, "absent").fails_with(999, "cmdAdd failed: could not ");
    if !has(Feature::Vrf) {
        let msg = "cmdAdd failed: could not add VRF blue: operation not supported";
        net.add(&c1, "eth0").fails(999, msg);
    }
    net.del(&c1, "eth0").succeeds().silent();
    net.del_without_netns(&c1, "eth0").succeeds().silent();
    assert!(!c1.shown().contains("link"), "{}", c1.shown());
}
