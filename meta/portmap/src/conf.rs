//! What the user and the runtime may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The words before an error in the keys. Reference: CHECK says only the second half.
pub(crate) const LOAD_CONTEXT: &str =
    "failed to parse config: failed to parse network configuration";

/// The plugin's own keys; those of every plugin are in `Request::network`.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) backend: Option<String>,
    pub(crate) snat: bool,
    pub(crate) masq_all: bool,
    pub(crate) mark_masq_bit: Option<i64>,
    pub(crate) external_set_mark_chain: Option<String>,
    pub(crate) conditions_v4: Vec<String>,
    pub(crate) conditions_v6: Vec<String>,
    pub(crate) reject_conflicts: bool,
    pub(crate) runtime_config: RuntimeConfig,
}

/// What the runtime adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuntimeConfig {
    pub(crate) port_mappings: Vec<PortMapping>,
}

/// An element of `portMappings`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PortMapping {
    pub(crate) host_port: i64,
    pub(crate) container_port: i64,
    pub(crate) protocol: String,
    #[serde(rename = "hostIP")]
    pub(crate) host_ip: String,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            backend: None,
            snat: true,
            masq_all: false,
            mark_masq_bit: None,
            external_set_mark_chain: None,
            conditions_v4: Vec::new(),
            conditions_v6: Vec::new(),
            reject_conflicts: false,
            runtime_config: RuntimeConfig::default(),
        }
    }
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "portmap",
        "type": "portmap",
        "capabilities": { "portMappings": true },
        "runtimeConfig": { "portMappings": [] }
    })
}
