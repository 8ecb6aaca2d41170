//! What the user may write for a VLAN interface.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `ipam`, `dns` and `prevResult` are in the common part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) master: String,
    pub(crate) vlan_id: i64,
    pub(crate) mtu: i64,
    pub(crate) link_in_container: bool,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network(master: Option<String>) -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "vlan",
        "type": "vlan",
        "master": master.as_deref().unwrap_or("eth0"),
        "vlanId": 10,
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": "10.88.0.0/16" }]],
            "routes": [{ "dst": "0.0.0.0/0" }]
        }
    })
}
