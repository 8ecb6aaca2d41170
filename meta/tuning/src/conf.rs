//! What the user may write.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Value, json};

/// The plugin's keys; `prevResult` is in the common part.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conf {
    pub(crate) sysctl: Sysctls,
    pub(crate) mac: String,
    pub(crate) promisc: bool,
    pub(crate) mtu: i64,
    pub(crate) allmulti: Option<bool>,
    #[serde(rename = "txQLen")]
    pub(crate) tx_queue_len: Option<i64>,
    pub(crate) data_dir: String,
    pub(crate) runtime_config: RuntimeConfig,
    pub(crate) args: Args,
}

/// What the runtime adds.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct RuntimeConfig {
    pub(crate) mac: String,
}

/// What is said about one container, by convention under `cni`.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Args {
    pub(crate) cni: ContainerArgs,
}

/// Keys that go before those of the network where they are there.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct ContainerArgs {
    pub(crate) sysctl: Sysctls,
    pub(crate) mac: Option<String>,
    pub(crate) promisc: Option<bool>,
    pub(crate) mtu: Option<i64>,
    pub(crate) allmulti: Option<bool>,
    #[serde(rename = "txQLen")]
    pub(crate) tx_queue_len: Option<i64>,
}

/// Keys and values in the order of the document, duplicates included.
#[derive(Debug, Default)]
pub struct Sysctls(pub(crate) Vec<(String, String)>);

impl<'de> Deserialize<'de> for Sysctls {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Sysctls;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Sysctls, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Sysctls(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

impl Conf {
    /// The folder of the records.
    pub(crate) fn data_dir(&self) -> &str {
        match self.data_dir.as_str() {
            "" => "/run/cni/tuning",
            folder => folder,
        }
    }
}

/// The network of the command line when no configuration is given.
pub(crate) fn default_network() -> Value {
    json!({ "cniVersion": "1.1.0", "name": "tuning", "type": "tuning" })
}
