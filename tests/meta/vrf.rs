//! vrf: an interface moves with all it has, and traffic stays inside.

use cni_testkit::{Blocked, Container, Feature, Host, Network, difference, lacks};
use expect_test::expect;
use serde_json::{Value, json};

/// The network `net1`, whose interfaces go into the VRF `blue`, with these keys added or replaced.
pub fn network(host: &Host, keys: Value) -> Network<'_> {
    let mut config = json!({
        "cniVersion": "1.1.0", "name": "net1", "type": "vrf", "vrfname": "blue"
    });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config).with_prev_result(previous())
}

/// What the plugin before has answered; more than is there, as nothing of it is looked at.
pub fn previous() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [{ "name": "eth0", "mac": "02:00:00:00:00:01", "sandbox": "/run/netns/x" }],
        "ips": [{ "interface": 0, "address": "10.1.2.2/24", "gateway": "10.1.2.1" }],
        "routes": [{ "dst": "10.7.0.0/16", "gw": "10.1.2.1" }],
        "dns": { "nameservers": ["10.1.2.1"] }
    })
}

/// Cables an interface of a container, with addresses, to `eth0` of another one.
pub fn wire(container: &Container, ifname: &str, own: &[&str], far: &Container, there: &[&str]) {
    let address = |ifname: &str, addresses: &[&str]| -> String {
        let add = |address: &&str| {
            let nodad = if address.contains(':') { "nodad" } else { "" };
            format!("ip addr add {address} dev {ifname} {nodad}\n")
        };
        addresses.iter().map(add).collect()
    };
    container.sh(&format!(
        "ip link add name {ifname} type veth peer name eth0 netns {}\n{}ip link set {ifname} up",
        far.netns_path(),
        address(ifname, own)
    ));
    far.sh(&format!("{}ip link set eth0 up", address("eth0", there)));
    container.sh(&format!("until ip link show {ifname} | grep -q LOWER_UP; do :; done"));
}

/// Lets the kernel add its rule for VRFs, which it never takes back.
pub fn with_the_rule(container: &Container) {
    container.sh("ip link add name first type vrf table 999; ip link del first");
}

const ROUTES: &str = "
    ip route add 10.99.0.0/16 dev eth0
    ip route add 10.98.0.0/16 via 10.1.2.1 metric 50 mtu 1300 src 10.1.2.2
    ip route add 10.97.0.0/16 nexthop via 10.1.2.1 nexthop via 10.1.2.3
    ip route add 10.96.0.0/16 via 10.200.0.1 dev eth0 onlink proto static
    ip route add 10.95.0.0/16 via 10.1.2.1 table 100
    ip route add default via 10.1.2.1
    ip route append default via 10.1.2.3
    ip route add fd09::/64 via fd00::1 metric 77 src fd00::2
    ip route add fd08::/64 dev eth0
    ip route add default via fd00::1";

