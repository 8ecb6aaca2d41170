//! sbr: repeated and failed ADDs, CHECK, DEL, and others at work in the same container.

use std::path::Path;
use std::thread;

use cni_testkit::{Host, against_reference, difference, lacks_file, lacks_version, plugin_dir};
use serde_json::json;

use crate::routed::{attached, dual, network, plug_in, single};

/// The reference adds a second rule and then fails.
#[test]
fn a_repeated_add_changes_nothing() {
    let host = Host::new();
    for keys in [json!({}), json!({ "addSourceHints": true }), json!({ "table": 5000 })] {
        let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
        c1.sh("ip route append default via 192.168.1.1 dev net1");
        let net = network(&host, keys, dual());
        net.add(&c1, "net1").succeeds();
        difference("sbr-repeated-add", || {
            let before = c1.shown();
            net.add(&c1, "net1").succeeds();
            net.check(&c1, "net1").succeeds();
            // Hints are among the interface's routes then, and so in the tables.
            if !before.contains("src 192.168.1.209") {
                assert_eq!(c1.shown(), before);
            }
            c1.sh("ip rule del from 192.168.1.209");
            net.check(&c1, "net1").fails_with(999, "no rule leads packets from 192.168.1.209");
            net.add(&c1, "net1").succeeds();
            net.check(&c1, "net1").succeeds();
        });
    }
}

#[test]
fn a_failed_add_leaves_everything_as_it_was() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    c1.sh("ip route append default via 192.168.1.1 dev net1
         ip route add 10.99.0.0/16 dev net1 scope link
         ip route add fd05::/64 via fd00::5 dev net1");
    let before = c1.sh("ip route; ip -6 route; ip rule; ip -6 rule");
    let mut far = dual();
    far["ips"][1]["gateway"] = json!("fd99::1");
    for keys in [json!({}), json!({ "addSourceHints": true })] {
        let net = network(&host, keys, far.clone());
        difference("sbr-failed-add-leaves-nothing", || {
            let msg = "Failed to add default route to fd99::1: no route to host";
            net.add(&c1, "net1").fails(999, msg).details_mention("in namespace");
            assert_eq!(c1.sh("ip route; ip -6 route; ip rule; ip -6 rule"), before);
            assert!(!c1.shown().contains(" table "), "{}", c1.shown());
        });
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    let before = c1.shown();
    let net = network(&host, json!({}), single());
    let msg = "This plugin must be called as chained plugin";
    for version in ["0.2.0", "1.0.0"] {
        let net = net.without_prev_result().with_config("cniVersion", json!(version));
        net.add(&c1, "net1").fails(999, msg);
    }
    let empty = json!({ "cniVersion": "1.0.0", "interfaces": [{ "name": "net1" }] });
    let msg = "No IP addresses supplied on interface: net1";
    net.with_prev_result(empty).add(&c1, "net1").fails(999, msg);
    let broken = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "x" }] });
    let msg = "could not parse prevResult: invalid CIDR address: x";
    net.with_prev_result(broken).add(&c1, "net1").fails(999, msg);
    let mut absent = single();
    absent["interfaces"][0]["name"] = json!("net7");
    let msg = "Cannot find network interface net7: Link not found";
    net.with_prev_result(absent).add(&c1, "net7").fails(999, msg);
    assert_eq!(c1.shown(), before);
    // The reference takes the routes away although there is no table for them.
    let mut other = single();
    other["interfaces"][0]["name"] = json!("eth0");
    difference("sbr-no-address", || {
        let net = net.with_prev_result(other);
        net.add(&c1, "net1").fails(999, "No IP addresses supplied on interface: net1");
        assert_eq!(c1.shown(), before);
    });
}

