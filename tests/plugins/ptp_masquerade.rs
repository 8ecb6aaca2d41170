//! ptp: `ipMasq`, proved by what the outside sees.

use cni_testkit::{Host, lacks_release};
use serde_json::json;

use crate::networks::ptp;

/// The outside sees the host's address; host and neighbours see the container's own.
#[test]
fn containers_leave_under_the_hosts_address() {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let outside = host.outside();
        let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": backend }));
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1", "{backend}");
        assert_eq!(outside.sees_source(&c1, "[2001:db8::2]:80"), "2001:db8::1", "{backend}");
        assert_eq!(c2.sees_source(&c1, "10.1.2.3:80"), "10.1.2.2", "{backend}");
        assert_eq!(c2.sees_source(&c1, "[fd00:1::3]:80"), "fd00:1::2", "{backend}");
        assert_eq!(host.sees_source(&c1, "10.1.2.1:80"), "10.1.2.2", "{backend}");
        net.del(&c1, "eth0").succeeds();
        assert_eq!(outside.sees_source(&c2, "192.0.2.2:80"), "192.0.2.1", "{backend}");
        net.del(&c2, "eth0").succeeds();
        let rules = [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat();
        assert!(!rules.contains("c1") && !rules.contains("c2"), "{rules}");
    }
}

/// Without `ipMasq` the outside would have to know the container, and does not answer.
#[test]
fn nothing_is_masqueraded_unless_asked_for() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({}));
    let before = [host.iptables_rules(), host.nft_rules()];
    net.add(&c1, "eth0").succeeds();
    assert_eq!([host.iptables_rules(), host.nft_rules()], before);
}

/// On a host with both, iptables is taken when nobody says which, and its rules are bridge's.
#[test]
fn iptables_is_the_default() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    let jump = r#"-A POSTROUTING -s 10.1.2.2/32 -m comment --comment "name: \"net1\" id: \"c1\"" -j CNI-c2d892b58e87e28a12fe6479"#;
    assert!(host.iptables_rules().contains(jump), "{}", host.iptables_rules());
    assert!(!host.nft_rules().contains("cni_plugins_masquerade"));
    net.del(&c1, "eth0").succeeds();
    assert!(!host.iptables_rules().contains("CNI-"));
}
