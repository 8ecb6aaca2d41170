//! bridge without addresses: it only switches frames.

use cni_testkit::{Blocked, Host, difference, lacks_release};
use expect_test::expect;
use serde_json::json;

use crate::networks::bridge;

/// Everything about addresses is left alone, whatever the configuration says about it.
#[test]
fn without_ipam_only_the_links_are_made() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipam": {}, "isDefaultGateway": true, "ipMasq": true }));
    net.add(&c1, "eth0").succeeds().result_is("bridge/layer2");
    c1.shows(expect![[r#"
        link eth0 up
    "#]]);
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
    "#]]);
    assert!(!host.nft_rules().contains("c1"), "no masquerade: {}", host.nft_rules());
    assert_eq!(host.exec(&["cat", "/proc/sys/net/ipv4/ip_forward"]), "0\n");
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// No key, `null`, an empty object, an empty type: all the same.
#[test]
fn layer2_is_written_in_several_ways() {
    for ipam in [json!(null), json!({ "type": "" }), json!({ "type": null })] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ "ipam": ipam }));
        net.add(&c1, "eth0").succeeds().result_is("bridge/layer2");
        net.del(&c1, "eth0").succeeds();
    }
}

#[test]
fn frames_are_switched_between_containers() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "ipam": {} }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.sh("ip addr add 10.1.2.2/24 dev eth0");
    c2.sh("ip addr add 10.1.2.3/24 dev eth0");
    c1.reaches(&c2, "10.1.2.3:80");
}

/// The reference's CHECK asks an IPAM plugin that is not configured.
#[test]
fn layer2_check_passes() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipam": {} }));
    net.add(&c1, "eth0").succeeds();
    difference("bridge-layer2-check", || drop(net.check(&c1, "eth0").succeeds()));
}

/// Versions that cannot express a result without addresses are refused, with nothing left.
#[test]
fn old_versions_cannot_tell_of_layer2() {
    for version in ["0.1.0", "0.2.0"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ "cniVersion": version, "ipam": {} }));
        net.add(&c1, "eth0").fails(999, "cannot convert: no valid IP addresses");
        difference("bridge-failed-add-leaves-nothing", || c1.shows(expect![[""]]));
    }
}

/// The DNS of the configuration is all there can be.
#[test]
fn dns_of_the_configuration_is_reported() {
    let host = Host::new();
    let c1 = host.container("c1");
    let dns = json!({ "nameservers": ["10.1.2.9"], "search": ["a.example"] });
    let net = bridge(&host, json!({ "ipam": {}, "dns": dns }));
    assert_eq!(net.add(&c1, "eth0").succeeds().result()["dns"], dns);
}

/// The container's interface stays down and gets not even a link-local address.
#[test]
fn the_containers_interface_can_be_left_down() {
    if lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "ipam": {}, "disableContainerInterface": true }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 down
    "#]]);
    assert_eq!(c1.exec(&["ip", "addr", "show", "dev", "eth0", "up"]), "");
    assert!(!c1.exec(&["ip", "-6", "addr"]).contains("fe80"));
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// A spoofed address is dropped on a bridge without addresses, too.
#[test]
fn the_spoof_check_works_without_addresses() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "ipam": {}, "macspoofchk": true }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.sh("ip addr add 10.1.2.2/24 dev eth0");
    c2.sh("ip addr add 10.1.2.3/24 dev eth0");
    c1.reaches(&c2, "10.1.2.3:80");
    c1.sh("ip link set eth0 address 02:00:00:00:99:99");
    c1.cannot_reach(&c2, "10.1.2.3:80", Blocked::Silently);
}
