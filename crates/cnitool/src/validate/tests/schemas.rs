//! Schemas say what types and pages say.

use cni_core::spec::json::Shape;
use serde_json::{Value, json};

use crate::validate::catalogue::{Known, PLUGINS, Role};
use crate::validate::readers::whole_shape;
use crate::validate::{page, schema};

/// The schema of a plugin, or of any file.
pub fn read(plugin: &str) -> Value {
    let text = schema(plugin).unwrap_or_else(|| panic!("no schema of {plugin}"));
    serde_json::from_str(&text).expect("a schema is a document")
}

/// Why a schema refuses a value: the keyword and the value; `None` when it takes it.
///
/// This knows the keywords that are used here, and panics for others.
pub fn refusal(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let keywords = schema.as_object().expect("a schema is an object here");
    let keyword = |name: &str| keywords.get(name);
    let refused = |name: &str| Some(format!("{name} {} refuses {value}", schema[name]));
    for (name, written) in keywords {
        let answer = match name.as_str() {
            "$schema" | "title" | "description" | "$defs" | "then" | "else" => None,
            "$ref" => {
                let path = written.as_str().expect("a reference").trim_start_matches('#');
                let target = root.pointer(path).unwrap_or_else(|| panic!("{path} is missing"));
                refusal(root, target, value)
            }
            "type" => {
                let is_it = match written.as_str().expect("one type") {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64() || value.is_u64(),
                    other => panic!("{other} is no type"),
                };
                if is_it { None } else { refused(name) }
            }
            "const" => {
                if value == written {
                    None
                } else {
                    refused(name)
                }
            }
            "enum" => {
                let words = written.as_array().expect("a list");
                if words.contains(value) { None } else { refused(name) }
            }
            // Only the network's name has a pattern.
            "pattern" => {
                let name = value.as_str().unwrap_or("x");
                cni_core::spec::names::validate_network_name(name).err().map(|error| error.msg)
            }
            "minLength" => {
                if value == "" {
                    refused(name)
                } else {
                    None
                }
            }
            "minimum" => {
                if value.as_i64().is_some_and(|number| number < 0) {
                    refused(name)
                } else {
                    None
                }
            }
            "maximum" => {
                if value.as_i64() > written.as_i64() {
                    refused(name)
                } else {
                    None
                }
            }
            "minItems" => {
                if value == &json!([]) {
                    refused(name)
                } else {
                    None
                }
            }
            "required" => {
                let keys = written.as_array().expect("a list").iter().filter_map(Value::as_str);
                let lacks = |key: &str| value.is_object() && value.get(key).is_none();
                if keys.into_iter().any(lacks) { refused(name) } else { None }
            }
            "items" => {
                value.as_array().into_iter().flatten().find_map(|item| refusal(root, written, item))
            }
            "properties" => {
                let properties = written.as_object().expect("an object");
                let given =
                    properties.iter().filter_map(|(key, inner)| Some((inner, value.get(key)?)));
                given.into_iter().find_map(|(inner, value)| refusal(root, inner, value))
            }
            "additionalProperties" => {
                let known = keyword("properties").and_then(Value::as_object);
                let others = value.as_object().into_iter().flatten();
                let mut others =
                    others.filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)));
                match written {
                    Value::Bool(false) => {
                        others.next().map(|(key, _)| format!("{key} is not known"))
                    }
                    inner => others.find_map(|(_, value)| refusal(root, inner, value)),
                }
            }
            "allOf" => written
                .as_array()
                .into_iter()
                .flatten()
                .find_map(|inner| refusal(root, inner, value)),
            "if" => {
                let branch = if refusal(root, written, value).is_none() { "then" } else { "else" };
                keyword(branch).and_then(|inner| refusal(root, inner, value))
            }
            other => panic!("{other} is no keyword that is used"),
        };
        if answer.is_some() {
            return answer;
        }
    }
    None
}

