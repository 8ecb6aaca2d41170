//! macvlan: CHECK, DEL, GC, STATUS, and ADDs that fail.

use cni_testkit::{Container, Host, Network, difference, lacks_release, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

use crate::masters::on_outside;

/// One attachment, its result at hand.
fn with_attachment(test: impl FnOnce(&Host, &Container, &Network<'_>, &Value)) {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    let result = net.add(&c1, "eth0").succeeds().result();
    test(&host, &c1, &net, &result);
}

#[test]
fn check_finds_what_is_not_as_the_result_says() {
    // Older releases begin their messages with capital letters.
    if lacks_release("1.5.0") {
        return;
    }
    with_attachment(|_, c1, net, result| {
        let sandbox = c1.netns_path();
        let mac = result["interfaces"][0]["mac"].as_str().expect("a MAC");
        let fails = |tampered: Value, msg: &str| {
            net.with_prev_result(tampered).check(c1, "eth0").fails(999, msg);
        };
        let mut other_mac = result.clone();
        other_mac["interfaces"][0]["mac"] = json!("02:00:00:00:00:09");
        let told =
            format!("interface eth0 Mac 02:00:00:00:00:09 doesn't match container Mac: {mac}");
        fails(other_mac, &told);
        let mut other_sandbox = result.clone();
        other_sandbox["interfaces"][0]["sandbox"] = json!("/x");
        let told = format!("sandbox in prevResult  doesn't match configured netns: {sandbox}");
        fails(other_sandbox, &told);
        let mut other_address = result.clone();
        other_address["ips"][0]["address"] = json!("192.0.2.99/24");
        fails(other_address, "Failed to match addr 192.0.2.99/24 on interface eth0");
        net.without_prev_result().check(c1, "eth0").fails(999, "required prevResult missing");
        let mode = net.with_config("mode", json!("vepa"));
        mode.check(c1, "eth0")
            .fails(999, "container macvlan mode bridge does not match expected value: vepa");
        let unknown = net.with_config("mode", json!("x"));
        unknown.check(c1, "eth0").fails(999, "unknown macvlan mode: \"x\"");
    });
}

#[test]
fn check_finds_what_became_of_the_interface() {
    // Older releases begin their messages with capital letters.
    if lacks_release("1.5.0") {
        return;
    }
    with_attachment(|_, c1, net, _| {
        c1.sh("ip route del default");
        net.check(c1, "eth0").fails_with(999, "not found in routing table");
        c1.sh("ip link del eth0; ip link add name eth0 type bridge");
        net.check(c1, "eth0").fails(999, "error: Container interface eth0 not of type macvlan");
        c1.sh("ip link del eth0");
        let msg = "container Interface name in prevResult: eth0 not found";
        net.check(c1, "eth0").fails(999, msg);
    });
    with_attachment(|host, c1, net, _| {
        host.exec(&["ip", "link", "del", "outside"]);
        net.check(c1, "eth0").fails(999, "Link not found");
    });
}

/// The reference does not look at the device below.
#[test]
fn check_finds_another_master() {
    with_attachment(|host, c1, net, _| {
        host.exec(&["ip", "link", "add", "name", "other", "up", "type", "bridge"]);
        let other = net.with_config("master", json!("other"));
        difference("macvlan-check-master", || {
            let msg = r#"interface "eth0" is not on master "other""#;
            drop(other.check(c1, "eth0").fails(999, msg));
        });
    });
}

/// The reference looks for the master of the day, and compares with its MTU.
#[test]
fn check_does_not_mind_what_changed_on_the_host() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    host.exec(&["ip", "route", "add", "default", "via", "192.0.2.2"]);
    let net = on_outside(&host, "macvlan", json!({ "master": "", "mtu": 1400 }));
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    host.exec(&["ip", "route", "del", "default"]);
    difference("macvlan-check-default-route", || drop(net.check(&c1, "eth0").succeeds()));
}

/// The reference's DEL stops at the first error.
#[test]
fn del_needs_nothing_but_names() {
    let host = Host::new();
    let _outside = host.outside();
    let net = on_outside(&host, "macvlan", json!({}));
    let first = host.container("c0");
    net.add(&first, "eth0").succeeds();
    net.del(&first, "eth0").succeeds();
    let before = host.world();
    let c1 = host.container("c1");
    net.add(&c1, "eth0").succeeds();
    // Older releases look for the master.
    let worse = match lacks_release("1.5.0") {
        true => net.clone(),
        false => net.with_config("master", json!("absent")).with_config("mtu", json!(-1)),
    };
    worse.del(&c1, "eth0").succeeds();
    host.returns_to(&before);
    c1.shows(expect![[""]]);
    net.add(&c1, "eth0").succeeds();
    c1.destroy();
    net.without_prev_result().del(&c1, "eth0").succeeds();
    host.returns_to(&before);
    let c2 = host.container("c2");
    net.add(&c2, "eth0").succeeds();
    c2.exec(&["ip", "link", "del", "eth0"]);
    net.del(&c2, "eth0").succeeds();
    host.returns_to(&before);
    let c3 = host.container("c3");
    net.add(&c3, "eth0").succeeds();
    c3.destroy();
    net.del_without_netns(&c3, "eth0").succeeds();
    host.returns_to(&before);
    let c4 = host.container("c4");
    net.add(&c4, "eth0").succeeds();
    net.with_env("CNI_NETNS", "/etc").del(&c4, "eth0").fails_with(999, "unknown FS magic on");
    host.returns_to(&before);
    let broken = net.with_config("ipam", json!({ "type": "absent" }));
    broken.del(&c4, "eth0").fails_with(999, "failed to find plugin \"absent\"");
    difference("macvlan-del-tries-everything", || c4.shows(expect![[""]]));
}

/// Neither link nor lease stays, whatever the addresses could not be used for.
#[test]
fn a_failed_add_leaves_nothing() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "macvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let before = host.world();
    let mut ipam = net.config()["ipam"].clone();
    ipam["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.9.9.9" }]);
    difference("macvlan-failed-add-leaves-nothing", || {
        net.with_config("ipam", ipam).add(&c1, "eth0").fails_with(999, "failed to add route");
        c1.shows(expect![[""]]);
        host.returns_to(&before);
    });
    let no_address = json!({ "type": "static" });
    difference("macvlan-failed-add-leaves-nothing", || {
        let msg = "IPAM plugin returned missing IP config";
        net.with_config("ipam", no_address).add(&c1, "eth0").fails(999, msg);
        c1.shows(expect![[""]]);
    });
}

#[test]
fn garbage_is_the_ipam_plugins() {
    if lacks_version("macvlan", "1.1.0") {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "macvlan", json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.destroy();
    difference("macvlan-gc", || {
        net.gc(&[(&c2, "eth0")]).succeeds().silent();
        let leases = host.sh("ls /var/lib/cni/networks/net1");
        assert!(!leases.contains("192.0.2.10\n") && leases.contains("192.0.2.11\n"), "{leases}");
    });
    net.check(&c2, "eth0").succeeds();
}

#[test]
fn status_tells_whether_add_can_work() {
    if lacks_version("macvlan", "1.1.0") {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let net = on_outside(&host, "macvlan", json!({}));
    net.status().succeeds().silent();
    net.with_config("ipam", json!({})).status().succeeds().silent();
    net.with_config("master", json!("")).status().succeeds().silent();
    let absent = net.with_config("master", json!("absent"));
    absent.with_config("linkInContainer", json!(true)).status().succeeds().silent();
    difference("macvlan-status", || {
        drop(absent.status().fails(50, r#"failed to lookup master "absent": Link not found"#));
    });
}
