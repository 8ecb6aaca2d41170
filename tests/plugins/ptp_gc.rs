//! ptp: GC takes what vanished attachments of this network left; STATUS says if ADD can work.

use cni_testkit::{Host, lacks_version};
use serde_json::json;

use crate::networks::ptp;

#[test]
fn only_vanished_attachments_of_this_network_are_collected() {
    if lacks_version("ptp", "1.1.0") {
        return;
    }
    for backend in ["iptables", "nftables"] {
        let host = Host::new();
        let (alive, vanished) = (host.container("alive"), host.container("vanished"));
        let outside = host.outside();
        let keys = json!({ "ipMasq": true, "ipMasqBackend": backend });
        let net = ptp(&host, keys.clone());
        let ipam = json!({ "type": "host-local", "subnet": "10.1.3.0/24" });
        let other = ptp(&host, keys).with_config("name", json!("net2")).with_config("ipam", ipam);
        net.add(&alive, "eth0").succeeds();
        net.add(&vanished, "eth0").succeeds();
        other.add(&vanished, "eth1").succeeds();

        vanished.destroy();
        net.gc(&[(&alive, "eth0")]).succeeds().silent();
        let collected = host.world();
        for gone in ["networks/net1/10.1.2.3", "networks/net1/fd00:1::3"] {
            assert!(!collected.contains(gone), "{backend}: {gone} is left in {collected}");
        }
        let rules = [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat();
        assert!(!rules.contains("10.1.2.3") && !rules.contains("fd00:1::3"), "{rules}");
        assert!(rules.contains("10.1.3.2"), "the other network's are touched: {rules}");
        assert_eq!(outside.sees_source(&alive, "192.0.2.2:80"), "192.0.2.1");
        net.check(&alive, "eth0").succeeds();
        other.gc(&[]).succeeds();
        assert!(!host.world().contains("10.1.3.2"), "{backend}");
    }
}

#[test]
fn status_is_that_of_the_ipam_plugin_and_of_the_firewall() {
    if lacks_version("ptp", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/30" });
    let net = ptp(&host, json!({ "ipam": ipam }));
    net.status().succeeds().silent();
    net.add(&c1, "eth0").succeeds();
    net.status().fails_with(50, "no IP addresses available");
    net.with_config("ipam", json!({})).status().fails(999, "no plugin name provided");
    net.with_config("ipam", json!({ "type": "nowhere" }))
        .status()
        .fails_with(50, "failed to find plugin \"nowhere\"");
    net.with_config("ipMasq", json!(true))
        .with_config("ipMasqBackend", json!("iptables"))
        .with_env("PATH", "/nowhere")
        .status()
        .fails_with(50, "neither iptables nor nf_tables can be used");
}
