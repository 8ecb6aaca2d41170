//! dummy: an interface with addresses and nothing behind it, where the kernel has dummies.

use cni_testkit::{Feature, Host, Network, difference, lacks, lacks_plugin};
use expect_test::expect;
use serde_json::{Value, json};

use crate::links::link;
use crate::networks::dual_stack;

/// The network `net1` with addresses of both families and a default route.
fn dummy(host: &Host) -> Network<'_> {
    let mut ipam = dual_stack();
    ipam["routes"] = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    host.network(json!({ "cniVersion": "1.1.0", "name": "net1", "type": "dummy", "ipam": ipam }))
}

#[test]
fn uml_an_attachment_is_one_interface() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    host.sh("ip link add name eth0 type bridge");
    host.rebase();
    let c1 = host.container("c1");
    let net = dummy(&host);
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up
        addr 10.1.2.2/24 dev eth0
        addr fd00:1::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00:1::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route fd00:1::/64 dev eth0
    "#]]);
    assert_eq!(link(&c1, "eth0")["linkinfo"]["info_kind"], "dummy");
    host.shows(expect![[""]]);
    net.check(&c1, "eth0").succeeds().silent();
    let before = c1.shown();
    let again = net.add(&c1, "eth0");
    again.fails(999, "failed to create dummy: file exists");
    assert_eq!(c1.shown(), before);
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    c1.shows(expect![[""]]);
    assert!(!host.world().contains("10.1.2.2"), "the lease is kept");
}

/// The same attachment told in every version of the specification.
#[test]
fn uml_every_version_gets_its_own_document() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "routes": [{ "dst": "0.0.0.0/0" }],
        "addresses": [{ "address": "10.1.2.3/24", "gateway": "10.1.2.1" }] });
    let net = dummy(&host).with_config("ipam", ipam);
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        let net = net.with_config("cniVersion", json!(version));
        net.add(&c1, "eth0").succeeds().result_is(&format!("dummy/static-{version}"));
        net.del(&c1, "eth0").succeeds();
    }
    c1.shows(expect![[""]]);
}

/// The configured DNS settings are ignored, and the IPAM plugin's are told.
#[test]
fn uml_dns_is_the_ipam_plugins() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ipam = json!({ "type": "static", "dns": { "domain": "b.example" },
        "addresses": [{ "address": "10.1.2.3/24" }] });
    let net = dummy(&host).with_config("ipam", ipam);
    let result = net.with_config("dns", json!({ "domain": "a.example" })).add(&c1, "eth0");
    assert_eq!(result.succeeds().result()["dns"], json!({ "domain": "b.example" }));
}

#[test]
fn uml_check_finds_what_is_not_as_the_result_says() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = dummy(&host);
    let result = net.add(&c1, "eth0").succeeds().result();
    net.without_prev_result().check(&c1, "eth0").fails(999, "dummy: Required prevResult missing");
    let mac = result["interfaces"][0]["mac"].as_str().expect("a MAC");
    let sandbox = c1.netns_path();
    for (pointer, value, msg) in [
        (
            "/interfaces/0/mac",
            "02:00:00:00:00:09",
            format!("Interface eth0 Mac 02:00:00:00:00:09 doesn't match container Mac: {mac}"),
        ),
        (
            "/interfaces/0/sandbox",
            "/x",
            format!("Sandbox in prevResult  doesn't match configured netns: {sandbox}"),
        ),
        (
            "/ips/0/address",
            "10.1.2.9/24",
            "Failed to match addr 10.1.2.9/24 on interface eth0".to_owned(),
        ),
    ] {
        let mut tampered: Value = result.clone();
        *tampered.pointer_mut(pointer).expect("a value to tamper with") = json!(value);
        net.with_prev_result(tampered).check(&c1, "eth0").fails(999, &msg);
    }
    c1.sh("ip route del default");
    difference("dummy-check-routes", || {
        drop(net.check(&c1, "eth0").fails_with(999, "not found in routing table"));
    });
    c1.sh("ip link set eth0 down");
    net.check(&c1, "eth0").fails(999, "Interface eth0 is down");
    c1.sh("ip link del eth0; ip link add name eth0 type bridge");
    net.check(&c1, "eth0").fails(999, "Error: Container interface eth0 not of type dummy");
    c1.sh("ip link del eth0");
    net.check(&c1, "eth0").fails(999, "Container Interface name in prevResult: eth0 not found");
}

