//! VERSION: whether plugins can do what a list asks for.

use std::collections::BTreeSet;

use cni_core::spec::json;
use cni_core::{Context, Error, Result, SpecVersion, quote};
use serde::Deserialize;

use super::list::{NetworkList, PluginConf};
use super::runtime::Runtime;

impl Runtime {
    /// Asks a plugin for the versions it supports.
    ///
    /// # Errors
    ///
    /// That there is no such plugin, its own error, or `decoding version info: …`.
    pub fn supported_versions(&self, plugin_type: &str) -> Result<Vec<String>> {
        let executable = self.find(plugin_type)?;
        // Plugins of the oldest runtimes want all variables set, whatever their value.
        let variables = [
            ("CNI_COMMAND", "VERSION"),
            ("CNI_CONTAINERID", ""),
            ("CNI_NETNS", "dummy"),
            ("CNI_ARGS", ""),
            ("CNI_IFNAME", "dummy"),
            ("CNI_PATH", "dummy"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let stdin = format!(r#"{{"cniVersion":"{}"}}"#, SpecVersion::NEWEST);
        match self.execute(&executable, &variables, &stdin) {
            Ok(output) => decode(&output),
            // Plugins of 0.1.0 do not know the verb.
            Err(error) if error.to_string() == "unknown CNI_COMMAND: VERSION" => {
                Ok(vec![SpecVersion::V0_1_0.to_string()])
            }
            Err(error) => Err(error),
        }
    }

    /// Verifies that every plugin of a list exists and supports the list's version. Returns the
    /// capabilities that at least one plugin has.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, in brackets.
    pub fn validate(&self, list: &NetworkList) -> Result<BTreeSet<String>> {
        let errors: Vec<String> = list
            .plugins
            .iter()
            .filter_map(|plugin| self.validate_plugin(plugin, &list.cni_version).err())
            .map(|error| error.to_string())
            .collect();
        if !errors.is_empty() {
            return Err(Error::internal(format!("[{}]", errors.join(" "))));
        }
        Ok(list
            .plugins
            .iter()
            .flat_map(|plugin| &plugin.capabilities)
            .filter(|(_, has)| **has)
            .map(|(capability, _)| capability.clone())
            .collect())
    }

    fn validate_plugin(&self, plugin: &PluginConf, version: &str) -> Result<()> {
        let version = if version.is_empty() { SpecVersion::V0_1_0.as_str() } else { version };
        let plugin_type = &plugin.plugin_type;
        if self.supported_versions(plugin_type)?.iter().any(|supported| supported == version) {
            return Ok(());
        }
        Err(Error::internal(format!(
            "plugin {plugin_type} does not support config version {}",
            quote(version)
        )))
    }
}

fn decode(output: &[u8]) -> Result<Vec<String>> {
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "camelCase")]
    struct Answer {
        cni_version: String,
        supported_versions: Vec<String>,
    }
    let missing =
        |field| Err(Error::internal(format!("decoding version info: missing field {field}")));
    let answer: Answer = json::from_slice(output).context(|| "decoding version info")?;
    if answer.cni_version.is_empty() {
        return missing("cniVersion");
    }
    if !answer.supported_versions.is_empty() {
        return Ok(answer.supported_versions);
    }
    // Spec: 0.2.0 brought VERSION, at first without a list.
    if answer.cni_version == "0.2.0" {
        return Ok(vec!["0.1.0".to_owned(), "0.2.0".to_owned()]);
    }
    missing("supportedVersions")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_all_ages_are_understood() {
        let versions = |text: &str| decode(text.as_bytes()).map_err(|error| error.to_string());
        assert_eq!(
            versions(r#"{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}"#),
            Ok(vec!["0.4.0".to_owned(), "1.0.0".to_owned()])
        );
        assert_eq!(
            versions(r#"{"cniVersion":"0.2.0"}"#),
            Ok(vec!["0.1.0".to_owned(), "0.2.0".to_owned()])
        );
        for (text, message) in [
            ("{}", "decoding version info: missing field cniVersion"),
            (r#"{"cniVersion":"0.3.0"}"#, "decoding version info: missing field supportedVersions"),
            ("", "decoding version info: unexpected end of JSON input"),
        ] {
            assert_eq!(versions(text), Err(message.to_owned()));
        }
    }
}
