//! Masquerading with nf_tables, on a real kernel, against what `nft` makes of the reference's script.

use std::thread;

use crate::support::{addresses, attachment, in_namespace, ruleset, ruleset_with_handles, run};
use netfilter::{Backend, Known, collect_garbage};

/// What the reference feeds to `nft` for container `cid1` of network `mynet`.
const REFERENCE_SCRIPT: &str = r#"
add table inet cni_plugins_masquerade { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }
add chain inet cni_plugins_masquerade masq_checks { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }
add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100 ; }
flush chain inet cni_plugins_masquerade postrouting
add rule inet cni_plugins_masquerade postrouting ip daddr == 224.0.0.0/4  return
add rule inet cni_plugins_masquerade postrouting ip6 daddr == ff00::/8  return
add rule inet cni_plugins_masquerade postrouting goto masq_checks
add rule inet cni_plugins_masquerade masq_checks ip saddr == 10.1.2.2 ip daddr != 10.1.2.0/24 masquerade comment "d23676b4f2d9fe04-0b65a318f52e521b, net: mynet, if: eth0, id: cid1"
add rule inet cni_plugins_masquerade masq_checks ip saddr == 10.1.17.2 ip daddr != 10.1.16.0/20 masquerade comment "d23676b4f2d9fe04-0b65a318f52e521b, net: mynet, if: eth0, id: cid1"
add rule inet cni_plugins_masquerade masq_checks ip saddr == 10.9.9.9 ip daddr != 10.9.9.9/32 masquerade comment "d23676b4f2d9fe04-0b65a318f52e521b, net: mynet, if: eth0, id: cid1"
add rule inet cni_plugins_masquerade masq_checks ip6 saddr == fd00:1::2 ip6 daddr != fd00:1::/64 masquerade comment "d23676b4f2d9fe04-0b65a318f52e521b, net: mynet, if: eth0, id: cid1"
add rule inet cni_plugins_masquerade masq_checks ip6 saddr == fd00:2::2 ip6 daddr != fd00:2::/61 masquerade comment "d23676b4f2d9fe04-0b65a318f52e521b, net: mynet, if: eth0, id: cid1"
"#;

const ADDRESSES: [&str; 5] =
    ["10.1.2.2/24", "10.1.17.2/20", "10.9.9.9/32", "fd00:1::2/64", "fd00:2::2/61"];

#[test]
fn the_ruleset_is_the_one_of_the_reference() {
    let (expected, expected_with_handles) = in_namespace(|| {
        run("nft -f -", REFERENCE_SCRIPT);
        (ruleset(), ruleset_with_handles())
    });
    let (found, found_with_handles) = in_namespace(|| {
        attachment("cid1", "eth0").install(Backend::Nftables, &addresses(ADDRESSES)).expect("add");
        (ruleset(), ruleset_with_handles())
    });
    assert_eq!(found, expected);
    assert_eq!(without_handles(&found_with_handles), without_handles(&expected_with_handles));
}

#[test]
fn a_repeated_add_changes_nothing_even_on_rules_of_the_reference() {
    in_namespace(|| {
        run("nft -f -", REFERENCE_SCRIPT);
        let before = ruleset_with_handles();
        let masquerade = attachment("cid1", "eth0");
        masquerade.install(Backend::Nftables, &addresses(ADDRESSES)).expect("add");
        assert_eq!(ruleset_with_handles(), before);
    });
}

#[test]
fn rules_for_other_addresses_of_the_attachment_are_replaced() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        masquerade
            .install(Backend::Nftables, &addresses(["10.1.2.2/24", "10.1.2.3/24"]))
            .expect("first add");
        masquerade
            .install(Backend::Nftables, &addresses(["10.1.2.3/24", "10.1.2.4/24"]))
            .expect("second add");
        assert_eq!(sources(), ["10.1.2.3", "10.1.2.4"]);
    });
}

#[test]
fn removal_leaves_another_container_with_the_same_address_and_the_chains() {
    in_namespace(|| {
        let address = addresses(["10.1.2.2/24"]);
        let (old, new) = (attachment("old", "eth0"), attachment("new", "eth0"));
        let second_interface = attachment("old", "eth1");
        for masquerade in [&old, &new, &second_interface] {
            masquerade.install(Backend::Nftables, &address).expect("add");
        }
        old.remove(Known::Addresses(&[])).expect("remove");
        assert_eq!(sources().len(), 2);
        assert!(ruleset().contains("id: new") && ruleset().contains("if: eth1, id: old"));
        old.remove(Known::Addresses(&[])).expect("remove again");
        new.remove(Known::KeepAddresses(&[])).expect("remove");
        second_interface.remove(Known::KeepAddresses(&[])).expect("remove");
        assert_eq!(sources(), [""; 0]);
        assert!(ruleset().contains("goto masq_checks"));
    });
}

