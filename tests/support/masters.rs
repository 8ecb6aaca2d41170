//! The networks of plugins whose interfaces are made on one of the host's.

use cni_testkit::{Host, Network};
use serde_json::{Value, json};

/// The network `net1` of a plugin on the host's interface `outside`, with addresses of both
/// families from the subnets there, and these keys added or replaced.
pub fn on_outside<'h>(host: &'h Host, plugin: &str, keys: Value) -> Network<'h> {
    let mut config = json!({
        "cniVersion": "1.1.0",
        "name": "net1",
        "type": plugin,
        "master": "outside",
        "ipam": {
            "type": "host-local",
            "ranges": [
                [{ "subnet": "192.0.2.0/24", "rangeStart": "192.0.2.10" }],
                [{ "subnet": "2001:db8::/64", "rangeStart": "2001:db8::10" }]
            ],
            "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]
        }
    });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}
