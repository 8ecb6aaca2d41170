//! bridge: `macspoofchk`, frames with somebody else's hardware address.

use cni_testkit::{Blocked, Host};
use expect_test::expect;
use serde_json::json;

use crate::networks::bridge;

const CHANGE_MAC: &str = "ip link set eth0 address 02:00:00:00:99:99";

/// Only frames with the container's own address pass; nobody else is concerned.
#[test]
fn frames_with_a_foreign_address_are_dropped() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true }));
    net.with_config("macspoofchk", json!(true)).add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.reaches(&host, "10.1.2.1:80");
    c1.reaches(&c2, "10.1.2.3:80");
    let own = c1.sh("ip -br link show eth0");
    c1.sh(CHANGE_MAC);
    c1.cannot_reach(&host, "10.1.2.1:80", Blocked::Silently);
    c1.cannot_reach(&c2, "10.1.2.3:80", Blocked::Silently);
    let own = own.split_whitespace().nth(2).expect("ip -br prints the address third");
    c1.exec(&["ip", "link", "set", "eth0", "address", own]);
    c1.reaches(&host, "10.1.2.1:80");
    // Without the check, the same change does no harm.
    c2.sh(CHANGE_MAC);
    c2.reaches(&host, "10.1.2.1:80");
}

/// The chains and comments that the reference would look for, and what DEL leaves of them.
#[test]
fn the_rules_are_the_reference_ones() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "macspoofchk": true }));
    net.with_args("IgnoreUnknown=1;MAC=02:00:00:00:12:34").add(&c1, "eth0").succeeds();
    expect![[r#"
        table bridge nat {
        	chain PREROUTING {
        		type filter hook prerouting priority dstnat; policy accept;
        		iifname "<veth:1>" jump cni-br-iface-c1-eth0 comment "macspoofchk-c1-eth0"
        	}

        	chain cni-br-iface-c1-eth0 {
        		jump cni-br-iface-c1-eth0-mac comment "macspoofchk-c1-eth0"
        	}

        	chain cni-br-iface-c1-eth0-mac {
        		ether saddr <mac:1> return comment "macspoofchk-c1-eth0"
        		drop comment "macspoofchk-c1-eth0"
        	}
        }
    "#]]
    .assert_eq(&host.nft_rules());
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds();
    expect![[r#"
        table bridge nat {
        	chain PREROUTING {
        		type filter hook prerouting priority dstnat; policy accept;
        	}
        }
    "#]]
    .assert_eq(&host.nft_rules());
}

/// Rules of other interfaces and other programs in the same table stay.
#[test]
fn only_the_attachments_own_rules_are_removed() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    host.sh("nft add table bridge nat
             nft add chain bridge nat PREROUTING '{ type filter hook prerouting priority -300; }'
             nft add rule bridge nat PREROUTING iifname foreign counter");
    let net = bridge(&host, json!({ "macspoofchk": true }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let rules = host.nft_rules();
    assert!(rules.contains("foreign") && rules.contains("macspoofchk-c2-eth0"), "{rules}");
    assert!(!rules.contains("c1"), "{rules}");
}
