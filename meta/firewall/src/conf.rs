//! What the user may write.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's own keys; those of every plugin are in `Request::network`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    /// `iptables`, `nftables` or `firewalld`; anything else is automatic.
    pub backend: String,
    /// The chain with the administrator's own rules; empty is `CNI-ADMIN`.
    pub iptables_admin_chain_name: String,
    /// The zone that firewalld puts the addresses into; empty is `trusted`.
    pub firewalld_zone: String,
    /// `open` (or empty), `same-bridge` or `isolated`.
    pub ingress_policy: String,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "cli",
        "type": "firewall",
        "prevResult": {
            "cniVersion": "1.1.0",
            "interfaces": [{ "name": "cni0" }],
            "ips": [{ "address": "10.88.0.2/16" }]
        }
    })
}
