//! bandwidth: DEL, ADD again, GC and STATUS.

use cni_testkit::{Host, difference, lacks_version};
use serde_json::json;

use crate::bandwidth::{IFB, bandwidth, both, queues_of};
use crate::wired::wire;

#[test]
fn del_takes_the_device_whatever_it_is_told() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, both());
    let wrong = json!({ "ingressRate": 1 });
    for round in 0..5 {
        let before = host.world();
        net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
        assert!(host.world().contains(IFB));
        match round {
            0 => drop(net.without_prev_result().del_without_netns(&c1, "eth0").succeeds()),
            1 => drop(net.with_env("CNI_NETNS", "/run/netns/gone").del(&c1, "eth0").succeeds()),
            2 => drop(net.with_env("CNI_NETNS", "/run").del(&c1, "eth0").succeeds()),
            3 => drop(bandwidth(&host, json!({})).del(&c1, "eth0").succeeds()),
            _ => difference("bandwidth-del-any-limits", || {
                drop(bandwidth(&host, wrong.clone()).del(&c1, "eth0").succeeds());
            }),
        }
        assert!(!host.world().contains("link bwp") || round == 4, "round {round}");
        // The host's end can be reached through the container only.
        net.del(&c1, "eth0").succeeds().silent();
        difference("bandwidth-del-restores", || assert_eq!(host.world(), before));
        for place in ["root", "ingress"] {
            host.output(&["tc", "qdisc", "del", "dev", "vhost", place]);
        }
    }
}

#[test]
fn a_container_that_has_gone_is_no_obstacle() {
    let host = Host::new();
    let before = host.world();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, both());
    net.with_prev_result(result).add(&c1, "eth0").succeeds();
    c1.destroy();
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
    }
    host.returns_to(&before);
}

/// Without limits of its own it still removes what the limits of another day have made.
#[test]
fn del_without_limits_leaves_no_redirection_into_the_void() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let before = host.world();
    let net = bandwidth(&host, json!({ "egressRate": 8_000_000, "egressBurst": 80_000 }));
    net.with_prev_result(result).add(&c1, "eth0").succeeds();
    bandwidth(&host, json!({})).del(&c1, "eth0").succeeds();
    difference("bandwidth-del-restores", || {
        assert_eq!(host.world(), before);
        c1.reaches(&host, "10.1.2.1:80");
    });
}

#[test]
fn an_add_after_del_works() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, both());
    difference("bandwidth-del-restores", || {
        for _ in 0..3 {
            net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds();
            net.del(&c1, "eth0").succeeds();
        }
    });
}

#[test]
fn a_repeated_add_changes_the_limits() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let before = host.world();
    let net = bandwidth(&host, both()).with_prev_result(result.clone());
    net.add(&c1, "eth0").succeeds();
    let old = queues_of(&host);
    difference("bandwidth-repeated-add", || {
        net.add(&c1, "eth0").succeeds();
        assert_eq!(queues_of(&host), old);
        let faster = json!({ "ingressRate": 2_000_000, "ingressBurst": 1_600_000,
                             "egressRate": 16_000, "egressBurst": 160 });
        let faster = bandwidth(&host, faster);
        let added = faster.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
        assert_eq!(added.result()["interfaces"][2]["name"], IFB);
        let expected = old.replace("rate 1Mbit burst 100000b", "rate 2Mbit burst 200000b");
        let expected = expected.replace("rate 8Kbit burst 10b", "rate 16Kbit burst 20b");
        assert_eq!(queues_of(&host), expected);
        faster.check(&c1, "eth0").succeeds();
        faster.del(&c1, "eth0").succeeds();
        assert_eq!(host.world(), before);
    });
}

/// Exactly what somebody took away comes back, on older kernels, too.
#[test]
fn uml_a_repeated_add_restores_what_is_missing() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let net = bandwidth(&host, both());
    net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
    let whole = queues_of(&host);
    difference("bandwidth-repeated-add", || {
        for loss in [
            "tc qdisc del dev vhost root",
            "tc filter del dev vhost parent ffff:",
            "tc qdisc del dev vhost ingress",
            &format!("tc qdisc del dev {IFB} root"),
            &format!("ip link del {IFB}"),
            &format!("ip link del {IFB}; tc qdisc del dev vhost root"),
        ] {
            host.sh(loss);
            let failure = net.check(&c1, "eth0");
            assert!(!failure.is_success(), "{loss}");
            net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
            net.check(&c1, "eth0").succeeds();
            assert_eq!(queues_of(&host), whole, "{loss}");
        }
        host.sh(&format!("ip link set {IFB} down mtu 1300"));
        net.with_prev_result(result.clone()).add(&c1, "eth0").succeeds();
        assert!(host.shown().contains(&format!("link {IFB} up\n")));
    });
}

#[test]
fn gc_takes_the_devices_of_this_networks_vanished_attachments() {
    if lacks_version("bandwidth", "1.1.0") {
        return;
    }
    let host = Host::new();
    let [alive, vanished, foreign] = ["alive", "vanished", "foreign"].map(|id| host.container(id));
    let net = bandwidth(&host, both());
    // A network whose name begins like the other's.
    let other = bandwidth(&host, both()).with_config("name", json!("net1.1"));
    for (net, container, host_end) in
        [(&net, &alive, "valive"), (&net, &vanished, "vvanished"), (&other, &foreign, "vforeign")]
    {
        let result = wire(&host, host_end, container, "eth0");
        host.sh(&format!("ip addr del 10.1.2.1/24 dev {host_end}"));
        net.with_prev_result(result).add(container, "eth0").succeeds();
    }
    // One that the reference has made.
    host.sh("ip link add name bwp0123456789ab type ifb");
    vanished.destroy();
    let devices = || host.sh("ip -o link show type ifb | grep -o 'alias.*' || :");
    difference("bandwidth-gc", || {
        net.gc(&[(&alive, "eth0")]).succeeds().silent();
        assert_eq!(
            devices(),
            "alias cni-bandwidth:net1/alive/eth0\nalias cni-bandwidth:net1.1/foreign/eth0\n"
        );
        net.check(&alive, "eth0").succeeds();
        // The interface counts, not only the container.
        net.gc(&[(&alive, "eth1")]).succeeds();
        assert_eq!(devices(), "alias cni-bandwidth:net1.1/foreign/eth0\n");
        other.gc(&[]).succeeds();
        let left = host.sh("ip -o link show type ifb");
        assert!(left.lines().count() == 1 && left.contains("bwp0123456789ab"), "{left}");
    });
}

#[test]
fn without_a_list_nothing_is_collected() {
    if lacks_version("bandwidth", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bandwidth(&host, both());
    net.with_prev_result(wire(&host, "vhost", &c1, "eth0")).add(&c1, "eth0").succeeds();
    let before = host.world();
    host.invoke("bandwidth").command("GC").config(net.config()).run().succeeds();
    assert_eq!(host.world(), before);
}

#[test]
fn status_knows_wrong_limits() {
    if lacks_version("bandwidth", "1.1.0") {
        return;
    }
    let host = Host::new();
    bandwidth(&host, both()).status().succeeds().silent();
    difference("bandwidth-status", || {
        let net = bandwidth(&host, json!({ "egressRate": 1000 }));
        drop(net.status().fails(999, "if rate is set, burst must also be set"));
    });
}
