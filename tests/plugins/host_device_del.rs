//! host-device: DEL after the container, the interface or the device has gone.

use std::thread;
use std::time::Duration;

use cni_testkit::{Container, Host, difference, lacks_release};
use expect_test::expect;
use serde_json::json;

use crate::host_device::{RECENT, host_with_device, network, plug_in, with_addresses};

#[test]
fn a_repeated_del_succeeds() {
    difference("host-device-repeated-del", || {
        let host = host_with_device();
        let before = host.world();
        let c1 = host.container("c1");
        let net = with_addresses(&host);
        net.del(&c1, "eth0").succeeds().silent();
        net.add(&c1, "eth0").succeeds();
        for _ in 0..3 {
            net.del(&c1, "eth0").succeeds().silent();
            assert_eq!(host.world(), before);
        }
    });
}

/// The reference leaves the addresses reserved.
#[test]
fn addresses_are_freed_when_the_namespace_is_gone() {
    difference("host-device-del-without-netns", || {
        let host = host_with_device();
        let before = host.world();
        for without_netns in [false, true] {
            let c1 = host.container("c1");
            let net = with_addresses(&host);
            net.add(&c1, "eth0").succeeds();
            c1.destroy();
            // A virtual device dies with the namespace, once the kernel gets to it.
            for _ in 0..1000 {
                if !host.shown().contains("wire") {
                    break;
                }
                thread::sleep(Duration::from_millis(5));
            }
            plug_in(&host);
            match without_netns {
                false => net.del(&c1, "eth0").succeeds().silent(),
                true => net.del_without_netns(&c1, "eth0").succeeds().silent(),
            };
            host.returns_to(&before);
        }
    });
}

#[test]
fn what_is_no_namespace_is_an_error_that_keeps_nothing_else() {
    difference("host-device-del-without-netns", || {
        let host = host_with_device();
        let c1 = host.container("c1");
        let net = with_addresses(&host);
        net.add(&c1, "eth0").succeeds();
        host.sh("echo text >/run/plain");
        net.with_env("CNI_NETNS", "/run/plain").del(&c1, "eth0").fails(
            999,
            "failed to open netns \"/run/plain\": unknown FS magic on \"/run/plain\": 1021994",
        );
        assert_eq!(host.sh("ls /var/lib/cni/networks/net1 | grep -c '^10' || true"), "0\n");
        net.del(&c1, "eth0").succeeds();
    });
}

/// The device as the kernel puts it back when the container is gone: down, under the container's
/// name for it or a made-up one, and with its alias.
fn strand(host: &Host, container: &Container, name: &str) {
    host.exec(&["touch", "/run/netns/home"]);
    host.sh(&format!("mount --bind {} /run/netns/home", host.netns_path()));
    container.sh("ip link set eth0 down; ip link set eth0 netns home");
    host.sh("umount /run/netns/home; rm /run/netns/home");
    if name != "eth0" {
        host.exec(&["ip", "link", "set", "eth0", "name", name]);
    }
    container.destroy();
}

#[test]
fn a_device_left_by_a_dead_container_gets_its_name_back() {
    difference("host-device-stranded", || {
        for keys in [json!({ "device": "hd0" }), json!({ "hwaddr": "02:00:00:00:00:01" })] {
            for name in ["eth0", "dev17", "hd0"] {
                let host = host_with_device();
                let before = host.world();
                let c1 = host.container("c1");
                let net = network(&host, keys.clone());
                net.add(&c1, "eth0").succeeds();
                strand(&host, &c1, name);
                let link = host.exec(&["ip", "link", "show", name]);
                assert!(link.contains("alias hd0"), "{link}");
                for _ in 0..2 {
                    net.without_prev_result().del(&c1, "eth0").succeeds().silent();
                    assert_eq!(host.world(), before);
                    assert!(!host.exec(&["ip", "link", "show", "hd0"]).contains("alias"));
                }
            }
        }
    });
}

