//! portmap: DEL, GC and STATUS take away, and say, what they can prove.

use std::path::Path;

use cni_testkit::{
    Container, Host, Network, against_reference, difference, lacks_file, lacks_release,
    lacks_version,
};
use serde_json::{Value, json};

use crate::published::{portmap, two_addresses};

fn one_port(port: u16) -> Value {
    json!([{ "hostPort": port, "containerPort": 80, "protocol": "tcp" }])
}

/// Each backend that can be chosen.
fn backends() -> impl Iterator<Item = &'static str> {
    ["iptables", "nftables"]
        .into_iter()
        .filter(|backend| *backend == "iptables" || !lacks_release("1.7.0"))
}

fn rules(host: &Host) -> String {
    [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat()
}

/// Whether anything of a container is left.
fn is_mapped(host: &Host, container: &Container) -> bool {
    let rules = rules(host);
    let comments =
        [format!("id: \\\"{}\\\"", container.id()), format!("comment \"{}\"", container.id())];
    comments.iter().any(|comment| rules.contains(comment)) || rules.contains(":CNI-DN-")
}

fn attached<'h>(host: &'h Host, c1: &Container, backend: &str) -> Network<'h> {
    let net = portmap(host, json!({ "backend": backend }), one_port(8080));
    net.with_prev_result(two_addresses(c1)).add(c1, "eth0").succeeds();
    assert!(is_mapped(host, c1));
    net
}

#[test]
fn del_needs_no_namespace_no_result_and_no_rules() {
    for backend in backends() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = attached(&host, &c1, backend);
        c1.destroy();
        let net = net.without_prev_result();
        net.del_without_netns(&c1, "eth0").succeeds().silent();
        assert!(!is_mapped(&host, &c1));
        for damage in ["true", "nft flush ruleset"] {
            host.sh(damage);
            net.del(&c1, "eth0").succeeds().silent();
        }
    }
}

/// What is shared stays for the others.
#[test]
fn del_leaves_what_others_have() {
    for backend in backends() {
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let net = attached(&host, &c1, backend);
        let before = rules(&host);
        let other = portmap(&host, json!({ "backend": backend }), one_port(9090));
        other.with_prev_result(two_addresses(&c2)).add(&c2, "eth0").succeeds();
        other.del(&c2, "eth0").succeeds();
        assert_eq!(rules(&host), before);
        net.del(&c1, "eth0").succeeds();
        assert!(rules(&host).contains(if backend == "iptables" { "HOSTPORT-MASQ" } else { "fib" }));
    }
}

/// DEL frees what ADD made, whatever its configuration has become.
#[test]
fn del_works_with_other_configurations() {
    for backend in backends() {
        for (key, value) in [
            ("runtimeConfig", json!({})),
            ("runtimeConfig", json!({ "portMappings": one_port(0) })),
            ("runtimeConfig", json!({ "portMappings": one_port(9999) })),
            ("backend", json!("nftables")),
            ("backend", json!("iptables")),
            ("backend", json!("pf")),
            ("markMasqBit", json!(99)),
            ("conditionsV4", json!(["!", "-d", "192.0.2.0/24"])),
        ] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = attached(&host, &c1, backend).with_config(key, value.clone());
            let gone = || {
                net.del(&c1, "eth0").succeeds();
                assert!(!is_mapped(&host, &c1));
            };
            match key {
                "runtimeConfig" if value.to_string().contains("9999") => gone(),
                // Releases before 1.7 do not know the key.
                "backend" if against_reference() && lacks_release("1.7.0") => gone(),
                "backend" if value == backend => gone(),
                "conditionsV4" if backend == "iptables" => gone(),
                _ => difference("portmap-del-configuration", gone),
            }
        }
    }
}

/// Chains and rules that an ADD of the reference, an old one, or a kill may have left.
#[test]
fn del_copes_with_every_half() {
    let own = "CNI-DN-c2d892b58e87e28a12fe6";
    for damage in [
        format!("iptables -t nat -F {own}"),
        "iptables -t nat -F CNI-HOSTPORT-DNAT".to_owned(),
        format!("iptables -t nat -A CNI-HOSTPORT-DNAT -p tcp --dport 1 -j {own}"),
        format!("for x in 'F CNI-HOSTPORT-DNAT' 'F {own}' 'X {own}'; do iptables -t nat -$x; done"),
        "iptables -t nat -N CNI-HOSTPORT-SNAT; iptables -t nat -N CNI-SN-c2d892b58e87e28a12fe6
         iptables -t nat -A CNI-HOSTPORT-SNAT -j CNI-SN-c2d892b58e87e28a12fe6"
            .to_owned(),
        "ip6tables -t nat -D OUTPUT 1".to_owned(),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = attached(&host, &c1, "iptables");
        host.sh(&damage);
        net.del(&c1, "eth0").succeeds();
        assert!(!is_mapped(&host, &c1), "{damage}");
        assert!(!rules(&host).contains("CNI-SN-"), "{damage}");
    }
}

