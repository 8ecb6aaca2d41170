//! bandwidth: what an attachment consists of, and where the limits come from.

use cni_testkit::{Container, Host, Network, difference, lacks_version};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::wired::wire;

/// The network `net1` of the plugin, with these keys.
pub fn bandwidth(host: &Host, keys: Value) -> Network<'_> {
    let mut config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "bandwidth" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// Limits of both directions.
pub fn both() -> Value {
    json!({ "ingressRate": 1_000_000, "ingressBurst": 800_000,
            "egressRate": 8000, "egressBurst": 80 })
}

/// The name of the device of net1's container c1.
pub const IFB: &str = "bwpc2d892b58e87";

/// Compares the queueing disciplines that somebody asked for, and the filters of `vhost`.
#[track_caller]
pub fn queues(host: &Host, expected: Expect) {
    expected.assert_eq(&queues_of(host));
}

/// The text [`queues`] compares.
#[track_caller]
pub fn queues_of(host: &Host) -> String {
    host.sh("{
        tc -d qdisc show | grep -v ' noqueue \\| pfifo_fast ' | sed 's/ refcnt [0-9]*//'
        tc filter show dev vhost parent ffff: | grep -v ' ht divisor \\|^$\\|\\bindex\\b' || :
        } | sed 's/ *$//'")
}

