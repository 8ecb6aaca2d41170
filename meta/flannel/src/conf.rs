//! What the user may write.

use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The plugin's own keys; those of every plugin are in `Request::network`.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    /// Where flannel's daemon writes the node's subnet.
    pub subnet_file: String,
    /// Where is kept what each attachment was delegated with.
    pub data_dir: String,
    /// The beginning of the delegate's configuration; keys are exact.
    pub delegate: Map<String, Value>,
    /// The beginning of the delegate's `ipam`; keys are exact.
    pub ipam: Map<String, Value>,
    /// What the runtime puts in, passed on as it is.
    pub runtime_config: Option<Map<String, Value>>,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            subnet_file: "/run/flannel/subnet.env".to_owned(),
            data_dir: "/var/lib/cni/flannel".to_owned(),
            delegate: Map::new(),
            ipam: Map::new(),
            runtime_config: None,
        }
    }
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "flannel", "type": "flannel" })
}
