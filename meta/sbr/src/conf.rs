//! What the user may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `prevResult` is in the common part.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) table: Option<i64>,
    pub(crate) gateways: Vec<String>,
    pub(crate) add_source_hints: bool,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "sbr", "type": "sbr" })
}
