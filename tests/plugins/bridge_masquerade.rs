//! bridge: `ipMasq` with both backends, proved by what the outside sees.

use cni_testkit::{Host, difference, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

/// Whether a backend can be chosen in the set under test; without a choice it is iptables.
fn lacks_choice(backend: &str) -> bool {
    backend == "nftables" && lacks_release("1.7.0")
}

fn keys(backend: &str) -> Value {
    json!({ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": backend,
            "ipam": dual_stack() })
}

/// The outside sees the host's address, neighbours see the container's own.
fn leaves_under_the_hosts_address(backend: &str) {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let outside = host.outside();
    let net = bridge(&host, keys(backend));
    let before = [host.iptables_rules(), host.ip6tables_rules()].concat();
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1");
    assert_eq!(outside.sees_source(&c1, "[2001:db8::2]:80"), "2001:db8::1");
    assert_eq!(c2.sees_source(&c1, "10.1.2.3:80"), "10.1.2.2");
    assert_eq!(c2.sees_source(&c1, "[fd00:1::3]:80"), "fd00:1::2");
    assert_eq!(host.sees_source(&c1, "10.1.2.1:80"), "10.1.2.2");

    net.del(&c1, "eth0").succeeds();
    assert_eq!(outside.sees_source(&c2, "192.0.2.2:80"), "192.0.2.1", "the other one's rules stay");
    net.del(&c2, "eth0").succeeds();
    net.del(&c2, "eth0").succeeds();
    let rules = [host.iptables_rules(), host.ip6tables_rules()].concat();
    assert!(!rules.contains("CNI-"), "{before} became {rules}");
    assert!(!host.nft_rules().contains("net: net1"), "{}", host.nft_rules());
}

#[test]
fn iptables_lets_containers_out_under_the_hosts_address() {
    leaves_under_the_hosts_address("iptables");
}

#[test]
fn nftables_lets_containers_out_under_the_hosts_address() {
    if !lacks_choice("nftables") {
        leaves_under_the_hosts_address("nftables");
    }
}

/// Other programs and the reference find the rules by these names, comments and chains.
#[test]
fn iptables_rules_are_the_reference_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    bridge(&host, keys("iptables")).add(&c1, "eth0").succeeds();
    expect![[r#"
        *nat
        :PREROUTING ACCEPT
        :INPUT ACCEPT
        :OUTPUT ACCEPT
        :POSTROUTING ACCEPT
        :CNI-c2d892b58e87e28a12fe6479 -
        -A POSTROUTING -s 10.1.2.2/32 -m comment --comment "name: \"net1\" id: \"c1\"" -j CNI-c2d892b58e87e28a12fe6479
        -A CNI-c2d892b58e87e28a12fe6479 -d 10.1.2.0/24 -m comment --comment "name: \"net1\" id: \"c1\"" -j ACCEPT
        -A CNI-c2d892b58e87e28a12fe6479 ! -d 224.0.0.0/4 -m comment --comment "name: \"net1\" id: \"c1\"" -j MASQUERADE
    "#]].assert_eq(&host.iptables_rules());
    expect![[r#"
        *nat
        :PREROUTING ACCEPT
        :INPUT ACCEPT
        :OUTPUT ACCEPT
        :POSTROUTING ACCEPT
        :CNI-c2d892b58e87e28a12fe6479 -
        -A POSTROUTING -s fd00:1::2/128 -m comment --comment "name: \"net1\" id: \"c1\"" -j CNI-c2d892b58e87e28a12fe6479
        -A CNI-c2d892b58e87e28a12fe6479 -d fd00:1::/64 -m comment --comment "name: \"net1\" id: \"c1\"" -j ACCEPT
        -A CNI-c2d892b58e87e28a12fe6479 ! -d ff00::/8 -m comment --comment "name: \"net1\" id: \"c1\"" -j MASQUERADE
    "#]].assert_eq(&host.ip6tables_rules());
}

#[test]
fn nftables_rules_are_the_reference_ones() {
    if lacks_choice("nftables") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    bridge(&host, keys("nftables")).add(&c1, "eth0").succeeds();
    expect![[r#"
        table inet cni_plugins_masquerade {
        	comment "Masquerading for plugins from github.com/containernetworking/plugins"
        	chain masq_checks {
        		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
        		ip saddr 10.1.2.2 ip daddr != 10.1.2.0/24 masquerade comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1"
        		ip6 saddr fd00:1::2 ip6 daddr != fd00:1::/64 masquerade comment "8e48f37d5de60467-f4d01f2ef4b92245, net: net1, if: eth0, id: c1"
        	}

        	chain postrouting {
        		type nat hook postrouting priority srcnat; policy accept;
        		ip daddr 224.0.0.0/4 return
        		ip6 daddr ff00::/8 return
        		goto masq_checks
        	}
        }
    "#]].assert_eq(&host.nft_rules());
}

/// On a host with both, iptables is taken when nobody says which.
#[test]
fn iptables_is_the_default() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true, "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    assert!(host.iptables_rules().contains("CNI-"));
    assert!(!host.nft_rules().contains("cni_plugins_masquerade"));
    net.del(&c1, "eth0").succeeds();
    assert!(!host.iptables_rules().contains("CNI-"));
}

/// Without iptables the default is nftables, which needs no executable here.
#[test]
fn nftables_is_the_default_without_iptables() {
    if lacks_release("1.7.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let outside = host.outside();
    let net = bridge(&host, json!({ "isDefaultGateway": true, "ipMasq": true }));
    difference("nftables-without-executable", || {
        let net = net.with_env("PATH", "/nonexistent");
        net.add(&c1, "eth0").succeeds();
        assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1");
        net.del(&c1, "eth0").succeeds();
        assert!(!host.nft_rules().contains("net: net1"), "{}", host.nft_rules());
    });
}

/// A backend nobody knows is refused before anything is made.
#[test]
fn an_unknown_backend_is_refused() {
    if lacks_release("1.7.0") {
        return;
    }
    for backend in ["", "pf", "Iptables"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ "ipMasq": true, "ipMasqBackend": backend }));
        let before = host.world();
        let msg = format!("unknown ipmasq backend \"{backend}\"");
        net.add(&c1, "eth0").fails(999, &msg);
        difference("bridge-failed-add-leaves-nothing", || assert_eq!(host.world(), before));
        // Nobody is asked for a backend without masquerade.
        net.with_config("ipMasq", json!(false)).add(&c1, "eth0").succeeds();
    }
}

/// DEL does not need the configured backend: both are cleaned.
#[test]
fn rules_are_removed_whichever_backend_made_them() {
    if lacks_choice("nftables") {
        return;
    }
    for (made_by, removed_with) in [("iptables", "nftables"), ("nftables", "iptables")] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, keys(made_by));
        net.add(&c1, "eth0").succeeds();
        net.with_config("ipMasqBackend", json!(removed_with)).del(&c1, "eth0").succeeds();
        let rules = [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat();
        assert!(!rules.contains("c1"), "{made_by}: {rules}");
    }
}

/// Two interfaces of one container on one network share an iptables chain.
#[test]
fn a_second_interface_of_the_container_stays_masqueraded() {
    for backend in ["iptables", "nftables"] {
        if lacks_choice(backend) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let outside = host.outside();
        let net =
            bridge(&host, json!({ "isGateway": true, "ipMasq": true, "ipMasqBackend": backend }));
        net.add(&c1, "eth0").succeeds();
        net.add(&c1, "eth1").succeeds();
        difference("masquerade-shared-chain", || {
            net.del(&c1, "eth0").succeeds();
            c1.sh("ip route add default via 10.1.2.1");
            assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1", "{backend}");
            net.del(&c1, "eth1").succeeds();
            let rules = [host.iptables_rules(), host.nft_rules()].concat();
            assert!(!rules.contains("c1"), "{rules}");
        });
    }
}

/// The interface is gone and nobody knows what addresses it had: the other one still has its own.
#[test]
fn a_vanished_interface_does_not_take_the_other_ones_rules() {
    let host = Host::new();
    let c1 = host.container("c1");
    let outside = host.outside();
    let net = bridge(&host, json!({ "isGateway": true, "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c1, "eth1").succeeds();
    c1.exec(&["ip", "link", "del", "eth0"]);
    net.without_prev_result().del(&c1, "eth0").succeeds();
    c1.sh("ip route add default via 10.1.2.1");
    assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1");
    difference("bridge-del-without-interface", || {
        assert_eq!(host.iptables_rules().matches("-A POSTROUTING").count(), 1);
    });
}

/// The reference's first DEL fails on the chain that the second address still uses.
#[test]
fn several_addresses_of_a_family_are_cleaned_at_once() {
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "ranges": [
        [{ "subnet": "10.1.2.0/24" }], [{ "subnet": "10.1.3.0/24" }] ] });
    let net = bridge(&host, json!({ "ipMasq": true, "ipam": ipam }));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(host.iptables_rules().matches("-A POSTROUTING").count(), 2);
    difference("masquerade-several-addresses", || {
        net.del(&c1, "eth0").succeeds();
        assert!(!host.iptables_rules().contains("CNI-"), "{}", host.iptables_rules());
    });
}
