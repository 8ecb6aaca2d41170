//! bridge: DEL cleans up whatever is still there, however often it is called.

use cni_testkit::{Container, Host, Network, difference, lacks_release};
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

/// A network that makes everything the plugin can make on this kernel.
fn everything(backend: &str) -> Value {
    json!({ "isDefaultGateway": true, "ipMasq": true, "ipMasqBackend": backend,
            "macspoofchk": true, "ipam": dual_stack() })
}

/// Adds with each backend, lets the container come to harm, and demands a clean host after `del`.
fn cleans_up_after(harm: impl Fn(&Host, &Container), del: impl Fn(&Network<'_>, &Container)) {
    for backend in ["iptables", "nftables"] {
        if backend == "nftables" && lacks_release("1.7.0") {
            continue;
        }
        let host = Host::new();
        let (c0, c1) = (host.container("c0"), host.container("c1"));
        let net = bridge(&host, everything(backend));
        net.add(&c0, "eth0").succeeds();
        net.del(&c0, "eth0").succeeds();
        let before = host.world();
        net.add(&c1, "eth0").succeeds();
        assert_ne!(host.world(), before);
        harm(&host, &c1);
        del(&net, &c1);
        host.returns_to(&before);
        del(&net, &c1);
        host.returns_to(&before);
    }
}

#[test]
fn an_intact_attachment_is_deleted() {
    cleans_up_after(|_, _| (), |net, c1| drop(net.del(c1, "eth0").succeeds()));
}

#[test]
fn what_was_never_added_is_deleted() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, everything("iptables"));
    net.del(&c1, "eth0").succeeds();
    net.del_without_netns(&c1, "eth0").succeeds();
    assert_eq!(c1.shown() + &host.shown(), "");
}

/// The reference forgets the rules when there is no namespace to read the addresses from.
#[test]
fn a_namespace_that_is_gone_takes_everything_along() {
    difference("bridge-del-without-netns", || {
        cleans_up_after(|_, c1| c1.destroy(), |net, c1| drop(net.del(c1, "eth0").succeeds()));
    });
}

#[test]
fn no_namespace_at_all_is_no_obstacle() {
    difference("bridge-del-without-netns", || {
        cleans_up_after(
            |_, c1| c1.destroy(),
            |net, c1| drop(net.del_without_netns(c1, "eth0").succeeds()),
        );
    });
}

/// Nothing but the names of network, container and interface is left to go by.
#[test]
fn neither_namespace_nor_previous_result_is_needed() {
    difference("bridge-del-without-netns", || {
        cleans_up_after(
            |_, c1| c1.destroy(),
            |net, c1| drop(net.without_prev_result().del_without_netns(c1, "eth0").succeeds()),
        );
    });
}

#[test]
fn an_interface_that_is_gone_is_no_obstacle() {
    difference("bridge-del-without-interface", || {
        cleans_up_after(
            |_, c1| drop(c1.exec(&["ip", "link", "del", "eth0"])),
            |net, c1| drop(net.without_prev_result().del(c1, "eth0").succeeds()),
        );
    });
}

/// It is an error, and yet the lease and the rules are gone.
#[test]
fn a_path_that_is_no_namespace_does_not_keep_the_lease() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, everything("iptables"));
    net.add(&c1, "eth0").succeeds();
    host.sh("echo text >/run/plain");
    net.with_env("CNI_NETNS", "/run/plain")
        .del(&c1, "eth0")
        .fails_with(999, "unknown FS magic on \"/run/plain\": 1021994");
    difference("bridge-del-tries-everything", || {
        let world = host.world();
        assert!(!world.contains("/var/lib/cni/networks/net1/10.1.2.2"), "{world}");
        assert!(!world.contains("macspoofchk-c1") && !world.contains("id: \\\"c1\\\""), "{world}");
    });
    net.del(&c1, "eth0").succeeds();
}

/// A store that cannot be used does not keep link and rules.
#[test]
fn a_failing_ipam_plugin_does_not_keep_the_rest() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, everything("iptables"));
    net.add(&c1, "eth0").succeeds();
    let broken = net.with_config("ipam", json!({ "type": "nowhere" }));
    broken.del(&c1, "eth0").fails_with(999, "failed to find plugin \"nowhere\"");
    assert_eq!(c1.shown(), "");
    difference("bridge-del-tries-everything", || {
        let rules = [host.iptables_rules(), host.nft_rules()].concat();
        assert!(!rules.contains("c1"), "{rules}");
    });
    net.del(&c1, "eth0").succeeds();
}

/// A key that only ADD needs may have become wrong; the reference refuses DEL then.
#[test]
fn a_mistake_in_the_configuration_is_no_obstacle() {
    for (key, value) in [("vlan", json!(5000)), ("vlanTrunk", json!([{ "id": 0 }]))] {
        if lacks_release("1.3.0") {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, everything("iptables"));
        net.add(&c1, "eth0").succeeds();
        difference("bridge-del-any-configuration", || {
            net.with_config(key, value).del(&c1, "eth0").succeeds();
            assert_eq!(c1.shown(), "");
            let world = host.world();
            assert!(!world.contains("c1") && !world.contains("10.1.2.2"), "{world}");
        });
    }
}

/// What others have on the same bridge is not touched.
#[test]
fn other_attachments_stay() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let outside = host.outside();
    let net = bridge(&host, everything("iptables"));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    net.check(&c2, "eth0").succeeds();
    assert_eq!(outside.sees_source(&c2, "192.0.2.2:80"), "192.0.2.1");
    assert_eq!(outside.sees_source(&c2, "[2001:db8::2]:80"), "2001:db8::1");
}
