//! firewall: DEL, CHECK, GC and STATUS, and what survives what.

use cni_testkit::{Host, difference, lacks_version};
use serde_json::{Value, json};

use crate::walled::{BOTH, firewall, previous};

const BACKENDS: [&str; 2] = ["iptables", "nftables"];

/// Every rule about an address, of whatever backend.
fn rules_about(host: &Host, address: &str) -> usize {
    let rules = [host.iptables_rules(), host.nft_rules()].concat();
    rules.lines().filter(|line| line.contains(address)).count()
}

/// The runtime has lost the result: the plugin knows by itself.
#[test]
fn del_needs_neither_result_nor_namespace() {
    for backend in BACKENDS {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = firewall(&host, json!({ "backend": backend }));
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        c1.destroy();
        let forgetful = net.without_prev_result();
        forgetful.del_without_netns(&c1, "eth0").succeeds();
        forgetful.del(&c1, "eth0").succeeds();
        difference("firewall-del-without-result", || {
            assert_eq!(rules_about(&host, "10.0.0.2"), 0, "{backend}");
            assert!(!host.world().contains("/run/cni/firewall/"), "{}", host.world());
        });
    }
}

/// The address has been given to the next container before the last one's DEL came.
#[test]
fn del_leaves_the_rules_of_the_addresses_new_owner() {
    for backend in BACKENDS {
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let net = firewall(&host, json!({ "backend": backend }));
        for container in [&c1, &c2] {
            net.with_prev_result(previous("br0", &BOTH)).add(container, "eth0").succeeds();
        }
        net.del(&c1, "eth0").succeeds();
        difference("firewall-address-reused", || {
            net.check(&c2, "eth0").succeeds();
            net.del(&c2, "eth0").succeeds();
            assert_eq!(rules_about(&host, "10.0.0.2"), 0, "{backend}");
        });
    }
}

/// The backend may have been chosen anew since.
#[test]
fn del_finds_the_backend_that_add_used() {
    for [made, removed] in [["iptables", "nftables"], ["nftables", "iptables"]] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = firewall(&host, json!({ "backend": made }));
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        let net = net.with_config("backend", json!(removed));
        net.check(&c1, "eth0").succeeds();
        net.with_prev_result(previous("br0", &BOTH)).del(&c1, "eth0").succeeds();
        assert_eq!(rules_about(&host, "10.0.0.2"), 0, "{made} {removed}");
    }
}

/// A repeated ADD moves what it finds.
#[test]
fn another_backend_takes_over() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "nftables" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    difference("firewall-nftables", || {
        assert!(host.nft_rules().contains("table inet cni_plugins_firewall"));
        let net = net.with_config("backend", json!("iptables"));
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        let nft = host.nft_rules();
        let own = nft.split("table inet cni_plugins_firewall").nth(1).expect("the table stays");
        assert!(!own.split("\n}").next().unwrap_or_default().contains("10.0.0.2"), "{nft}");
        assert_eq!(host.iptables_rules().matches("10.0.0.2/32").count(), 2);
    });
}

/// DEL wants nothing of the configuration but its names.
#[test]
fn del_does_not_mind_what_add_would_refuse() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    difference("firewall-del-tolerates", || {
        net.with_config("ingressPolicy", json!("nonsense"))
            .with_config("iptablesAdminChainName", json!("a b"))
            .with_prev_result(json!({ "ips": [{ "address": "nonsense" }] }))
            .del(&c1, "eth0")
            .succeeds();
        assert_eq!(rules_about(&host, "10.0.0.2"), 0);
    });
}

/// Nothing needs to be started to delete rules, or to add them beside others.
#[test]
fn further_containers_need_no_process() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = firewall(&host, json!({ "backend": "iptables" }));
    let both = net.with_prev_result(previous("br0", &BOTH));
    both.add(&c1, "eth0").succeeds();
    // These can be found, and are good for nothing.
    host.sh("mkdir /run/tools
        for tool in iptables ip6tables; do
            for name in $tool $tool-restore $tool-save; do ln -s /bin/false /run/tools/$name; done
        done");
    let net = net.with_env("PATH", "/run/tools");
    let other = ["10.0.0.3/24", "2001:db8::3/64"];
    difference("firewall-processes", || {
        net.with_prev_result(previous("br0", &other)).add(&c2, "eth0").succeeds();
        assert_eq!(host.iptables_rules().matches("10.0.0.3/32").count(), 2);
        assert_eq!(host.ip6tables_rules().matches("2001:db8::3/128").count(), 2);
        net.del(&c2, "eth0").succeeds();
        net.with_prev_result(previous("br0", &BOTH)).del(&c1, "eth0").succeeds();
        assert_eq!(rules_about(&host, "10.0.0.") + rules_about(&host, "2001:db8::"), 0);
    });
}