#[test]
fn removal_from_an_empty_host_adds_nothing() {
    in_namespace(|| {
        attachment("cid1", "eth0").remove(Known::KeepAddresses(&[])).expect("remove");
        assert_eq!(ruleset(), "");
    });
}

#[test]
fn a_damaged_base_chain_is_rewritten_and_a_lost_chain_added() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        let address = addresses(["10.1.2.2/24"]);
        masquerade.install(Backend::Nftables, &address).expect("add");
        let right = ruleset();
        run("nft add rule inet cni_plugins_masquerade postrouting accept", "");
        masquerade.install(Backend::Nftables, &address).expect("repair");
        assert_eq!(ruleset(), right);
        run("nft flush chain inet cni_plugins_masquerade postrouting", "");
        masquerade.install(Backend::Nftables, &address).expect("repair");
        assert_eq!(ruleset(), right);
        run("nft delete chain inet cni_plugins_masquerade postrouting", "");
        masquerade.install(Backend::Nftables, &address).expect("repair");
        assert_eq!(ruleset(), right);
    });
}

#[test]
fn garbage_is_what_belongs_to_this_network_and_no_valid_attachment() {
    in_namespace(|| {
        let address = addresses(["10.1.2.2/24"]);
        for (id, ifname) in [("one", "eth0"), ("one", "eth1"), ("two", "eth0")] {
            attachment(id, ifname).install(Backend::Nftables, &address).expect("add");
        }
        let mut other = attachment("two", "eth0");
        other.network = "other".to_owned();
        other.install(Backend::Nftables, &address).expect("add");
        collect_garbage("mynet", &[("one", "eth1"), ("never", "seen")]).expect("collect");
        let rules = ruleset();
        let kept: Vec<&str> = rules.lines().filter(|line| line.contains("saddr")).collect();
        assert_eq!(kept.len(), 2, "{rules}");
        assert!(kept[0].contains("net: mynet, if: eth1, id: one"));
        assert!(kept[1].contains("net: other, if: eth0, id: two"));
    });
}

#[test]
fn concurrent_adds_and_removals_do_not_fail_each_other() {
    in_namespace(|| {
        thread::scope(|scope| {
            for worker in 0..8 {
                // Threads begin in the namespace of the thread that starts them.
                scope.spawn(move || {
                    for round in 0..20 {
                        let masquerade = attachment(&format!("c{worker}-{round}"), "eth0");
                        let text = format!("10.{worker}.{round}.2/24");
                        masquerade
                            .install(Backend::Nftables, &addresses([text.as_str()]))
                            .expect("add");
                        if round % 2 == 0 {
                            masquerade.remove(Known::Addresses(&[])).expect("remove");
                        }
                    }
                });
            }
        });
        assert_eq!(sources().len(), 80);
        assert_eq!(ruleset().matches("goto masq_checks").count(), 1);
    });
}

#[test]
fn quotes_leave_the_comment_and_control_characters_are_refused() {
    in_namespace(|| {
        let address = addresses(["10.1.2.2/24"]);
        let mut hostile = attachment("a\"b", "eth0");
        hostile.network = "my\" drop".to_owned();
        hostile.install(Backend::Nftables, &address).expect("add");
        assert!(ruleset().contains("net: my drop, if: eth0, id: ab\""));
        let unchanged = ruleset();
        for name in ["a\nb", "a\0b", "a\u{85}b"] {
            let error = attachment(name, "eth0")
                .install(Backend::Nftables, &address)
                .expect_err("a control character");
            assert_eq!(
                error.to_string(),
                format!("container id {name:?} cannot be part of a rule")
            );
        }
        assert_eq!(ruleset(), unchanged);
        hostile.remove(Known::Addresses(&[])).expect("remove");
        assert_eq!(sources(), [""; 0]);
    });
}

#[test]
fn many_addresses_fit_into_one_transaction() {
    in_namespace(|| {
        let many: Vec<_> = (0..=255)
            .flat_map(|a| (0..4).map(move |b| format!("10.{b}.{a}.1/24").parse().expect("address")))
            .collect();
        let masquerade = attachment("cid1", "eth0");
        masquerade.install(Backend::Nftables, &many).expect("add");
        assert_eq!(sources().len(), 1024);
        masquerade.remove(Known::Addresses(&[])).expect("remove");
        assert_eq!(sources(), [""; 0]);
    });
}

/// The source addresses of the masquerading rules.
fn sources() -> Vec<String> {
    let address = |line: &str| line.split("saddr ").nth(1)?.split(' ').next().map(str::to_owned);
    ruleset().lines().filter_map(address).collect()
}

fn without_handles(ruleset: &str) -> String {
    let line = |line: &str| line.split(" # handle ").next().unwrap_or_default().to_owned() + "\n";
    ruleset.lines().map(line).collect()
}
