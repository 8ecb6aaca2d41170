//! A container with an interface to tune, and the network that tunes it.

use cni_testkit::{Container, Host, Network};
use serde_json::{Value, json};

/// The hardware address before.
pub const MAC: &str = "02:00:00:00:00:01";

/// A container with the interface `eth0`.
pub fn attached(host: &Host, name: &str) -> Container {
    let container = host.container(name);
    container.sh(&format!(
        "ip link add eth0 address {MAC} type veth peer name far
         ip link set far up; ip link set eth0 up
         ip addr add 10.1.2.2/24 dev eth0"
    ));
    container.rebase();
    container
}

/// The network `net1` of tuning with these keys, after another plugin.
pub fn network<'h>(host: &'h Host, container: &Container, keys: Value) -> Network<'h> {
    let mut config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "tuning" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config).with_prev_result(previous(container, "1.0.0"))
}

/// What another plugin has answered in this version.
pub fn previous(container: &Container, version: &str) -> Value {
    match version {
        "0.1.0" | "0.2.0" => json!({
            "cniVersion": version,
            "ip4": { "ip": "10.1.2.2/24", "gateway": "10.1.2.1" },
            "dns": {}
        }),
        "0.3.0" | "0.3.1" | "0.4.0" => json!({
            "cniVersion": version,
            "interfaces": interfaces(container),
            "ips": [{ "version": "4", "interface": 1, "address": "10.1.2.2/24", "gateway": "10.1.2.1" }],
            "routes": [{ "dst": "0.0.0.0/0" }],
            "dns": { "nameservers": ["10.1.2.1"] }
        }),
        _ => json!({
            "cniVersion": version,
            "interfaces": interfaces(container),
            "ips": [{ "interface": 1, "address": "10.1.2.2/24", "gateway": "10.1.2.1" }],
            "routes": [{ "dst": "0.0.0.0/0" }]
        }),
    }
}

fn interfaces(container: &Container) -> Value {
    json!([
        { "name": "veth0", "mac": "02:00:00:00:00:02" },
        { "name": "eth0", "mac": MAC, "sandbox": container.netns_path() }
    ])
}

/// The attributes of `eth0`.
pub fn link(container: &Container) -> String {
    let shown = container.exec(&["ip", "-d", "-j", "link", "show", "dev", "eth0"]);
    let links: Value = serde_json::from_str(&shown).expect("ip -j prints JSON");
    let link = &links[0];
    let flags = link["flags"].as_array().expect("a link has flags");
    let allmulti = if flags.iter().any(|flag| flag == "ALLMULTI") { " allmulti" } else { "" };
    format!(
        "{} mtu {} qlen {} promiscuity {}{allmulti}",
        link["address"].as_str().unwrap_or_default(),
        link["mtu"],
        link.get("txqlen").unwrap_or(&json!(0)),
        link["promiscuity"]
    )
}