#[test]
fn uml_del_needs_nothing_but_names() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let net = dummy(&host);
    let first = host.container("c0");
    net.add(&first, "eth0").succeeds();
    net.del(&first, "eth0").succeeds();
    let before = host.world();
    let (c1, c2, c3) = (host.container("c1"), host.container("c2"), host.container("c3"));
    for container in [&c1, &c2, &c3] {
        net.add(container, "eth0").succeeds();
    }
    c1.destroy();
    c2.destroy();
    net.without_prev_result().del(&c1, "eth0").succeeds();
    net.del_without_netns(&c2, "eth0").succeeds();
    difference("dummy-del-tries-everything", || {
        let absent = net.with_config("ipam", json!({ "type": "absent" }));
        absent.del(&c3, "eth0").fails_with(999, "absent");
        c3.shows(expect![[""]]);
    });
    let file = net.with_env("CNI_NETNS", "/etc/hostname");
    file.del(&c3, "eth0").fails_with(999, "unknown FS magic on");
    host.returns_to(&before);
}

/// Neither link nor lease stays, whatever the addresses could not be used for.
#[test]
fn uml_a_failed_add_leaves_nothing() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = dummy(&host);
    net.add(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let before = host.world();
    let mut ipam = dual_stack();
    ipam["routes"] = json!([{ "dst": "10.0.0.0/8", "gw": "10.9.9.9" }]);
    net.with_config("ipam", ipam).add(&c1, "eth0").fails_with(999, "failed to add route");
    host.returns_to(&before);
    c1.shows(expect![[""]]);
    difference("dummy-failed-add-leaves-nothing", || {
        let msg = "IPAM plugin returned missing IP config";
        net.with_config("ipam", json!({ "type": "static" })).add(&c1, "eth0").fails(999, msg);
        c1.shows(expect![[""]]);
    });
}

/// The reference's DEL and STATUS miss an IPAM plugin, too, with other words.
#[test]
fn an_ipam_plugin_is_required() {
    if lacks_plugin("dummy") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = dummy(&host);
    let msg = "dummy interface requires an IPAM configuration";
    for ipam in [json!(null), json!({}), json!({ "type": "" })] {
        let net = net.with_config("ipam", ipam);
        net.add(&c1, "eth0").fails(999, msg);
        net.with_env("CNI_NETNS", "/run/netns/none").add(&c1, "eth0").fails(999, msg);
        net.check(&c1, "eth0").fails(999, msg);
        difference("dummy-del-without-ipam", || drop(net.del(&c1, "eth0").succeeds().silent()));
        difference("dummy-status", || drop(net.status().fails(50, msg)));
    }
    net.status().succeeds().silent();
    let absent = net.with_config("ipam", json!({ "type": "absent" }));
    difference("dummy-status", || drop(absent.status().fails_with(50, "failed to find plugin")));
}

/// GC is the IPAM plugin's; what it cannot be told of is not touched.
#[test]
fn garbage_is_the_ipam_plugins() {
    if lacks_plugin("dummy") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = dummy(&host);
    let mut config = net.config().clone();
    config["type"] = json!("host-local");
    let addresses = host.network(config);
    addresses.add(&c1, "eth0").succeeds();
    addresses.add(&c2, "eth0").succeeds();
    difference("dummy-gc", || {
        net.gc(&[(&c2, "eth0")]).succeeds().silent();
        let leases = host.sh("ls /var/lib/cni/networks/net1");
        assert!(!leases.contains("10.1.2.2\n") && leases.contains("10.1.2.3\n"), "{leases}");
    });
}

/// The reference prints a formatting mistake in place of the path.
#[test]
fn mistakes_are_told() {
    if lacks_plugin("dummy") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = dummy(&host);
    let wrong = net.with_config("ipam", json!([]));
    wrong.add(&c1, "eth0").fails_with(999, "failed to parse network config: ");
    difference("dummy-netns-in-messages", || {
        drop(net.with_env("CNI_NETNS", "/run/netns/none").add(&c1, "eth0").fails(
            999,
            "failed to open netns \"/run/netns/none\": failed to Statfs \"/run/netns/none\": \
             no such file or directory",
        ));
    });
    c1.shows(expect![[""]]);
}
