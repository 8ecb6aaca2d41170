//! Masquerading with iptables, on a real kernel, against what the reference's commands make.

use std::net::IpAddr;
use std::process::Command;
use std::thread;

use crate::support::{addresses, attachment, in_namespace, ruleset, run, saved, saved_rules};
use netfilter::{Backend, Known, Masquerade, collect_garbage, iptables, naming};

/// The chain of container `cid1` in `mynet`.
const CHAIN: &str = "CNI-a631aa8e1549a3b129110fd2";
const COMMENT: &str = r#"name: "mynet" id: "cid1""#;

/// Runs the reference's commands for one address.
fn add_as_reference(tool: &str, address: &str, multicast: &str, source: &str) {
    let commands: [&[&str]; 4] = [
        &["-N", CHAIN],
        &["-A", CHAIN, "-d", address, "-j", "ACCEPT", "-m", "comment", "--comment", COMMENT],
        &[
            "-A",
            CHAIN,
            "!",
            "-d",
            multicast,
            "-j",
            "MASQUERADE",
            "-m",
            "comment",
            "--comment",
            COMMENT,
        ],
        &["-A", "POSTROUTING", "-s", source, "-j", CHAIN, "-m", "comment", "--comment", COMMENT],
    ];
    for command in commands {
        let status = Command::new(tool).args(["-t", "nat"]).args(command).status();
        assert!(status.expect("the tool is installed").success(), "{command:?}");
    }
}

fn install(masquerade: &Masquerade, texts: &[&str]) {
    let networks: Vec<_> = texts.iter().map(|text| text.parse().expect("an address")).collect();
    masquerade.install(Backend::Iptables, &networks).expect("add");
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

/// The sources of the jumps to our chains.
fn sources() -> Vec<String> {
    saved_rules("iptables")
        .iter()
        .filter_map(|line| line.strip_prefix("-A POSTROUTING -s ")?.split(' ').next())
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_rules_are_those_of_the_reference() {
    let expected = in_namespace(|| {
        add_as_reference("iptables", "10.1.2.2/24", "224.0.0.0/4", "10.1.2.2");
        add_as_reference("ip6tables", "fd00:1::2/64", "ff00::/8", "fd00:1::2");
        (saved("iptables"), saved("ip6tables"))
    });
    let found = in_namespace(|| {
        install(&attachment("cid1", "eth0"), &["10.1.2.2/24", "fd00:1::2/64"]);
        (saved("iptables"), saved("ip6tables"))
    });
    assert_eq!(found, expected);
    let listed = [
        r#"-A POSTROUTING -s 10.1.2.2/32 -m comment --comment "name: \"mynet\" id: \"cid1\"" -j CNI-a631aa8e1549a3b129110fd2"#,
        r#"-A CNI-a631aa8e1549a3b129110fd2 -d 10.1.2.0/24 -m comment --comment "name: \"mynet\" id: \"cid1\"" -j ACCEPT"#,
        r#"-A CNI-a631aa8e1549a3b129110fd2 ! -d 224.0.0.0/4 -m comment --comment "name: \"mynet\" id: \"cid1\"" -j MASQUERADE"#,
    ];
    for line in listed {
        assert!(found.0.lines().any(|found| found == line), "{}", found.0);
    }
}

#[test]
fn a_repeated_add_changes_nothing_even_on_rules_of_the_reference() {
    in_namespace(|| {
        add_as_reference("iptables", "10.1.2.2/24", "224.0.0.0/4", "10.1.2.2");
        let before = crate::support::ruleset_with_handles();
        install(&attachment("cid1", "eth0"), &["10.1.2.2/24"]);
        install(&attachment("cid1", "eth0"), &["10.1.2.2/24"]);
        assert_eq!(crate::support::ruleset_with_handles(), before);
    });
}

#[test]
fn only_the_protocol_of_the_addresses_is_touched() {
    in_namespace(|| {
        install(&attachment("cid1", "eth0"), &["10.1.2.2/24"]);
        assert!(!ruleset().contains("table ip6"));
    });
}

#[test]
fn several_addresses_and_wide_networks_share_a_chain_that_masquerades_last() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        install(&masquerade, &["10.1.2.2/24", "10.1.2.3/24", "10.9.9.9/32", "10.8.0.1/0"]);
        let rules = saved_rules("iptables");
        let in_chain: Vec<&String> =
            rules.iter().filter(|rule| rule.starts_with(&format!("-A {CHAIN}"))).collect();
        assert_eq!(in_chain.len(), 4);
        assert!(in_chain[3].ends_with("-j MASQUERADE"));
        assert_eq!(sources().len(), 4);
        install(&masquerade, &["10.1.2.2/24", "10.1.2.3/24", "10.9.9.9/32", "10.8.0.1/0"]);
        assert_eq!(saved_rules("iptables"), rules);
        let own = ["10.1.2.2", "10.1.2.3", "10.9.9.9", "10.8.0.1"].map(ip);
        masquerade.remove(Known::Addresses(&own)).expect("remove");
        assert_eq!(saved_rules("iptables"), [""; 0]);
    });
}

