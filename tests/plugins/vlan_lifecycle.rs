//! vlan: CHECK, DEL, GC, STATUS, and what is refused.

use cni_testkit::{Feature, Host, difference, lacks, lacks_release, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

use crate::masters::on_outside;

#[test]
fn uml_check_finds_what_is_not_as_the_result_says() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10, "mtu": 1400 }));
    let result = net.add(&c1, "eth0").succeeds().result();
    let mac = result["interfaces"][0]["mac"].as_str().expect("a MAC");
    net.without_prev_result().check(&c1, "eth0").fails(999, "vlan: Required prevResult missing");
    let sandbox = c1.netns_path();
    for (pointer, value, msg) in [
        (
            "/interfaces/0/mac",
            "02:00:00:00:00:09",
            format!(
                "vlan: Interface eth0 Mac 02:00:00:00:00:09 doesn't match container Mac: {mac}"
            ),
        ),
        (
            "/interfaces/0/sandbox",
            "/x",
            format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}"),
        ),
        (
            "/ips/0/address",
            "192.0.2.99/24",
            "Failed to match addr 192.0.2.99/24 on interface eth0".to_owned(),
        ),
    ] {
        let mut tampered: Value = result.clone();
        *tampered.pointer_mut(pointer).expect("a value to tamper with") = json!(value);
        net.with_prev_result(tampered).check(&c1, "eth0").fails(999, &msg);
    }
    let id = "Error: Tuning link eth0 configured promisc is 11, current value is 10";
    let mtu = "Error: Tuning configured MTU of eth0 is 1300, current value is 1400";
    let master = "failed to lookup master \"absent\": Link not found";
    let none = "failed to lookup master \"\": Link not found";
    for (key, value, msg) in [
        ("vlanId", json!(11), id),
        ("mtu", json!(1300), mtu),
        ("master", json!("absent"), master),
        ("master", json!(""), none),
    ] {
        net.with_config(key, value).check(&c1, "eth0").fails(999, msg);
    }
    net.with_config("mtu", json!(0)).check(&c1, "eth0").succeeds();
    host.sh("ip link add name other up type bridge");
    difference("vlan-check-master", || {
        let other = net.with_config("master", json!("other"));
        other.check(&c1, "eth0").fails(999, r#"interface "eth0" is not on master "other""#);
    });

    c1.sh("ip route del default");
    net.check(&c1, "eth0").fails_with(999, "not found in routing table");
    c1.sh("ip link del eth0; ip link add name eth0 type bridge");
    net.check(&c1, "eth0").fails(999, "Error: Container interface eth0 not of type vlan");
    c1.sh("ip link del eth0");
    let msg = "vlan: Container Interface name in prevResult: eth0 not found";
    net.check(&c1, "eth0").fails(999, msg);
}

/// The reference's DEL looks for the master, and the lease stays when that has gone.
#[test]
fn uml_del_needs_nothing_but_names() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    let first = host.container("c0");
    net.add(&first, "eth0").succeeds();
    net.del(&first, "eth0").succeeds();
    let before = host.world();
    let c1 = host.container("c1");
    net.add(&c1, "eth0").succeeds();
    c1.exec(&["ip", "link", "del", "eth0"]);
    net.without_prev_result().del(&c1, "eth0").succeeds();
    host.returns_to(&before);
    let c2 = host.container("c2");
    net.add(&c2, "eth0").succeeds();
    c2.destroy();
    net.del_without_netns(&c2, "eth0").succeeds();
    host.returns_to(&before);
    for (number, (key, value)) in [
        ("master", json!("absent")),
        ("master", json!(null)),
        ("vlanId", json!(5000)),
        ("mtu", json!(9000)),
    ]
    .into_iter()
    .enumerate()
    {
        let container = host.container(&format!("d{number}"));
        net.add(&container, "eth0").succeeds();
        difference("vlan-del-any-configuration", || {
            net.with_config(key, value).del(&container, "eth0").succeeds();
            host.returns_to(&before);
            container.shows(expect![[""]]);
        });
        net.del(&container, "eth0").succeeds();
    }
    let c3 = host.container("c3");
    net.add(&c3, "eth0").succeeds();
    difference("vlan-del-tries-everything", || {
        let absent = net.with_config("ipam", json!({ "type": "absent" }));
        absent.del(&c3, "eth0").fails_with(999, "absent");
        c3.shows(expect![[""]]);
    });
    let file = net.with_env("CNI_NETNS", "/etc/hostname");
    file.del(&c3, "eth0").fails_with(999, "unknown FS magic on");
    host.returns_to(&before);
}