#[test]
fn uml_an_interface_moves_with_addresses_and_routes() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let (c1, far) = (host.container("c1"), host.container("far"));
    wire(&c1, "eth0", &["10.1.2.2/24", "fd00::2/64"], &far, &["10.1.2.1/24", "fd00::1/64"]);
    c1.sh(ROUTES);
    c1.sh("ip addr add fd00::3/128 dev eth0 preferred_lft 0 valid_lft 5000 nodad");
    let net = network(&host, json!({}));
    assert_eq!(net.add(&c1, "eth0").succeeds().result(), {
        let mut result = previous();
        result["cniVersion"] = net.config()["cniVersion"].clone();
        result
    });
    // It differs from kernel to kernel.
    c1.sh("ip link set blue mtu 1500");
    difference("vrf-routes", || {
        let defaults = c1.sh("ip route show table 1 default");
        assert!(defaults.starts_with("default via 10.1.2.1 "), "{defaults}");
        c1.shows(expect![[r#"
            link blue up
            link eth0 up controller blue
            addr 10.1.2.2/24 dev eth0
            addr fd00::2/64 dev eth0
            addr fd00::3/128 dev eth0
            route default via 10.1.2.1 dev eth0 table 1
            route default via 10.1.2.3 dev eth0 table 1
            route default via fd00::1 dev eth0 table 1
            route 10.1.2.0/24 dev eth0 table 1 scope link
            route 10.95.0.0/16 via 10.1.2.1 dev eth0 table 100
            route 10.96.0.0/16 via 10.200.0.1 dev eth0 table 1 onlink
            route 10.97.0.0/16 nexthop via 10.1.2.1 dev eth0 nexthop via 10.1.2.3 dev eth0 table 1
            route 10.98.0.0/16 via 10.1.2.1 dev eth0 table 1 metric 50 src 10.1.2.2 mtu 1300
            route 10.99.0.0/16 dev eth0 table 1 scope link
            route fd00::/64 dev eth0 table 1
            route fd00::3 dev eth0 table 1
            route fd08::/64 dev eth0 table 1
            route fd09::/64 via fd00::1 dev eth0 table 1 metric 77 src fd00::2
            rule 1000 from all lookup [l3mdev-table]
        "#]]);
    });
    let lifetimes = c1.sh("ip -6 addr show dev eth0 | grep -A1 fd00::3");
    assert!(lifetimes.contains("deprecated") && lifetimes.contains("sec"), "{lifetimes}");
    difference("vrf-no-detection", || {
        // The kernel may check its own, the link-local one, at any time.
        let addresses = c1.sh("ip -6 addr show dev eth0 scope global");
        assert!(!addresses.contains("tentative"), "{addresses}");
    });
    net.check(&c1, "eth0").succeeds().silent();
    // Listeners that are bound to no VRF answer in all, where that is switched on.
    c1.sh("sysctl -qw net.ipv4.tcp_l3mdev_accept=1");
    far.reaches(&c1, "10.1.2.2:80");
    far.reaches(&c1, "[fd00::2]:80");
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
    }
    assert!(!c1.shown().contains("blue"));
}

/// A container that routes between its interfaces: two VRFs with the same addresses.
#[test]
fn uml_traffic_stays_in_its_vrf() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let router = host.container("router");
    router.sh("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1");
    let ends: Vec<Container> =
        (0..4).map(|number| host.container(&format!("end{number}"))).collect();
    for (number, end) in ends.iter().enumerate() {
        let side = number % 2;
        wire(
            &router,
            &format!("eth{number}"),
            &[&format!("10.1.{side}.1/24"), &format!("fd00:{side}::1/64")],
            end,
            &[&format!("10.1.{side}.2/24"), &format!("fd00:{side}::2/64")],
        );
        end.sh(&format!(
            "ip route add default via 10.1.{side}.1
            ip route add default via fd00:{side}::1"
        ));
        let vrf = if number < 2 { "blue" } else { "red" };
        let net = network(&host, json!({ "vrfname": vrf }));
        net.add(&router, &format!("eth{number}")).succeeds();
        net.check(&router, &format!("eth{number}")).succeeds();
    }
    // The token proves which of the two that have the address has answered.
    for pair in ends.chunks(2) {
        let [near, far] = pair else { panic!("two ends") };
        for (source, target, side) in [(near, far, 1), (far, near, 0)] {
            source.reaches(target, &format!("10.1.{side}.2:80"));
            source.reaches(target, &format!("[fd00:{side}::2]:80"));
        }
    }
    ends[0].cannot_reach(&ends[3], "10.1.1.2:81", Blocked::Refused);
    let blue = network(&host, json!({}));
    blue.del(&router, "eth1").succeeds();
    ends[0].cannot_reach(&ends[1], "10.1.1.2:80", Blocked::Silently);
    ends[2].reaches(&ends[3], "10.1.1.2:80");
}

