//! What we will therefore do: the delegate and its configuration.

use cni_core::spec::conf::NetworkConf;
use cni_core::spec::json;
use cni_core::{AddResult, Context, Error, Result, Route, SpecVersion};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::conf::Conf;
use crate::subnet::Subnet;

/// The delegate and what it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The delegate's executable.
    pub(crate) plugin: String,
    /// The delegate's configuration.
    pub(crate) configuration: Map<String, Value>,
}

impl Plan {
    /// Makes the delegate's configuration from the user's and the node's subnet.
    ///
    /// # Errors
    ///
    /// When the user sets what is set here, or routes that are none.
    pub(crate) fn new(network: &NetworkConf, conf: &Conf, subnet: &Subnet) -> Result<Self> {
        let mut configuration = conf.delegate.clone();
        let plugin = match configuration.get("type") {
            None => "bridge".to_owned(),
            Some(Value::String(plugin)) => plugin.clone(),
            Some(_) => {
                return Err(Error::internal(
                    "'delegate' dictionary, if present, must have (string) 'type' field",
                ));
            }
        };
        if let Some(key) = ["name", "ipam"].into_iter().find(|key| configuration.contains_key(*key))
        {
            return Err(Error::internal(format!(
                "'delegate' dictionary must not have '{key}' field, it'll be set by flannel"
            )));
        }
        for (key, value) in [
            ("name", Some(network.name.clone().into())),
            ("ipam", Some(ipam(conf, subnet)?.into())),
            ("cniVersion", Some(network.cni_version.clone().into()).filter(|v| *v != "")),
            ("runtimeConfig", conf.runtime_config.clone().map(Value::Object)),
        ] {
            configuration.extend(value.map(|value: Value| (key.to_owned(), value)));
        }
        for (key, value) in [
            ("type", Some(plugin.clone().into())),
            ("ipMasq", Some((!subnet.masquerades).into())),
            ("mtu", Some(subnet.mtu.into())),
            ("isGateway", (plugin == "bridge").then_some(true.into())),
        ] {
            if let Some(value) = value {
                configuration.entry(key).or_insert(value);
            }
        }
        Ok(Self { plugin, configuration })
    }

    /// Reads what an attachment was delegated with; `None` when a crash of the reference left
    /// something else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let Ok(Value::Object(configuration)) = json::to_value(bytes) else {
            return None;
        };
        let plugin = configuration.get("type")?.as_str()?.to_owned();
        Some(Self { plugin, configuration })
    }

    /// The configuration with other keys, in the version of the request that brings them.
    pub(crate) fn with(&self, network: &NetworkConf, key: &str, value: Value) -> Self {
        let mut plan = self.clone();
        plan.configuration.insert("cniVersion".to_owned(), network.cni_version.clone().into());
        plan.configuration.insert(key.to_owned(), value);
        plan
    }

    /// The configuration as the delegate reads it.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        json::to_compact(&self.configuration).into_bytes()
    }
}

