//! The network of the firewall plugin, and what a plugin before it has answered.

use cni_testkit::{Host, Network};
use serde_json::{Value, json};

/// The network `net1` of the firewall plugin with these keys.
pub fn firewall(host: &Host, keys: Value) -> Network<'_> {
    let mut config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "firewall" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

/// What a bridge plugin has answered, in the configuration's version.
pub fn previous(bridge: &str, addresses: &[&str]) -> Value {
    let ips: Vec<Value> = addresses.iter().map(|address| json!({ "address": address })).collect();
    json!({ "interfaces": [{ "name": bridge }], "ips": ips })
}

/// One address of each family.
pub const BOTH: [&str; 2] = ["10.0.0.2/24", "2001:db8::2/64"];
