//! What the user may write.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::rpc::DEFAULT_SOCKET;

/// What every verb needs: where the daemon is. DEL must not stumble over anything else.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Conf {
    ipam: DaemonConf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DaemonConf {
    daemon_socket_path: String,
}

impl Conf {
    /// Where the daemon listens.
    pub(crate) fn socket_path(&self) -> &str {
        match self.ipam.daemon_socket_path.as_str() {
            "" => DEFAULT_SOCKET,
            path => path,
        }
    }
}

/// What the daemon reads of a configuration, besides its name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct LeaseConf {
    pub(crate) ipam: Option<IpamConf>,
}

/// The `ipam` object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct IpamConf {
    /// Options to send.
    pub(crate) provide: Vec<ProvideConf>,
    /// Options to ask for.
    pub(crate) request: Vec<RequestConf>,
    /// Metric of all routes; 0 leaves it out.
    pub(crate) priority: i64,
    /// Whether an address is looked for on the link before it is used.
    pub(crate) detect_conflicts: bool,
    /// Whether there is to be an IPv4 address; none: yes.
    pub(crate) ipv4: Option<bool>,
    /// Where IPv6 addresses come from; none: there is to be none.
    pub(crate) ipv6: Option<String>,
}

/// An option to send.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ProvideConf {
    /// Its name or number.
    pub(crate) option: String,
    /// Its value, as text.
    pub(crate) value: String,
    /// The key of `CNI_ARGS` that has its value.
    pub(crate) from_arg: String,
}

/// An option to ask for.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct RequestConf {
    /// Its name or number; empty for none.
    pub(crate) option: String,
    /// Whether routers and subnet mask are not asked for unless listed. Holds for the whole list.
    pub(crate) skip_default: bool,
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "dhcp", "type": "dhcp", "ipam": { "type": "dhcp" } })
}
