//! The reference's own vectors, and documents.

use netfilter::iptables::Listing;
use serde_json::{Value, json};

use super::*;
use crate::plan::tests::{plan, request};

/// The rules of both families for these keys.
fn rules(keys: Value) -> [Rules; 2] {
    let plan = plan(keys.clone());
    let owner = Owner::of(&request(keys));
    [0, 1].map(|family| Rules::new(&plan, &plan.targets[family], &owner))
}

#[test]
fn names_are_the_reference_ones() {
    let id = "bd34fcdd9bfb87a2de7e4a1ecf80b1a5ca6b0f7bd3c8b01ddd56f9a0ab5d8e2d";
    assert_eq!(chain("test", "ctr1"), "CNI-DN-3a53437c165fe05c780a9");
    assert_eq!(chain("test", id).len(), 28);
    assert!(is_chain(&chain("test", id)));
    assert_eq!(legacy_chain("test", "ctr1"), "CNI-SN-3a53437c165fe05c780a9");
}

#[test]
fn every_mapping_has_its_marks_and_its_receiver() {
    let [ipv4, ipv6] = rules(json!({}));
    let mapping = |port: &str, to: &str| {
        [
            format!("{port} -s 10.0.0.2/24 -j CNI-HOSTPORT-SETMARK"),
            format!("{port} -s 127.0.0.1 -j CNI-HOSTPORT-SETMARK"),
            format!("{port} -j DNAT --to-destination 10.0.0.2:{to}"),
        ]
    };
    let expected = [
        mapping("-p tcp --dport 8080", "80"),
        mapping("-p tcp --dport 8081", "80"),
        mapping("-p udp --dport 8080", "81"),
        mapping("-p udp --dport 8082", "82"),
        mapping("-p tcp --dport 8083 -d 192.168.0.2", "83"),
        mapping("-p tcp --dport 8084", "84"),
    ];
    assert_eq!(ipv4.own, expected.concat());
    let mapping = |port: &str, to: &str| {
        [
            format!("{port} -s 2001:db8::2/64 -j CNI-HOSTPORT-SETMARK"),
            format!("{port} -j DNAT --to-destination [2001:db8::2]:{to}"),
        ]
    };
    let expected = [
        mapping("-p tcp --dport 8080", "80"),
        mapping("-p tcp --dport 8081", "80"),
        mapping("-p udp --dport 8080", "81"),
        mapping("-p udp --dport 8082", "82"),
        mapping("-p tcp --dport 8085 -d 2001:db8:a::1", "85"),
        mapping("-p tcp --dport 8086", "86"),
    ];
    assert_eq!(ipv6.own, expected.concat());
}

#[test]
fn senders_decide_how_many_rules_there_are() {
    for (keys, ipv4, ipv6) in [
        (json!({ "snat": false }), 6, 6),
        (json!({ "masqAll": true }), 12, 12),
        (json!({ "externalSetMarkChain": "EXT" }), 18, 12),
    ] {
        let rules = rules(keys);
        assert_eq!(rules.each_ref().map(|rules| rules.own.len()), [ipv4, ipv6]);
    }
    let [ipv4, ipv6] = rules(json!({ "masqAll": true }));
    assert!(ipv4.own[0].contains(" -s 0.0.0.0/0 ") && ipv6.own[0].contains(" -s ::/0 "));
    let [external, _] = rules(json!({ "externalSetMarkChain": "EXT" }));
    assert!(external.own[0].ends_with(" -j EXT"));
    assert_eq!(external.shared.len(), 3);
}

#[test]
fn the_ways_into_the_chain_name_all_ports_and_the_conditions() {
    let [ipv4, ipv6] =
        rules(json!({ "conditionsV4": ["-a", "b \"c"], "conditionsV6": ["!", "d"] }));
    let comment = r#"-m comment --comment "dnat name: \"test\" id: \"icee6giejonei6so\"""#;
    let entry = |protocol: &str, ports: &str, conditions: &str| {
        format!(
            "{comment} -m multiport -p {protocol} --destination-ports {ports} {conditions} -j {}",
            ipv4.chain
        )
    };
    let tcp = "8080,8081,8083,8084,8085,8086";
    let udp = "8080,8082";
    let [v4, v6] = [r#""-a" "b \"c""#, r#""!" "d""#];
    assert_eq!(ipv4.entries, [entry("tcp", tcp, v4), entry("udp", udp, v4)]);
    assert_eq!(ipv6.entries, [entry("tcp", tcp, v6), entry("udp", udp, v6)]);
}

#[test]
fn long_comments_are_cut_where_the_kernel_cuts_them() {
    let long = comment("test", &"i".repeat(300)).replace('\\', "");
    assert_eq!(long.len(), 255);
    assert!(long.ends_with("i.."));
}

/// A listing of what the rules would make.
fn listing(rules: &Rules) -> Listing {
    let mut text = String::new();
    for chain in [SETMARK, MASQ, DNAT, &rules.chain] {
        text.push_str(&format!(":{chain} - [0:0]\n"));
    }
    for part in &rules.shared {
        if let Shared::Last(chain, rule) | Shared::First(chain, rule) = part {
            text.push_str(&format!("-A {chain} {rule}\n"));
        }
    }
    for (chain, rules) in [(rules.chain.as_str(), &rules.own), (DNAT, &rules.entries)] {
        rules.iter().for_each(|rule| text.push_str(&format!("-A {chain} {rule}\n")));
    }
    Listing::parse(&text)
}

#[test]
fn only_what_is_missing_of_the_shared_parts_is_added() {
    let [rules, _] = rules(json!({}));
    let text = |listing: &Listing| rules.renewed(listing).text().expect("a document");
    let fresh = text(&Listing::default());
    let order = [
        "-N CNI-HOSTPORT-SETMARK",
        "-N CNI-HOSTPORT-MASQ",
        "-I POSTROUTING -m comment",
        "-N CNI-HOSTPORT-DNAT",
        "-A PREROUTING",
        "-A OUTPUT",
        "-N CNI-DN-",
        "-A CNI-DN-",
    ];
    let places: Vec<_> = order.iter().map(|start| fresh.find(start)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{places:?} in {fresh}");
    assert_eq!(fresh.lines().count(), 2 + 8 + 1 + 18 + 2);

    let whole = text(&listing(&rules));
    assert!(!whole.contains("-N ") && !whole.contains("PREROUTING"), "{whole}");
    assert!(whole.contains(&format!("-F {}", rules.chain)), "{whole}");
    assert_eq!(whole.matches("-D CNI-HOSTPORT-DNAT ").count(), 2, "{whole}");
    assert!(rules.is_as_many_as(&listing(&rules)));
}

#[test]
fn documents_that_only_require_change_nothing() {
    let [rules, _] = rules(json!({}));
    let text = rules.required().text().expect("a document");
    let commands = text.lines().filter(|line| line.starts_with('-'));
    assert!(commands.clone().count() == 25 && commands.clone().all(|line| line.starts_with("-C ")));
}
