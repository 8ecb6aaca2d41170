//! Network lists: what a configuration file means (specification section 1).

use std::collections::BTreeMap;
use std::fmt;

use cni_core::spec::conf::NetworkConf;
use cni_core::spec::json;
use cni_core::spec::version::{self, SpecVersion};
use cni_core::{Context, Error, Result, quote};
use serde_json::{Map, Value, json};

/// A network: plugins that run one after the other.
#[derive(Clone, Debug, Default)]
pub struct NetworkList {
    /// The network's name, as written.
    pub name: String,
    /// The version the plugins are called with: as written, or the greatest of `cniVersions` this
    /// runtime supports. Empty means 0.1.0.
    pub cni_version: String,
    /// CHECK succeeds without calling a plugin.
    pub disable_check: bool,
    /// GC succeeds without doing anything.
    pub disable_gc: bool,
    /// Plugins come from the list alone, not also from the folder named like the network.
    pub load_only_inlined_plugins: bool,
    /// The plugins in the order of ADD.
    pub plugins: Vec<PluginConf>,
    /// The file, byte for byte; the cache keeps it.
    pub bytes: Vec<u8>,
}

/// The configuration of one plugin of a list.
#[derive(Clone, Debug)]
pub struct PluginConf {
    /// The plugin's executable.
    pub plugin_type: String,
    /// Its own `name`; only messages show it, since plugins get the list's.
    pub name: String,
    /// What the runtime may put into `runtimeConfig`.
    pub capabilities: BTreeMap<String, bool>,
    /// Everything, as written.
    pub object: Map<String, Value>,
}

impl NetworkList {
    /// The keys of a list, which match exactly.
    pub const KEYS: [&str; 7] = [
        "cniVersion",
        "cniVersions",
        "name",
        "disableCheck",
        "disableGC",
        "loadOnlyInlinedPlugins",
        "plugins",
    ];

    /// Reads a list. Its plugins may still be missing: a folder can hold them.
    ///
    /// # Errors
    ///
    /// `error parsing configuration list: …`, or `failed to parse plugin config <index>: …`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let prefix = || "error parsing configuration list";
        let mut keys: Map<String, Value> = json::from_slice(bytes).context(prefix)?;
        let plugins = keys.remove("plugins");
        let mut list = Self::from_keys(&keys).map_err(Error::internal).context(prefix)?;
        let elements = list.inlined(plugins).map_err(Error::internal).context(prefix)?;
        for (index, element) in elements.into_iter().enumerate() {
            let plugin = PluginConf::from_value(element)
                .context(|| format!("failed to parse plugin config {index}"))?;
            list.plugins.push(plugin);
        }
        list.bytes = bytes.to_vec();
        Ok(list)
    }

    /// Makes a list of the configuration of a single plugin.
    ///
    /// # Errors
    ///
    /// `error parsing configuration: …`.
    pub fn from_single_plugin(bytes: &[u8]) -> Result<Self> {
        let (conf, plugin) = read_plugin(bytes)?;
        let document = json!({
            "name": conf.name,
            "cniVersion": conf.cni_version,
            "plugins": [plugin.object],
        });
        Self::from_bytes(json::to_compact(&document).as_bytes())
    }

    fn from_keys(keys: &Map<String, Value>) -> Result<Self, String> {
        let name = match keys.get("name") {
            None => return Err("no name".to_owned()),
            Some(Value::String(name)) => name.clone(),
            Some(other) => return Err(format!("invalid name type {}", go_type(other))),
        };
        Ok(Self {
            name,
            cni_version: selected_version(keys)?,
            disable_check: flag(keys, "disableCheck")?,
            disable_gc: flag(keys, "disableGC")?,
            load_only_inlined_plugins: flag(keys, "loadOnlyInlinedPlugins")?,
            ..Self::default()
        })
    }

    fn inlined(&self, plugins: Option<Value>) -> Result<Vec<Value>, String> {
        match plugins {
            None if self.load_only_inlined_plugins => {
                Err("`loadOnlyInlinedPlugins` is true, and no 'plugins' key".to_owned())
            }
            None => Ok(Vec::new()),
            Some(Value::Array(elements)) if elements.is_empty() => {
                Err("no plugins in list".to_owned())
            }
            Some(Value::Array(elements)) => Ok(elements),
            Some(other) => Err(format!("invalid 'plugins' type {}", go_type(&other))),
        }
    }

    /// Whether the list's version is at least `least`.
    ///
    /// # Errors
    ///
    /// The list's version is none.
    pub(crate) fn is_at_least(&self, least: SpecVersion) -> Result<bool> {
        version::at_least(&self.cni_version, least)
    }
}