/// The reference's second member takes the routes of the first one.
#[test]
fn uml_a_vrf_lives_as_long_as_it_has_members() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let ends = [host.container("end0"), host.container("end1")];
    for (number, end) in ends.iter().enumerate() {
        let (own, there) = (format!("10.1.{number}.2/24"), format!("10.1.{number}.1/24"));
        let (own6, there6) = (format!("fd00:{number}::2/64"), format!("fd00:{number}::1/64"));
        wire(&c1, &format!("eth{number}"), &[&own, &own6], end, &[&there, &there6]);
    }
    with_the_rule(&c1);
    let before = c1.shown();
    let net = network(&host, json!({ "table": 1001 }));
    c1.sh("ip route add default via 10.1.0.1; ip route add default via fd00:0::1");
    net.add(&c1, "eth0").succeeds();
    c1.sh("ip route add default via 10.1.1.1; ip route add default via fd00:1::1");
    net.add(&c1, "eth1").succeeds();
    let link_local = |number: usize| {
        let table = c1.sh("ip -6 route show table 1001");
        table.matches(&format!("fe80::/64 dev eth{number}")).count()
    };
    difference("vrf-other-members", || {
        assert_eq!((link_local(0), link_local(1)), (1, 1));
        c1.sh("ip link set blue mtu 1500");
        c1.shows(expect![[r#"
            link blue up
            link eth0 up controller blue
            link eth1 up controller blue
            addr 10.1.0.2/24 dev eth0
            addr 10.1.1.2/24 dev eth1
            addr fd00:1::2/64 dev eth1
            addr fd00::2/64 dev eth0
            route default via 10.1.0.1 dev eth0 table 1001
            route default via 10.1.1.1 dev eth1 table 1001
            route default via fd00:1::1 dev eth1 table 1001
            route 10.1.0.0/24 dev eth0 table 1001 scope link
            route 10.1.1.0/24 dev eth1 table 1001 scope link
            route fd00:1::/64 dev eth1 table 1001
            route fd00::/64 dev eth0 table 1001
            rule 1000 from all lookup [l3mdev-table]
        "#]]);
    });
    net.check(&c1, "eth0").succeeds();
    net.check(&c1, "eth1").succeeds();
    net.del(&c1, "eth1").succeeds();
    assert!(c1.shown().contains("link blue up"), "{}", c1.shown());
    net.check(&c1, "eth0").succeeds();
    difference("vrf-other-members", || {
        let table = c1.sh("ip route show table 1001");
        assert!(table.contains("default via 10.1.0.1 dev eth0"), "{table}");
    });
    net.del(&c1, "eth0").succeeds();
    let gone = |line: &&str| !line.starts_with("addr fd");
    let without_ipv6 =
        |shown: String| -> Vec<String> { shown.lines().filter(gone).map(str::to_owned).collect() };
    let now: Vec<String> = without_ipv6(c1.shown());
    let then: Vec<String> =
        without_ipv6(before).into_iter().filter(|line| !line.contains("route fd")).collect();
    assert_eq!(now, then);
}

/// Down interfaces keep their addresses; a peer that is down keeps nobody out.
#[test]
fn uml_interfaces_that_are_down_or_without_carrier_move_as_well() {
    if lacks(Feature::Vrf) {
        return;
    }
    let host = Host::new();
    let (c1, far) = (host.container("c1"), host.container("far"));
    wire(&c1, "eth0", &["10.1.2.2/24", "fd00::2/64"], &far, &["10.1.2.1/24"]);
    c1.sh("ip route add default via 10.1.2.1; ip route add default via fd00::1");
    far.sh("ip link set eth0 down");
    c1.sh("until ip route | grep -q linkdown; do :; done");
    let net = network(&host, json!({ "table": 7 }));
    // Newer releases of the reference fail, older ones lose the routes.
    difference("vrf-without-carrier", || {
        net.add(&c1, "eth0").succeeds();
        let table = c1.sh("ip route show table 7; ip -6 route show table 7");
        assert!(table.contains("default via 10.1.2.1 dev eth0"), "{table}");
        assert!(table.contains("default via fd00::1 dev eth0"), "{table}");
    });
    let c2 = host.container("c2");
    c2.sh("ip link add name eth0 type bridge; ip addr add 10.1.3.2/24 dev eth0
        ip addr add fd03::2/64 dev eth0");
    net.add(&c2, "eth0").succeeds();
    let addresses = c2.sh("ip addr show dev eth0");
    for address in ["10.1.3.2/24", "fd03::2/64"] {
        assert_eq!(addresses.matches(address).count(), 1, "{addresses}");
    }
    net.check(&c2, "eth0").succeeds();
}
