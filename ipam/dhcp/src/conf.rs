//! What the user may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's own keys; those of every plugin are in `Request::network`.
#[derive(Deserialize)]
pub struct Conf {}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "dhcp", "type": "dhcp" })
}