/// Setting it up is what many a daemon does with a device that appears.
#[test]
fn a_device_left_by_a_dead_container_may_be_up() {
    difference("host-device-stranded", || {
        let host = host_with_device();
        let before = host.shown();
        let c1 = host.container("c1");
        let net = network(&host, json!({ "device": "hd0" }));
        net.add(&c1, "eth0").succeeds();
        strand(&host, &c1, "eth0");
        host.sh("ip link set eth0 up");
        net.del(&c1, "eth0").succeeds();
        assert_eq!(host.shown(), before);
    });
}

#[test]
fn a_name_taken_since_is_an_error() {
    difference("host-device-stranded", || {
        let host = host_with_device();
        let c1 = host.container("c1");
        let net = network(&host, json!({ "hwaddr": "02:00:00:00:00:01" }));
        net.add(&c1, "eth0").succeeds();
        strand(&host, &c1, "eth0");
        host.sh("ip link add hd0 type veth peer name other");
        net.del(&c1, "eth0").fails(999, "failed to rename device \"eth0\" to \"hd0\": file exists");
        host.sh("ip link del hd0");
        net.del(&c1, "eth0").succeeds();
        assert!(host.shown().contains("link hd0 down"), "{}", host.shown());
    });
}

/// Aliases are free text, which people use, too.
#[test]
fn interfaces_with_aliases_of_their_own_are_left_alone() {
    let host = host_with_device();
    host.sh("ip link set hd0 name eth0; ip link set eth0 up alias uplink
             ip link add other type veth peer name dev5; ip link set other alias hd0
             ip link set dev5 alias hd1");
    let before = host.world();
    let aliases = || host.sh("ip link | grep -c 'alias \\(uplink\\|hd0\\|hd1\\)'");
    for keys in [
        json!({ "device": "eth0" }),
        json!({ "device": "hd0" }),
        json!({ "hwaddr": "02:00:00:00:00:01" }),
    ] {
        let c1 = host.container("c1");
        let net = network(&host, keys);
        // The reference takes the missing interface for an error.
        let _ = net.del(&c1, "eth0");
        let _ = net.del_without_netns(&c1, "eth0");
        assert_eq!(host.world(), before);
        assert_eq!(aliases(), "3\n");
    }
}

#[test]
fn an_interface_without_its_alias_stays_where_it_is() {
    if lacks_release(RECENT) {
        return;
    }
    let host = host_with_device();
    let c1 = host.container("c1");
    let net = network(&host, json!({ "device": "hd0" }));
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip link set eth0 alias ''");
    net.del(&c1, "eth0")
        .fails(999, "failed to find original ifname for \"eth0\" (alias is not set)");
    c1.shows(expect![[r#"
        link eth0 up
    "#]]);
    c1.sh("ip link set eth0 alias 'no name'");
    drop(net.del(&c1, "eth0").fails_with(999, "no name"));
    c1.sh("ip link set eth0 alias hd0");
    net.del(&c1, "eth0").succeeds();
}

/// Neither what was written wrongly since nor a device that has gone is in the way.
#[test]
fn a_mistake_in_the_configuration_is_no_obstacle() {
    difference("host-device-del-any-configuration", || {
        for (key, value) in [
            ("device", json!("")),
            ("pciBusID", json!("0000:99:00.0")),
            ("runtimeConfig", json!({ "deviceID": "gone" })),
        ] {
            let host = host_with_device();
            let before = host.world();
            let c1 = host.container("c1");
            let net = with_addresses(&host);
            net.add(&c1, "eth0").succeeds();
            net.with_config(key, value).del(&c1, "eth0").succeeds().silent();
            host.returns_to(&before);
        }
    });
}

/// The reference stops at the IPAM plugin's error.
#[test]
fn a_failing_ipam_plugin_does_not_keep_the_device() {
    difference("host-device-del-tries-everything", || {
        let host = host_with_device();
        let c1 = host.container("c1");
        let net = with_addresses(&host);
        net.add(&c1, "eth0").succeeds();
        net.with_config("ipam", json!({ "type": "nowhere" }))
            .del(&c1, "eth0")
            .fails_with(999, "nowhere");
        assert!(host.shown().contains("link hd0 down"), "{}", host.shown());
        net.del(&c1, "eth0").succeeds();
    });
}
