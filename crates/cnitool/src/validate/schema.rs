//! JSON Schemas (draft 2020-12) of configurations, for editors.

use cni_core::SpecVersion;
use cni_core::spec::json::Shape;
use cni_runtime::NetworkList;
use serde_json::{Map, Value, json};

use super::catalogue::{self, Known, PLUGINS, Role};
use super::page::{self, Row};
use super::readers::whole_shape;

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Keys of every configuration, in words.
const EVERYWHERE: [(&str, &str); 7] = [
    ("cniVersion", "The version of the CNI specification."),
    ("name", "The network's name: letters, digits, `_`, `.` and `-`."),
    ("type", "The plugin's executable."),
    ("capabilities", "What the runtime may put into `runtimeConfig`."),
    ("runtimeConfig", "What the runtime has put in."),
    ("args", "What is said about one container, by convention under `cni`."),
    ("prevResult", "The result of the plugin before."),
];

/// The schema of a plugin's configuration, or, for an empty name, of any file; `None` for a plugin
/// that is not of this set.
pub fn schema(plugin: &str) -> Option<String> {
    let mut schema = match plugin {
        "" => any_file(),
        name => configuration(catalogue::find(name)?, true),
    };
    schema.insert("$schema".to_owned(), DRAFT.into());
    Some(format!("{:#}\n", Value::Object(schema)))
}

/// A list of plugins or the configuration of one.
fn any_file() -> Map<String, Value> {
    object(json!({
        "title": "CNI network configuration",
        "type": "object",
        "if": { "required": ["plugins"] },
        "then": list(),
        "else": one_plugin(true),
        "$defs": definitions(),
    }))
}

fn list() -> Value {
    let mut properties = Map::new();
    for key in NetworkList::KEYS {
        let shape = match key {
            "name" => name(),
            "cniVersion" => version(SpecVersion::ALL),
            "cniVersions" => json!({ "type": "array", "items": version(SpecVersion::ALL) }),
            "plugins" => json!({ "type": "array", "minItems": 1, "items": one_plugin(false) }),
            // Reference: a text will do.
            _ => json!({ "enum": [true, false, "true", "false"] }),
        };
        properties.insert(key.to_owned(), shape);
    }
    json!({ "properties": properties, "required": ["name", "plugins"] })
}

/// A plugin by its `type`; of one that is not of this set only that.
fn one_plugin(is_alone: bool) -> Value {
    let suffix = if is_alone { "-alone" } else { "" };
    let cases: Vec<Value> = PLUGINS
        .iter()
        .map(|known| {
            json!({
                "if": { "properties": { "type": { "const": known.name } }, "required": ["type"] },
                "then": { "$ref": format!("#/$defs/{}{suffix}", known.name) },
            })
        })
        .collect();
    json!({
        "type": "object",
        "properties": { "type": { "type": "string", "minLength": 1 } },
        "required": ["type"],
        "allOf": cases,
    })
}

fn definitions() -> Map<String, Value> {
    let mut definitions = Map::new();
    for known in PLUGINS {
        definitions.insert(known.name.to_owned(), configuration(known, false).into());
        let mut alone = object(json!({ "$ref": format!("#/$defs/{}", known.name) }));
        alone.insert("required".to_owned(), json!(["name"]));
        definitions.insert(format!("{}-alone", known.name), alone.into());
    }
    definitions
}

/// The configuration of one plugin, which is named by itself when no list does that.
fn configuration(known: &Known, is_alone: bool) -> Map<String, Value> {
    let shape = whole_shape([known].into_iter());
    let words = Words { rows: page::rows(known.page) };
    let mut schema = words.schema(&shape, "", known);
    let properties = schema["properties"].as_object_mut().expect("an object has properties");
    properties.remove("cni.dev/valid-attachments");
    for (key, text) in EVERYWHERE {
        if let Some(property) = properties.get_mut(key).and_then(Value::as_object_mut) {
            property.entry("description").or_insert(text.into());
        }
    }
    properties.insert("cniVersion".to_owned(), version(known.supported));
    properties.insert("name".to_owned(), name());
    properties.insert("type".to_owned(), json!({ "const": known.name }));
    // Others may write into these two.
    for key in ["args", "runtimeConfig"] {
        open(&mut properties[key]);
    }
    if known.role == Role::Interface
        && shape.get("ipam").is_some_and(|ipam| ipam.fields().len() == 1)
    {
        properties.insert("ipam".to_owned(), any_ipam());
    }
    let required = if is_alone { json!(["name", "type"]) } else { json!(["type"]) };
    let mut schema = object(schema);
    schema.insert("title".to_owned(), known.name.into());
    schema.insert("description".to_owned(), known.purpose.into());
    schema.insert("required".to_owned(), required);
    schema
}

