//! firewall: who reaches whom through a host that forwards nothing by itself.

use cni_testkit::{Blocked, Container, Host, Network, Outside, difference, lacks_release};
use serde_json::{Value, json};

use crate::walled::firewall;

/// A list of a bridge plugin and the firewall plugin, for traffic.
pub struct Walled<'h> {
    bridge: Network<'h>,
    firewall: Network<'h>,
}

impl<'h> Walled<'h> {
    /// The network number `number` on a bridge of its own, `br<number>`, with addresses from
    /// 10.1.`number`.0/24 and these keys of the firewall plugin.
    pub fn new(host: &'h Host, number: usize, keys: Value) -> Self {
        let bridge = host.network(json!({
            "cniVersion": "1.1.0", "name": format!("net{number}"), "type": "bridge",
            "bridge": format!("br{number}"), "isDefaultGateway": true,
            "ipam": { "type": "host-local", "subnet": format!("10.1.{number}.0/24") }
        }));
        let firewall = firewall(host, keys).with_config("name", json!(format!("net{number}")));
        Self { bridge, firewall }
    }

    /// Attaches a container.
    #[track_caller]
    pub fn add(&self, container: &Container) {
        let result = self.bridge.add(container, "eth0").succeeds().result();
        self.firewall.with_prev_result(result).add(container, "eth0").succeeds();
    }

    /// Detaches a container.
    #[track_caller]
    pub fn del(&self, container: &Container) {
        self.firewall.del(container, "eth0").succeeds();
        self.bridge.del(container, "eth0").succeeds();
    }

    /// The network of the firewall plugin.
    pub fn firewall(&self) -> &Network<'h> {
        &self.firewall
    }
}

/// The outside world, which knows the way to all containers.
pub fn outside(host: &Host) -> Outside {
    let outside = host.outside();
    outside.sh("ip route add 10.1.0.0/16 via 192.0.2.1");
    outside
}

/// How a host may drop what nobody lets through.
const WALLS: [(&str, &str); 4] = [
    ("iptables", "iptables -P FORWARD DROP"),
    ("nftables", "iptables -P FORWARD DROP"),
    (
        "nftables",
        "nft add table inet filter
         nft 'add chain inet filter forward { type filter hook forward priority 0; policy drop; }'",
    ),
    (
        "nftables",
        "nft add table ip filter
         nft 'add chain ip filter forward { type filter hook forward priority 0; policy drop; }'",
    ),
];

#[test]
fn containers_get_out_and_nobody_gets_in() {
    for (backend, wall) in WALLS {
        let host = Host::new();
        let c1 = host.container("c1");
        let outside = outside(&host);
        host.sh(wall);
        let net = Walled::new(&host, 1, json!({ "backend": backend }));
        net.add(&c1);
        let works = || {
            c1.reaches(&outside, "192.0.2.2:80");
            outside.cannot_reach(&c1, "10.1.1.2:80", Blocked::Silently);
        };
        // The reference takes the word for "automatic", which is iptables.
        match wall.starts_with("nft ") {
            true => difference("firewall-nftables", works),
            false => works(),
        }
        net.firewall().del(&c1, "eth0").succeeds();
        c1.cannot_reach(&outside, "192.0.2.2:80", Blocked::Silently);
    }
}

/// An administrator's word goes first, with every backend.
#[test]
fn the_administrator_overrides() {
    for backend in ["iptables", "nftables"] {
        let host = Host::new();
        let c1 = host.container("c1");
        let outside = outside(&host);
        host.sh("iptables -P FORWARD DROP");
        let net = Walled::new(&host, 1, json!({ "backend": backend }));
        net.add(&c1);
        c1.reaches(&outside, "192.0.2.2:80");
        host.sh("iptables -A CNI-ADMIN -p tcp --dport 81 -j DROP");
        c1.cannot_reach(&outside, "192.0.2.2:81", Blocked::Silently);
        c1.reaches(&outside, "192.0.2.2:80");
    }
}

/// Two containers on one bridge, one on another, and the outside.
fn is_isolated(backend: &str, policy: &str) {
    let host = Host::new();
    let [c1, c2, c3]: [Container; 3] = ["c1", "c2", "c3"].map(|name| host.container(name));
    let outside = outside(&host);
    let keys = json!({ "backend": backend, "ingressPolicy": policy });
    let (one, other) = (Walled::new(&host, 1, keys.clone()), Walled::new(&host, 2, keys));
    // What stays on a bridge is filtered only where the bridge hands it over.
    host.sh("echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables");
    one.add(&c1);
    one.add(&c2);
    other.add(&c3);
    for container in [&c1, &c2, &c3] {
        container.reaches(&outside, "192.0.2.2:80");
    }
    c1.cannot_reach(&c3, "10.1.2.2:80", Blocked::Silently);
    c3.cannot_reach(&c1, "10.1.1.2:80", Blocked::Silently);
    match policy {
        "isolated" => c1.cannot_reach(&c2, "10.1.1.3:80", Blocked::Silently),
        _ => c1.reaches(&c2, "10.1.1.3:80"),
    }
    one.firewall().check(&c1, "eth0").succeeds();
    one.del(&c1);
    c3.cannot_reach(&c2, "10.1.1.3:80", Blocked::Silently);
}

#[test]
fn bridges_of_the_policy_same_bridge_do_not_reach_one_another() {
    is_isolated("iptables", "same-bridge");
    is_isolated("nftables", "same-bridge");
}

#[test]
fn isolated_containers_reach_nobody_but_the_outside() {
    if lacks_release("1.7.0") {
        return;
    }
    is_isolated("iptables", "isolated");
    is_isolated("nftables", "isolated");
}

#[test]
fn open_bridges_reach_one_another() {
    for backend in ["iptables", "nftables"] {
        let host = Host::new();
        let (c1, c2) = (host.container("c1"), host.container("c2"));
        let keys = json!({ "backend": backend });
        let (one, other) = (Walled::new(&host, 1, keys.clone()), Walled::new(&host, 2, keys));
        one.add(&c1);
        other.add(&c2);
        c1.reaches(&c2, "10.1.2.2:80");
    }
}
