//! The stage with IPv6: the server has fd00:1::1.

use cni_testkit::{Container, Daemon, Network};
use serde_json::{Value, json};

use super::stage::{RANGE, Stage};

/// dnsmasq's option for a server with addresses from fd00:1::10 on, for the shortest time it allows.
pub const STATEFUL: &str = "--dhcp-range=fd00:1::10,fd00:1::ff,64,2m";

/// The same with one address.
pub const ONE: &str = "--dhcp-range=fd00:1::10,fd00:1::10,64,2m";

/// dnsmasq's options for a router whose prefix is for addresses.
pub const ROUTER: [&str; 2] = ["--dhcp-range=fd00:1::,ra-only", "--enable-ra"];

/// dnsmasq's option for a name server.
pub const NAMES: &str = "--dhcp-option=option6:dns-server,[fd00:1::53]";

/// A stage whose server speaks IPv6.
pub fn stage() -> Stage {
    let stage = Stage::new();
    stage.server.sh("ip link set eth0 down
        echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad
        echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
        ip link set eth0 up; ip addr add fd00:1::1/64 dev eth0 nodad");
    stage
}

/// Starts dnsmasq with addresses of both families and these options more.
pub fn dnsmasq(stage: &Stage, options: &[&str]) -> Daemon {
    stage.dnsmasq(&[&[RANGE], options].concat())
}

/// Makes a container whose `eth0` on the bridge is down, as plugins make it.
pub fn container(stage: &Stage, name: &str) -> Container {
    let container = stage.container(name);
    container.sh("ip link set eth0 down");
    container
}

/// The network `net1` of dhcp alone, with IPv6 from there and no IPv4.
pub fn network<'s>(stage: &'s Stage, ipv6: &str) -> Network<'s> {
    stage.network(json!({ "ipv6": ipv6, "ipv4": false }))
}

/// The same with IPv4.
pub fn dual<'s>(stage: &'s Stage, ipv6: &str) -> Network<'s> {
    stage.network(json!({ "ipv6": ipv6 }))
}

/// The addresses of a result.
pub fn addresses(result: &Value) -> Vec<String> {
    let ips = result["ips"].as_array().cloned().unwrap_or_default();
    ips.iter().map(|ip| ip["address"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Whether the interface has an address that lasts for a time only.
pub fn has_dynamic(container: &Container, address: &str) -> bool {
    let shown = container.sh("ip -o -6 addr show dev eth0");
    shown.lines().any(|line| line.contains(&format!(" {address} ")) && line.contains("dynamic"))
}

/// A router that says something every tenth of a second: its flags, and a prefix with flags of its
/// own if there is one. It names no name servers.
pub fn router(stage: &Stage, flags: u8, prefix: Option<u8>) -> Daemon {
    let script = format!(
        "
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
message = bytes([134, 0, 0, 0, 64, {flags}]) + (600).to_bytes(2, 'big') + bytes(8)
if {}:
    message += bytes([3, 4, 64, {}]) + (600).to_bytes(4, 'big') * 2 + bytes(4)
    message += socket.inet_pton(socket.AF_INET6, 'fd00:1::')
while True:
    s.sendto(message, ('ff02::1', 0, 0, socket.if_nametoindex('eth0')))
    time.sleep(0.1)
",
        u8::from(prefix.is_some()),
        prefix.unwrap_or_default()
    );
    stage.server.daemon(&["python3", "-c", &script])
}