#[test]
fn an_attachment_is_a_limit_on_the_hosts_end_and_a_device() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    host.sh("ip link set vhost mtu 1024");
    let net = bandwidth(&host, both());
    net.with_prev_result(result).add(&c1, "eth0").succeeds().result_is("bandwidth/both-1.1.0");
    host.shows(expect![[r#"
        link bwpc2d892b58e87 up mtu 1024
        link vhost up mtu 1024
    "#]]);
    queues(
        &host,
        expect![[r#"
            qdisc tbf 1: dev vhost root rate 1Mbit burst 100000b/1 mpu 0b lat 25ms linklayer unspec
            qdisc ingress ffff: dev vhost parent ffff:fff1 ----------------
            qdisc tbf 1: dev bwpc2d892b58e87 root rate 8Kbit burst 10b/1 mpu 0b lat 25ms linklayer unspec
            filter protocol all pref 1 u32 chain 0
            filter protocol all pref 1 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:1 not_in_hw
              match 00000000/00000000 at 0
            	action order 1: mirred (Egress Redirect to device bwpc2d892b58e87) stolen
            	action order 2: mirred (Egress Redirect to device bwpc2d892b58e87) pass
        "#]],
    );
    let device = host.exec(&["ip", "-d", "link", "show", IFB]);
    assert!(!device.contains("qlen"), "{device}");
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
}

#[test]
fn each_direction_can_be_limited_alone() {
    for (keys, shaped) in [
        (
            json!({ "ingressRate": 8000, "ingressBurst": 80 }),
            expect![[r#"
                qdisc tbf 1: dev vhost root rate 8Kbit burst 10b/1 mpu 0b lat 25ms linklayer unspec
            "#]],
        ),
        (
            json!({ "egressRate": 8000, "egressBurst": 80 }),
            expect![[r#"
                qdisc ingress ffff: dev vhost parent ffff:fff1 ----------------
                qdisc tbf 1: dev bwpc2d892b58e87 root rate 8Kbit burst 10b/1 mpu 0b lat 25ms linklayer unspec
                filter protocol all pref 1 u32 chain 0
                filter protocol all pref 1 u32 chain 0 fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:1 not_in_hw
                  match 00000000/00000000 at 0
                	action order 1: mirred (Egress Redirect to device bwpc2d892b58e87) stolen
                	action order 2: mirred (Egress Redirect to device bwpc2d892b58e87) pass
            "#]],
        ),
        (
            json!({ "ingressRate": 8000, "ingressBurst": 80, "egressRate": 0, "egressBurst": 0 }),
            expect![[r#"
                qdisc tbf 1: dev vhost root rate 8Kbit burst 10b/1 mpu 0b lat 25ms linklayer unspec
            "#]],
        ),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let result = wire(&host, "vhost", &c1, "eth0");
        let net = bandwidth(&host, keys);
        net.with_prev_result(result).add(&c1, "eth0").succeeds();
        queues(&host, shaped);
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
    }
}

#[test]
fn every_version_gets_its_own_document() {
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        if lacks_version("bandwidth", version) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let mut result = wire(&host, "vhost", &c1, "eth0");
        if version < "1" {
            result["ips"][0]["version"] = "4".into();
        }
        let net = bandwidth(&host, both()).with_config("cniVersion", version.into());
        let added = net.with_prev_result(result).add(&c1, "eth0");
        added.succeeds().result_is(&format!("bandwidth/both-{version}"));
        net.del(&c1, "eth0").succeeds();
    }
}

/// Versions without interfaces cannot say which the host's end is.
#[test]
fn older_versions_are_not_supported() {
    let host = Host::new();
    let c1 = host.container("c1");
    for version in ["", "0.1.0", "0.2.0"] {
        let net = bandwidth(&host, both()).with_config("cniVersion", version.into());
        net.add(&c1, "eth0").fails(1, "incompatible CNI versions");
    }
}

/// They came with release 1.5.0 and went with 1.6.0.
#[test]
fn keys_of_release_1_5_mean_nothing() {
    let keys = json!({ "ingressRate": 8000, "ingressBurst": 80,
                       "shapedSubnets": ["x"], "unshapedSubnets": 4 });
    assert_eq!(rate(keys).as_deref(), Some("8Kbit"));
}

/// Attaches with these keys and returns the rate of the limit of what the container receives.
fn rate(keys: Value) -> Option<String> {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, keys);
    net.with_prev_result(result).add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    let shown = host.exec(&["tc", "qdisc", "show", "dev", "vhost"]);
    shown
        .split_once(" rate ")
        .and_then(|(_, rest)| rest.split_once(' '))
        .map(|(rate, _)| rate.into())
}

#[test]
fn the_networks_limits_go_before_the_runtimes() {
    let runtime = json!({ "bandWidth": { "ingressRate": 8000, "ingressBurst": 80 } });
    assert_eq!(rate(json!({ "RuntimeConfig": runtime })).as_deref(), Some("8Kbit"));
    let own = json!({ "ingressRate": 16000, "ingressBurst": 80, "runtimeConfig": runtime });
    assert_eq!(rate(own).as_deref(), Some("16Kbit"));
    // Also where they say that there is none.
    assert_eq!(rate(json!({ "egressBurst": 0, "runtimeConfig": runtime })), None);
    difference("bandwidth-null", || {
        let silent = json!({ "egressBurst": null, "runtimeConfig": runtime });
        assert_eq!(rate(silent).as_deref(), Some("8Kbit"));
    });
}

/// Neither the namespace nor the interface is looked at.
#[test]
fn without_limits_there_is_nothing_to_do() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = json!({ "interfaces": [{ "name": "nowhere" }], "dns": { "domain": "example" } });
    let zeros = json!({ "ingressRate": 0, "ingressBurst": 0, "egressRate": 0, "egressBurst": 0 });
    let before = host.world();
    for keys in [json!({}), zeros] {
        let net = bandwidth(&host, keys).with_prev_result(result.clone());
        let net = net.with_env("CNI_NETNS", "/run/netns/gone");
        let added = net.add(&c1, "eth9").succeeds().result();
        assert_eq!((&added["interfaces"], &added["dns"]), (&result["interfaces"], &result["dns"]));
        net.del(&c1, "eth9").succeeds().silent();
    }
    assert_eq!(host.world(), before);
    // The reference crashes.
    difference("bandwidth-without-previous-result", || {
        let msg = "must be called as chained plugin";
        bandwidth(&host, json!({})).add(&c1, "eth0").fails(999, msg);
    });
}

/// A second interface of a container in a network.
fn second(host: &Host, c1: &Container) -> Value {
    let result = wire(host, "vother", c1, "eth1");
    host.sh("ip addr del 10.1.2.1/24 dev vother");
    result
}

#[test]
fn a_container_may_have_several_limited_interfaces() {
    difference("bandwidth-several-interfaces", || {
        let host = Host::new();
        let c1 = host.container("c1");
        let (one, other) = (wire(&host, "vhost", &c1, "eth0"), second(&host, &c1));
        let clean = host.world();
        let net = bandwidth(&host, both());
        net.with_prev_result(one).add(&c1, "eth0").succeeds();
        let with_one = host.world();
        net.with_prev_result(other.clone()).add(&c1, "eth1").succeeds();
        for ifname in ["eth0", "eth1"] {
            net.check(&c1, ifname).succeeds();
        }
        net.del(&c1, "eth1").succeeds();
        assert_eq!(host.world(), with_one);
        net.check(&c1, "eth0").succeeds();
        // The names do not depend on who goes first.
        net.with_prev_result(other).add(&c1, "eth1").succeeds();
        net.del(&c1, "eth0").succeeds();
        net.check(&c1, "eth1").succeeds();
        net.del_without_netns(&c1, "eth0").succeeds();
        net.check(&c1, "eth1").succeeds();
        net.del(&c1, "eth1").succeeds();
        assert_eq!(host.world(), clean);
    });
}