/// The key `ipam`: the user's, with the node's subnets as ranges and the way to the whole network.
fn ipam(conf: &Conf, subnet: &Subnet) -> Result<Map<String, Value>> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Routes(#[serde(deserialize_with = "json::deserialize_elements")] Vec<Route>);

    let mut ipam = conf.ipam.clone();
    let mut routes = match ipam.get("routes") {
        None | Some(Value::Null) => Vec::new(),
        Some(written) => {
            let routes: Result<Routes, _> = json::from_value(written);
            routes
                .context(|| {
                    "failed to assemble Delegate IPAM: failed to read IPAM routes: \
                     failed to parse ipam.routes"
                })?
                .0
        }
    };
    let to_networks = subnet.networks.iter();
    routes.extend(to_networks.map(|network| Route { dst: Some(*network), ..Route::default() }));
    let ranges = subnet.subnets.iter().map(|subnet| {
        let range = Map::from_iter([("subnet".to_owned(), subnet.to_string().into())]);
        Value::Array(vec![range.into()])
    });
    ipam.insert("ranges".to_owned(), ranges.collect());
    // A result of the newest version writes routes as configurations do.
    let mut result = AddResult { routes, ..AddResult::default() }.to_value(SpecVersion::NEWEST)?;
    ipam.insert("routes".to_owned(), result["routes"].take());
    ipam.entry("type").or_insert("host-local".into());
    Ok(ipam)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn subnet(is_dual: bool) -> Subnet {
        let parse = |texts: &[&str]| {
            let count = if is_dual { 2 } else { 1 };
            texts.iter().take(count).map(|text| text.parse().expect("a network")).collect()
        };
        Subnet {
            networks: parse(&["10.1.0.0/16", "fc00::/48"]),
            subnets: parse(&["10.1.17.0/24", "fc00:0:0:1::/64"]),
            mtu: 1472,
            masquerades: true,
        }
    }

    fn planned(conf: &Value, subnet: &Subnet) -> Result<Plan> {
        let network = json::from_value(conf).expect("the common keys");
        let conf = json::from_value(conf).expect("our keys");
        Plan::new(&network, &conf, subnet)
    }

    /// The delegate's configuration as text.
    fn delegated(conf: &Value, subnet: &Subnet) -> String {
        let plan = planned(conf, subnet).expect("a plan");
        String::from_utf8(plan.bytes()).expect("text")
    }

    #[test]
    fn the_least_configuration_becomes_a_bridge() {
        assert_eq!(
            delegated(&json!({ "name": "mynet", "cniVersion": "1.0.0" }), &subnet(false)),
            r#"{"cniVersion":"1.0.0","ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"10.1.0.0/16"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"mynet","type":"bridge"}"#
        );
        assert_eq!(
            delegated(&json!({ "name": "n", "delegate": null, "ipam": null }), &subnet(true)),
            r#"{"ipMasq":false,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}],[{"subnet":"fc00:0:0:1::/64"}]],"routes":[{"dst":"10.1.0.0/16"},{"dst":"fc00::/48"}],"type":"host-local"},"isGateway":true,"mtu":1472,"name":"n","type":"bridge"}"#
        );
    }

    #[test]
    fn what_the_user_writes_is_kept() {
        let conf = json!({
            "name": "n",
            "delegate": { "type": "ptp", "mtu": 1400, "ipMasq": true, "runtimeConfig": 1,
                          "cniVersion": "0.3.1", "mac": "<x>", "big": 9_007_199_254_740_993_u64 },
            "ipam": { "type": "other", "subnet": "x", "ranges": 5, "unknown": [null],
                      "routes": [{ "dst": "0.0.0.0/0", "gw": "10.1.17.9", "x": 1 },
                                 { "dst": "10.2.3.4/8", "mtu": 1300, "table": 0 }] },
            "runtimeConfig": {},
            "prevResult": {}, "args": {}, "dns": {}, "capabilities": {}
        });
        assert_eq!(
            delegated(&conf, &Subnet { masquerades: false, ..subnet(false) }),
            r#"{"big":9007199254740993,"cniVersion":"0.3.1","ipMasq":true,"ipam":{"ranges":[[{"subnet":"10.1.17.0/24"}]],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.17.9"},{"dst":"10.2.3.4/8","mtu":1300,"table":0},{"dst":"10.1.0.0/16"}],"subnet":"x","type":"other","unknown":[null]},"mac":"\u003cx\u003e","mtu":1400,"name":"n","runtimeConfig":{},"type":"ptp"}"#
        );
    }

    #[test]
    fn what_is_set_here_is_refused() {
        let typed = "'delegate' dictionary, if present, must have (string) 'type' field";
        let set = |key| {
            format!("'delegate' dictionary must not have '{key}' field, it'll be set by flannel")
        };
        let routes = "failed to assemble Delegate IPAM: failed to read IPAM routes: \
                      failed to parse ipam.routes: ";
        for (keys, msg) in [
            (json!({ "delegate": { "type": 4, "name": "x" } }), typed.to_owned()),
            (json!({ "delegate": { "name": "x", "ipam": {} } }), set("name")),
            (json!({ "delegate": { "ipam": {} } }), set("ipam")),
            (
                json!({ "ipam": { "routes": [{ "dst": "x" }] } }),
                format!("{routes}invalid CIDR address: x"),
            ),
            (json!({ "ipam": { "routes": [null] } }), format!("{routes}a list element is null")),
        ] {
            assert_eq!(planned(&keys, &subnet(false)).expect_err("refused").msg, msg);
        }
    }

    #[test]
    fn what_was_stored_is_read_and_nothing_else() {
        let plan = planned(&json!({ "name": "n" }), &subnet(true)).expect("a plan");
        assert_eq!(Plan::read(&plan.bytes()), Some(plan));
        for text in ["", "{", "[]", "{}", r#"{"type":4}"#, r#"{"type":null}"#] {
            assert_eq!(Plan::read(text.as_bytes()), None, "{text}");
        }
    }
}
