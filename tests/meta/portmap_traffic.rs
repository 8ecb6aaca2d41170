//! portmap: packets that arrive, from everywhere, over both families, with both backends.

use std::net::UdpSocket;
use std::time::Duration;

use cni_testkit::{Container, Host, Namespace, Network, Outside, difference, lacks_release};
use serde_json::{Value, json};

use crate::networks::{bridge, dual_stack, ptp};
use crate::published::portmap;

/// Whether the set under test cannot choose this backend.
fn lacks_choice(backend: &str) -> bool {
    backend == "nftables" && lacks_release("1.7.0")
}

/// A container with 10.1.2.2 and fd00:1::2 behind the host, and the networks that made it so.
struct Scene<'h> {
    host: &'h Host,
    outside: Outside,
    below: Network<'h>,
    net: Network<'h>,
}

impl<'h> Scene<'h> {
    /// The container on a bridge.
    fn new(host: &'h Host, keys: Value, mappings: Value) -> Self {
        let below = json!({ "isDefaultGateway": true, "hairpinMode": true, "ipam": dual_stack() });
        Self::above(bridge(host, below), host, portmap(host, keys, mappings))
    }

    fn above(below: Network<'h>, host: &'h Host, net: Network<'h>) -> Self {
        let outside = host.outside();
        outside
            .sh("ip route add 10.1.2.0/24 via 192.0.2.1; ip route add fd00:1::/64 via 2001:db8::1");
        Self { host, outside, below, net }
    }

    fn attach(&self, name: &str) -> Container {
        let container = self.host.container(name);
        let result = self.below.add(&container, "eth0").succeeds().result();
        self.net.with_prev_result(result).add(&container, "eth0").succeeds();
        container
    }

    fn detach(&self, container: &Container) {
        self.net.del(container, "eth0").succeeds();
        self.below.del(container, "eth0").succeeds();
    }
}

