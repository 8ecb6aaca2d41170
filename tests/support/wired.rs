//! Containers with a veth pair, as the plugin before in a list leaves them.

use cni_testkit::{Container, Host};
use serde_json::{Value, json};

/// Connects a container with a veth pair of 10.1.2.1 on the host and 10.1.2.2, and returns what an
/// interface plugin would say of it.
#[track_caller]
pub fn wire(host: &Host, host_end: &str, container: &Container, ifname: &str) -> Value {
    host.sh(&format!(
        "ip link add name {host_end} type veth peer name {ifname} netns {}
         ip addr add 10.1.2.1/24 dev {host_end}
         ip link set {host_end} up",
        container.netns_path()
    ));
    container.sh(&format!("ip addr add 10.1.2.2/24 dev {ifname}; ip link set {ifname} up"));
    host.rebase();
    json!({
        "interfaces": [
            { "name": host_end },
            { "name": ifname, "sandbox": container.netns_path() }
        ],
        "ips": [{ "interface": 1, "address": "10.1.2.2/24", "gateway": "10.1.2.1" }],
        "routes": [{ "dst": "0.0.0.0/0" }]
    })
}