/// The paths of all keys, with `[]` for the elements of lists.
fn paths(shape: &Shape, path: &str) -> Vec<String> {
    match shape {
        Shape::List(of) => paths(of, &format!("{path}[]")),
        Shape::Object(fields) => fields
            .iter()
            .flat_map(|(name, inner)| {
                let path =
                    if path.is_empty() { (*name).to_owned() } else { format!("{path}.{name}") };
                let mut all = paths(inner, &path);
                all.push(path);
                all
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_key_on_a_plugins_page_is_read_and_every_key_that_is_read_is_on_its_page() {
    for known in PLUGINS {
        let rows: Vec<&str> = page::rows(known.page).iter().map(|row| row.path).collect();
        let readable = paths(&whole_shape([known].into_iter()), "");
        for row in &rows {
            // Flannel hands these on.
            let is_delegates = known.name == "flannel" && row.contains('.');
            assert!(
                is_delegates || readable.iter().any(|path| path == row),
                "{}: {row}",
                known.name
            );
        }
        for path in paths(&known.shape(), "") {
            let is_told = |row: &&str| {
                path.strip_prefix(*row)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
                    || row.starts_with(&format!("{path}."))
                    || row.starts_with(&format!("{path}["))
            };
            let is_told_elsewhere = known.name == "static" && path.ends_with("ips")
                || ["ipam", "args", "args.cni", "runtimeConfig"].contains(&path.as_str());
            assert!(
                is_told_elsewhere || rows.iter().any(is_told),
                "{}: {path} is not on the page",
                known.name
            );
        }
        let has_ipam_row = rows.contains(&"ipam");
        let takes_ipam = known.role == Role::Interface && known.name != "loopback";
        assert!(has_ipam_row == takes_ipam || known.role == Role::Ipam, "{}: ipam", known.name);
    }
}

#[test]
fn schemas_have_every_key_with_what_the_page_says_of_it() {
    let schema = read("macvlan");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert_eq!(schema["title"], "macvlan");
    let keys: Vec<&String> = schema["properties"].as_object().expect("keys").keys().collect();
    assert_eq!(
        keys,
        [
            "args",
            "bcqueuelen",
            "capabilities",
            "cniVersion",
            "dns",
            "ipam",
            "linkInContainer",
            "mac",
            "master",
            "mode",
            "mtu",
            "name",
            "prevResult",
            "runtimeConfig",
            "type",
        ]
    );
    assert_eq!(
        schema["properties"]["mode"]["enum"],
        json!(["bridge", "private", "vepa", "passthru", ""])
    );
    assert_eq!(
        schema["properties"]["bcqueuelen"],
        json!({
            "type": "integer", "minimum": 0, "maximum": u32::MAX,
            "description": "broadcast packets that may wait for delivery; 0 is the kernel's choice, 1000 (default: `0`)",
        })
    );
    assert_eq!(
        schema["properties"]["runtimeConfig"]["properties"]["mac"]["description"],
        "hardware address, from the runtime (capability `mac`)"
    );
    assert_eq!(super::super::schema("no-such-plugin"), None);
}

#[test]
fn schemas_take_what_is_right_and_refuse_what_is_not() {
    let any_file = read("");
    for known in PLUGINS {
        let own = read(known.name);
        let network: Value = example(known);
        assert_eq!(refusal(&own, &own, &network), None, "{}", known.name);
        assert_eq!(refusal(&any_file, &any_file, &network), None, "{}", known.name);
        for (key, value) in
            [("isGatway", json!(true)), ("cniVersion", json!("9.9.9")), ("name", json!("a/b"))]
        {
            let mut wrong = network.clone();
            wrong[key] = value;
            for schema in [&own, &any_file] {
                assert!(refusal(schema, schema, &wrong).is_some(), "{}: {key}", known.name);
            }
        }
    }
    let bridge = |key: &str, value: Value| {
        let mut network =
            example(PLUGINS.iter().find(|known| known.name == "bridge").expect("a bridge"));
        network[key] = value;
        let list = json!({ "cniVersion": "1.1.0", "name": "n", "plugins": [network.clone()] });
        let answers = [&network, &list].map(|value| refusal(&any_file, &any_file, value).is_some());
        assert_eq!(answers[0], answers[1], "{network}");
        answers[0]
    };
    for (key, value, is_refused) in [
        ("mtu", json!(1400), false),
        ("mtu", json!("1400"), true),
        ("vlanTrunk", json!([{ "id": 5 }, { "minID": 7, "maxID": 9 }]), false),
        ("vlanTrunk", json!([{ "ID": 5 }]), true),
        ("ipMasqBackend", json!("nft"), true),
        ("ipam", json!({ "type": "host-local", "ranges": [[{ "subnet": "10.0.0.0/8" }]] }), false),
        ("ipam", json!({ "type": "host-local", "ranges": [{ "subnet": "10.0.0.0/8" }] }), true),
        ("ipam", json!({ "type": "static", "subnet": "10.0.0.0/8" }), true),
        ("ipam", json!({ "type": "of-others", "anything": 1 }), false),
        ("args", json!({ "cni": { "mac": "", "other": 1 }, "other": 2 }), false),
        ("runtimeConfig", json!({ "mac": 5 }), true),
    ] {
        assert_eq!(bridge(key, value.clone()), is_refused, "{key} {value}");
    }
    for (list, is_refused) in [
        (json!({ "name": "n", "plugins": [{ "type": "of-others", "anything": 1 }] }), false),
        (json!({ "name": "n", "plugins": [] }), true),
        (json!({ "name": "n", "plugins": [{}] }), true),
        (json!({ "plugins": [{ "type": "bridge" }] }), true),
        (json!({ "name": "n", "disableCheck": "true", "plugins": [{ "type": "tuning" }] }), false),
        (json!({ "name": "n", "disableCheck": 1, "plugins": [{ "type": "tuning" }] }), true),
    ] {
        assert_eq!(refusal(&any_file, &any_file, &list).is_some(), is_refused, "{list}");
    }
}

#[test]
fn plugins_take_the_words_that_they_are_said_to_take_and_no_other() {
    for known in PLUGINS {
        for (key, words) in known.choices {
            let mut network = example(known);
            // Without it the backend is never looked at.
            network["ipMasq"] = true.into();
            let mut takes = |word: &str| {
                let place = key.split('.').fold(&mut network, |inside, key| &mut inside[key]);
                *place = word.into();
                known.validate(&network.to_string()).is_ok()
            };
            assert!(words.iter().all(|word| takes(word)), "{}: {key}", known.name);
            let is_lenient = known.name == "firewall" && *key == "backend";
            assert_eq!(takes("x"), is_lenient, "{}: {key}", known.name);
            assert_eq!(takes(""), words.contains(&""), "{}: {key}", known.name);
        }
    }
}

/// The network that the plugin's command line has built in.
fn example(known: &Known) -> Value {
    (known.default_network)()
}