/// The `ipam` object of an interface plugin, by its `type`.
fn any_ipam() -> Value {
    let cases: Vec<Value> = PLUGINS
        .iter()
        .filter(|known| known.role == Role::Ipam)
        .map(|known| {
            let words = Words { rows: page::rows(known.page) };
            let shape = whole_shape([known].into_iter());
            let ipam = shape.get("ipam").expect("an IPAM plugin reads it");
            json!({
                "if": { "properties": { "type": { "const": known.name } }, "required": ["type"] },
                "then": words.schema(ipam, "ipam", known),
            })
        })
        .collect();
    json!({
        "type": "object",
        "description": "The IPAM plugin's configuration.",
        "properties": { "type": { "type": "string", "description": "The IPAM plugin's executable." } },
        "allOf": cases,
    })
}

fn name() -> Value {
    json!({ "type": "string", "pattern": "^[a-zA-Z0-9][a-zA-Z0-9_.-]*$", "description": EVERYWHERE[1].1 })
}

fn version(supported: &[SpecVersion]) -> Value {
    let versions: Vec<_> = supported.iter().map(|version| version.as_str()).collect();
    json!({ "enum": versions, "description": EVERYWHERE[0].1 })
}

/// Allows keys that are not known.
fn open(schema: &mut Value) {
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("additionalProperties");
        let properties = schema.get_mut("properties").and_then(Value::as_object_mut);
        properties.into_iter().flat_map(Map::values_mut).for_each(open);
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// What a plugin's page says about its keys.
struct Words<'a> {
    rows: Vec<Row<'a>>,
}

impl Words<'_> {
    fn schema(&self, shape: &Shape, path: &str, known: &Known) -> Value {
        let mut schema = match shape {
            Shape::Anything => json!({}),
            Shape::Bool => json!({ "type": "boolean" }),
            Shape::Integer { least, most } => {
                let mut schema = json!({ "type": "integer" });
                // Bounds of 64 bits tell nobody anything.
                if *least == 0 {
                    schema["minimum"] = 0.into();
                }
                if *most == u32::MAX.into() {
                    schema["maximum"] = u32::MAX.into();
                }
                schema
            }
            Shape::Text => match known.choices.iter().find(|(choice, _)| *choice == path) {
                Some((_, words)) => json!({ "enum": words }),
                None => json!({ "type": "string" }),
            },
            Shape::List(of) => {
                json!({ "type": "array", "items": self.schema(of, &format!("{path}[]"), known) })
            }
            Shape::Map(of) => json!({
                "type": "object",
                "additionalProperties": self.schema(of, &format!("{path}.*"), known),
            }),
            Shape::Object(fields) => {
                let inner = |(name, shape): &(&'static str, Shape)| {
                    let path =
                        if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                    ((*name).to_owned(), self.schema(shape, &path, known))
                };
                let properties: Map<String, Value> = fields.iter().map(inner).collect();
                json!({ "type": "object", "properties": properties, "additionalProperties": false })
            }
        };
        if let Some(Row { default, meaning, .. }) = self.rows.iter().find(|row| row.path == path)
            && !meaning.is_empty()
        {
            let default =
                default.filter(|default| *default != "none").map(|default| match default {
                    "required" => " (required)".to_owned(),
                    default => format!(" (default: {default})"),
                });
            schema["description"] = format!("{meaning}{}", default.unwrap_or_default()).into();
        }
        schema
    }
}