fn both_protocols() -> Value {
    json!([
        { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" },
        { "hostPort": 5353, "containerPort": 53, "protocol": "udp" }
    ])
}

/// From the host, over its own loopback, from another host, and from the container itself.
fn published_ports_arrive(backend: &str) {
    let host = Host::new();
    let scene = Scene::new(&host, json!({ "backend": backend }), both_protocols());
    let c1 = scene.attach("c1");
    for (dialled, listening) in
        [("192.0.2.1", "10.1.2.2"), ("10.1.2.1", "10.1.2.2"), ("[2001:db8::1]", "[fd00:1::2]")]
    {
        for from in [&*host, &*c1, &*scene.outside] {
            reaches(from, &c1, dialled, listening);
        }
    }
    reaches(&host, &c1, "127.0.0.1", "10.1.2.2");

    // What only passes by keeps its receiver (CVE-2025-67499).
    c1.reaches(&scene.outside, "192.0.2.2:8080");
    c1.reaches(&scene.outside, "[2001:db8::2]:8080");

    scene.detach(&c1);
    scene.outside.reaches(&host, "192.0.2.1:8080");
    scene.outside.reaches_by_udp(&host, "192.0.2.1:5353");
}

fn reaches(from: &Namespace, target: &Namespace, dialled: &str, listening: &str) {
    from.reaches_through(target, &format!("{dialled}:8080"), &format!("{listening}:80"));
    from.reaches_through_by_udp(target, &format!("{dialled}:5353"), &format!("{listening}:53"));
}

#[test]
fn iptables_lets_published_ports_arrive() {
    published_ports_arrive("iptables");
}

#[test]
fn nftables_lets_published_ports_arrive() {
    if !lacks_choice("nftables") {
        published_ports_arrive("nftables");
    }
}

/// A container that is not on a bridge.
#[test]
fn ports_arrive_over_a_point_to_point_link() {
    for backend in ["iptables", "nftables"] {
        if lacks_choice(backend) {
            continue;
        }
        let host = Host::new();
        let net = portmap(&host, json!({ "backend": backend }), both_protocols());
        let scene = Scene::above(ptp(&host, json!({})), &host, net);
        let c1 = scene.attach("c1");
        for from in [&*host, &*c1, &*scene.outside] {
            reaches(from, &c1, "192.0.2.1", "10.1.2.2");
            reaches(from, &c1, "[2001:db8::1]", "[fd00:1::2]");
        }
        reaches(&host, &c1, "127.0.0.1", "10.1.2.2");
    }
}

/// Neighbours on the bridge would be answered past the host, were they not masqueraded.
#[test]
fn neighbours_arrive_where_their_network_is_masqueraded() {
    for (backend, keys) in [
        ("iptables", json!({ "backend": "iptables" })),
        ("nftables", json!({ "backend": "nftables", "masqAll": true })),
    ] {
        if backend == "nftables" && lacks_release("1.9.2") {
            continue;
        }
        let host = Host::new();
        let scene = Scene::new(&host, keys, both_protocols());
        let (c1, c2) = (scene.attach("c1"), host.container("c2"));
        scene.below.add(&c2, "eth0").succeeds();
        reaches(&c2, &c1, "192.0.2.1", "10.1.2.2");
        reaches(&c2, &c1, "[2001:db8::1]", "[fd00:1::2]");
    }
}

/// The container sees who it is talking to, unless every sender is replaced.
#[test]
fn senders_from_outside_stay_as_they_are() {
    for backend in ["iptables", "nftables"] {
        if lacks_choice(backend) || lacks_release("1.9.2") && backend == "nftables" {
            continue;
        }
        for (masq_all, seen) in [(false, "192.0.2.2"), (true, "10.1.2.1")] {
            if masq_all && lacks_release("1.7.0") {
                continue;
            }
            let host = Host::new();
            let keys = json!({ "backend": backend, "masqAll": masq_all });
            // The port is the same on both sides, so that its path can be asked for its source.
            let mappings = json!([{ "hostPort": 80, "containerPort": 80, "protocol": "tcp" }]);
            let scene = Scene::new(&host, keys, mappings);
            let c1 = scene.attach("c1");
            assert_eq!(c1.sees_source(&scene.outside, "192.0.2.1:80"), seen, "{backend}");
        }
    }
}

/// An address of the host limits its mapping to what is sent there.
#[test]
fn a_host_address_limits_its_mapping() {
    for backend in ["iptables", "nftables"] {
        if lacks_choice(backend) {
            continue;
        }
        let host = Host::new();
        let mappings = json!([
            { "hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "192.0.2.1" },
            { "hostPort": 8080, "containerPort": 80, "protocol": "tcp", "hostIP": "2001:db8::1" }
        ]);
        let scene = Scene::new(&host, json!({ "backend": backend }), mappings);
        let c1 = scene.attach("c1");
        scene.outside.reaches_through(&c1, "192.0.2.1:8080", "10.1.2.2:80");
        scene.outside.reaches_through(&c1, "[2001:db8::1]:8080", "[fd00:1::2]:80");
        scene.outside.reaches(&host, "10.1.2.1:8080");
        host.reaches(&host, "127.0.0.1:8080");
    }
}

/// A flow that goes on while the container behind its port changes, or goes.
#[test]
fn datagrams_follow_the_mapping() {
    for backend in ["iptables", "nftables"] {
        if lacks_choice(backend) {
            continue;
        }
        let host = Host::new();
        let scene = Scene::new(&host, json!({ "backend": backend }), both_protocols());
        // One socket, so that all datagrams are one flow.
        let client = scene.outside.run(|| UdpSocket::bind("192.0.2.2:4444")).expect("a socket");
        let mut flow = Flow { client, sent: 0 };
        flow.ends_in(&host, 5353);
        let c1 = scene.attach("c1");
        flow.ends_in(&c1, 53);
        scene.detach(&c1);
        difference("portmap-conntrack-del", || flow.ends_in(&host, 5353));
        let c2 = scene.attach("c2");
        flow.ends_in(&c2, 53);
    }
}

/// Datagrams from one port to the host's port 5353.
struct Flow {
    client: UdpSocket,
    sent: u8,
}

impl Flow {
    /// Demands that the next datagram arrives at a port of a namespace, and is answered.
    #[track_caller]
    fn ends_in(&mut self, target: &Namespace, port: u16) {
        let server = target.run(move || UdpSocket::bind(("0.0.0.0", port))).expect("a socket");
        for socket in [&server, &self.client] {
            let limit = Some(Duration::from_millis(500));
            socket.set_read_timeout(limit).expect("a limit");
        }
        self.sent += 1;
        self.client.send_to(&[self.sent], "192.0.2.1:5353").expect("sent");
        let mut buffer = [0; 8];
        let received = server.recv_from(&mut buffer);
        let (_, from) = received
            .unwrap_or_else(|error| panic!("nothing arrived in {}: {error}", target.name()));
        assert_eq!(buffer[0], self.sent);
        server.send_to(&[self.sent], from).expect("answered");
        self.client.recv(&mut buffer).expect("an answer");
        assert_eq!(buffer[0], self.sent);
    }
}
