//! portmap: what is refused, in which words, and that nothing is done then.

use cni_testkit::{Host, difference, lacks_release};
use serde_json::{Value, json};

use crate::published::{portmap, two_addresses};

fn mapping(key: &str, value: Value) -> Value {
    let mut mapping = json!({ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" });
    mapping[key] = value;
    json!([mapping])
}

/// The message of an ADD with these keys and mappings, after which there is no rule.
fn refused(keys: Value, mappings: Value, msg: &str) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = portmap(&host, keys, mappings).with_prev_result(two_addresses(&c1));
    net.add(&c1, "eth0").fails(999, &format!("failed to parse config: {msg}"));
    net.check(&c1, "eth0").fails(999, msg);
    let rules = [host.iptables_rules(), host.nft_rules()].concat();
    assert!(!rules.contains("CNI-") && !rules.contains("cni_"), "{rules}");
}

#[test]
fn ports_are_numbers_of_ports() {
    for (key, port, what, is_known) in [
        ("hostPort", 0, "host", true),
        ("hostPort", -1, "host", true),
        ("hostPort", 65_536, "host", false),
        ("containerPort", 0, "container", true),
        ("containerPort", 70_000, "container", false),
    ] {
        let msg = format!("Invalid {what} port number: {port}");
        let refuse = || refused(json!({}), mapping(key, json!(port)), &msg);
        if is_known { refuse() } else { difference("portmap-validation", refuse) }
    }
}

/// Neither reaches a program, so neither can be a command in disguise.
#[test]
fn protocols_and_addresses_are_what_they_say() {
    let hostile = "tcp dport 1 accept; add table ip x; #";
    for (protocol, msg) in [
        (
            "",
            "invalid protocol \"\" for host port 8080: it is one of dccp, sctp, tcp, udp, udplite",
        ),
        (
            hostile,
            "invalid protocol \"tcp dport 1 accept; add table ip x; #\" for host port 8080: it is one \
             of dccp, sctp, tcp, udp, udplite",
        ),
    ] {
        difference("portmap-validation", || {
            refused(json!({}), mapping("protocol", json!(protocol)), msg);
        });
    }
    difference("portmap-validation", || {
        let msg = "invalid hostIP for host port 8080: invalid IP address: 10.0.0.0/24";
        refused(json!({}), mapping("hostIP", json!("10.0.0.0/24")), msg);
    });
}

#[test]
fn marks_are_chosen_once_and_fit() {
    let both = json!({ "markMasqBit": 5, "externalSetMarkChain": "EXT" });
    refused(both, json!([]), "Cannot specify externalSetMarkChain and markMasqBit");
    for bit in [-1, 32] {
        let keys = json!({ "markMasqBit": bit });
        refused(keys, json!([]), "MasqMarkBit must be between 0 and 31");
    }
    for chain in ["", "a b", "-j", "x\nCOMMIT", &"x".repeat(29)] {
        difference("portmap-validation", || {
            let quoted = format!("{chain:?}");
            let msg = format!("externalSetMarkChain {quoted} is no chain");
            let keys = json!({ "externalSetMarkChain": chain });
            refused(keys, mapping("hostPort", json!(1)), &msg);
        });
    }
}

#[test]
fn backends_have_names_and_options_of_their_own() {
    if lacks_release("1.7.0") {
        return;
    }
    let iptables = json!(["!", "-d", "192.0.2.0/24"]);
    let nftables = json!(["ip", "daddr", "192.0.2.0/24"]);
    for (keys, msg) in [
        (json!({ "backend": "pf" }), "unrecognized backend \"pf\""),
        (json!({ "backend": "" }), "unrecognized backend \"\""),
        (
            json!({ "backend": "nftables", "externalSetMarkChain": "EXT",
                    "conditionsV4": iptables, "conditionsV6": ["-s", "::1"] }),
            "nftables backend was requested but configuration contains iptables-specific options \
             [externalSetMarkChain conditionsV4 conditionsV6]",
        ),
        (
            json!({ "backend": "iptables", "conditionsV4": nftables, "conditionsV6": [""] }),
            "iptables backend was requested but configuration contains nftables-specific options \
             [conditionsV4]",
        ),
        (
            json!({ "conditionsV4": nftables }),
            "iptables backend was requested but configuration contains nftables-specific options \
             [conditionsV4]",
        ),
        (
            json!({ "backend": "foo", "conditionsV4": iptables }),
            "foo backend was requested but configuration contains iptables-specific options \
             [conditionsV4]",
        ),
    ] {
        refused(keys, mapping("hostPort", json!(1)), msg);
    }
    difference("portmap-validation", || {
        let keys = json!({ "backend": "nftables", "conditionsV4": ["ip", "daddr;x"] });
        let msg = "invalid conditionsV4 \"daddr;x\": \";\" in it";
        refused(keys, mapping("hostPort", json!(1)), msg);
    });
}

#[test]
fn a_previous_result_is_needed_and_must_fit() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = portmap(&host, json!({}), mapping("hostPort", json!(1)));
    net.add(&c1, "eth0").fails(999, "must be called as chained plugin");
    let none = net.with_config("runtimeConfig", json!({}));
    none.add(&c1, "eth0").fails(999, "must be called as chained plugin");
    let old = net.with_prev_result(json!({ "cniVersion": "0.3.1" }));
    old.add(&c1, "eth0").fails_with(
        999,
        "failed to parse config: could not parse prevResult: could not parse prevResult: ",
    );
    net.with_config("snat", json!("x"))
        .add(&c1, "eth0")
        .fails_with(999, "failed to parse config: failed to parse network configuration: ");
}

