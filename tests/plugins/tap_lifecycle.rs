//! tap: CHECK, DEL, GC, ADDs that fail, and what is refused.

use cni_testkit::{Container, Host, Network, difference, lacks_plugin};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::dual_stack;
use crate::tap::tap;

/// One attachment, its result at hand.
fn with_attachment(test: impl FnOnce(&Container, &Network<'_>, &Value)) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = tap(&host, json!({}));
    let result = net.add(&c1, "eth0").succeeds().result();
    test(&c1, &net, &result);
}

/// The reference looks at nothing but addresses and routes.
#[test]
fn check_finds_what_is_not_as_the_result_says() {
    if lacks_plugin("tap") {
        return;
    }
    with_attachment(|c1, net, result| {
        net.without_prev_result().check(c1, "eth0").fails(999, "Required prevResult missing");
        let fails = |pointer: &str, value: &str, msg: &str| {
            let mut tampered = result.clone();
            *tampered.pointer_mut(pointer).expect("a value to tamper with") = json!(value);
            net.with_prev_result(tampered).check(c1, "eth0").fails(999, msg);
        };
        let sandbox = c1.netns_path();
        let msg = format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}");
        fails("/interfaces/0/sandbox", "/x", &msg);
        let msg = "Failed to match addr 10.1.2.9/24 on interface eth0";
        fails("/ips/0/address", "10.1.2.9/24", msg);
        let mac = result["interfaces"][0]["mac"].as_str().expect("a MAC");
        let msg =
            format!("Interface eth0 Mac 02:00:00:00:00:09 doesn't match container Mac: {mac}");
        difference("tap-check", || fails("/interfaces/0/mac", "02:00:00:00:00:09", &msg));
        difference("tap-check", || {
            c1.sh("ip link del eth0; ip link add name eth0 type bridge");
            net.check(c1, "eth0").fails(999, "Error: Container interface eth0 not of type tun");
            c1.sh("ip link del eth0");
            let msg = "Container Interface name in prevResult: eth0 not found";
            net.check(c1, "eth0").fails(999, msg);
        });
        net.with_args("x").check(c1, "eth0").fails(999, "ARGS: invalid pair \"x\"");
    });
}

/// A device that the reference has made does not have the configured MTU and hardware address.
#[test]
fn check_does_not_mind_what_the_reference_left_out() {
    if lacks_plugin("tap") {
        return;
    }
    with_attachment(|c1, net, _| {
        for (key, value) in [("mtu", json!(1400)), ("mac", json!("02:00:00:00:00:01"))] {
            net.with_config(key, value).check(c1, "eth0").succeeds();
        }
    });
}

/// The reference's DEL stops at the first error.
#[test]
fn del_needs_nothing_but_names() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let net = tap(&host, json!({}));
    let first = host.container("c0");
    net.add(&first, "eth0").succeeds();
    net.del(&first, "eth0").succeeds();
    let before = host.world();
    let (c1, c2, c3) = (host.container("c1"), host.container("c2"), host.container("c3"));
    for container in [&c1, &c2, &c3] {
        net.add(container, "eth0").succeeds();
    }
    let worse = net.with_config("mtu", json!(-1)).with_config("bridge", json!("absent"));
    worse.without_prev_result().del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
    c2.destroy();
    net.del(&c2, "eth0").succeeds();
    net.del_without_netns(&c3, "eth0").succeeds();
    host.returns_to(&before);
    let c4 = host.container("c4");
    net.add(&c4, "eth0").succeeds();
    difference("tap-del-arguments", || {
        net.with_args("MAC=x=y").with_config("mac", json!("x")).del(&c4, "eth0").succeeds();
        host.returns_to(&before);
        c4.shows(expect![[""]]);
    });
    let c5 = host.container("c5");
    net.add(&c5, "eth0").succeeds();
    difference("tap-del-tries-everything", || {
        let absent = net.with_config("ipam", json!({ "type": "absent" }));
        absent.del(&c5, "eth0").fails_with(999, "absent");
        c5.shows(expect![[""]]);
    });
    let file = net.with_env("CNI_NETNS", "/etc/hostname");
    file.del(&c5, "eth0").fails_with(999, "unknown FS magic on");
    host.returns_to(&before);
}

