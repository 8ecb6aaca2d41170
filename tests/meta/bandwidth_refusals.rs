//! bandwidth: what is refused, in which words, and that nothing is left of it.

use cni_testkit::{Container, Host, Namespace, Network, difference};
use serde_json::{Value, json};

use crate::bandwidth::{IFB, bandwidth, both, queues_of};
use crate::wired::wire;

/// Limits are looked at before anything else: there is no such namespace and no previous result.
#[test]
fn rate_and_burst_belong_together() {
    let host = Host::new();
    let c1 = host.container("c1");
    let rate = "if rate is set, burst must also be set";
    let burst = "if burst is set, rate must also be set";
    let good = json!({ "bandwidth": { "ingressRate": 8000, "ingressBurst": 80 } });
    for (keys, msg) in [
        (json!({ "ingressRate": 123 }), rate),
        (json!({ "ingressRate": 0, "ingressBurst": 123 }), burst),
        (json!({ "egressRate": 123, "egressBurst": 0 }), rate),
        (json!({ "egressBurst": 123 }), burst),
        (json!({ "ingressBurst": 1, "egressRate": 1 }), burst),
        (json!({ "ingressBurst": 123, "runtimeConfig": good }), burst),
        (json!({ "runtimeConfig": { "bandwidth": { "egressRate": 123 } } }), rate),
    ] {
        let net = bandwidth(&host, keys).with_env("CNI_NETNS", "/run/netns/gone");
        net.add(&c1, "eth0").fails(999, msg);
        net.check(&c1, "eth0").fails(999, msg);
    }
    let keys = json!({ "ingressRate": 123, "ingressBurst": 0 });
    let failure = bandwidth(&host, keys).add(&c1, "eth0").fails(999, rate);
    difference("bandwidth-values-in-details", || {
        drop(failure.details_are("ingressRate is 123 and ingressBurst is 0"));
    });
}

#[test]
fn bursts_end_before_4_gib() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    let largest: u64 = 4 * (1 << 30) * 8 - 16;
    let with_burst = |burst: u64| {
        bandwidth(&host, json!({ "ingressRate": 1_000_000_000_u64, "ingressBurst": burst }))
            .with_prev_result(result.clone())
    };
    with_burst(largest + 8).add(&c1, "eth0").fails(999, "burst cannot be more than 4GB");
    with_burst(u64::MAX).add(&c1, "eth0").fails(999, "burst cannot be more than 4GB");
    with_burst(largest).add(&c1, "eth0").succeeds();
    difference("bandwidth-overflow", || {
        let shown = queues_of(&host);
        assert!(shown.contains(" rate 1Gbit burst 4096Mb/1 mpu 0b lat 1us "), "{shown}");
    });
}

/// The reference has it refused by the kernel, when half is done.
#[test]
fn less_than_a_byte_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    difference("bandwidth-less-than-a-byte", || {
        for (rate, burst) in [(7, 80), (8000, 7)] {
            let before = host.world();
            let keys = json!({ "ingressRate": 8000, "ingressBurst": 80,
                               "egressRate": rate, "egressBurst": burst });
            let net = bandwidth(&host, keys).with_prev_result(result.clone());
            let failure = net.add(&c1, "eth0");
            let failure = failure.fails(999, "rate and burst must be at least 8 bits");
            failure.details_are(&format!("egressRate is {rate} and egressBurst is {burst}"));
            assert_eq!(host.world(), before);
        }
    });
}

#[test]
fn what_cannot_be_read_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let unreadable = "failed to parse network configuration: ";
    for value in [json!("1M"), json!(-1), json!(1.5), json!([1])] {
        let net = bandwidth(&host, json!({ "ingressRate": value }));
        net.add(&c1, "eth0").fails_with(999, unreadable);
        net.del(&c1, "eth0").fails_with(999, unreadable);
    }
    let net = bandwidth(&host, json!({ "runtimeConfig": { "bandwidth": 1 } }));
    net.add(&c1, "eth0").fails_with(999, unreadable);
}

#[test]
fn a_previous_result_is_needed_and_has_to_be_readable() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bandwidth(&host, both());
    net.add(&c1, "eth0").fails(999, "must be called as chained plugin");
    net.check(&c1, "eth0").fails(999, "must be called as a chained plugin");
    let broken = net.with_prev_result(json!({ "ips": [{ "address": "x" }] }));
    broken.add(&c1, "eth0").fails(
        999,
        "could not parse prevResult: could not parse prevResult: invalid CIDR address: x",
    );
}

#[test]
fn the_namespace_has_to_be_there() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bandwidth(&host, both()).with_prev_result(wire(&host, "vhost", &c1, "eth0"));
    let cause = "failed to Statfs \"/run/netns/gone\": no such file or directory";
    let gone = net.with_env("CNI_NETNS", "/run/netns/gone");
    gone.add(&c1, "eth0").fails_with(999, cause);
    net.with_env("CNI_NETNS", "/run")
        .add(&c1, "eth0")
        .fails_with(999, "unknown FS magic on \"/run\": ");
    difference("bandwidth-netns-in-messages", || {
        let msg = format!("failed to open netns \"/run/netns/gone\": {cause}");
        drop(gone.add(&c1, "eth0").fails(999, &msg));
    });
}

