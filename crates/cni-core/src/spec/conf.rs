//! The keys every network configuration has (specification section 1, "Network configuration").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::{Error, Result};
use super::result::{AddResult, Dns};
use super::version::SpecVersion;

/// The common part of a plugin's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NetworkConf {
    /// As written; empty means 0.1.0.
    pub cni_version: String,
    /// The network's name.
    pub name: String,
    /// The plugin's executable.
    #[serde(rename = "type")]
    pub plugin_type: String,
    /// What the runtime may put into `runtimeConfig`.
    pub capabilities: BTreeMap<String, bool>,
    /// The delegated IPAM plugin.
    pub ipam: Ipam,
    /// DNS settings for the result.
    pub dns: DnsConf,
    /// The result of the previous plugin, as written.
    pub prev_result: Option<Map<String, Value>>,
    /// GC: the attachments that still exist. Absent is not the same as empty.
    #[serde(rename = "cni.dev/valid-attachments")]
    pub valid_attachments: Option<Vec<ValidAttachment>>,
}

/// What an interface plugin reads of the `ipam` object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Ipam {
    /// The IPAM plugin's executable; empty means that no addresses are wanted.
    #[serde(rename = "type")]
    pub plugin_type: String,
}

/// The `dns` object; lists know whether they were written at all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct DnsConf {
    nameservers: Option<Vec<String>>,
    domain: String,
    search: Option<Vec<String>>,
    options: Option<Vec<String>>,
}

impl DnsConf {
    /// Whether anything is set; an empty list counts, as it does in the reference.
    pub fn is_set(&self) -> bool {
        self.nameservers.is_some()
            || self.search.is_some()
            || self.options.is_some()
            || !self.domain.is_empty()
    }

    /// The settings as a result carries them.
    pub fn to_dns(&self) -> Dns {
        Dns {
            nameservers: self.nameservers.clone().unwrap_or_default(),
            domain: self.domain.clone(),
            search: self.search.clone().unwrap_or_default(),
            options: self.options.clone().unwrap_or_default(),
        }
    }
}

/// One element of `cni.dev/valid-attachments`.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Hash)]
#[serde(default)]
pub struct ValidAttachment {
    /// The container.
    #[serde(rename = "containerID")]
    pub container_id: String,
    /// The interface in the container.
    pub ifname: String,
}

impl NetworkConf {
    /// Decodes `prevResult`; absent and `null` give `None`.
    ///
    /// # Errors
    ///
    /// Code 999 with the texts of the reference, beginning `could not parse prevResult: `.
    pub fn prev_result(&self) -> Result<Option<AddResult>> {
        let Some(raw) = &self.prev_result else {
            return Ok(None);
        };
        let failed = |msg: String| Error::internal(format!("could not parse prevResult: {msg}"));
        let Some(version) = SpecVersion::find(&self.cni_version) else {
            return Err(failed(format!(
                "unsupported CNI result version {}",
                super::error::quote(&self.cni_version)
            )));
        };
        // A result without a version of its own has the configuration's. The reference looks for
        // `CNIVersion` there, so an explicit empty `cniVersion` is kept, and refused.
        let mut raw = raw.clone();
        let inherits = matches!(raw.get("CNIVersion"), None | Some(Value::Null))
            || raw.get("CNIVersion").and_then(Value::as_str) == Some("");
        if inherits && !raw.contains_key("cniVersion") {
            raw.retain(|key, _| !key.eq_ignore_ascii_case("cniVersion"));
            raw.insert("cniVersion".to_owned(), Value::String(self.cni_version.clone()));
        }
        AddResult::from_value(&Value::Object(raw), version).map(Some).map_err(|e| failed(e.msg))
    }
}