/// Neither device nor lease stays, wherever it fails.
#[test]
fn a_failed_add_leaves_nothing() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = tap(&host, json!({}));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let before = host.world();
    let mut ipam = dual_stack();
    ipam["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.9.9.9" }]);
    let mtu = "failed to set the MTU of tap eth0 to 10: invalid argument";
    let multicast = "failed to set the MAC address of tap eth0 to 03:00:00:00:00:01: \
                     cannot assign requested address";
    let port = "failed to set tap eth0 as a port of bridge lo: operation not supported";
    for (key, value, msg) in [
        ("ipam", ipam, "failed to add route"),
        ("ipam", json!({ "type": "static" }), "IPAM plugin returned missing IP config"),
        ("mtu", json!(10), mtu),
        ("mac", json!("03:00:00:00:00:01"), multicast),
        ("bridge", json!("lo"), port),
        ("bridge", json!("absent"), "failed to get bridge absent: Link not found"),
        ("owner", json!(u32::MAX), "failed to create tap: Tuntap IOCTL TUNSETOWNER failed [0]"),
    ] {
        println!("{key}: {value}");
        difference("tap-failed-add-leaves-nothing", || {
            net.with_config(key, value).add(&c1, "eth0").fails_with(999, msg);
            c1.shows(expect![[""]]);
            host.returns_to(&before);
        });
    }
}

/// The reference says that all is well, and leaves a device under another name.
#[test]
fn a_taken_name_leaves_its_owner_alone() {
    if lacks_plugin("tap") {
        return;
    }
    with_attachment(|c1, net, _| {
        let before = c1.shown();
        difference("tap-taken-name", || {
            let again = net.add(c1, "eth0");
            again.fails(999, r#"failed to rename tap to "eth0": file exists"#);
            assert_eq!(c1.shown(), before);
        });
        net.check(c1, "eth0").succeeds();
    });
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let before = host.world();
    let net = tap(&host, json!({}));
    for (key, value) in [("owner", json!(-1)), ("group", json!("0")), ("mtu", json!("1"))] {
        net.with_config(key, value).add(&c1, "eth0").fails_with(999, "failed to load netconf: ");
    }
    net.with_args("K=v").add(&c1, "eth0").fails(999, "ARGS: unknown args [\"K=v\"]");
    let mac = net.with_config("mac", json!("zz"));
    let owned = mac.with_config("owner", json!(0)).with_config("group", json!(0));
    let msg = "invalid args zz for MAC addr: address zz: invalid MAC address";
    // The reference words it so on one of its two ways.
    owned.add(&c1, "eth0").fails_with(999, msg);
    difference("tap-netns-in-messages", || {
        drop(net.with_env("CNI_NETNS", "/run/netns/none").add(&c1, "eth0").fails(
            999,
            "failed to open netns \"/run/netns/none\": failed to Statfs \"/run/netns/none\": \
             no such file or directory",
        ));
    });
    c1.shows(expect![[""]]);
    assert_eq!(host.world(), before);
    net.with_config("ipam", json!({ "type": "a/b" }))
        .add(&c1, "eth0")
        .fails(999, "invalid plugin name: a/b");
}

#[test]
fn garbage_and_status_are_the_ipam_plugins() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = tap(&host, json!({}));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.destroy();
    difference("tap-gc", || {
        net.gc(&[(&c2, "eth0")]).succeeds().silent();
        let leases = host.sh("ls /var/lib/cni/networks/net1");
        assert!(!leases.contains("10.1.2.2\n") && leases.contains("10.1.2.3\n"), "{leases}");
    });
    net.check(&c2, "eth0").succeeds();
    net.status().succeeds().silent();
    let absent = net.with_config("ipam", json!({ "type": "absent" }));
    difference("tap-gc", || drop(absent.status().fails_with(50, "failed to find plugin")));
}

/// There is nothing that could make a device, in the host's `/dev` or in that of the plugin's
/// own container.
#[test]
fn a_missing_driver_is_told() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let before = host.world();
    host.sh("mount -t tmpfs none /dev/net");
    let net = tap(&host, json!({ "owner": 0, "group": 0, "ipam": {} }));
    net.add(&c1, "eth0").fails(999, "failed to create tap: no such file or directory");
    assert_eq!(host.world(), before);
    difference("tap-status", || {
        let msg = "failed to create tap: no such file or directory";
        net.status().fails(50, msg).details_mention("/dev/net/tun");
    });
}