impl PluginConf {
    /// Reads the configuration of one plugin.
    ///
    /// # Errors
    ///
    /// `error parsing configuration: …`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        read_plugin(bytes).map(|(_, plugin)| plugin)
    }

    fn from_value(value: Value) -> Result<Self> {
        let conf = json::from_value(&value).context(|| "error parsing configuration")?;
        Self::of(&conf, value)
    }

    fn of(conf: &NetworkConf, value: Value) -> Result<Self> {
        match value {
            Value::Object(object) if !conf.plugin_type.is_empty() => Ok(Self {
                plugin_type: conf.plugin_type.clone(),
                name: conf.name.clone(),
                capabilities: conf.capabilities.clone(),
                object,
            }),
            _ => Err(Error::internal("error parsing configuration: missing 'type'")),
        }
    }
}

/// How messages name a plugin.
impl fmt::Display for PluginConf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type={}", quote(&self.plugin_type))?;
        if !self.name.is_empty() {
            write!(f, " name={}", quote(&self.name))?;
        }
        Ok(())
    }
}

fn read_plugin(bytes: &[u8]) -> Result<(NetworkConf, PluginConf)> {
    let parsing = || "error parsing configuration";
    let document = json::Document::parse(bytes).context(parsing)?;
    let conf: NetworkConf = document.decode().context(parsing)?;
    let plugin = PluginConf::of(&conf, document.to_value())?;
    Ok((conf, plugin))
}

/// The version to call plugins with.
///
/// Spec: "Version considerations": the greatest version that both sides support.
fn selected_version(keys: &Map<String, Value>) -> Result<String, String> {
    let written = match keys.get("cniVersion") {
        None => "",
        Some(Value::String(version)) => version,
        Some(other) => return Err(format!("invalid cniVersion type {}", go_type(other))),
    };
    let listed = match keys.get("cniVersions") {
        None => return Ok(written.to_owned()),
        Some(Value::Array(listed)) => listed,
        // Reference: it names the type it wanted, not the one it got.
        Some(_) => return Err("invalid type for cniVersions: []interface {}".to_owned()),
    };
    let mut candidates = Vec::with_capacity(listed.len() + 1);
    for (index, entry) in listed.iter().enumerate() {
        let Value::String(entry) = entry else {
            let found = go_type(entry);
            return Err(format!("invalid type for cniVersions index {index}: {found}"));
        };
        let numbers = version::parse_numbers(entry).map_err(|error| {
            format!("invalid cniVersions entry {entry} at index {index}: {error}")
        })?;
        candidates.push((numbers, entry.as_str()));
    }
    if !written.is_empty() {
        let numbers = version::parse_numbers(written)
            .map_err(|error| format!("invalid cniVersion {written}: {error}"))?;
        candidates.push((numbers, written));
    }
    let newest = version::parse_numbers(SpecVersion::NEWEST.as_str())
        .expect("a released version is three numbers");
    let greatest = candidates
        .into_iter()
        .filter(|(numbers, _)| *numbers <= newest)
        // Plugins compare text, so `1.0.0` is more use to them than an equal `1.0`.
        .max_by_key(|(numbers, text)| (*numbers, SpecVersion::find(text).is_some()));
    Ok(greatest.map_or(written, |(_, text)| text).to_owned())
}

/// A boolean, which may also be written as text.
fn flag(keys: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match keys.get(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(Value::String(text)) => match text.to_lowercase().as_str() {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("invalid value {} for {key}", quote(other))),
        },
        Some(other) => Err(format!("invalid type {} for {key}", go_type(other))),
    }
}

