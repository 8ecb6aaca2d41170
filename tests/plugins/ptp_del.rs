//! ptp: DEL cleans up whatever is still there, however often it is called.

use cni_testkit::{Container, Host, Network, difference, lacks_release};
use serde_json::json;

use crate::networks::ptp;

/// Adds with each backend, lets the container come to harm, and demands a clean host after `del`.
fn cleans_up_after(harm: impl Fn(&Container), del: impl Fn(&Network<'_>, &Container)) {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let (c0, c1) = (host.container("c0"), host.container("c1"));
        let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": backend }));
        net.add(&c0, "eth0").succeeds();
        net.del(&c0, "eth0").succeeds();
        let before = host.world();
        net.add(&c1, "eth0").succeeds();
        assert_ne!(host.world(), before);
        harm(&c1);
        del(&net, &c1);
        host.returns_to(&before);
        del(&net, &c1);
        host.returns_to(&before);
    }
}

#[test]
fn an_intact_attachment_is_deleted() {
    cleans_up_after(|_| (), |net, c1| drop(net.del(c1, "eth0").succeeds()));
}

#[test]
fn what_was_never_added_is_deleted() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.del(&c1, "eth0").succeeds();
    net.del_without_netns(&c1, "eth0").succeeds();
    assert_eq!(c1.shown() + &host.shown(), "");
}

/// The reference forgets the rules when there is no namespace to read the addresses from.
#[test]
fn a_namespace_that_is_gone_takes_everything_along() {
    difference("ptp-del-without-netns", || {
        cleans_up_after(Container::destroy, |net, c1| drop(net.del(c1, "eth0").succeeds()));
    });
}

/// Nothing but the names of network, container and interface is left to go by.
#[test]
fn neither_namespace_nor_previous_result_is_needed() {
    difference("ptp-del-without-netns", || {
        cleans_up_after(Container::destroy, |net, c1| {
            net.without_prev_result().del_without_netns(c1, "eth0").succeeds();
        });
    });
}

#[test]
fn an_interface_that_is_gone_is_no_obstacle() {
    difference("ptp-del-without-interface", || {
        cleans_up_after(
            |c1| drop(c1.exec(&["ip", "link", "del", "eth0"])),
            |net, c1| drop(net.without_prev_result().del(c1, "eth0").succeeds()),
        );
    });
}

/// It is an error, and yet the lease and the rules are gone.
#[test]
fn a_path_that_is_no_namespace_does_not_keep_the_rest() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    host.sh("echo text >/run/plain");
    net.with_env("CNI_NETNS", "/run/plain")
        .del(&c1, "eth0")
        .fails_with(999, "unknown FS magic on \"/run/plain\": 1021994");
    difference("ptp-del-tries-everything", || {
        let world = host.world();
        assert!(!world.contains("/var/lib/cni/networks/net1/10.1.2.2"), "{world}");
        assert!(!world.contains("id: \\\"c1\\\""), "{world}");
    });
    net.del(&c1, "eth0").succeeds();
}

/// A store that cannot be used does not keep link and rules.
#[test]
fn a_failing_ipam_plugin_does_not_keep_the_rest() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    let broken = net.with_config("ipam", json!({ "type": "nowhere" }));
    broken.del(&c1, "eth0").fails_with(999, "failed to find plugin \"nowhere\"");
    difference("ptp-del-tries-everything", || {
        assert_eq!(c1.shown(), "");
        assert!(!host.iptables_rules().contains("c1"), "{}", host.iptables_rules());
    });
    net.del(&c1, "eth0").succeeds();
}

/// An attachment that can have no addresses is deleted, too; the reference refuses for good.
#[test]
fn without_ipam_plugin_there_is_nothing_to_free() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = ptp(&host, json!({ "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    difference("ptp-del-any-configuration", || {
        net.with_config("ipam", json!({})).del(&c1, "eth0").succeeds();
        assert_eq!(c1.shown(), "");
        assert!(!host.iptables_rules().contains("c1"), "{}", host.iptables_rules());
    });
    net.del(&c1, "eth0").succeeds();
    assert!(!host.world().contains("networks/net1/10."));
}

/// A backend that nobody knows is of no concern to DEL, which cleans both.
#[test]
fn the_backend_does_not_matter() {
    if lacks_release("1.7.0") {
        return;
    }
    for (made_by, removed_with) in [("iptables", "pf"), ("nftables", "iptables")] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = ptp(&host, json!({ "ipMasq": true, "ipMasqBackend": made_by }));
        net.add(&c1, "eth0").succeeds();
        net.with_config("ipMasqBackend", json!(removed_with)).del(&c1, "eth0").succeeds();
        let rules = [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat();
        assert!(!rules.contains("c1"), "{made_by}: {rules}");
    }
}
