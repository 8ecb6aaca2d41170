//! firewall: the backend that needs no executable.

use cni_testkit::{Host, difference};
use expect_test::expect;
use serde_json::{Value, json};

use crate::walled::{BOTH, firewall, previous};

fn attached(host: &Host, keys: Value) {
    let c1 = host.container("c1");
    let net = firewall(host, keys).with_config("backend", json!("nftables"));
    net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
}

#[test]
fn a_table_of_its_own_lets_through_and_isolates() {
    difference("firewall-nftables", || {
        let host = Host::new();
        attached(&host, json!({ "ingressPolicy": "isolated" }));
        expect![[r#"
            table inet cni_plugins_firewall {
            	comment "Rules of the CNI plugin firewall"
            	chain forward {
            		type filter hook forward priority filter; policy accept;
            		jump CNI-FORWARD comment "CNI firewall plugin rules"
            	}

            	chain CNI-FORWARD {
            		jump CNI-ADMIN comment "CNI firewall plugin admin overrides"
            		ip daddr 10.0.0.2 ct state established,related accept
            		ip saddr 10.0.0.2 accept
            		ip6 daddr 2001:db8::2 ct state established,related accept
            		ip6 saddr 2001:db8::2 accept
            	}

            	chain CNI-ADMIN {
            	}

            	chain CNI-ISOLATION-STAGE-2 {
            		oifname "br0" drop
            	}

            	chain CNI-ISOLATION-STAGE-1 {
            		type filter hook forward priority filter - 1; policy accept;
            		iifname "br0" oifname != "br0" jump CNI-ISOLATION-STAGE-2
            		iifname "br0" oifname "br0" drop
            	}
            }
        "#]]
        .assert_eq(&host.nft_rules());
    });
}

/// Where a host filters already, its chain has to let the addresses through.
#[test]
fn chains_that_filter_let_the_addresses_through() {
    difference("firewall-nftables", || {
        let host = Host::new();
        host.sh("nft add table inet filter
            nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'
            nft 'add rule inet filter forward ct state invalid drop'");
        attached(&host, json!({}));
        let rules = host.exec(&["nft", "list", "table", "inet", "filter"]);
        expect![[r#"
            table inet filter {
            	chain forward {
            		type filter hook forward priority filter; policy drop;
            		jump CNI-FORWARD comment "CNI firewall plugin rules"
            		ct state invalid drop
            	}

            	chain CNI-FORWARD {
            		jump CNI-ADMIN comment "CNI firewall plugin admin overrides"
            		ip daddr 10.0.0.2 ct state established,related accept
            		ip saddr 10.0.0.2 accept
            		ip6 daddr 2001:db8::2 ct state established,related accept
            		ip6 saddr 2001:db8::2 accept
            	}

            	chain CNI-ADMIN {
            	}
            }
        "#]]
        .assert_eq(&rules);
    });
}

/// A condition that iptables does not know would make it refuse to list its own table.
#[test]
fn iptables_goes_on_to_understand_its_tables() {
    let host = Host::new();
    host.sh("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
    attached(&host, json!({}));
    expect![[r#"
        *filter
        :INPUT ACCEPT
        :FORWARD DROP
        :OUTPUT ACCEPT
        :CNI-ADMIN -
        :CNI-FORWARD -
        -A FORWARD -m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD
        -A CNI-FORWARD -m comment --comment "CNI firewall plugin admin overrides" -j CNI-ADMIN
        -A CNI-FORWARD -d 2001:db8::2/128 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A CNI-FORWARD -s 2001:db8::2/128 -j ACCEPT
    "#]]
    .assert_eq(&host.ip6tables_rules());
    host.sh("iptables -C FORWARD -m comment --comment 'CNI firewall plugin rules' -j CNI-FORWARD
        iptables -C CNI-FORWARD -d 10.0.0.2/32 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT");
}

#[test]
fn it_is_the_default_without_iptables() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({})).with_env("PATH", "/nonexistent");
    difference("firewall-nftables", || {
        net.with_prev_result(previous("br0", &BOTH)).add(&c1, "eth0").succeeds();
        assert!(host.nft_rules().contains("table inet cni_plugins_firewall"));
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        assert!(!host.nft_rules().contains("10.0.0.2"), "{}", host.nft_rules());
    });
}

/// A firewall that was loaded after the container was started.
#[test]
fn a_check_finds_a_firewall_that_came_later() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = firewall(&host, json!({ "backend": "nftables" }));
    let both = net.with_prev_result(previous("br0", &BOTH));
    both.add(&c1, "eth0").succeeds();
    host.sh("nft add table inet filter
        nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'");
    difference("firewall-nftables", || {
        net.check(&c1, "eth0").fails(
            999,
            "expected forward rule [jump CNI-FORWARD comment \"CNI firewall plugin rules\"] not \
             found in table inet filter",
        );
        both.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds();
    });
}
