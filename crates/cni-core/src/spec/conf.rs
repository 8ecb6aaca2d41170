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
        // Reference: a result without a version of its own gets the configuration's under this
        // spelling. It sorts before the usual one, which therefore wins, even when it is empty.
        let mut raw = raw.clone();
        let inherited = || Value::String(self.cni_version.clone());
        let own = raw.entry("CNIVersion").or_insert_with(inherited);
        if own == "" {
            *own = inherited();
        }
        AddResult::from_value(&Value::Object(raw), version).map(Some).map_err(|e| failed(e.msg))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::json;

    /// The outcome for a configuration of this version: the message, or what was found.
    fn prev_result(version: &str, written: &str) -> std::result::Result<Option<AddResult>, String> {
        let conf = format!("{{\"cniVersion\":\"{version}\",\"prevResult\":{written}}}");
        let conf: NetworkConf = json::from_slice(conf.as_bytes()).expect("a configuration");
        conf.prev_result().map_err(|error| error.to_string())
    }

    #[test]
    fn no_previous_result_is_none() {
        assert_eq!(NetworkConf::default().prev_result(), Ok(None));
        assert_eq!(prev_result("1.1.0", "null"), Ok(None));
    }

    #[test]
    fn a_previous_result_inherits_the_version_unless_it_has_one() {
        let empty = Ok(Some(AddResult::default()));
        for version in ["", "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
            for written in ["{}", r#"{"CNIVersion":""}"#, r#"{"cniVersion":null}"#] {
                assert_eq!(prev_result(version, written), empty, "{version} {written}");
            }
        }
        for (version, own) in [("0.1.0", "0.2.0"), ("0.4.0", "0.3.0"), ("1.1.0", "1.0.0")] {
            assert_eq!(prev_result(version, &format!("{{\"cniVersion\":\"{own}\"}}")), empty);
        }
    }

    #[test]
    fn a_previous_result_of_another_family_is_refused() {
        let listed = [
            ("0.1.0", "[ 0.1.0 0.2.0]"),
            ("0.3.1", "[0.3.0 0.3.1 0.4.0]"),
            ("1.1.0", "[1.0.0 1.1.0]"),
        ];
        for (version, list) in listed {
            let other = if version == "0.3.1" { "1.0.0" } else { "0.4.0" };
            for (key, own) in
                [("cniVersion", other), ("cniversion", "9.9.9"), ("CNIVersion", "9.9.9")]
            {
                assert_eq!(
                    prev_result(version, &format!("{{\"{key}\":\"{own}\"}}")),
                    Err(format!(
                        "could not parse prevResult: result type supports {list} but unmarshalled CNIVersion is \"{own}\""
                    ))
                );
            }
        }
        // An empty version that is written beats the inherited one.
        for (version, list) in &listed[1..] {
            assert_eq!(
                prev_result(version, r#"{"cniVersion":""}"#),
                Err(format!(
                    "could not parse prevResult: result type supports {list} but unmarshalled CNIVersion is \"\""
                ))
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_in_the_words_of_the_reference() {
        for (version, written, text) in [
            ("9.9.9", "{}", "unsupported CNI result version \"9.9.9\""),
            ("1.1.0", r#"{"ips":[{"address":"x"}]}"#, "invalid CIDR address: x"),
            ("1.1.0", r#"{"ips":[{"gateway":"x"}]}"#, "invalid IP address: x"),
            ("0.4.0", r#"{"ips":[{"version":4}]}"#, "cannot read 4 as string in key ips.0.version"),
            ("1.1.0", r#"{"ips":[null]}"#, "a list element is null in key ips"),
        ] {
            assert_eq!(
                prev_result(version, written),
                Err(format!("could not parse prevResult: {text}"))
            );
        }
        let ignored = prev_result("1.1.0", r#"{"ips":[{"version":4}]}"#).expect("an unknown key");
        assert_eq!(ignored.map(|result| result.ips.len()), Some(1));
        let unset = prev_result("1.1.0", r#"{"ips":[{}]}"#).expect("an unset address");
        assert_eq!(unset.map(|result| result.ips[0].address), Some(None));
    }

    #[test]
    fn duplicates_of_a_previous_result_merge() {
        let conf = r#"{"prevResult":{"cniVersion":"0.4.0"},"PREVRESULT":{"ips":[{}]},"cniVersion":"1.1.0"}"#;
        let conf: NetworkConf = json::from_slice(conf.as_bytes()).expect("a configuration");
        let error =
            conf.prev_result().expect_err("the version of the first, the ips of the second");
        assert!(error.msg.ends_with("unmarshalled CNIVersion is \"0.4.0\""), "{error}");
    }
}