/// The variant of iptables that keeps its rules in tables of its own.
#[test]
fn legacy_iptables_keeps_the_rules() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    host.sh("mkdir /run/tools
        for tool in iptables ip6tables; do
            for suffix in '' -restore -save; do
                ln -s $(command -v $tool-legacy$suffix) /run/tools/$tool$suffix
            done
        done");
    let net = firewall(&host, json!({ "backend": "iptables", "ingressPolicy": "same-bridge" }))
        .with_env("PATH", "/run/tools");
    let rules =
        || [["iptables-legacy-save"], ["ip6tables-legacy-save"]].map(|c| host.exec(&c)).concat();
    let about = |address: &str| rules().matches(address).count();
    for _ in 0..2 {
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        let other = ["10.0.0.3/24", "2001:db8::3/64"];
        net.with_config("ingressPolicy", json!("open"))
            .with_prev_result(previous("br0", &other))
            .add(&c2, "eth0")
            .succeeds();
        for address in ["10.0.0.2/32", "2001:db8::2/128", "10.0.0.3/32", "2001:db8::3/128"] {
            assert_eq!(about(address), 2, "{}", rules());
        }
    }
    net.check(&c1, "eth0").succeeds();
    for container in [&c1, &c2, &c1] {
        net.del(container, "eth0").succeeds();
    }
    assert_eq!(about("10.0.0.") + about("2001:db8::"), 0, "{}", rules());
    assert!(rules().contains("-A CNI-ISOLATION-STAGE-2 -o br0"));
    assert!(!host.nft_rules().contains("CNI-"), "{}", host.nft_rules());
}

#[test]
fn an_ipv4_host_needs_no_ip6tables() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("mkdir /run/tools
        for name in iptables iptables-restore iptables-save; do
            ln -s $(command -v $name) /run/tools/$name
        done");
    let net = firewall(&host, json!({ "backend": "iptables" })).with_env("PATH", "/run/tools");
    let one = net.with_prev_result(previous("br0", &["10.0.0.2/24"]));
    difference("firewall-ip6tables", || {
        one.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    });
    let both = net.with_prev_result(previous("br0", &BOTH));
    both.add(&c1, "eth0").fails(
        999,
        "could not initialize iptables protocol 1: exec: \"ip6tables\": executable file not found in $PATH",
    );
}

#[test]
fn a_check_names_the_missing_rule_and_changes_nothing() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables" }));
    net.with_prev_result(previous("br0", &["10.0.0.2/24"])).add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    host.sh("iptables -D CNI-FORWARD -s 10.0.0.2/32 -j ACCEPT");
    net.check(&c1, "eth0").fails(999, "expected rule [-s 10.0.0.2/32 -j ACCEPT] not found");
    host.sh("iptables -F CNI-FORWARD");
    net.check(&c1, "eth0").fails(
        999,
        "expected CNI-FORWARD rule [-m comment --comment CNI firewall plugin admin overrides -j CNI-ADMIN] not found",
    );
    host.sh("iptables -F FORWARD; iptables -X CNI-FORWARD");
    let before = host.world();
    net.check(&c1, "eth0").fails(
        999,
        "expected FORWARD rule [-m comment --comment CNI firewall plugin rules -j CNI-FORWARD] not found",
    );
    difference("firewall-check-changes-nothing", || assert_eq!(host.world(), before));
}

#[test]
fn after_a_flush_a_repeated_add_restores_everything() {
    for backend in BACKENDS {
        for policy in ["open", "same-bridge"] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = firewall(&host, json!({ "backend": backend, "ingressPolicy": policy }))
                .with_prev_result(previous("br0", &BOTH));
            net.add(&c1, "eth0").succeeds();
            // The families' tables are listed in the order of their creation.
            let rules = || {
                let rules = host.nft_rules();
                let mut tables: Vec<_> =
                    rules.split_inclusive("\n}\n").map(str::to_owned).collect();
                tables.sort();
                tables
            };
            let before = rules();
            host.sh("nft flush ruleset");
            net.check(&c1, "eth0").fails_with(999, "expected ");
            net.add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds();
            assert_eq!(rules(), before, "{backend} {policy}");
        }
    }
}

/// A restoring ADD that fails leaves the attachment what it has.
#[test]
fn a_failed_repetition_takes_nothing_away() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "iptables" }));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
    let before = host.world();
    let broken = net.with_config("ingressPolicy", json!("nonsense"));
    broken
        .with_prev_result(previous("br0", &BOTH))
        .add(&c1, "eth0")
        .fails(999, "unknown ingress policy: \"nonsense\"");
    assert_eq!(host.world(), before);
}