#[test]
fn two_attachments_share_the_chain_until_the_second_one_goes() {
    in_namespace(|| {
        let (first, second) = (attachment("cid1", "eth0"), attachment("cid1", "eth1"));
        install(&first, &["10.1.2.2/24", "10.1.2.4/24"]);
        install(&second, &["10.1.3.3/24"]);
        assert_eq!(sources(), ["10.1.2.2/32", "10.1.2.4/32", "10.1.3.3/32"]);
        first.remove(Known::Addresses(&["10.1.2.2", "10.1.2.4"].map(ip))).expect("remove");
        assert_eq!(sources(), ["10.1.3.3/32"]);
        first.remove(Known::Addresses(&["10.1.2.2", "10.1.2.4"].map(ip))).expect("remove again");
        assert_eq!(sources(), ["10.1.3.3/32"]);
        second.remove(Known::Addresses(&[ip("10.1.3.3")])).expect("remove");
        assert_eq!(saved_rules("iptables"), [""; 0]);
    });
}

#[test]
fn an_attachment_whose_addresses_are_lost_is_everything_but_those_to_keep() {
    in_namespace(|| {
        install(&attachment("cid1", "eth0"), &["10.1.2.2/24", "fd00:1::2/64"]);
        install(&attachment("cid1", "eth1"), &["10.1.3.3/24"]);
        attachment("cid1", "eth0").remove(Known::KeepAddresses(&[ip("10.1.3.3")])).expect("remove");
        assert_eq!(sources(), ["10.1.3.3/32"]);
        assert_eq!(saved_rules("ip6tables"), [""; 0]);
        attachment("cid1", "eth1").remove(Known::KeepAddresses(&[])).expect("remove");
        assert_eq!(saved_rules("iptables"), [""; 0]);
    });
}

#[test]
fn removal_copes_with_every_half_of_the_rules() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        for damage in [
            format!("iptables -t nat -F {CHAIN}"),
            "iptables -t nat -F POSTROUTING".to_owned(),
            "iptables -t nat -D POSTROUTING 1".to_owned(),
        ] {
            install(&masquerade, &["10.1.2.2/24", "10.1.2.3/24"]);
            run(&damage, "");
            let own = ["10.1.2.2", "10.1.2.3"].map(ip);
            masquerade.remove(Known::Addresses(&own)).expect("remove");
            assert_eq!(saved_rules("iptables"), [""; 0], "after {damage}");
        }
    });
}

#[test]
fn jumps_from_whole_networks_go_as_well() {
    in_namespace(|| {
        add_as_reference("iptables", "10.1.2.2/24", "224.0.0.0/4", "10.1.2.2/24");
        attachment("cid1", "eth0").remove(Known::Addresses(&[ip("10.1.2.2")])).expect("remove");
        assert_eq!(saved_rules("iptables"), [""; 0]);
    });
}

#[test]
fn removal_where_nothing_is_changes_nothing() {
    in_namespace(|| {
        attachment("cid1", "eth0").remove(Known::KeepAddresses(&[])).expect("remove");
        assert_eq!(ruleset(), "");
        install(&attachment("other", "eth0"), &["10.1.2.2/24"]);
        let before = crate::support::ruleset_with_handles();
        attachment("cid1", "eth0").remove(Known::Addresses(&[ip("10.1.2.2")])).expect("remove");
        assert_eq!(crate::support::ruleset_with_handles(), before);
    });
}