/// ADD and CHECK refuse with these words, and nothing has changed.
#[track_caller]
fn refuses(host: &Host, net: &Network<'_>, c1: &Container, ifname: &str, msg: &str) {
    let before = host.world();
    net.add(c1, ifname).fails(999, msg);
    net.check(c1, ifname).fails(999, msg);
    assert_eq!(host.world(), before);
}

#[test]
fn only_a_veth_pair_with_an_end_on_the_host_can_be_limited() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    host.sh(&format!(
        "ip link add link vhost name macvlan0 netns {} type macvlan mode bridge
         ip link add name vfar type veth peer name eth1 netns {}",
        c1.netns_path(),
        c1.netns_path()
    ));
    let net = bandwidth(&host, both()).with_prev_result(result);
    let no_peer = "has no veth peer";
    for (ifname, cause) in [
        ("eth9", "could not look up \"eth9\": Link not found"),
        ("lo", "interface \"lo\" was not a veth interface"),
        ("macvlan0", "interface \"macvlan0\" was not a veth interface"),
    ] {
        refuses(
            &host,
            &net,
            &c1,
            ifname,
            &format!("container interface {ifname} {no_peer}: {cause}"),
        );
    }
    refuses(&host, &net, &c1, "eth1", "no veth peer of container interface found in host ns");
    let listed = |interfaces: Value| net.with_prev_result(json!({ "interfaces": interfaces }));
    let inside = json!({ "name": "eth0", "sandbox": c1.netns_path() });
    refuses(&host, &listed(json!([])), &c1, "eth0", "no interfaces provided");
    let elsewhere = json!({ "name": "vhost", "sandbox": c1.netns_path() });
    for interfaces in [json!([inside]), json!([elsewhere, inside]), json!([{ "name": "vh" }])] {
        let msg = "no veth peer of container interface found in host ns";
        refuses(&host, &listed(interfaces), &c1, "eth0", msg);
    }
}

/// The pair's other end, in a third namespace, has the index that another link has on the host.
#[test]
fn the_other_end_is_not_any_link_with_its_index() {
    let host = Host::new();
    let (c1, third) = (host.container("c1"), host.container("third"));
    let index = |place: &Namespace, name: &str| {
        place
            .sh(&format!("cat /proc/self/net/dev >/dev/null; ip -o link show {name} | cut -d: -f1"))
    };
    host.sh(&format!(
        "ip link add name decoy type veth peer name far
         ip link set decoy netns {0}; ip -o link show far >/dev/null",
        third.netns_path()
    ));
    third.sh(&format!("ip link add name peer0 type veth peer name eth0 netns {}", c1.netns_path()));
    let wanted = index(&third, "peer0").trim().to_owned();
    host.sh(&format!("ip link add name lookalike index {wanted} type bridge || :"));
    let net = bandwidth(&host, both()).with_prev_result(json!({
        "interfaces": [{ "name": "lookalike" }, { "name": "far" }, { "name": "decoy" }]
    }));
    let msg = format!("veth peer with index {wanted} is not in host ns");
    difference("bandwidth-index-of-another-namespace", || {
        drop(net.add(&c1, "eth0").fails(999, &msg));
    });
}

#[test]
fn the_right_host_end_is_found_among_others() {
    let host = Host::new();
    let c1 = host.container("c1");
    let result = wire(&host, "vhost", &c1, "eth0");
    host.sh("ip link add name other type veth peer name another");
    let mut interfaces = vec![json!({ "name": "other" }), json!({ "name": "another" })];
    interfaces.extend(result["interfaces"].as_array().cloned().unwrap_or_default());
    interfaces.push(json!({ "name": "nowhere" }));
    interfaces.reverse();
    let net = bandwidth(&host, json!({ "ingressRate": 8000, "ingressBurst": 80 }));
    let net = net.with_prev_result(json!({ "interfaces": interfaces }));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(host.exec(&["tc", "qdisc"]).matches("tbf").count(), 1);
    assert!(queues_of(&host).starts_with("qdisc tbf 1: dev vhost root "));
    net.check(&c1, "eth0").succeeds();
}

/// Whatever has the place already stays there, and nothing else is left of the ADD.
#[test]
fn disciplines_and_devices_of_others_are_left_alone() {
    gives_way(
        "tc qdisc add dev vhost root handle 2: tbf rate 1mbit burst 32k latency 20ms",
        "create qdisc: file exists",
    );
    difference("bandwidth-failed-add", || {
        gives_way("tc qdisc add dev vhost ingress", "create ingress qdisc: file exists");
        gives_way("tc qdisc add dev vhost clsact", "create ingress qdisc: file exists");
        gives_way(&format!("ip link add name {IFB} type bridge"), "adding link: file exists");
    });
}

/// ADD fails where others have done this before, and changes nothing.
#[track_caller]
fn gives_way(others: &str, msg: &str) {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bandwidth(&host, both()).with_prev_result(wire(&host, "vhost", &c1, "eth0"));
    host.sh(others);
    let before = host.world();
    net.add(&c1, "eth0").fails(999, msg);
    assert_eq!(host.world(), before);
}
