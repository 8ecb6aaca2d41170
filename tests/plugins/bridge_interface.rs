//! bridge: the keys about the veth pair, the port and the bridge itself.

use cni_testkit::{Host, Namespace, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack};

/// What `ip -d` says about a link.
fn link(place: &Namespace, name: &str) -> Value {
    let links = place.exec(&["ip", "-d", "-j", "link", "show", name]);
    let mut links: Value = serde_json::from_str(&links).expect("ip -j prints JSON");
    links[0].take()
}

fn sysctl(place: &Namespace, name: &str) -> String {
    place.exec(&["cat", &format!("/proc/sys/net/{name}")]).trim().to_owned()
}

/// The host's end of the attachment in a result.
fn port_of(result: &Value) -> String {
    result["interfaces"][1]["name"].as_str().expect("a result lists the port").to_owned()
}

#[test]
fn mtu_is_for_both_ends_and_a_new_bridge() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "mtu": 1400 }));
    net.add(&c1, "eth0").succeeds();
    net.with_config("mtu", json!(1300)).add(&c2, "eth0").succeeds();
    host.shows(expect![[r#"
        link <veth:1> up mtu 1400 controller cni0
        link <veth:2> up mtu 1300 controller cni0
        link cni0 up mtu 1300
    "#]]);
    c2.shows(expect![[r#"
        link eth0 up mtu 1300
        addr 10.1.2.3/24 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
    "#]]);
}

/// Of a bridge that exists, the MTU stays.
#[test]
fn an_existing_bridge_keeps_its_mtu() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("ip link add cni0 mtu 1450 type bridge; ip link add p0 mtu 1450 type veth peer name p1
             ip link set p0 master cni0");
    bridge(&host, json!({ "mtu": 1480 })).add(&c1, "eth0").succeeds();
    assert_eq!(link(&host, "cni0")["mtu"], 1450);
}

#[test]
fn an_mtu_of_zero_or_less_is_the_kernels_choice() {
    for mtu in [0, -7] {
        let host = Host::new();
        let c1 = host.container("c1");
        bridge(&host, json!({ "mtu": mtu })).add(&c1, "eth0").succeeds();
        assert_eq!(link(&c1, "eth0")["mtu"], 1500);
    }
}

#[test]
fn hairpin_mode_and_isolation_are_flags_of_the_port() {
    if lacks_release("1.5.0") {
        return;
    }
    for (hairpin, isolated) in [(false, false), (true, false), (false, true), (true, true)] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ "hairpinMode": hairpin, "portIsolation": isolated }));
        let port = port_of(&net.add(&c1, "eth0").succeeds().result());
        let flags = &link(&host, &port)["linkinfo"]["info_slave_data"];
        assert_eq!(flags["hairpin"], hairpin);
        assert_eq!(flags["isolated"], isolated);
    }
}

/// Isolated ports reach the bridge, but not each other.
#[test]
fn isolated_containers_reach_the_host_only() {
    if lacks_release("1.5.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true, "portIsolation": true }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    c1.reaches(&host, "10.1.2.1:80");
    c1.cannot_reach(&c2, "10.1.2.3:80", cni_testkit::Blocked::Silently);
}

/// Promiscuous mode is switched on, and never off.
#[test]
fn promiscuous_mode_is_only_switched_on() {
    let host = Host::new();
    let (c1, c2, c3) = (host.container("c1"), host.container("c2"), host.container("c3"));
    let net = bridge(&host, json!({}));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(link(&host, "cni0")["promiscuity"], 0);
    let promiscuous = net.with_config("promiscMode", json!(true));
    promiscuous.add(&c2, "eth0").succeeds();
    assert_eq!(link(&host, "cni0")["promiscuity"], 1);
    promiscuous.check(&c2, "eth0").succeeds();
    net.add(&c3, "eth0").succeeds();
    assert_eq!(link(&host, "cni0")["promiscuity"], 1);
}

/// `CNI_ARGS` is overridden by `args.cni`, and that by `runtimeConfig`; keys have any case.
#[test]
fn a_hardware_address_is_taken_from_the_strongest_source() {
    let host = Host::new();
    let (arguments, args, runtime) = (
        "IgnoreUnknown=1;MAC=02:00:00:00:00:01",
        json!({ "cni": { "mac": "02:00:00:00:00:02" } }),
        json!({ "mac": "02:00:00:00:00:03" }),
    );
    let cases = [
        (Some(arguments), json!({}), "02:00:00:00:00:01"),
        (Some("IgnoreUnknown=true;MAC="), json!({ "args": args }), "02:00:00:00:00:02"),
        (Some(arguments), json!({ "args": args }), "02:00:00:00:00:02"),
        (Some(arguments), json!({ "args": args, "RuntimeConfig": runtime }), "02:00:00:00:00:03"),
        (None, json!({ "runtimeConfig": { "mac": "02-00-00-00-00-AB" } }), "02:00:00:00:00:ab"),
        (None, json!({ "runtimeConfig": { "mac": "0200.0000.00cd" } }), "02:00:00:00:00:cd"),
        (
            Some("IgnoreUnknown=1;K8S_POD_NAME=a;MAC=02:00:00:00:00:04"),
            json!({}),
            "02:00:00:00:00:04",
        ),
    ];
    for (number, (arguments, keys, expected)) in cases.into_iter().enumerate() {
        let container = host.container(&format!("c{number}"));
        let mut net = bridge(&host, keys);
        if let Some(arguments) = arguments {
            net = net.with_args(arguments);
        }
        let result = net.add(&container, "eth0").succeeds().result();
        assert_eq!(result["interfaces"][2]["mac"], expected);
        assert_eq!(link(&container, "eth0")["address"], expected);
        assert_ne!(result["interfaces"][1]["mac"], expected, "the other end has its own");
    }
}

/// The queues of a veth pair as the reference leaves them.
#[test]
fn the_hosts_end_has_no_queue() {
    if lacks_release("1.2.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let port = port_of(&bridge(&host, json!({})).add(&c1, "eth0").succeeds().result());
    assert_eq!(link(&host, &port)["txqlen"].as_u64().unwrap_or(0), 0);
    assert_eq!(link(&c1, "eth0")["txqlen"], 1000);
}

/// Containers cannot configure the host by router advertisements (CVE-2020-10749).
#[test]
fn the_host_takes_no_router_advertisements() {
    let host = Host::new();
    let c1 = host.container("c1");
    let port = port_of(&bridge(&host, json!({})).add(&c1, "eth0").succeeds().result());
    for name in ["cni0", &port] {
        assert_eq!(sysctl(&host, &format!("ipv6/conf/{name}/accept_ra")), "0");
    }
}

/// Settings in the container: nobody waits for duplicate address detection, ARP is announced.
#[test]
fn addresses_are_usable_and_announced_at_once() {
    if lacks_release("1.4.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    bridge(&host, json!({ "isGateway": true, "ipam": dual_stack() })).add(&c1, "eth0").succeeds();
    assert_eq!(sysctl(&c1, "ipv6/conf/eth0/accept_dad"), "0");
    assert_eq!(sysctl(&c1, "ipv4/conf/eth0/arp_notify"), "1");
    assert_eq!(sysctl(&c1, "ipv6/conf/eth0/keep_addr_on_down"), "1");
    assert_eq!(c1.exec(&["ip", "-6", "addr", "show", "tentative"]), "");
}

#[test]
fn duplicate_address_detection_is_waited_for_on_demand() {
    if lacks_release("1.4.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true, "enabledad": true, "ipam": dual_stack() }));
    net.add(&c1, "eth0").succeeds();
    assert_eq!(sysctl(&c1, "ipv6/conf/eth0/accept_dad"), "1");
    assert_eq!(sysctl(&c1, "ipv6/conf/eth0/enhanced_dad"), "1");
    assert_eq!(c1.exec(&["ip", "-6", "addr", "show", "tentative"]), "");

    // Another network hands out the same address; it is found out and nothing stays.
    let before = host.world();
    net.with_config("name", json!("net2")).add(&c2, "eth0").fails(
        999,
        r#"failed to settle addresses for "eth0": link eth0 has address fd00:1::2 in DADFAILED state"#,
    );
    assert_eq!(host.world(), before);
}

/// A name in upper case, one nobody knows and one without a value.
#[test]
fn keys_are_read_as_the_reference_reads_them() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(
        &host,
        json!({ "BRIDGE": "ignored", "MTU": 1400, "isgateway": true,
                                    "vlanTrunk": null, "ipMasqBackend": null, "other": {} }),
    );
    // The exact name wins: `bridge` comes last in this document, as its keys are sorted.
    net.add(&c1, "eth0").succeeds();
    host.shows(expect![[r#"
        link <veth:1> up mtu 1400 controller cni0
        link cni0 up mtu 1400
        addr 10.1.2.1/24 dev cni0
        route 10.1.2.0/24 dev cni0 scope link
    "#]]);
}
