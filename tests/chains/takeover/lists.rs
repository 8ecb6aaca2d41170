//! The networks of a node: every plugin is in one of them.

use cni_testkit::Host;
use serde_json::{Value, json};

use crate::tool::configure_list_of;

/// The networks, each with the interface that a container has in it.
pub const NETWORKS: [(&str, &str); 5] =
    [("lo", "lo"), ("web", "eth0"), ("p2p", "eth1"), ("lan", "eth2"), ("leased", "eth3")];

/// Writes the lists of all networks, and of one for each of so many devices of the host's.
pub fn configure(host: &Host, devices: usize) {
    let dual = json!({ "type": "host-local",
                       "ranges": [[{ "subnet": "10.1.3.0/24" }], [{ "subnet": "fd00:2::/64" }]],
                       "routes": [{ "dst": "::/0" }] });
    let list = |name: &str, plugins: Value| {
        configure_list_of(host, "1.0.0", name, plugins);
    };
    list("lo", json!([{ "type": "loopback" }]));
    list(
        "web",
        json!([
            { "type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "ipMasq": true,
              "hairpinMode": true,
              "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } },
            { "type": "tuning", "mtu": 1400, "sysctl": { "net.ipv4.conf.eth0.log_martians": "1" } },
            { "type": "portmap", "capabilities": { "portMappings": true } },
            { "type": "firewall" },
            { "type": "bandwidth", "ingressRate": 800_000_000, "ingressBurst": 80_000_000,
              "egressRate": 800_000_000, "egressBurst": 80_000_000 }
        ]),
    );
    list(
        "p2p",
        json!([
            { "type": "ptp", "ipMasq": true, "ipam": dual },
            { "type": "firewall" }
        ]),
    );
    let lan = json!({ "type": "host-local", "subnet": "192.0.2.0/24", "rangeStart": "192.0.2.10",
                      "gateway": "192.0.2.2" });
    list(
        "lan",
        json!([{ "type": "macvlan", "master": "outside", "ipam": lan }, { "type": "sbr" }]),
    );
    let leased = json!({ "type": "dhcp" });
    list(
        "leased",
        json!([{ "type": "macvlan", "master": "outside", "ipam": leased },
               { "type": "tuning", "promisc": true }]),
    );
    for number in 0..devices {
        let address = json!({ "address": format!("10.1.4.{}/24", number + 1) });
        let ipam = json!({ "type": "static", "addresses": [address] });
        let device =
            json!({ "type": "host-device", "device": format!("dev{number}"), "ipam": ipam });
        list(&device_network(number), json!([device]));
    }
}

/// The network of a device that a container gets for itself.
pub fn device_network(number: usize) -> String {
    format!("device{number}")
}
