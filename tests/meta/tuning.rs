//! tuning: attributes of the interface, where they come from, and what is reported.

use cni_testkit::{Host, against_reference, difference, lacks_release};
use serde_json::{Value, json};

use crate::tuned::{MAC, attached, link, network, previous};

const ALL: &str = "02:00:00:00:00:0a mtu 1400 qlen 1000 promiscuity 1 allmulti";

fn all() -> Value {
    json!({ "mac": "02-00-00-00-00-0A", "promisc": true, "mtu": 1400, "allmulti": true })
}

#[test]
fn every_attribute_is_set_recorded_and_restored() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let before = link(&c1);
    assert_eq!(before, format!("{MAC} mtu 1500 qlen 1000 promiscuity 0"));
    let world = host.world();
    let net = network(&host, &c1, all());
    net.add(&c1, "eth0").succeeds();
    assert_eq!(link(&c1), ALL);
    let recorded = host.sh("cat /run/cni/tuning/c1_eth0.json");
    let originals = "{
 \"mac\": \"02:00:00:00:00:01\",
 \"promisc\": false,
 \"mtu\": 1500,
 \
                     \"allmulti\": false";
    assert!(recorded.starts_with(originals), "{recorded}");
    difference("tuning-record-network", || {
        assert_eq!(recorded, format!("{originals},\n \"network\": \"net1\"\n}}"));
    });
    assert_eq!(host.sh("stat -c %a /run/cni/tuning/c1_eth0.json"), "600\n");
    difference("tuning-folder-mode", || {
        assert_eq!(host.sh("stat -c %a /run/cni/tuning"), "755\n");
    });
    difference("tuning-check-mac", || drop(net.check(&c1, "eth0").succeeds().silent()));
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
        assert_eq!(link(&c1), before);
        assert_eq!(host.world(), world);
    }
}

/// What is promiscuous or takes all multicast already does so after DEL, too.
#[test]
fn what_was_on_before_is_on_after() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    c1.sh("ip link set eth0 promisc on allmulticast on");
    let net = network(&host, &c1, json!({ "promisc": true, "allmulti": false }));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen 1000 promiscuity 1"));
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen 1000 promiscuity 1 allmulti"));
}

/// Zero is a length, too, and the one of the container goes first.
#[test]
fn the_queue_has_its_length() {
    if lacks_release("1.2.0") {
        return;
    }
    for (keys, len) in [
        (json!({ "txQLen": 20000 }), 20000),
        (json!({ "txqlen": 0 }), 0),
        (json!({ "txQLen": 5, "args": { "cni": { "txQLen": 20 } } }), 20),
    ] {
        let host = Host::new();
        let c1 = attached(&host, "c1");
        let net = network(&host, &c1, keys);
        net.add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen {len} promiscuity 0"));
        let recorded = host.sh("cat /run/cni/tuning/c1_eth0.json");
        assert!(recorded.starts_with("{\n \"txQLen\": 1000"), "{recorded}");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen 1000 promiscuity 0"));
    }
}

/// Each from the network, and each said about the container.
#[test]
fn the_containers_own_values_go_first() {
    for (keys, shown) in [
        (
            json!({ "mac": "02:00:00:00:00:0a" }),
            "02:00:00:00:00:0a mtu 1500 qlen 1000 promiscuity 0",
        ),
        (json!({ "promisc": true }), "02:00:00:00:00:01 mtu 1500 qlen 1000 promiscuity 1"),
        (json!({ "mtu": 1454 }), "02:00:00:00:00:01 mtu 1454 qlen 1000 promiscuity 0"),
        (
            json!({ "allmulti": true }),
            "02:00:00:00:00:01 mtu 1500 qlen 1000 promiscuity 0 allmulti",
        ),
    ] {
        let other =
            json!({ "mac": "02:00:00:00:00:0f", "mtu": 1300, "allmulti": false, "txQLen": 3 });
        let mut of_network = keys.clone();
        for (key, value) in other.as_object().expect("keys") {
            if keys[key].is_null() {
                continue;
            }
            of_network[key] = value.clone();
        }
        of_network["args"] = json!({ "cni": keys });
        for keys in [keys, of_network] {
            let host = Host::new();
            let c1 = attached(&host, "c1");
            let net = network(&host, &c1, keys);
            net.add(&c1, "eth0").succeeds();
            assert_eq!(link(&c1), shown);
            net.check(&c1, "eth0").succeeds();
            net.del(&c1, "eth0").succeeds();
            assert_eq!(link(&c1), format!("{MAC} mtu 1500 qlen 1000 promiscuity 0"));
        }
    }
}