/// The first one keeps the port, unless the second one is to be told.
#[test]
fn ports_that_others_have_are_refused_on_request() {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let net = portmap(&host, json!({ "backend": backend }), mapping("hostPort", json!(8080)));
        net.with_prev_result(two_addresses(&c1)).add(&c1, "eth0").succeeds();
        let second = net.with_prev_result(two_addresses(&c2));
        second.add(&c2, "eth0").succeeds();
        second.del(&c2, "eth0").succeeds();
        let strict = second.with_config("rejectConflicts", json!(true));
        let before = host.world();
        let network = if backend == "iptables" { " of network \"net1\"" } else { "" };
        let msg = format!("host port 8080/tcp is already mapped to container \"c1\"{network}");
        difference("portmap-conflicts", || {
            strict.add(&c2, "eth0").fails(999, &msg);
            let one_address = json!({ "portMappings": mapping("hostIP", json!("10.0.0.1")) });
            strict.with_config("runtimeConfig", one_address).add(&c2, "eth0").fails(999, &msg);
            assert_eq!(host.world(), before);
        });
        for other in [mapping("protocol", json!("udp")), mapping("hostPort", json!(8081))] {
            let strict = strict.with_config("runtimeConfig", json!({ "portMappings": other }));
            strict.add(&c2, "eth0").succeeds();
            strict.add(&c2, "eth0").succeeds();
            strict.del(&c2, "eth0").succeeds();
        }
        net.del(&c1, "eth0").succeeds();
        strict.add(&c2, "eth0").succeeds();
    }
}

/// Different addresses of the host are different places.
#[test]
fn a_port_can_be_shared_by_address() {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let keys = json!({ "backend": backend, "rejectConflicts": true });
        let net = |ip: &str| portmap(&host, keys.clone(), mapping("hostIP", json!(ip)));
        net("10.0.0.1").with_prev_result(two_addresses(&c1)).add(&c1, "eth0").succeeds();
        let second = |ip| net(ip).with_prev_result(two_addresses(&c2));
        for ip in ["10.0.0.1", "0.0.0.0", ""] {
            difference("portmap-conflicts", || {
                second(ip)
                    .add(&c2, "eth0")
                    .fails_with(999, "is already mapped to container \"c1\"");
            });
        }
        second("10.0.0.3").add(&c2, "eth0").succeeds();
        second("10.0.0.3").del(&c2, "eth0").succeeds();
        second("::").add(&c2, "eth0").succeeds();
    }
}
