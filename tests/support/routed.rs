//! A container with a second interface, whose packets are to be routed by their source.

use cni_testkit::{Container, Host, Network};
use serde_json::{Value, json};

/// A container with `eth0` (10.1.2.2/24, with the default route) and `net1` with these addresses;
/// only what comes after is shown.
pub fn attached(host: &Host, addresses: &str) -> Container {
    let container = host.container("c1");
    container
        .sh("ip link add eth0 type veth peer name far0; ip link set far0 up; ip link set eth0 up
         ip addr add 10.1.2.2/24 dev eth0; ip route add default via 10.1.2.1");
    container.rebase();
    plug_in(&container, addresses);
    container
}

/// Gives a container `net1`, and waits until the kernel has added what it adds by itself.
pub fn plug_in(container: &Container, addresses: &str) {
    container.sh(&format!(
        "ip link add net1 type veth peer name far1; ip link set far1 up; ip link set net1 up
         for address in {addresses}; do
             case $address in *:*) nodad=nodad;; *) nodad=;; esac
             ip addr add $address dev net1 $nodad
         done
         until ip -6 route show dev net1 | grep -q fe80 && ip -6 route show dev eth0 | grep -q fe80; do
             sleep 0.01
         done"
    ));
}

/// The network `net1` of sbr with these keys, after another plugin.
pub fn network<'h>(host: &'h Host, keys: Value, previous: Value) -> Network<'h> {
    let mut config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "sbr" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config).with_prev_result(previous)
}

/// One address.
pub fn single() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [{ "name": "net1", "sandbox": "/run/netns/x" }],
        "ips": [{ "interface": 0, "address": "192.168.1.209/24", "gateway": "192.168.1.1" }]
    })
}

/// An address of each family.
pub fn dual() -> Value {
    let mut result = single();
    let ipv6 = json!({ "interface": 0, "address": "fd00::10/64", "gateway": "fd00::1" });
    result["ips"].as_array_mut().expect("a list").push(ipv6);
    result
}
