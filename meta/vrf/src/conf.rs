//! What the user may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's own keys; those of every plugin are in `Request::network`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Conf {
    /// The VRF's name.
    pub vrfname: String,
    /// Its routing table; 0: one that is free.
    pub table: u32,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "vrf", "type": "vrf", "vrfname": "vrf0" })
}
