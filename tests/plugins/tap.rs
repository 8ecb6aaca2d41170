//! tap: devices of every kind, what they carry, and the keys.

use std::time::Duration;

use cni_testkit::{Cable, Host, Network, difference, lacks_plugin, plugin_dir};
use expect_test::expect;
use serde_json::{Value, json};

use crate::links::link;
use crate::networks::dual_stack;

/// The network `net1` with addresses of both families, and these keys added or replaced.
pub fn tap(host: &Host, keys: Value) -> Network<'_> {
    let mut config =
        json!({ "cniVersion": "1.1.0", "name": "net1", "type": "tap", "ipam": dual_stack() });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// Frames that one container sends come out of its device, and into the other's.
#[test]
fn a_program_behind_the_devices_connects_containers() {
    if lacks_plugin("tap") {
        return;
    }
    for keys in [json!({}), json!({ "owner": 0, "group": 0 }), json!({ "multiQueue": true })] {
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let net = tap(&host, keys);
        net.add(&c1, "eth0").succeeds();
        net.add(&c2, "eth0").succeeds();
        assert_eq!(c1.sh("cat /proc/sys/net/ipv4/conf/eth0/arp_notify"), "1\n");
        let cable = Cable::between((&c1, "eth0"), (&c2, "eth0"));
        c1.reaches(&c2, "10.1.2.3:80");
        c2.reaches(&c1, "[fd00:1::2]:80");
        net.check(&c1, "eth0").succeeds().silent();
        drop(cable);
        net.check(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        c1.shows(expect![[""]]);
        net.check(&c2, "eth0").succeeds();
    }
}

/// The same attachment told in every version of the specification.
#[test]
fn every_version_gets_its_own_document() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let c1 = host.container("c1");
        let ipam = json!({ "type": "static", "routes": [{ "dst": "0.0.0.0/0" }],
            "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }] });
        let net = tap(&host, json!({ "cniVersion": version, "ipam": ipam }));
        net.add(&c1, "eth0").succeeds().result_is(&format!("tap/static-{version}"));
        if !["0.1.0", "0.2.0", "0.3.0", "0.3.1"].contains(&version) {
            net.check(&c1, "eth0").succeeds();
        }
        net.del(&c1, "eth0").succeeds();
        c1.shows(expect![[""]]);
    }
}

/// Those of the IPAM plugin are not used, even if there are no others.
#[test]
fn dns_settings_are_the_networks() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "dns": { "domain": "b.example" },
        "addresses": [{ "address": "10.1.2.3/24" }] });
    let net = tap(&host, json!({ "ipam": ipam }));
    let result = net.add(&c1, "eth0").succeeds().result();
    assert_eq!(result["dns"], json!(null));
    let own = net.with_config("dns", json!({ "domain": "a.example" }));
    let result = own.add(&c1, "eth1").succeeds().result();
    assert_eq!(result["dns"], json!({ "domain": "a.example" }));
}

/// Nobody answers behind a device that nobody has opened, and nobody is waited for.
#[test]
fn a_gateway_of_ipv6_costs_no_time() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let mut ipam = dual_stack();
    ipam["routes"] = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    let net = tap(&host, json!({ "ipam": ipam }));
    difference("tap-without-detection", || {
        let elapsed = net.add(&c1, "eth0").succeeds().elapsed();
        assert!(elapsed < Duration::from_millis(900), "{elapsed:?}");
        let addresses = c1.exec(&["ip", "-6", "addr", "show", "dev", "eth0", "scope", "global"]);
        assert!(!addresses.contains("tentative"), "{addresses}");
    });
    net.check(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
    "#]]);
}

