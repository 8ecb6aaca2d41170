//! What the user may write for a bridge.

use serde::Deserialize;
use serde_json::{Value, json};

/// The plugin's keys; `ipam`, `dns` and `prevResult` are in the common part.
#[derive(Debug, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) bridge: String,
    pub(crate) is_gateway: bool,
    pub(crate) is_default_gateway: bool,
    pub(crate) force_address: bool,
    pub(crate) ip_masq: bool,
    pub(crate) ip_masq_backend: Option<String>,
    pub(crate) mtu: i64,
    pub(crate) hairpin_mode: bool,
    pub(crate) promisc_mode: bool,
    pub(crate) vlan: i64,
    /// An empty list still means a bridge that filters VLANs.
    pub(crate) vlan_trunk: Option<Vec<TrunkElement>>,
    pub(crate) preserve_default_vlan: bool,
    pub(crate) macspoofchk: bool,
    pub(crate) enabledad: bool,
    pub(crate) disable_container_interface: bool,
    pub(crate) port_isolation: bool,
    pub(crate) args: Args,
    pub(crate) runtime_config: WithMac,
}

/// An element of `vlanTrunk`: a range, a single VLAN, or both.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TrunkElement {
    #[serde(rename = "minID")]
    pub(crate) min_id: Option<i64>,
    #[serde(rename = "maxID")]
    pub(crate) max_id: Option<i64>,
    pub(crate) id: Option<i64>,
}

/// The convention `args.cni`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Args {
    pub(crate) cni: WithMac,
}

/// An object that may ask for a hardware address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct WithMac {
    pub(crate) mac: String,
}

impl Default for Conf {
    fn default() -> Self {
        Self {
            bridge: "cni0".to_owned(),
            is_gateway: false,
            is_default_gateway: false,
            force_address: false,
            ip_masq: false,
            ip_masq_backend: None,
            mtu: 0,
            hairpin_mode: false,
            promisc_mode: false,
            vlan: 0,
            vlan_trunk: None,
            preserve_default_vlan: false,
            macspoofchk: false,
            enabledad: false,
            disable_container_interface: false,
            port_isolation: false,
            args: Args::default(),
            runtime_config: WithMac::default(),
        }
    }
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "bridge",
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": true,
        "ipMasq": true,
        "hairpinMode": true,
        "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }]] }
    })
}
