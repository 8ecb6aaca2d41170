//! What the user may write for a tap device.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `ipam`, `dns` and `prevResult` are in the common part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) multi_queue: bool,
    pub(crate) mtu: i64,
    pub(crate) mac: String,
    pub(crate) owner: Option<u32>,
    pub(crate) group: Option<u32>,
    pub(crate) selinux_context: String,
    pub(crate) bridge: String,
    pub(crate) runtime_config: RuntimeConfig,
}

/// What the runtime adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    pub(crate) mac: String,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "tap",
        "type": "tap",
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]] }
    })
}
