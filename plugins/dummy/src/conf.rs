//! What the user may write for a dummy, which is nothing but the common keys.

use cni_core::{Error, Request, Result};
use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's own keys: none.
#[derive(Debug, Deserialize)]
pub struct Conf {}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "dummy",
        "type": "dummy",
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]] }
    })
}

/// Refuses a dummy without addresses, of which there would be no use.
///
/// # Errors
///
/// `dummy interface requires an IPAM configuration`.
pub(crate) fn require_ipam(request: &Request<Conf>) -> Result<()> {
    match request.network.ipam.plugin_type.is_empty() {
        true => Err(Error::internal("dummy interface requires an IPAM configuration")),
        false => Ok(()),
    }
}