#[test]
fn the_runtime_may_choose_the_hardware_address() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let mac = || link(&c1).split(' ').next().unwrap_or_default().to_owned();
    let net = network(&host, &c1, json!({ "mac": "02:00:00:00:00:0a" }));
    let with_args = net.with_args("IgnoreUnknown=true;MAC=02:00:00:00:00:0b;K8S_POD_NAME=p");
    with_args.add(&c1, "eth0").succeeds();
    assert_eq!(mac(), "02:00:00:00:00:0b");
    with_args.check(&c1, "eth0").succeeds();
    with_args.del(&c1, "eth0").succeeds();
    let runtime = json!({ "mac": "02:00:00:00:00:0c" });
    let with_runtime = with_args.with_config("RuntimeConfig", runtime);
    with_runtime.add(&c1, "eth0").succeeds();
    assert_eq!(mac(), "02:00:00:00:00:0c");
    with_runtime.del(&c1, "eth0").succeeds();
    assert_eq!(mac(), MAC);
    let failure = net.with_args("MAC=x;IgnoreUnknown=maybe").add(&c1, "eth0");
    failure.fails(
        999,
        "ARGS: error parsing value of pair \"IgnoreUnknown=maybe\": boolean unmarshal error: \
         invalid input maybe",
    );
    assert_eq!(mac(), MAC);
}

/// In every version. The host's interface of the same name has its own address.
#[test]
fn the_result_is_passed_on_with_the_new_address() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let net = network(&host, &c1, json!({ "mac": "02:00:00:00:00:0a" }));
    for version in ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0"] {
        let before = previous(&c1, version);
        let mut expected = before.clone();
        if version >= "0.3.0" {
            expected["interfaces"][1]["mac"] = json!("02:00:00:00:00:0a");
        }
        let net = net.with_config("cniVersion", json!(version)).with_prev_result(before);
        let mut result = net.add(&c1, "eth0").succeeds().result();
        if against_reference() && version >= "1.0.0" {
            // Older releases print an empty `dns`.
            result.as_object_mut().expect("a result").remove("dns");
        }
        assert_eq!(result, expected, "{version}");
        net.del(&c1, "eth0").succeeds();
    }
}

#[test]
fn the_result_tells_what_the_interface_is_now() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let mut before = previous(&c1, "1.0.0");
    before["interfaces"][0]["name"] = json!("eth0");
    let net = network(&host, &c1, all()).with_prev_result(before);
    difference("tuning-result", || {
        net.add(&c1, "eth0").succeeds().result_is("tuning/all");
    });
}

/// Nothing but settings: no file, and the interface is not looked at.
#[test]
fn without_attributes_there_is_no_record() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let world = host.world();
    let net =
        network(&host, &c1, json!({ "sysctl": { "net.ipv4.conf.IFNAME.log_martians": "1" } }));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(c1.sh("cat /proc/sys/net/ipv4/conf/eth0/log_martians"), "1\n");
    assert_eq!(host.world(), world);
    net.del(&c1, "eth0").succeeds();
}

#[test]
fn records_may_be_kept_elsewhere() {
    let host = Host::new();
    let c1 = attached(&host, "c1");
    let keys = json!({ "mtu": 1300, "dataDir": "/run/elsewhere/deep" });
    let net = network(&host, &c1, keys);
    net.add(&c1, "eth0").succeeds();
    host.sh("test -e /run/elsewhere/deep/c1_eth0.json; test ! -e /run/cni/tuning");
    net.del(&c1, "eth0").succeeds();
    host.sh("test ! -e /run/elsewhere/deep/c1_eth0.json");
    assert!(link(&c1).contains("mtu 1500"));
}