/// Rules of the reference name the container only.
#[test]
fn rules_of_the_reference_are_removed_with_nftables() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = attached(&host, &c1, "nftables");
    // Through the program they lose what it does not show.
    host.sh("nft list ruleset >/run/ruleset; nft flush ruleset; nft -f /run/ruleset");
    net.with_prev_result(two_addresses(&c1)).check(&c1, "eth0").succeeds();
    net.with_config("runtimeConfig", json!({})).del(&c1, "eth0").succeeds();
    assert!(is_mapped(&host, &c1), "nobody said that they are this network's");
    net.del(&c1, "eth0").succeeds();
    assert!(!is_mapped(&host, &c1));
}

/// A host is switched over while containers run, and back.
#[test]
fn rules_of_the_reference_are_taken_over_and_given_back() {
    let reference = Path::new("/usr/lib/cni");
    if against_reference() || lacks_file("/usr/lib/cni/portmap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = portmap(&host, json!({ "cniVersion": "1.0.0" }), one_port(8080));
    let net = net.with_prev_result(two_addresses(&c1));
    let theirs = net.with_plugins(reference);
    drop(theirs.add(&c1, "eth0").exits(0));
    let before = [host.iptables_rules(), host.ip6tables_rules()];
    net.check(&c1, "eth0").succeeds();
    net.add(&c1, "eth0").succeeds();
    assert_eq!([host.iptables_rules(), host.ip6tables_rules()], before);
    net.del(&c1, "eth0").succeeds();
    assert!(!is_mapped(&host, &c1));

    net.add(&c1, "eth0").succeeds();
    assert_eq!([host.iptables_rules(), host.ip6tables_rules()], before);
    drop(theirs.del(&c1, "eth0").exits(0));
    assert!(!is_mapped(&host, &c1));
}

/// A container in two networks.
#[test]
fn del_of_one_network_leaves_the_other_networks_mappings() {
    for backend in backends() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = attached(&host, &c1, backend);
        let before = rules(&host);
        let other = portmap(&host, json!({ "backend": backend }), one_port(9090));
        let other = other.with_config("name", json!("net2"));
        other.with_prev_result(two_addresses(&c1)).add(&c1, "eth0").succeeds();
        let remains = || {
            other.del(&c1, "eth0").succeeds();
            assert_eq!(rules(&host), before);
        };
        match backend {
            "nftables" => difference("portmap-del-network", remains),
            _ => remains(),
        }
        net.del(&c1, "eth0").succeeds();
        assert!(!is_mapped(&host, &c1));
    }
}

#[test]
fn only_vanished_attachments_of_this_network_are_collected() {
    if lacks_version("portmap", "1.1.0") {
        return;
    }
    for backend in backends() {
        let host = Host::new();
        let (alive, gone) = (host.container("alive"), host.container("gone"));
        let net = portmap(&host, json!({ "backend": backend }), one_port(8080));
        net.with_prev_result(two_addresses(&alive)).add(&alive, "eth0").succeeds();
        let other = portmap(&host, json!({ "backend": backend }), one_port(9090));
        let other = other.with_config("name", json!("net2"));
        other.with_prev_result(two_addresses(&gone)).add(&gone, "eth0").succeeds();
        let before = host.world();
        net.with_prev_result(two_addresses(&gone)).add(&gone, "eth0").succeeds();
        net.gc(&[(&alive, "eth0"), (&gone, "eth0")]).succeeds().silent();
        net.check(&gone, "eth0").succeeds();
        difference("portmap-gc", || {
            net.gc(&[(&alive, "eth0")]).succeeds().silent();
            assert_eq!(host.world(), before);
            other.check(&gone, "eth0").succeeds();
            other.gc(&[]).succeeds();
            net.gc(&[]).succeeds();
            assert!(!rules(&host).contains("dnat to") && !rules(&host).contains("DN-"));
        });
    }
}

#[test]
fn status_says_whether_rules_can_be_made() {
    if lacks_version("portmap", "1.1.0") {
        return;
    }
    let host = Host::new();
    let net = portmap(&host, json!({}), json!([]));
    for backend in [json!(null), json!("iptables"), json!("nftables")] {
        net.with_config("backend", backend).status().succeeds().silent();
    }
    let without_programs = net.with_env("PATH", "/nowhere");
    without_programs.status().succeeds();
    difference("portmap-status", || {
        let iptables = without_programs.with_config("backend", json!("iptables"));
        iptables.status().fails(50, "iptables cannot be used here");
    });
    difference("portmap-status", || {
        net.with_config("markMasqBit", json!(32)).status().fails_with(999, "between 0 and 31");
    });
}
