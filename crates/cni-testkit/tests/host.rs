//! Private hosts and what they show.

use std::path::Path;

use cni_testkit::{Blocked, Container, Host};
use expect_test::expect;

/// Two containers' worth of wiring, by hand: what a bridge plugin would have made.
fn cable(host: &Host, container: &Container, veth: &str, number: u8) {
    host.sh(&format!(
        "ip link show cni0 >/dev/null 2>&1 || {{
            ip link add name cni0 type bridge
            ip addr add 10.1.2.1/24 dev cni0; ip addr add fd00::1/64 dev cni0
            ip link set cni0 up; }}
         ip link add name {veth} type veth peer name eth0 netns {path}
         ip link set {veth} master cni0 up",
        path = container.netns_path()
    ));
    container.sh(&format!(
        "ip addr add 10.1.2.{number}/24 dev eth0; ip addr add fd00::{number}/64 dev eth0
         ip link set eth0 up; ip route add default via 10.1.2.1; ip -6 route add default via fd00::1"
    ));
}

#[test]
fn a_fresh_host_and_a_fresh_container_show_nothing() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.shows(expect![[""]]);
    c1.shows(expect![[""]]);
    c1.exec(&["ip", "link", "set", "lo", "up"]);
    c1.shows(expect![[r#"
        link lo up mtu 65536
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
    "#]]);
    assert_eq!(host.exec(&["cat", "/proc/sys/net/ipv4/ip_forward"]), "0\n");
}

#[test]
fn plugin_state_is_private_to_a_host() {
    let (one, other) = (Host::new(), Host::new());
    let c1 = one.container("c1");
    c1.sh("mkdir -p /var/lib/cni/networks/net1; echo c1 >/var/lib/cni/networks/net1/10.1.2.2");
    assert!(one.world().contains("== /var/lib/cni/networks/net1/10.1.2.2\nc1\n"));
    assert!(!other.world().contains("10.1.2.2"));
    assert!(!Path::new("/var/lib/cni/networks/net1/10.1.2.2").exists());
    one.sh("test -d /etc/cni/net.d && test -d /run/netns && : >/run/xtables.lock");
}

#[test]
fn state_is_shown_in_the_words_of_ip() {
    let host = Host::new();
    let c1 = host.container("c1");
    cable(&host, &c1, "vethdeadbeef", 2);
    c1.sh("ip route add 10.9.0.0/16 via 10.1.2.1 metric 7 mtu 1400 table 100
           ip rule add from 10.1.2.2 lookup 100 priority 100
           ip link set eth0 mtu 1400");
    c1.shows(expect![[r#"
        link eth0 up mtu 1400
        addr 10.1.2.2/24 dev eth0
        addr fd00::2/64 dev eth0
        route default via 10.1.2.1 dev eth0
        route default via fd00::1 dev eth0
        route 10.1.2.0/24 dev eth0 scope link
        route 10.9.0.0/16 via 10.1.2.1 dev eth0 table 100 metric 7 mtu 1400
        route fd00::/64 dev eth0
        rule 100 from 10.1.2.2 lookup 100
    "#]]);
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        addr fd00::1/64 dev cni0
        route 10.1.2.0/24 dev cni0 scope link
        route fd00::/64 dev cni0
    "#]]);
    host.exec(&["ip", "link", "del", "vethdeadbeef"]);
    host.shows(expect![[r#"
        link cni0 up
        addr 10.1.2.1/24 dev cni0
        addr fd00::1/64 dev cni0
    "#]]);
    c1.shows(expect![["rule 100 from 10.1.2.2 lookup 100\n"]]);
}

#[test]
fn a_path_is_proved_by_a_token() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    cable(&host, &c1, "veth00000001", 2);
    cable(&host, &c2, "veth00000002", 3);
    c1.reaches(&host, "10.1.2.1:80");
    c1.reaches(&c2, "[fd00::3]:80");
    host.reaches_by_udp(&c1, "10.1.2.2:53");
    c1.cannot_reach(&host, "192.0.2.77:80", Blocked::Silently);
}

#[test]
fn a_blocked_path_says_how() {
    let host = Host::new();
    let c1 = host.container("c1");
    c1.cannot_reach(&host, "10.1.2.1:80", Blocked::Unreachable);
    cable(&host, &c1, "veth00000001", 2);
    host.sh("nft add table inet t
             nft add chain inet t in '{ type filter hook input priority 0; }'
             nft add rule inet t in tcp dport 81 drop
             nft add rule inet t in tcp dport 82 reject with tcp reset");
    c1.reaches(&host, "10.1.2.1:80");
    c1.cannot_reach(&host, "10.1.2.1:81", Blocked::Silently);
    c1.cannot_reach(&host, "10.1.2.1:82", Blocked::Refused);
}

#[test]
#[should_panic = "should reach 10.1.2.1:80 in c2: the connection ended somewhere else"]
fn a_path_that_ends_in_another_place_is_no_path() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    cable(&host, &c1, "veth00000001", 2);
    let _impostor =
        host.run(|| std::net::TcpListener::bind("10.1.2.1:80")).expect("listen on the host");
    c1.reaches(&c2, "10.1.2.1:80");
}

#[test]
fn the_outside_answers_only_who_is_masqueraded() {
    let host = Host::new();
    let c1 = host.container("c1");
    cable(&host, &c1, "veth00000001", 2);
    let outside = host.outside();
    assert!(!host.shown().contains("outside"));
    host.sh(
        "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    );
    c1.cannot_reach(&outside, "192.0.2.2:80", Blocked::Silently);
    host.sh("nft add table inet t
             nft add chain inet t post '{ type nat hook postrouting priority 100; }'
             nft add rule inet t post oifname outside counter masquerade
             nft add chain inet t pre '{ type nat hook prerouting priority -100; }'
             nft add rule inet t pre tcp dport 8080 dnat ip to 10.1.2.2:80");
    assert_eq!(outside.sees_source(&c1, "192.0.2.2:80"), "192.0.2.1");
    assert_eq!(outside.sees_source(&c1, "[2001:db8::2]:80"), "2001:db8::1");
    outside.reaches_through(&c1, "192.0.2.1:8080", "10.1.2.2:80");
    assert!(host.nft_rules().contains("counter packets 0 bytes 0 masquerade"));
}

#[test]
fn iptables_rules_are_shown_without_counts() {
    let host = Host::new();
    host.sh("iptables -t nat -N OWN; iptables -t nat -A POSTROUTING -j OWN");
    let rules = host.iptables_rules();
    assert!(rules.starts_with("*nat\n:PREROUTING ACCEPT\n"), "{rules}");
    assert!(rules.ends_with(":OWN -\n-A POSTROUTING -j OWN\n"), "{rules}");
    assert_eq!(host.ip6tables_rules(), "");
}

#[test]
fn a_daemon_ends_with_its_value() {
    let host = Host::new();
    let daemon = host.daemon(&["sh", "-c", "echo up >&2; exec sleep 600"]);
    let process = format!("/proc/{}", daemon.id());
    while !host.exec(&["cat", &format!("{process}/comm")]).contains("sleep") {}
    assert_eq!(daemon.stop(), "up\n");
    assert!(!Path::new(&process).exists());
    let short = host.daemon(&["sleep", "600"]);
    let process = format!("/proc/{}", short.id());
    drop(short);
    assert!(!Path::new(&process).exists());
}

#[test]
#[should_panic = "oops"]
fn a_failing_command_says_what_it_printed() {
    Host::new().sh("echo oops >&2; false");
}
