//! ipvlan: what needs no kernel with ipvlan: refusals, DEL, GC and STATUS.

use cni_testkit::{Host, difference, lacks_version};
use expect_test::expect;
use serde_json::json;

use crate::masters::on_outside;

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let before = host.world();
    let net = on_outside(&host, "ipvlan", json!({}));
    for (key, value, msg) in [
        ("master", json!("absent"), "failed to lookup master \"absent\": Link not found"),
        ("master", json!(null), "no default route interface found"),
        ("mode", json!("L2"), "unknown ipvlan mode: \"L2\""),
    ] {
        net.with_config(key, value).add(&c1, "eth0").fails(999, msg);
    }
    net.with_config("mtu", json!("1")).add(&c1, "eth0").fails_with(999, "failed to load netconf: ");
    net.with_env("CNI_NETNS", "/run/netns/none").add(&c1, "eth0").fails(
        999,
        "failed to open netns \"/run/netns/none\": failed to Statfs \"/run/netns/none\": \
         no such file or directory",
    );
    c1.shows(expect![[""]]);
    assert_eq!(host.world(), before);
}

#[test]
fn a_previous_result_has_to_name_one_interface() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "ipvlan", json!({ "master": "" }));
    for interfaces in [json!([]), json!([{ "name": "a" }, { "name": "b" }])] {
        let previous = json!({ "cniVersion": "1.0.0", "interfaces": interfaces });
        net.with_prev_result(previous)
            .add(&c1, "eth0")
            .fails(999, "chained master failure. PrevResult lacks a single named interface");
    }
    let previous = json!({ "cniVersion": "0.4.0" });
    let net = net.with_prev_result(previous);
    net.add(&c1, "eth0").fails_with(999, "could not parse prevResult: ");
}

/// The reference needs a default route or a previous result to find out that it needs neither.
#[test]
fn del_needs_no_master() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = on_outside(&host, "ipvlan", json!({ "master": "", "mode": "x" }));
    difference("ipvlan-del-without-master", || {
        net.del(&c1, "eth0").succeeds().silent();
        net.del_without_netns(&c1, "eth0").succeeds().silent();
        let unreadable = net.with_prev_result(json!({ "cniVersion": "0.1.0" }));
        unreadable.del(&c1, "eth0").succeeds().silent();
    });
}

/// Whoever made it, the interface goes, and the lease without the namespace.
#[test]
fn del_takes_interface_and_lease() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "ipvlan", json!({}));
    let leases = on_outside(&host, "host-local", json!({}));
    leases.add(&c1, "eth0").succeeds();
    c1.sh("ip link add name eth0 type bridge");
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    assert!(!host.world().contains("192.0.2.10"), "the lease is kept");
    leases.add(&c1, "eth0").succeeds();
    c1.destroy();
    net.del(&c1, "eth0").succeeds().silent();
    assert!(!host.world().contains("192.0.2.11"), "the lease is kept");
}

#[test]
fn status_tells_whether_add_can_work() {
    if lacks_version("ipvlan", "1.1.0") {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let net = on_outside(&host, "ipvlan", json!({}));
    net.status().succeeds().silent();
    // In a list the previous plugin may tell the master.
    net.with_config("master", json!("")).status().succeeds().silent();
    let absent = net.with_config("master", json!("absent"));
    absent.with_config("linkInContainer", json!(true)).status().succeeds().silent();
    difference("ipvlan-status", || {
        drop(absent.status().fails(50, r#"failed to lookup master "absent": Link not found"#));
    });
    net.with_config("ipam", json!({ "type": "absent" })).status().fails_with(50, "absent");
}

#[test]
fn garbage_is_the_ipam_plugins() {
    if lacks_version("ipvlan", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let leases = on_outside(&host, "host-local", json!({}));
    leases.add(&c1, "eth0").succeeds();
    difference("ipvlan-gc", || {
        on_outside(&host, "ipvlan", json!({})).gc(&[]).succeeds().silent();
        assert!(!host.world().contains("192.0.2.10"), "the lease is kept");
    });
}
