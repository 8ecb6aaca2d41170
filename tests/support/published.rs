//! Networks with published ports: bridge, and portmap on top of it.

use cni_testkit::{Container, Host, Network};
use serde_json::{Value, json};

/// The network `net1` of portmap with these mappings and keys.
pub fn portmap(host: &Host, keys: Value, mappings: Value) -> Network<'_> {
    let mut config = json!({
        "cniVersion": "1.1.0",
        "name": "net1",
        "type": "portmap",
        "capabilities": { "portMappings": true },
        "runtimeConfig": { "portMappings": mappings }
    });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// The result of a plugin before: a container with 10.0.0.2/24 and 2001:db8::2/64.
pub fn two_addresses(container: &Container) -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [
            { "name": "host" },
            { "name": "eth0", "sandbox": container.netns_path() }
        ],
        "ips": [
            { "interface": 0, "address": "10.0.0.1/24" },
            { "interface": 1, "address": "10.0.0.2/24" },
            { "interface": 1, "address": "2001:db8::2/64" }
        ]
    })
}
