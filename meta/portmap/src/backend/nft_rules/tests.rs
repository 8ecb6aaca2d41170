//! Tables as text.

use serde_json::{Value, json};

use super::*;
use crate::plan::tests::{plan, request};

/// The tables of both families for these keys.
fn tables(keys: Value) -> [Table; 2] {
    let plan = plan(keys.clone());
    let owner = Owner::of(&request(keys));
    [0, 1].map(|family| table(&plan, &plan.targets[family], &owner))
}

/// The rules of a chain, without the comment that all of them have.
fn rules(table: &Table, chain: &str) -> Vec<String> {
    let chain = table.chains.iter().find(|found| found.name == chain);
    let rules = chain.map_or(&[][..], |chain| &chain.rules);
    let comment = " comment \"icee6giejonei6so\"";
    rules.iter().map(|rule| rule.to_string().replace(comment, "")).collect()
}

#[test]
fn every_mapping_has_its_receiver() {
    let [ipv4, ipv6] = tables(json!({ "backend": "nftables" }));
    assert_eq!(
        rules(&ipv4, HOSTPORTS),
        [
            "tcp dport 8080 dnat to 10.0.0.2:80",
            "tcp dport 8081 dnat to 10.0.0.2:80",
            "udp dport 8080 dnat to 10.0.0.2:81",
            "udp dport 8082 dnat to 10.0.0.2:82",
            "ip daddr 192.168.0.2 tcp dport 8083 dnat to 10.0.0.2:83",
            "tcp dport 8084 dnat to 10.0.0.2:84",
        ]
    );
    assert_eq!(
        rules(&ipv6, HOSTPORTS),
        [
            "tcp dport 8080 dnat to [2001:db8::2]:80",
            "tcp dport 8081 dnat to [2001:db8::2]:80",
            "udp dport 8080 dnat to [2001:db8::2]:81",
            "udp dport 8082 dnat to [2001:db8::2]:82",
            "ip6 daddr 2001:db8:a::1 tcp dport 8085 dnat to [2001:db8::2]:85",
            "tcp dport 8086 dnat to [2001:db8::2]:86",
        ]
    );
}

#[test]
fn senders_decide_what_is_masqueraded() {
    let masqueraded = |keys: Value| tables(keys).map(|table| rules(&table, MASQUERADING));
    assert_eq!(
        masqueraded(json!({})),
        [
            vec![
                "ip saddr 10.0.0.2 ip daddr 10.0.0.2 masquerade",
                "ip saddr 127.0.0.1 ip daddr 10.0.0.2 masquerade",
            ],
            vec!["ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::2 masquerade"],
        ]
    );
    assert_eq!(
        masqueraded(json!({ "masqAll": true })),
        [
            ["ip saddr 0.0.0.0/0 ip daddr 10.0.0.2 masquerade"],
            ["ip6 saddr ::/0 ip6 daddr 2001:db8::2 masquerade"],
        ]
    );
    let [kept, _] = tables(json!({ "snat": false }));
    assert!(kept.chains.iter().all(|chain| chain.name != MASQUERADING));
}

#[test]
fn packets_that_pass_by_are_guarded_from() {
    let keys =
        json!({ "backend": "nftables", "conditionsV4": ["ip", "saddr", "!=", "10.0.0.0/8"] });
    let [ipv4, ipv6] = tables(keys);
    for hook in HOOKS {
        assert_eq!(
            rules(&ipv4, hook),
            ["ip saddr != 10.0.0.0/8 fib daddr type local jump hostports_all"]
        );
        assert_eq!(rules(&ipv6, hook), ["fib daddr type local jump hostports_all"]);
    }
    assert_eq!(rules(&ipv4, HOSTPORTS_ALL), ["jump hostip_hostports", "jump hostports"]);
}

#[test]
fn unusual_conditions_are_left_to_the_program() {
    let keys = json!({ "backend": "nftables", "conditionsV4": ["tcp", "dport", "1-1024"] });
    let plan = plan(keys.clone());
    let [ipv4, _] = tables(keys);
    assert_eq!(rules(&ipv4, HOOKS[0]), [""; 0]);
    let expected = "\
flush chain ip cni_hostport prerouting
add rule ip cni_hostport prerouting tcp dport 1-1024 fib daddr type local jump hostports_all
flush chain ip cni_hostport output
add rule ip cni_hostport output tcp dport 1-1024 fib daddr type local jump hostports_all
";
    assert_eq!(hook_script(&plan.targets[0]).as_deref(), Some(expected));
    assert_eq!(hook_script(&plan.targets[1]), None);
}