/// The reference makes a file there.
#[test]
fn a_namespace_that_has_gone_stays_gone() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    let net = network(&host, json!({}), single()).with_env("CNI_NETNS", "/run/netns/gone");
    difference("sbr-no-junk-file", || {
        let msg = "failed to Statfs \"/run/netns/gone\": no such file or directory";
        net.add(&c1, "net1").fails(999, msg);
        for _ in 0..2 {
            net.del(&c1, "net1").succeeds().silent();
            net.del_without_netns(&c1, "net1").succeeds().silent();
        }
        assert_eq!(host.sh("ls /run/netns"), "");
    });
}

#[test]
fn del_needs_no_previous_result_or_right_configuration() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    let net = network(&host, json!({}), dual());
    net.add(&c1, "net1").succeeds();
    net.without_prev_result().del(&c1, "net1").succeeds();
    assert!(!c1.shown().contains("rule "));
    c1.sh("ip link del net1");
    plug_in(&c1, "192.168.1.209/24 fd00::10/64");
    net.add(&c1, "net1").succeeds();
    let broken = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "x" }] });
    let wrong = net.with_prev_result(broken).with_config("gateways", json!(["x", "y", "z"]));
    difference("sbr-del-any-result", || {
        wrong.del(&c1, "net1").succeeds();
        assert!(!c1.shown().contains("rule "));
    });
}

#[test]
fn del_finds_the_rules_of_an_interface_that_has_gone() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24 fd00::10/64");
    let net = network(&host, json!({}), dual());
    net.add(&c1, "net1").succeeds();
    c1.sh("ip link del net1");
    difference("sbr-del-without-interface", || {
        net.del(&c1, "net1").succeeds();
        assert_eq!(c1.shown(), "");
    });
}

/// The reference looks at nothing but the address.
#[test]
fn others_rules_and_tables_are_left_alone() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    c1.sh("ip route add 10.0.0.0/8 dev eth0 table 100
         ip route add fd77::/64 dev eth0 table 101
         ip rule add from 10.7.7.7 lookup 102
         ip rule add from 192.168.1.209 lookup 77
         ip rule add from 192.168.1.209 to 10.9.9.9 lookup 200
         ip rule add from 192.168.1.209 lookup main priority 90
         ip rule add from 192.168.1.209 lookup 201 protocol static
         ip rule add from 192.168.1.0/24 lookup 202
         ip rule add not from 192.168.1.209 lookup 203");
    let rules = c1.sh("ip rule");
    let net = network(&host, json!({}), single());
    net.add(&c1, "net1").succeeds();
    difference("sbr-free-table", || {
        let shown = c1.shown();
        assert!(shown.contains("from 192.168.1.209 lookup 103\n"), "{shown}");
        assert!(shown.contains("route 10.0.0.0/8 dev eth0 table 100 scope link\n"), "{shown}");
    });
    net.check(&c1, "net1").succeeds();
    net.del(&c1, "net1").succeeds();
    difference("sbr-del-others-rules", || assert_eq!(c1.sh("ip rule"), rules));
}

#[test]
fn check_finds_what_has_changed() {
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    let net = network(&host, json!({}), single());
    net.add(&c1, "net1").succeeds();
    difference("sbr-check", || {
        c1.sh("ip route del default table 100");
        let msg = "no default route in table 100 for packets from 192.168.1.209";
        net.check(&c1, "net1").fails(999, msg);
        c1.sh("ip rule del from 192.168.1.209");
        let msg = "no rule leads packets from 192.168.1.209 to a table";
        net.check(&c1, "net1").fails(999, msg);
        let msg = "This plugin must be called as chained plugin";
        net.without_prev_result().check(&c1, "net1").fails(999, msg);
    });
}

