//! What the user may write.

use std::net::IpAddr;

use cni_core::spec::address::{self, Cidr};
use cni_core::{Error, Result, Route};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

/// Where reservations are kept when `ipam.dataDir` is unset or empty.
const DEFAULT_DATA_DIR: &str = "/var/lib/cni/networks";

/// The network of the command line when no configuration is given.
pub fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "host-local",
        "type": "host-local",
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": "10.88.0.0/16" }]],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    })
}

/// The configuration; whatever DEL can do without is [`Checked`].
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    /// The plugin's own part.
    pub ipam: Option<IpamConf>,
    /// What the runtime adds for capabilities.
    pub runtime_config: Checked<RuntimeConf>,
    /// What the runtime adds by the `args` convention.
    pub args: Checked<ArgsConf>,
}

impl Conf {
    /// The `ipam` object.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn ipam(&self) -> Result<&IpamConf> {
        self.ipam.as_ref().ok_or_else(|| Error::internal("IPAM config missing 'ipam' key"))
    }
}

/// The `ipam` object.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct IpamConf {
    data_dir: String,
    /// A file in the format of resolv.conf; empty means none.
    pub resolv_conf: Checked<String>,
    /// Routes for the result.
    pub routes: Checked<Vec<Route>>,
    /// One address is handed out from each set of alternative ranges.
    pub ranges: Checked<Vec<Vec<RangeConf>>>,
    // The old syntax for a single range.
    subnet: Checked<Subnet>,
    range_start: Checked<Address>,
    range_end: Checked<Address>,
    gateway: Checked<Address>,
}

impl IpamConf {
    /// The folder above the network's own.
    pub fn data_dir(&self) -> &str {
        if self.data_dir.is_empty() { DEFAULT_DATA_DIR } else { &self.data_dir }
    }

    /// The range in the old syntax.
    ///
    /// Reference: the other three keys mean nothing without `subnet`.
    ///
    /// # Errors
    ///
    /// A value of a wrong type.
    pub fn old_syntax_range(&self) -> Result<Option<RangeConf>> {
        let range = RangeConf {
            subnet: *self.subnet.get("ipam.subnet")?,
            range_start: *self.range_start.get("ipam.rangeStart")?,
            range_end: *self.range_end.get("ipam.rangeEnd")?,
            gateway: *self.gateway.get("ipam.gateway")?,
        };
        Ok(range.subnet.0.is_some().then_some(range))
    }
}

/// One range of addresses; [`crate::range::Range`] is what it means.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RangeConf {
    /// The subnet, whose prefix length the addresses get.
    pub subnet: Subnet,
    /// The first address to hand out.
    pub range_start: Address,
    /// The last address to hand out.
    pub range_end: Address,
    /// The subnet's router, never handed out.
    pub gateway: Address,
}

/// `runtimeConfig`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuntimeConf {
    /// Range sets that come before the configured ones.
    pub ip_ranges: Vec<Vec<RangeConf>>,
    /// Addresses the container asks for.
    pub ips: Vec<RequestedIp>,
}

/// `args`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ArgsConf {
    /// The part for plugins of this project.
    pub cni: CniArgsConf,
}

/// `args.cni`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct CniArgsConf {
    /// Addresses the container asks for.
    pub ips: Vec<RequestedIp>,
}

/// A subnet; unset only when its key is absent.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Subnet(#[serde(deserialize_with = "address::deserialize_cidr")] pub Option<Cidr>);

/// An address; the empty text means unset.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Address(
    #[serde(deserialize_with = "address::optional_ip::deserialize")] pub Option<IpAddr>,
);

/// An address the container asks for: a prefix length may follow and means nothing. `None` for the
/// empty text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestedIp(pub Option<IpAddr>);

impl std::str::FromStr for RequestedIp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        let address = match text.contains('/') {
            true => text.parse::<Cidr>().ok().map(Cidr::ip),
            false => text.parse().ok(),
        };
        // Reference: no colon before the text, unlike anywhere else.
        let address = address.ok_or_else(|| format!("invalid IP address {text}"))?;
        Ok(Self(Some(address::canonical(address))))
    }
}

impl<'de> Deserialize<'de> for RequestedIp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A value whose mistake is an error for the verbs that use it, and only for them: DEL must free an
/// address whatever has become of the configuration since.
#[derive(Debug)]
pub struct Checked<T>(Result<T, String>);

impl<T> Checked<T> {
    /// The value.
    ///
    /// # Errors
    ///
    /// The mistake, telling the path of its key below `key`.
    pub fn get(&self, key: &str) -> Result<&T> {
        self.0.as_ref().map_err(|mistake| {
            Error::internal(match mistake.rsplit_once(" in key ") {
                Some((what, below)) => format!("{what} in key {key}.{below}"),
                // The texts of addresses stand alone in the reference's messages.
                None if mistake.starts_with("invalid ") => mistake.clone(),
                None => format!("{mistake} in key {key}"),
            })
        })
    }
}

impl<T: Default> Default for Checked<T> {
    fn default() -> Self {
        Self(Ok(T::default()))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).map_err(|mistake| mistake.to_string())))
    }
}
