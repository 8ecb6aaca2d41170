//! The spoof check, on a real kernel, against what `nft` makes of the reference's documents.

use std::thread;

use crate::support::{in_namespace, ruleset, ruleset_with_handles, run};
use netfilter::SpoofCheck;

/// The two documents of the reference for container `container99`.
const REFERENCE_DOCUMENTS: [&str; 2] = [
    r#"{"nftables":[
{"table":{"family":"bridge","name":"nat"}},
{"chain":{"family":"bridge","table":"nat","name":"PREROUTING","type":"filter","hook":"prerouting","prio":-300,"policy":"accept"}},
{"chain":{"family":"bridge","table":"nat","name":"cni-br-iface-container99-net1"}},
{"chain":{"family":"bridge","table":"nat","name":"cni-br-iface-container99-net1-mac"}}]}"#,
    r#"{"nftables":[
{"flush":{"chain":{"family":"bridge","table":"nat","name":"cni-br-iface-container99-net1"}}},
{"flush":{"chain":{"family":"bridge","table":"nat","name":"cni-br-iface-container99-net1-mac"}}},
{"rule":{"family":"bridge","table":"nat","chain":"PREROUTING","expr":[{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"net0"}},{"jump":{"target":"cni-br-iface-container99-net1"}}],"comment":"macspoofchk-container99-net1"}},
{"rule":{"family":"bridge","table":"nat","chain":"cni-br-iface-container99-net1","expr":[{"jump":{"target":"cni-br-iface-container99-net1-mac"}}],"comment":"macspoofchk-container99-net1"}},
{"rule":{"family":"bridge","table":"nat","chain":"cni-br-iface-container99-net1-mac","expr":[{"match":{"op":"==","left":{"payload":{"protocol":"ether","field":"saddr"}},"right":"02:00:00:00:12:34"}},{"return":null}],"comment":"macspoofchk-container99-net1"}},
{"rule":{"family":"bridge","table":"nat","chain":"cni-br-iface-container99-net1-mac","expr":[{"drop":null}],"comment":"macspoofchk-container99-net1"}}]}"#,
];

const MAC: [u8; 6] = [2, 0, 0, 0, 0x12, 0x34];

/// What remains of every check.
const BASE: &str = "\
table bridge nat {
\tchain PREROUTING {
\t\ttype filter hook prerouting priority dstnat; policy accept;
\t}
}
";

fn check(container_id: &str) -> SpoofCheck {
    SpoofCheck {
        network: "net".to_owned(),
        container_id: container_id.to_owned(),
        ifname: "net1".to_owned(),
    }
}

fn install_as_reference() {
    for document in REFERENCE_DOCUMENTS {
        run("nft -j -f -", document);
    }
}

#[test]
fn the_ruleset_is_the_one_of_the_reference_and_of_the_value() {
    let expected = in_namespace(|| {
        install_as_reference();
        ruleset()
    });
    let found = in_namespace(|| {
        check("container99").install("net0", MAC).expect("install");
        ruleset()
    });
    assert_eq!(found, expected);
    assert_eq!(check("container99").table("net0", MAC).to_string(), expected);
}

#[test]
fn a_repeated_installation_changes_nothing() {
    in_namespace(|| {
        install_as_reference();
        let before = ruleset_with_handles();
        check("container99").install("net0", MAC).expect("install");
        assert_eq!(ruleset_with_handles(), before);
    });
}

#[test]
fn another_interface_or_address_replaces_the_check_and_its_duplicates() {
    in_namespace(|| {
        install_as_reference();
        run("nft -j -f -", REFERENCE_DOCUMENTS[1]);
        assert_eq!(ruleset().matches("iifname").count(), 2);
        check("container99").install("veth7", [2, 0, 0, 0, 0, 1]).expect("install");
        let expected = check("container99").table("veth7", [2, 0, 0, 0, 0, 1]);
        assert_eq!(ruleset(), expected.to_string());
    });
}

#[test]
fn removal_is_complete_silent_and_repeatable() {
    in_namespace(|| {
        check("container99").remove().expect("remove from nothing");
        assert_eq!(ruleset(), "");
        install_as_reference();
        run("nft -j -f -", REFERENCE_DOCUMENTS[1]);
        check("other").install("net2", MAC).expect("install");
        check("container99").remove().expect("remove");
        assert_eq!(ruleset(), check("other").table("net2", MAC).to_string());
        check("container99").remove().expect("remove again");
        check("other").remove().expect("remove");
        assert_eq!(ruleset(), BASE);
    });
}

#[test]
fn removal_finishes_what_was_half_done() {
    in_namespace(|| {
        run("nft -j -f -", REFERENCE_DOCUMENTS[0]);
        check("container99").remove().expect("remove");
        assert_eq!(ruleset(), BASE);
    });
}

#[test]
fn a_chain_that_others_use_is_an_error_that_says_so() {
    in_namespace(|| {
        check("a").install("net0", MAC).expect("install");
        run("nft add chain bridge nat mine", "");
        run("nft add rule bridge nat mine jump cni-br-iface-a-net1", "");
        let before = ruleset();
        let error = check("a").remove().expect_err("the chain is in use");
        assert_eq!(
            format!("{error:#}"),
            "failed to teardown spoof-check: could not delete chain \"cni-br-iface-a-net1\" \
             in table bridge nat: Device or resource busy (EBUSY)"
        );
        assert_eq!(ruleset(), before);
    });
}

#[test]
fn unusable_names_are_refused() {
    in_namespace(|| {
        check("a").install("", MAC).expect_err("an empty interface name");
        check("a").install("sixteen-letters!", MAC).expect_err("a long interface name");
        check("a\nb").install("net0", MAC).expect_err("a newline");
        check(&"x".repeat(250)).install("net0", MAC).expect_err("a long comment");
        assert_eq!(ruleset(), "");
    });
}

#[test]
fn concurrent_checks_do_not_fail_each_other() {
    in_namespace(|| {
        thread::scope(|scope| {
            for worker in 0..8 {
                scope.spawn(move || {
                    for round in 0..10 {
                        let check = check(&format!("c{worker}-{round}"));
                        check.install("net0", MAC).expect("install");
                        check.remove().expect("remove");
                    }
                });
            }
        });
        assert_eq!(ruleset(), BASE);
    });
}
