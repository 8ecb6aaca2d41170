//! A plugin's result together with the version it is written in.

use cni_core::spec::json;
use cni_core::spec::result::{plugin_output_value, unsupported};
use cni_core::{AddResult, Context, Error, Result, SpecVersion};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A result as a plugin returned it: between plugins it is passed on in that version.
#[derive(Clone, Debug)]
pub struct VersionedResult {
    version: SpecVersion,
    result: AddResult,
    value: Value,
}

impl VersionedResult {
    /// Reads what a plugin printed for ADD.
    pub(crate) fn from_plugin_output(output: &[u8], config_version: &str) -> Result<Self> {
        Self::from_value(plugin_output_value(output, config_version)?)
    }

    /// Reads a result that may not tell its version: then it is of 0.1.0.
    pub(crate) fn from_value(mut value: Value) -> Result<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Versioned {
            cni_version: String,
        }
        let Versioned { cni_version } =
            json::from_value(&value).context(|| "decoding version from network config")?;
        let version = SpecVersion::find(&cni_version).ok_or_else(|| unsupported(&cni_version))?;
        if value.is_null() {
            value = Value::Object(Map::new());
        }
        let result = AddResult::from_value(&value, version)?;
        // A result of 0.1.0 without addresses cannot be made, but plugins of that time return it.
        let value = result.to_value(version).unwrap_or_else(|_| with_version(value, version));
        Ok(Self { version, result, value })
    }

    /// Writes the result in another version.
    ///
    /// # Errors
    ///
    /// `no converter for CNI result version … to …` for an unknown version, and
    /// `cannot convert: no valid IP addresses` for 0.1.0 and 0.2.0.
    pub fn to_version(&self, wanted: &str) -> Result<Self> {
        let version = SpecVersion::find(wanted).ok_or_else(|| {
            let found = self.version;
            Error::internal(format!("no converter for CNI result version {found} to {wanted}"))
        })?;
        let value = if version.family() == self.version.family() {
            with_version(self.value.clone(), version)
        } else {
            self.result.to_value(version)?
        };
        Ok(Self { version, result: self.result.clone(), value })
    }

    /// The version the result is written in.
    pub fn version(&self) -> SpecVersion {
        self.version
    }

    /// The result in the sense of the newest version.
    pub fn result(&self) -> &AddResult {
        &self.result
    }

    /// The document as it is passed on and cached, keys sorted.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The document for a person: four blanks of indentation, no newline at the end.
    pub fn to_document(&self) -> String {
        self.result.to_document(self.version).unwrap_or_else(|_| json::to_pretty(&self.value))
    }
}

fn with_version(mut value: Value, version: SpecVersion) -> Value {
    value["cniVersion"] = Value::from(version.as_str());
    value
}