/// Frames only: no addresses, and the device is up.
#[test]
fn without_ipam_it_is_a_device_and_nothing_else() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    for ipam in [json!({}), json!(null)] {
        let net = tap(&host, json!({ "ipam": ipam, "dns": { "nameservers": [] } }));
        net.add(&c1, "eth0").succeeds().result_is("tap/layer2");
        c1.shows(expect![[r#"
            link eth0 up
        "#]]);
        net.check(&c1, "eth0").succeeds().silent();
        net.status().succeeds().silent();
        net.del(&c1, "eth0").succeeds().silent();
        c1.shows(expect![[""]]);
    }
}

/// What the program behind the device has to expect where it does not say itself.
#[test]
fn headers_and_users_are_those_of_the_reference() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    for (keys, expected) in [
        (
            json!({}),
            json!({ "type": "tap", "pi": false, "vnet_hdr": false, "multi_queue": false, "persist": true }),
        ),
        (
            json!({ "owner": 0, "group": 0 }),
            json!({ "pi": true, "vnet_hdr": true, "user": "root",
                                                    "group": "root", "multi_queue": false }),
        ),
        (
            json!({ "owner": 0, "group": 0, "multiQueue": true }),
            json!({ "pi": false, "vnet_hdr": true, "multi_queue": true, "persist": true }),
        ),
        (json!({ "owner": 123_456 }), json!({ "pi": false, "user": 123_456 })),
        (
            json!({ "group": 654_321, "multiQueue": true }),
            json!({ "pi": false, "vnet_hdr": false, "group": 654_321, "multi_queue": true }),
        ),
    ] {
        let net = tap(&host, keys.clone());
        net.add(&c1, "eth0").succeeds();
        let found = link(&c1, "eth0")["linkinfo"]["info_data"].clone();
        for (key, value) in expected.as_object().expect("an object") {
            assert_eq!(&found[key], value, "{key} with {keys}: {found}");
        }
        for (key, unset) in [("user", "owner"), ("group", "group")] {
            assert_eq!(found[key].is_null(), keys[unset].is_null(), "{key} with {keys}: {found}");
        }
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    }
}

/// The reference ignores both when owner and group are given.
#[test]
fn mtu_and_hardware_address_are_as_configured() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let added = |keys: Value, args: &str| {
        let net = tap(&host, keys).with_config("ipam", json!({})).with_args(args);
        let result = net.add(&c1, "eth0").succeeds().result();
        let found = link(&c1, "eth0");
        assert_eq!(result["interfaces"][0]["mac"], found["address"]);
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        (found["mtu"].clone(), found["address"].clone())
    };
    assert_eq!(added(json!({}), "").0, 1500);
    let keys = json!({ "mtu": 1400, "mac": "02:00:00:00:00:01" });
    assert_eq!(added(keys.clone(), ""), (1400.into(), "02:00:00:00:00:01".into()));
    let args = "IgnoreUnknown=true;MAC=02:00:00:00:00:02;K8S_POD_NAME=p";
    assert_eq!(added(keys.clone(), args).1, "02:00:00:00:00:02");
    let mut all = keys;
    all["RuntimeConfig"] = json!({ "mac": "02:00:00:00:00:03" });
    assert_eq!(added(all.clone(), args).1, "02:00:00:00:00:03");
    all["owner"] = 0.into();
    all["group"] = 0.into();
    difference("tap-mtu-and-mac", || {
        assert_eq!(added(all, args), (1400.into(), "02:00:00:00:00:03".into()));
    });
}

/// A machine behind the device is on the container's bridge.
#[test]
fn a_device_can_be_a_port_of_a_bridge_in_the_container() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    c1.sh("ip link add name br0 type bridge
           ip addr add 10.1.2.99/24 dev br0
           ip link set br0 up");
    c1.rebase();
    let net = tap(&host, json!({ "bridge": "br0", "ipam": {}, "owner": 0, "group": 0 }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up controller br0
    "#]]);
    net.check(&c1, "eth0").succeeds();
    let machine = tap(&host, json!({}));
    machine.add(&c2, "eth0").succeeds();
    let cable = Cable::between((&c1, "eth0"), (&c2, "eth0"));
    c2.reaches(&c1, "10.1.2.99:80");
    drop(cable);
    c1.sh("ip link set eth0 nomaster");
    difference("tap-check", || {
        drop(net.check(&c1, "eth0").fails(999, "tap eth0 is not a port of bridge br0"));
    });
    net.del(&c1, "eth0").succeeds();
    c1.shows(expect![[""]]);
}

/// Here a file takes the place of SELinux; the device is made by a process started in the context.
#[test]
fn a_context_is_that_of_the_process_that_makes_the_device() {
    if lacks_plugin("tap") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let process = c1.netns_path().split('/').nth(2).expect("a path below /proc");
    let tap_itself = plugin_dir().join("tap");
    host.sh(&format!(
        r#"mkdir /run/proc; mount --rbind /proc /run/proc
         mkdir -p /run/fake/thread-self/attr /run/fake/self
         ln -s /run/proc/sys /run/proc/{process} /run/fake
         ln -s /run/proc/self/fd /run/fake/self
         ln -s /run/proc/thread-self/ns /run/fake/thread-self
         touch /run/fake/thread-self/attr/exec
         echo '#!/bin/sh' >/run/fake/self/exe
         echo 'echo "$@" >/run/order; exec {} "$@"' >>/run/fake/self/exe
         chmod +x /run/fake/self/exe
         mount --bind /run/fake /proc"#,
        tap_itself.display()
    ));
    let keys = json!({ "selinuxContext": "a:b:c", "owner": 123_456, "group": 654_321 });
    let net = tap(&host, keys);
    // The reference opens another file.
    difference("tap-selinux", || {
        net.add(&c1, "eth0").succeeds();
        assert_eq!(host.sh("cat /proc/thread-self/attr/exec"), "a:b:c");
        // IFF_TAP, IFF_NO_PI and IFF_TUN_EXCL.
        assert_eq!(host.sh("cat /run/order"), format!("--make-tap-device eth0 {}\n", 0x9002));
    });
    let made = link(&c1, "eth0")["linkinfo"]["info_data"].clone();
    for (key, value) in [("pi", json!(false)), ("vnet_hdr", json!(false)), ("user", json!(123_456))]
    {
        assert_eq!(made[key], value, "{made}");
    }
    net.check(&c1, "eth0").succeeds();
    let again = net.add(&c1, "eth0");
    again.fails(999, r#"failed to rename tap to "eth0": file exists"#);
    net.del(&c1, "eth0").succeeds();

    host.sh("chmod -x /run/fake/self/exe");
    difference("tap-selinux", || {
        let msg = "failed to create tap: start of another process failed, errno permission denied";
        drop(net.add(&c1, "eth0").fails(999, msg));
    });
    host.sh("rm /run/fake/thread-self/attr/exec");
    net.add(&c1, "eth0").fails_with(999, "failed set socket label: ");
    c1.shows(expect![[""]]);
}