#[test]
fn garbage_is_what_belongs_to_this_network_and_no_valid_container() {
    in_namespace(|| {
        for (index, id) in ["one", "two", "three"].into_iter().enumerate() {
            let networks = [format!("10.1.{index}.2/24"), format!("fd00:{index}::2/64")];
            install(&attachment(id, "eth0"), &networks.each_ref().map(String::as_str));
        }
        let mut other = attachment("two", "eth0");
        other.network = "other".to_owned();
        install(&other, &["10.2.0.2/24"]);
        run("iptables -t nat -A POSTROUTING -s 10.7.7.7 -j ACCEPT", "");
        collect_garbage("mynet", &[("two", "eth0"), ("never", "eth0")]).expect("collect");
        assert_eq!(sources(), ["10.1.1.2/32", "10.2.0.2/32"]);
        let chains = |tool| saved(tool).lines().filter(|line| line.starts_with(":CNI-")).count();
        assert_eq!((chains("iptables"), chains("ip6tables")), (2, 1));
        assert!(saved("iptables").contains("10.7.7.7"));
        collect_garbage::<&str>("mynet", &[]).expect("collect");
        assert_eq!(sources(), ["10.2.0.2/32"]);
    });
}

#[test]
fn concurrent_adds_and_removals_do_not_fail_each_other() {
    in_namespace(|| {
        thread::scope(|scope| {
            for worker in 0..8 {
                scope.spawn(move || {
                    for round in 0..6 {
                        let masquerade = attachment(&format!("c{worker}-{round}"), "eth0");
                        let address = format!("10.{worker}.{round}.2");
                        install(&masquerade, &[&format!("{address}/24")]);
                        if round % 2 == 0 {
                            masquerade.remove(Known::Addresses(&[ip(&address)])).expect("remove");
                        }
                    }
                });
            }
        });
        assert_eq!(sources().len(), 24);
    });
}

#[test]
fn hostile_names_stay_inside_their_comment() {
    in_namespace(|| {
        for id in ["a\"b", r"a\", r#"x" -j DROP -m comment --comment "y"#, "tab'quote"] {
            let masquerade = attachment(id, "eth0");
            install(&masquerade, &["10.1.2.2/24"]);
            install(&masquerade, &["10.1.2.2/24"]);
            let rules = saved_rules("iptables");
            assert_eq!(rules.len(), 4, "{rules:?}");
            assert!(!rules.iter().any(|rule| rule.ends_with("-j DROP")));
            collect_garbage("mynet", &[(id, "eth0")]).expect("collect");
            assert_eq!(saved_rules("iptables"), rules);
            collect_garbage::<&str>("mynet", &[]).expect("collect");
            assert_eq!(saved_rules("iptables"), [""; 0], "{id:?} is found by its comment");
        }
        let masquerade = attachment("a\n-A POSTROUTING -j DROP", "eth0");
        masquerade.install(Backend::Iptables, &addresses(["10.1.2.2/24"])).expect_err("a newline");
        assert_eq!(saved_rules("iptables"), [""; 0]);
    });
}

#[test]
fn a_refused_document_is_reported_with_the_command_and_its_words() {
    in_namespace(|| {
        let tool = iptables::Iptables::find(iptables::Protocol::V4).expect("iptables is installed");
        let mut document = iptables::Document::new(iptables::NAT);
        document.new_chain(&naming::iptables_chain("n", "c"));
        tool.restore(&document).expect("a new chain");
        let error = tool.restore(&document).expect_err("the chain exists").to_string();
        assert!(error.contains("-restore --noflush --wait]: exit status 1: iptables-restore"));
        assert!(error.ends_with("line 2 failed: Chain already exists.\n"), "{error}");
    });
}

#[test]
fn without_a_configured_backend_iptables_is_used() {
    in_namespace(|| {
        let masquerade = attachment("cid1", "eth0");
        let backend = netfilter::choose_backend(None).expect("a backend");
        masquerade.install(backend, &addresses(["10.1.2.2/24"])).expect("add");
        assert_eq!(sources(), ["10.1.2.2/32"]);
        assert!(!ruleset().contains("cni_plugins_masquerade"));
    });
}

#[test]
fn an_unknown_backend_is_named() {
    for name in ["", "firewalld"] {
        let error = netfilter::choose_backend(Some(name)).expect_err("unknown");
        assert_eq!(error.to_string(), format!("unknown ipmasq backend {name:?}"));
    }
}
