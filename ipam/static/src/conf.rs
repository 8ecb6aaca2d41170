//! What the user may write.

use std::net::IpAddr;

use cni_core::spec::address::optional_ip;
use cni_core::{Dns, Error, Result, Route};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

/// The network of the command line when no configuration is given.
pub fn default_network() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "name": "static",
        "type": "static",
        "ipam": {
            "type": "static",
            "addresses": [{ "address": "10.88.0.2/16", "gateway": "10.88.0.1" }],
            "routes": [{ "dst": "0.0.0.0/0" }],
        },
    })
}

/// The configuration. A mistake in it is one for the verbs that look: DEL must succeed whatever has
/// become of the configuration since ADD.
#[derive(Debug)]
pub struct Conf(Result<Written, String>);

impl Conf {
    /// The configuration, where it could be read.
    ///
    /// # Errors
    ///
    /// A value of a wrong type, or an `invalid IP address` and the like.
    pub fn written(&self) -> Result<&Written> {
        self.0.as_ref().map_err(Error::internal)
    }
}

impl<'de> Deserialize<'de> for Conf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Written::deserialize(deserializer).map_err(|mistake| mistake.to_string())))
    }
}

/// A configuration without mistakes of type.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Written {
    ipam: Option<IpamConf>,
    /// What the runtime adds for capabilities.
    pub runtime_config: IpsConf,
    /// What the runtime adds by the `args` convention.
    pub args: ArgsConf,
}

impl Written {
    /// The `ipam` object.
    ///
    /// # Errors
    ///
    /// When there is none, wherever else addresses may come from.
    pub fn ipam(&self) -> Result<&IpamConf> {
        self.ipam.as_ref().ok_or_else(|| Error::internal("IPAM config missing 'ipam' key"))
    }
}

/// The `ipam` object.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct IpamConf {
    /// The addresses, unless the runtime brings others.
    pub addresses: Vec<AddressConf>,
    /// Routes for the result.
    #[serde(deserialize_with = "deserialize_routes")]
    pub routes: Vec<Route>,
    /// DNS settings for the result.
    pub dns: Dns,
}

/// One of the addresses.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AddressConf {
    /// `address/length`; looked at only when it is used.
    pub address: String,
    /// The gateway of the address, on whatever network.
    #[serde(with = "optional_ip")]
    pub gateway: Option<IpAddr>,
}

/// `args`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ArgsConf {
    /// The part for plugins that keep to the convention.
    pub cni: IpsConf,
}

/// Addresses that replace the configured ones; an empty list replaces nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct IpsConf {
    /// Each `address/length`.
    pub ips: Vec<String>,
}

/// Reads routes, each of which must have a destination: nobody could read the result otherwise.
fn deserialize_routes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Route>, D::Error> {
    let routes = Vec::<Route>::deserialize(deserializer)?;
    match routes.iter().position(|route| route.dst.is_none()) {
        Some(i) => Err(de::Error::custom(format!("invalid route {i}: no destination"))),
        None => Ok(routes),
    }
}

#[cfg(test)]
mod tests {
    use cni_core::spec::json;

    use super::*;

    fn read(text: &str) -> Result<Written> {
        match json::from_slice::<Conf>(text.as_bytes()).expect("mistakes are kept for later").0 {
            Ok(written) => Ok(written),
            Err(mistake) => Err(Error::internal(mistake)),
        }
    }

    #[test]
    fn mistakes_are_told_with_their_keys_and_addresses_in_the_texts_of_the_reference() {
        for (text, mistake) in [
            (r#"{"ipam":5}"#, "cannot read 5 as object in key ipam"),
            (
                r#"{"ipam":{"addresses":[{"address":1}]}}"#,
                "cannot read 1 as string in key ipam.addresses.0.address",
            ),
            (r#"{"ipam":{"addresses":[{"gateway":"x"}]}}"#, "invalid IP address: x"),
            (r#"{"ipam":{"routes":[{"dst":"x"}]}}"#, "invalid CIDR address: x"),
            (r#"{"ipam":{"routes":[{"dst":null}]}}"#, "invalid CIDR address: "),
            (r#"{"ipam":{"routes":[{"dst":"::/0","gw":"x"}]}}"#, "invalid IP address: x"),
            (r#"{"ipam":{"routes":[{"dst":"::/0"},null]}}"#, "invalid route 1: no destination"),
            (r#"{"ipam":{"routes":[{"gw":"::1"}]}}"#, "invalid route 0: no destination"),
            (r#"{"runtimeConfig":{"ips":5}}"#, "cannot read 5 as array in key runtimeConfig.ips"),
            (r#"{"args":{"cni":5}}"#, "cannot read 5 as object in key args.cni"),
        ] {
            assert_eq!(read(text).expect_err(text).msg, mistake);
        }
    }

    #[test]
    fn an_absent_ipam_object_is_a_mistake_and_an_empty_one_is_not() {
        for text in ["{}", r#"{"ipam":null}"#, r#"{"runtimeConfig":{"ips":["10.0.0.1/8"]}}"#] {
            let written = read(text).expect(text);
            assert_eq!(written.ipam().expect_err(text).msg, "IPAM config missing 'ipam' key");
        }
        let written = read(r#"{"IPAM":{"addresses":null,"routes":null,"dns":null}}"#);
        let written = written.expect("null leaves the defaults");
        let ipam = written.ipam().expect("an object");
        assert!(ipam.addresses.is_empty() && ipam.routes.is_empty() && ipam.dns.is_empty());
    }
}
