//! portmap: the rules that other programs and the reference look for, with both backends.

use cni_testkit::{Container, Host, Network, difference, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::published::{portmap, two_addresses};

/// One mapping of every kind.
fn mappings() -> Value {
    json!([
        { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": 8081, "containerPort": 81, "protocol": "udp" },
        { "hostPort": 8082, "containerPort": 82, "protocol": "tcp", "hostIP": "10.0.0.1" },
        { "hostPort": 8083, "containerPort": 83, "protocol": "tcp", "hostIP": "2001:db8::1" },
        { "hostPort": 8084, "containerPort": 84, "protocol": "tcp", "hostIP": "0.0.0.0" }
    ])
}

/// A network named as in the reference's own example.
fn example(host: &Host, keys: Value) -> Network<'_> {
    portmap(host, keys, mappings()).with_config("name", json!("test"))
}

fn attach(net: &Network<'_>, c1: &Container) {
    net.with_prev_result(two_addresses(c1)).add(c1, "eth0").succeeds();
}

/// The rules of IPv4 that an attachment with these keys has.
fn ipv4_rules(keys: Value) -> Vec<String> {
    let host = Host::new();
    let c1 = host.container("ctr1");
    attach(&example(&host, keys), &c1);
    lines(&host.iptables_rules(), "-A ")
}

fn lines(text: &str, start: &str) -> Vec<String> {
    text.lines().filter(|line| line.starts_with(start)).map(str::to_owned).collect()
}

/// What `iptables-save` says of the whole example.
#[test]
fn iptables_rules_are_the_reference_ones() {
    let host = Host::new();
    let c1 = host.container("ctr1");
    attach(&example(&host, json!({ "backend": "iptables" })), &c1);
    expect![[r#"
        *nat
        :PREROUTING ACCEPT
        :INPUT ACCEPT
        :OUTPUT ACCEPT
        :POSTROUTING ACCEPT
        :CNI-DN-3a53437c165fe05c780a9 -
        :CNI-HOSTPORT-DNAT -
        :CNI-HOSTPORT-MASQ -
        :CNI-HOSTPORT-SETMARK -
        -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
        -A CNI-DN-3a53437c165fe05c780a9 -s 10.0.0.0/24 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -s 127.0.0.1/32 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
        -A CNI-DN-3a53437c165fe05c780a9 -s 10.0.0.0/24 -p udp -m udp --dport 8081 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -s 127.0.0.1/32 -p udp -m udp --dport 8081 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -p udp -m udp --dport 8081 -j DNAT --to-destination 10.0.0.2:81
        -A CNI-DN-3a53437c165fe05c780a9 -s 10.0.0.0/24 -d 10.0.0.1/32 -p tcp -m tcp --dport 8082 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -s 127.0.0.1/32 -d 10.0.0.1/32 -p tcp -m tcp --dport 8082 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -d 10.0.0.1/32 -p tcp -m tcp --dport 8082 -j DNAT --to-destination 10.0.0.2:82
        -A CNI-DN-3a53437c165fe05c780a9 -s 10.0.0.0/24 -p tcp -m tcp --dport 8084 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -s 127.0.0.1/32 -p tcp -m tcp --dport 8084 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8084 -j DNAT --to-destination 10.0.0.2:84
        -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8080,8082,8083,8084 -j CNI-DN-3a53437c165fe05c780a9
        -A CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8081 -j CNI-DN-3a53437c165fe05c780a9
        -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
        -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
    "#]].assert_eq(&host.iptables_rules());
    expect![[r#"
        *nat
        :PREROUTING ACCEPT
        :INPUT ACCEPT
        :OUTPUT ACCEPT
        :POSTROUTING ACCEPT
        :CNI-DN-3a53437c165fe05c780a9 -
        :CNI-HOSTPORT-DNAT -
        :CNI-HOSTPORT-MASQ -
        :CNI-HOSTPORT-SETMARK -
        -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A POSTROUTING -m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ
        -A CNI-DN-3a53437c165fe05c780a9 -s 2001:db8::/64 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8080 -j DNAT --to-destination [2001:db8::2]:80
        -A CNI-DN-3a53437c165fe05c780a9 -s 2001:db8::/64 -p udp -m udp --dport 8081 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -p udp -m udp --dport 8081 -j DNAT --to-destination [2001:db8::2]:81
        -A CNI-DN-3a53437c165fe05c780a9 -s 2001:db8::/64 -d 2001:db8::1/128 -p tcp -m tcp --dport 8083 -j CNI-HOSTPORT-SETMARK
        -A CNI-DN-3a53437c165fe05c780a9 -d 2001:db8::1/128 -p tcp -m tcp --dport 8083 -j DNAT --to-destination [2001:db8::2]:83
        -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8080,8082,8083,8084 -j CNI-DN-3a53437c165fe05c780a9
        -A CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8081 -j CNI-DN-3a53437c165fe05c780a9
        -A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE
        -A CNI-HOSTPORT-SETMARK -m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000
    "#]].assert_eq(&host.ip6tables_rules());
}

#[test]
fn without_snat_nothing_is_marked() {
    let rules = ipv4_rules(json!({ "snat": false })).join("\n");
    expect![[r#"
        -A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
        -A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
        -A CNI-DN-3a53437c165fe05c780a9 -p udp -m udp --dport 8081 -j DNAT --to-destination 10.0.0.2:81
        -A CNI-DN-3a53437c165fe05c780a9 -d 10.0.0.1/32 -p tcp -m tcp --dport 8082 -j DNAT --to-destination 10.0.0.2:82
        -A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8084 -j DNAT --to-destination 10.0.0.2:84
        -A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8080,8082,8083,8084 -j CNI-DN-3a53437c165fe05c780a9
        -A CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \"test\" id: \"ctr1\"" -m multiport --dports 8081 -j CNI-DN-3a53437c165fe05c780a9"#]].assert_eq(&rules);
}

#[test]
fn masq_all_marks_every_source() {
    if lacks_release("1.7.0") {
        return;
    }
    let rules = ipv4_rules(json!({ "masqAll": true }));
    let own: Vec<_> = rules.iter().filter(|rule| rule.contains("--dport 8080")).collect();
    expect![[r#"
        [
            "-A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
            "-A CNI-DN-3a53437c165fe05c780a9 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80",
        ]
    "#]].assert_debug_eq(&own);
}

#[test]
fn another_bit_marks_as_well() {
    let rules = ipv4_rules(json!({ "markMasqBit": 5 })).join("\n");
    assert!(rules.contains("-A CNI-HOSTPORT-MASQ -m mark --mark 0x20/0x20 -j MASQUERADE"));
    assert!(rules.contains("-j MARK --set-xmark 0x20/0x20"), "{rules}");
}

#[test]
fn a_chain_of_the_administrators_can_mark() {
    let host = Host::new();
    let c1 = host.container("ctr1");
    host.sh("for tool in iptables ip6tables; do $tool -t nat -N EXT; done");
    attach(&example(&host, json!({ "externalSetMarkChain": "EXT" })), &c1);
    let rules = host.iptables_rules();
    assert_eq!(rules.matches("-j EXT").count(), 8, "{rules}");
    assert!(!rules.contains("SETMARK") && !rules.contains("POSTROUTING -m"), "{rules}");
}

/// Only the ways into the container's chain have the conditions, of their own family.
#[test]
fn conditions_are_the_containers_own_with_iptables() {
    let host = Host::new();
    let c1 = host.container("ctr1");
    attach(&example(&host, json!({ "conditionsV4": ["!", "-d", "192.0.2.0/24"] })), &c1);
    let rules = host.iptables_rules();
    let conditional = "-A CNI-HOSTPORT-DNAT ! -d 192.0.2.0/24 -p ";
    assert_eq!(lines(&rules, conditional).len(), 2, "{rules}");
    assert_eq!(rules.matches("! -d").count(), 2, "{rules}");
    assert!(!host.ip6tables_rules().contains("! -d"));
}

/// A rule can name 15 ports.
#[test]
fn many_ports_take_several_ways_into_the_chain() {
    let host = Host::new();
    let c1 = host.container("ctr1");
    let many: Vec<_> = (1..=17)
        .map(|port| json!({ "hostPort": 9000 + port, "containerPort": port, "protocol": "tcp" }))
        .collect();
    let net = portmap(&host, json!({}), json!(many));
    attach(&net, &c1);
    let entries = lines(&host.iptables_rules(), "-A CNI-HOSTPORT-DNAT");
    assert_eq!(entries.len(), 2);
    assert!(entries[1].contains("--dports 9016,9017 "), "{entries:?}");
    net.del(&c1, "eth0").succeeds();
    assert_eq!(lines(&host.iptables_rules(), "-A CNI-HOSTPORT-DNAT"), [""; 0]);
}

/// The result of the plugin before is the result.
#[test]
fn the_result_is_passed_on() {
    let host = Host::new();
    let c1 = host.container("ctr1");
    let net = example(&host, json!({})).with_prev_result(two_addresses(&c1));
    net.add(&c1, "eth0").succeeds().result_is("portmap/passed-on");
}

/// Protocols other than TCP and UDP, and names in capitals.
#[test]
fn every_protocol_with_ports_can_be_mapped() {
    if lacks_release("1.7.0") {
        return;
    }
    for backend in ["iptables", "nftables"] {
        let host = Host::new();
        let c1 = host.container("ctr1");
        let mapping =
            |protocol: &str| json!({ "hostPort": 9000, "containerPort": 90, "protocol": protocol });
        let mappings = ["sctp", "dccp", "TCP"].map(mapping);
        let net = portmap(&host, json!({ "backend": backend }), json!(mappings));
        let add = || attach(&net, &c1);
        if backend == "nftables" {
            difference("portmap-validation", add)
        } else {
            add()
        }
        let rules = host.nft_rules();
        for protocol in ["sctp", "dccp", "tcp"] {
            assert!(rules.contains(&format!("{protocol} dport 9000 ")), "{rules}");
        }
        net.del(&c1, "eth0").succeeds();
        assert!(!host.nft_rules().contains("9000"));
    }
}

/// What `nft list ruleset` says of the whole example.
#[test]
fn nftables_rules_are_the_reference_ones() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("ctr1");
    let net = example(&host, json!({ "backend": "nftables" }));
    attach(&net, &c1);
    expect![[r#"
        table ip cni_hostport {
        	comment "CNI portmap plugin"
        	chain hostports {
        		tcp dport 8080 dnat to 10.0.0.2:80 comment "ctr1"
        		udp dport 8081 dnat to 10.0.0.2:81 comment "ctr1"
        		ip daddr 10.0.0.1 tcp dport 8082 dnat to 10.0.0.2:82 comment "ctr1"
        		tcp dport 8084 dnat to 10.0.0.2:84 comment "ctr1"
        	}

        	chain hostip_hostports {
        	}

        	chain hostports_all {
        		jump hostip_hostports
        		jump hostports
        	}

        	chain prerouting {
        		type nat hook prerouting priority dstnat; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain output {
        		type nat hook output priority -100; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain masquerading {
        		type nat hook postrouting priority srcnat; policy accept;
        		ip saddr 10.0.0.2 ip daddr 10.0.0.2 masquerade comment "ctr1"
        		ip saddr 127.0.0.1 ip daddr 10.0.0.2 masquerade comment "ctr1"
        	}
        }
        table ip6 cni_hostport {
        	comment "CNI portmap plugin"
        	chain hostports {
        		tcp dport 8080 dnat to [2001:db8::2]:80 comment "ctr1"
        		udp dport 8081 dnat to [2001:db8::2]:81 comment "ctr1"
        		ip6 daddr 2001:db8::1 tcp dport 8083 dnat to [2001:db8::2]:83 comment "ctr1"
        	}

        	chain hostip_hostports {
        	}

        	chain hostports_all {
        		jump hostip_hostports
        		jump hostports
        	}

        	chain prerouting {
        		type nat hook prerouting priority dstnat; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain output {
        		type nat hook output priority -100; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain masquerading {
        		type nat hook postrouting priority srcnat; policy accept;
        		ip6 saddr 2001:db8::2 ip6 daddr 2001:db8::2 masquerade comment "ctr1"
        	}
        }
    "#]]
    .assert_eq(&host.nft_rules());
    net.del(&c1, "eth0").succeeds();
    expect![[r#"
        table ip cni_hostport {
        	comment "CNI portmap plugin"
        	chain hostports {
        	}

        	chain hostip_hostports {
        	}

        	chain hostports_all {
        		jump hostip_hostports
        		jump hostports
        	}

        	chain prerouting {
        		type nat hook prerouting priority dstnat; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain output {
        		type nat hook output priority -100; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain masquerading {
        		type nat hook postrouting priority srcnat; policy accept;
        	}
        }
        table ip6 cni_hostport {
        	comment "CNI portmap plugin"
        	chain hostports {
        	}

        	chain hostip_hostports {
        	}

        	chain hostports_all {
        		jump hostip_hostports
        		jump hostports
        	}

        	chain prerouting {
        		type nat hook prerouting priority dstnat; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain output {
        		type nat hook output priority -100; policy accept;
        		fib daddr type local jump hostports_all
        	}

        	chain masquerading {
        		type nat hook postrouting priority srcnat; policy accept;
        	}
        }
    "#]]
    .assert_eq(&host.nft_rules());
}

#[test]
fn nftables_masquerades_as_it_is_told() {
    if lacks_release("1.9.2") {
        return;
    }
    for (keys, rules) in [
        (json!({ "snat": false }), &[][..]),
        (json!({ "masqAll": true }), &["ip saddr 0.0.0.0/0 ip daddr 10.0.0.2 masquerade"][..]),
    ] {
        let host = Host::new();
        let c1 = host.container("ctr1");
        attach(&example(&host, keys).with_config("backend", json!("nftables")), &c1);
        let ruleset = host.nft_rules();
        let found: Vec<_> = ruleset
            .lines()
            .filter(|line| line.contains(" masquerade") && line.contains("ip "))
            .collect();
        assert_eq!(found.len(), rules.len(), "{ruleset}");
        assert!(rules.iter().all(|rule| ruleset.contains(rule)), "{ruleset}");
        assert_eq!(ruleset.contains("chain masquerading"), !rules.is_empty(), "{ruleset}");
    }
}

/// The latest ADD's conditions are everybody's.
#[test]
fn conditions_are_everybodys_with_nftables() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("ctr1"), host.container("ctr2"));
    let net = example(&host, json!({ "backend": "nftables" }));
    let hook =
        |conditions: &str| format!("\t\t{conditions}fib daddr type local jump hostports_all\n");
    for (conditions, listed) in [
        (json!(["ip", "daddr", "!=", "192.0.2.0/24"]), "ip daddr != 192.0.2.0/24 "),
        // Only the program knows these.
        (json!(["ip saddr {", "192.0.2.1,", "192.0.2.2 }"]), "ip saddr { 192.0.2.1, 192.0.2.2 } "),
        (json!(["ip", "saddr", "192.0.2.0/24"]), "ip saddr 192.0.2.0/24 "),
        (json!([]), ""),
    ] {
        attach(&net.with_config("conditionsV4", conditions), &c1);
        let ruleset = host.nft_rules();
        assert_eq!(ruleset.matches(&hook(listed)).count(), if listed.is_empty() { 4 } else { 2 });
        net.del(&c1, "eth0").succeeds();
    }
    attach(&net, &c2);
    assert_eq!(host.nft_rules().matches(&hook("")).count(), 4);
}

/// A wrong condition is `nft`'s to refuse, and nothing of the attachment stays.
#[test]
fn conditions_that_nft_refuses_fail_the_add() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("ctr1");
    let net = example(&host, json!({ "backend": "nftables", "conditionsV4": ["nonsense"] }));
    let net = net.with_prev_result(two_addresses(&c1));
    net.add(&c1, "eth0").fails_with(999, "unable to set up nftables rules for port mappings: ");
    difference("portmap-undo", || assert!(!host.nft_rules().contains("ctr1")));
}

/// Tables of older releases have another way into the chains, which catches too much.
#[test]
fn an_old_table_is_upgraded_in_place() {
    if lacks_release("1.9.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("ctr1");
    host.sh("nft -f - <<'END'
        add table ip cni_hostport
        add chain ip cni_hostport hostports
        add chain ip cni_hostport hostip_hostports
        add chain ip cni_hostport prerouting { type nat hook prerouting priority -100 ; }
        add rule ip cni_hostport prerouting jump hostip_hostports
        add rule ip cni_hostport prerouting fib daddr type local jump hostports
        add rule ip cni_hostport hostip_hostports ip daddr 10.0.0.1 tcp dport 80 dnat to 10.0.0.9:80 comment \"old\"
END");
    attach(&example(&host, json!({ "backend": "nftables" })), &c1);
    let ruleset = host.nft_rules();
    let hook = "priority dstnat; policy accept;\n\t\tfib daddr type local jump hostports_all\n\t}";
    assert!(ruleset.contains(hook), "{ruleset}");
    assert!(ruleset.contains("comment \"old\""), "{ruleset}");
    let old = host.container("old");
    example(&host, json!({ "backend": "nftables" })).del(&old, "eth0").succeeds();
    assert!(!host.nft_rules().contains("comment \"old\""));
}