/// Several networks of one container, attached at once.
#[test]
fn nobody_chooses_the_table_of_another() {
    const NETWORKS: usize = 8;
    let host = Host::new();
    let c1 = host.container("c1");
    for number in 0..NETWORKS {
        c1.sh(&format!(
            "ip link add net{number} type veth peer name far{number}
             ip link set far{number} up; ip link set net{number} up
             ip addr add 10.0.{number}.2/24 dev net{number}"
        ));
    }
    thread::scope(|scope| {
        for number in 0..NETWORKS {
            let (host, c1) = (&host, &c1);
            scope.spawn(move || {
                let result = json!({ "cniVersion": "1.0.0", "ips": [{
                    "address": format!("10.0.{number}.2/24"), "gateway": format!("10.0.{number}.1")
                }] });
                network(host, json!({}), result).add(c1, &format!("net{number}")).succeeds();
            });
        }
    });
    let shown = c1.sh("ip -j rule");
    let rules: Vec<serde_json::Value> = serde_json::from_str(&shown).expect("JSON");
    let tables: std::collections::BTreeSet<_> = rules
        .iter()
        .filter(|rule| rule["src"] != "all")
        .map(|rule| rule["table"].to_string())
        .collect();
    assert_eq!(tables.len(), NETWORKS, "{shown}");
}

/// The lock is the reference's, so that both may run at the same time.
#[test]
fn a_held_lock_is_waited_for_but_not_for_ever() {
    if against_reference() {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    let net = network(&host, json!({}), single());
    let holder =
        c1.daemon(&["sh", "-c", "exec 9</proc/self/ns/net; flock 9; touch /run/held; sleep 1"]);
    host.sh("until [ -e /run/held ]; do sleep 0.01; done");
    let elapsed = net.add(&c1, "net1").succeeds().elapsed();
    assert!(elapsed.as_millis() > 300, "{elapsed:?}");
    drop(holder);
    net.del(&c1, "net1").succeeds();
    c1.sh("ip link del net1");
    plug_in(&c1, "192.168.1.209/24");
    let _holder =
        c1.daemon(&["sh", "-c", "exec 9</proc/self/ns/net; flock 9; touch /run/again; sleep 60"]);
    host.sh("until [ -e /run/again ]; do sleep 0.01; done");
    let failure = net.add(&c1, "net1").fails(999, "resource temporarily unavailable");
    failure.details_mention("lock network namespace");
}

#[test]
fn garbage_and_status_are_nothing_much() {
    if lacks_version("sbr", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = attached(&host, "192.168.1.209/24");
    let net = network(&host, json!({}), single());
    net.add(&c1, "net1").succeeds();
    net.gc(&[]).succeeds().silent();
    net.check(&c1, "net1").succeeds();
    net.without_prev_result().status().succeeds().silent();
    difference("sbr-status", || {
        let wrong = net.with_config("gateways", json!(["x"]));
        wrong.status().fails(999, "invalid static gateway IP address: x");
    });
}

/// Both ways: what one has made the other takes away.
#[test]
fn a_node_can_be_switched_over_and_back() {
    if against_reference() || lacks_file("/usr/lib/cni/sbr") {
        return;
    }
    let (ours, reference) = (plugin_dir(), Path::new("/usr/lib/cni"));
    let host = Host::new();
    let mut states = Vec::new();
    for (first, second) in [(ours.as_path(), reference), (reference, ours.as_path())] {
        let c1 = attached(&host, "192.168.1.209/24 192.168.101.209/24");
        c1.sh("ip route add 192.168.2.0/24 via 192.168.1.2 dev net1");
        let mut result = single();
        let second_ip = json!({ "address": "192.168.101.209/24", "gateway": "192.168.101.1" });
        result["ips"].as_array_mut().expect("a list").push(second_ip);
        let net = network(&host, json!({ "cniVersion": "1.0.0" }), result);
        drop(net.with_plugins(first).add(&c1, "net1").exits(0));
        // The reference's table of IPv4 gets IPv6 routes, too.
        let of_ipv4 = "ip route show table 100; ip route show table 101; ip route; ip rule";
        states.push(c1.sh(of_ipv4));
        drop(net.with_plugins(second).check(&c1, "net1").exits(0));
        drop(net.with_plugins(second).del(&c1, "net1").exits(0));
        assert!(!c1.shown().contains("rule "));
    }
    assert_eq!(states[0], states[1]);
}
