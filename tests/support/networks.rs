//! The networks that tests start from.

use cni_testkit::{Host, Network};
use serde_json::{Value, json};

/// The network `net1` on the bridge `cni0` with addresses from 10.1.2.0/24, and these keys added
/// or replaced.
pub fn bridge(host: &Host, keys: Value) -> Network<'_> {
    let config = json!({
        "cniVersion": "1.1.0",
        "name": "net1",
        "type": "bridge",
        "bridge": "cni0",
        "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" }
    });
    host.network(with_keys(config, keys))
}

/// The point-to-point network `net1` with addresses of both families and default routes, and
/// these keys added or replaced.
pub fn ptp(host: &Host, keys: Value) -> Network<'_> {
    let mut ipam = dual_stack();
    ipam["routes"] = json!([{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]);
    let config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "ptp", "ipam": ipam });
    host.network(with_keys(config, keys))
}

fn with_keys(mut config: Value, keys: Value) -> Value {
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    config
}

/// The key `ipam` with one address of 10.1.2.0/24 and one of fd00:1::/64.
pub fn dual_stack() -> Value {
    json!({
        "type": "host-local",
        "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]]
    })
}
