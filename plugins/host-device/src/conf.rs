//! What the user may write about a device of the host.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `ipam`, `dns` and `prevResult` are in the common part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) device: String,
    pub(crate) hwaddr: String,
    pub(crate) kernelpath: String,
    #[serde(rename = "pciBusID")]
    pub(crate) pci_bus_id: String,
    /// Reference: documented nowhere, but read. A PCI address decides by its driver instead.
    #[serde(rename = "DPDKMode")]
    pub(crate) dpdk_mode: bool,
    pub(crate) runtime_config: RuntimeConfig,
}

/// What the runtime may add.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    #[serde(rename = "deviceID")]
    pub(crate) device_id: String,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "host-device",
        "type": "host-device",
        "device": "eth1",
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]] }
    })
}