/// The rules name no network; the claims do.
#[test]
fn gc_removes_what_this_network_has_lost() {
    if lacks_version("firewall", "1.1.0") {
        return;
    }
    difference("firewall-gc", || {
        for backend in BACKENDS {
            collects_garbage(backend);
        }
    });
}

fn collects_garbage(backend: &str) {
    let host = Host::new();
    let [c1, c2, c3, c4] = ["c1", "c2", "c3", "c4"].map(|name| host.container(name));
    let net1 = firewall(&host, json!({ "backend": backend }));
    let net2 = net1.with_config("name", json!("net2"));
    let add = |net: &cni_testkit::Network<'_>, container, address| {
        net.with_prev_result(previous("br0", &[address])).add(container, "eth0").succeeds();
    };
    add(&net1, &c1, "10.0.0.2/24");
    add(&net1, &c2, "10.0.0.3/24");
    add(&net2, &c3, "10.0.0.4/24");
    // Lost, with an address that another network's container has now.
    add(&net1, &c4, "10.0.0.4/24");
    net1.gc(&[(&c1, "eth0")]).succeeds();
    net1.check(&c1, "eth0").succeeds();
    net2.check(&c3, "eth0").succeeds();
    assert_eq!(rules_about(&host, "10.0.0.3"), 0, "{backend}");
    net1.gc(&[(&c1, "eth1")]).succeeds();
    assert_eq!(rules_about(&host, "10.0.0.2"), 0, "the interface counts, too");
    net2.gc(&[]).succeeds();
    assert_eq!(rules_about(&host, "10.0.0."), 0, "{backend}");
    assert!(!host.world().contains("/run/cni/firewall/"), "{}", host.world());
}

#[test]
fn status_tells_whether_there_is_a_firewall() {
    if lacks_version("firewall", "1.1.0") {
        return;
    }
    let host = Host::new();
    for backend in ["", "iptables", "nftables"] {
        firewall(&host, json!({ "backend": backend })).status().succeeds();
    }
    difference("firewall-status", || {
        let without = |backend: &str| {
            firewall(&host, json!({ "backend": backend })).with_env("PATH", "/nonexistent")
        };
        without("").status().succeeds();
        without("iptables").status().fails(
            50,
            "could not initialize iptables protocol 0: exec: \"iptables\": executable file not found in $PATH",
        );
        without("firewalld").status().fails(
            50,
            "dial unix /var/run/dbus/system_bus_socket: connect: no such file or directory",
        );
    });
}

#[test]
fn what_cannot_be_done_is_refused_before_anything_is() {
    let host = Host::new();
    let c1 = host.container("c1");
    let refuse = |keys: Value, previous: Option<Value>, message: &str| {
        let before = host.world();
        let net = firewall(&host, keys);
        let net = match previous {
            Some(previous) => net.with_prev_result(previous),
            None => net,
        };
        net.add(&c1, "eth0").fails(999, message);
        host.world() == before
    };
    let both = || Some(previous("br0", &BOTH));
    assert!(refuse(json!({}), None, "missing prevResult from earlier plugin"));
    let twice = "could not parse prevResult: could not parse prevResult: invalid CIDR address: x";
    assert!(refuse(json!({}), Some(json!({ "ips": [{ "address": "x" }] })), twice));
    let same_bridge = json!({ "ingressPolicy": "same-bridge" });
    let unchained = "interface needs to be set for ingress policy \"same-bridge\", make sure to \
                     chain \"firewall\" plugin with \"bridge\"";
    let without_bridge = json!({ "ips": [{ "address": "10.0.0.2/24" }] });
    let late = [
        refuse(same_bridge.clone(), Some(without_bridge), unchained),
        refuse(same_bridge, Some(previous("", &BOTH)), "got empty bridge name"),
        refuse(json!({ "ingressPolicy": "x" }), both(), "unknown ingress policy: \"x\""),
    ];
    difference("firewall-refuses-first", || assert_eq!(late, [true; 3]));
    difference("firewall-refuses-words", || {
        let message = "iptablesAdminChainName \"a -j DROP\" cannot be the name of a chain";
        assert!(refuse(json!({ "iptablesAdminChainName": "a -j DROP" }), both(), message));
        let isolated = json!({ "ingressPolicy": "same-bridge" });
        let message = "bridge name \"br+\" cannot be part of a rule";
        assert!(refuse(isolated, Some(previous("br+", &BOTH)), message));
    });
}