/// The type of a value in the words of the reference's messages.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version_of(keys: &str) -> Result<String, String> {
        let text = format!(r#"{{"name":"n",{keys}"plugins":[{{"type":"t"}}]}}"#);
        NetworkList::from_bytes(text.as_bytes())
            .map(|list| list.cni_version)
            .map_err(|error| error.to_string())
    }

    fn refusal(text: &str) -> String {
        NetworkList::from_bytes(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn the_greatest_supported_version_wins() {
        for (keys, selected) in [
            ("", ""),
            (r#""cniVersion":"1.2.3","#, "1.2.3"),
            (r#""cniVersions":["0.3.0","1.1.0","0.4.0"],"#, "1.1.0"),
            (r#""cniVersions":["0.3.0","1.2.0","2.0.0"],"#, "0.3.0"),
            (r#""cniVersion":"0.4.0","cniVersions":["0.3.0"],"#, "0.4.0"),
            (r#""cniVersion":"0.4.0","cniVersions":["1.0","1.0.0","1.0"],"#, "1.0.0"),
            (r#""cniVersion":"9.0.0","cniVersions":["8.0.0"],"#, "9.0.0"),
            (r#""cniVersions":[],"#, ""),
        ] {
            assert_eq!(version_of(keys).as_deref(), Ok(selected), "{keys}");
        }
        for (keys, message) in [
            (r#""cniVersion":null,"#, "invalid cniVersion type <nil>"),
            (r#""cniVersions":"1.0.0","#, "invalid type for cniVersions: []interface {}"),
            (r#""cniVersions":["1.0.0",1],"#, "invalid type for cniVersions index 1: float64"),
            (
                r#""cniVersions":["1.0.0.0"],"#,
                "invalid cniVersions entry 1.0.0.0 at index 0: invalid version \"1.0.0.0\": too many parts",
            ),
            (
                r#""cniVersion":"x","cniVersions":[],"#,
                "invalid cniVersion x: failed to convert major version part \"x\": strconv.Atoi: parsing \"x\": invalid syntax",
            ),
        ] {
            assert_eq!(
                version_of(keys).expect_err(keys),
                format!("error parsing configuration list: {message}")
            );
        }
    }

    #[test]
    fn keys_of_wrong_types_are_named() {
        for (text, message) in [
            ("", "error parsing configuration list: unexpected end of JSON input"),
            ("null", "error parsing configuration list: no name"),
            (r#"{"Name":"n"}"#, "error parsing configuration list: no name"),
            (
                r#"{"name":{}}"#,
                "error parsing configuration list: invalid name type map[string]interface {}",
            ),
            (
                r#"{"name":"n","disableCheck":1}"#,
                "error parsing configuration list: invalid type float64 for disableCheck",
            ),
            (
                r#"{"name":"n","disableGC":"Maybe"}"#,
                "error parsing configuration list: invalid value \"maybe\" for disableGC",
            ),
            (
                r#"{"name":"n","loadOnlyInlinedPlugins":"TRUE"}"#,
                "error parsing configuration list: `loadOnlyInlinedPlugins` is true, and no 'plugins' key",
            ),
            (
                r#"{"name":"n","plugins":null}"#,
                "error parsing configuration list: invalid 'plugins' type <nil>",
            ),
            (
                r#"{"name":"n","plugins":[]}"#,
                "error parsing configuration list: no plugins in list",
            ),
            (
                r#"{"name":"n","plugins":[{"type":"a"},{}]}"#,
                "failed to parse plugin config 1: error parsing configuration: missing 'type'",
            ),
            (
                r#"{"name":"n","plugins":[null]}"#,
                "failed to parse plugin config 0: error parsing configuration: missing 'type'",
            ),
            (
                r#"{"name":"n","plugins":[{"type":"a","capabilities":{"x":1}}]}"#,
                "failed to parse plugin config 0: error parsing configuration: cannot read 1 as boolean in key capabilities.x",
            ),
        ] {
            assert_eq!(refusal(text), message);
        }
    }

    #[test]
    fn a_single_plugin_becomes_a_list() {
        let list = NetworkList::from_single_plugin(
            br#"{"type":"t", "name":"n","cniVersion":"1.0.0","mtu":9007199254740993}"#,
        )
        .expect("a list");
        assert_eq!(
            String::from_utf8_lossy(&list.bytes),
            r#"{"cniVersion":"1.0.0","name":"n","plugins":[{"cniVersion":"1.0.0","mtu":9007199254740993,"name":"n","type":"t"}]}"#
        );
        assert_eq!(list.plugins[0].to_string(), r#"type="t" name="n""#);
        let nameless = NetworkList::from_single_plugin(br#"{"type":"t"}"#).expect("a list");
        assert_eq!((nameless.name.as_str(), nameless.cni_version.as_str()), ("", ""));
    }
}
