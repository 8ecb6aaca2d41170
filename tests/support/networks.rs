//! The bridge networks that tests start from.

use cni_testkit::{Host, Network};
use serde_json::{Value, json};

/// The network `net1` on the bridge `cni0` with addresses from 10.1.2.0/24, and these keys added
/// or replaced.
pub fn bridge(host: &Host, keys: Value) -> Network<'_> {
    let mut config = json!({
        "cniVersion": "1.1.0",
        "name": "net1",
        "type": "bridge",
        "bridge": "cni0",
        "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" }
    });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// The key `ipam` with one address of 10.1.2.0/24 and one of fd00:1::/64.
pub fn dual_stack() -> Value {
    json!({
        "type": "host-local",
        "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]]
    })
}