/// Neither link nor lease stays, whatever it fails for.
#[test]
fn uml_a_failed_add_leaves_nothing() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let before = host.world();
    let mut ipam = net.config()["ipam"].clone();
    ipam["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.9.9.9" }]);
    for (ipam, msg) in [
        (ipam, "failed to add route"),
        (json!({ "type": "static" }), "IPAM plugin returned missing IP config"),
    ] {
        difference("vlan-failed-add-leaves-nothing", || {
            net.with_config("ipam", ipam).add(&c1, "eth0").fails_with(999, msg);
            c1.shows(expect![[""]]);
            host.returns_to(&before);
        });
    }
    host.sh("ip link add name down type bridge");
    difference("vlan-failed-add-leaves-nothing", || {
        let down = net.with_config("master", json!("down"));
        down.add(&c1, "eth0").fails(999, "failed to set \"eth0\" UP: network is down");
        c1.shows(expect![[""]]);
    });
}

/// The reference hides the IPAM plugin's code behind its own.
#[test]
fn uml_the_error_of_the_ipam_plugin_is_the_error() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    host.sh(r#"mkdir /run/ipam; cat >/run/ipam/broken <<'END'
#!/bin/sh
[ $CNI_COMMAND = ADD ] || exit 0
echo '{ "code": 1234, "msg": "why", "details": "more" }'; exit 1
END
        chmod +x /run/ipam/broken"#);
    let broken = net.with_config("ipam", json!({ "type": "broken" }));
    difference("vlan-ipam-errors", || {
        let outcome = broken.with_env("CNI_PATH", "/run/ipam").add(&c1, "eth0");
        outcome.fails(1234, "why").details_are("more");
        c1.shows(expect![[""]]);
    });
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    let host = Host::new();
    let _outside = host.outside();
    let c1 = host.container("c1");
    let before = host.world();
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    let required = "\"master\" field is required. It specifies the host interface name to create \
                    the VLAN for";
    let invalid = "invalid VLAN ID 4095 (must be between 0 and 4095 inclusive)";
    for (key, value, msg) in [
        ("master", json!("absent"), "Link not found"),
        ("vlanId", json!(4095), invalid),
        ("vlanId", json!(-1), "invalid VLAN ID -1 (must be between 0 and 4095 inclusive)"),
        ("mtu", json!(1600), "invalid MTU 1600, must be [0, master MTU(1500)]"),
        ("mtu", json!(-100), "invalid MTU -100, must be [0, master MTU(1500)]"),
    ] {
        net.with_config(key, value).add(&c1, "eth0").fails(999, msg);
    }
    for master in [json!(""), json!(null)] {
        // Older releases end it with a full stop.
        net.with_config("master", master).add(&c1, "eth0").fails_with(999, required);
    }
    net.with_config("vlanId", json!("1"))
        .add(&c1, "eth0")
        .fails_with(999, "failed to load netconf: ");
    let missing = net.with_env("CNI_NETNS", "/run/netns/none");
    missing.add(&c1, "eth0").fails(
        999,
        "failed to open netns \"/run/netns/none\": failed to Statfs \"/run/netns/none\": \
         no such file or directory",
    );
    c1.shows(expect![[""]]);
    assert_eq!(host.world(), before);
}

/// `CNI_ARGS` are nothing to this plugin, whatever is in them.
#[test]
fn del_gives_back_what_the_ipam_plugin_gave() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    let mut config = net.config().clone();
    config["type"] = json!("host-local");
    let addresses = host.network(config);
    addresses.add(&c2, "eth0").succeeds();
    addresses.del(&c2, "eth0").succeeds();
    let before = host.world();
    addresses.add(&c1, "eth0").succeeds();
    difference("vlan-del-any-configuration", || {
        net.with_args("=;").del(&c1, "eth0").succeeds();
        host.returns_to(&before);
    });
}

#[test]
fn garbage_and_status() {
    if lacks_version("vlan", "1.1.0") || lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = on_outside(&host, "vlan", json!({ "vlanId": 10 }));
    net.status().succeeds().silent();
    let absent = net.with_config("master", json!("absent"));
    absent.with_config("linkInContainer", json!(true)).status().succeeds().silent();
    difference("vlan-status", || {
        drop(absent.status().fails(50, r#"failed to lookup master "absent": Link not found"#));
    });
    let mut config = net.config().clone();
    config["type"] = json!("host-local");
    let addresses = host.network(config);
    addresses.add(&c1, "eth0").succeeds();
    addresses.add(&c2, "eth0").succeeds();
    difference("vlan-gc", || {
        net.gc(&[(&c2, "eth0")]).succeeds().silent();
        let leases = host.sh("ls /var/lib/cni/networks/net1");
        assert!(!leases.contains("192.0.2.10\n") && leases.contains("192.0.2.11\n"), "{leases}");
    });
}
