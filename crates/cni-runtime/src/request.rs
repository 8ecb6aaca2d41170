//! What a plugin is called with: the configuration on standard input, and its environment.

use cni_core::runtime::Command;
use cni_core::spec::conf::ValidAttachment;
use cni_core::spec::json;
use serde_json::{Map, Value, json};

use super::list::{NetworkList, PluginConf};
use super::parameters::Parameters;

/// The configuration for ADD, DEL and CHECK (specification section 3, "Deriving execution
/// configuration from plugin configuration").
pub(crate) fn for_attachment(
    list: &NetworkList,
    plugin: &PluginConf,
    capability_args: &Map<String, Value>,
    prev_result: Option<&Value>,
) -> String {
    let mut object = for_list(list, plugin);
    // Reference: without a result to pass on, a prevResult in the file stays.
    if let Some(prev_result) = prev_result {
        object.insert("prevResult".to_owned(), prev_result.clone());
    }
    let runtime_config: Map<String, Value> = capability_args
        .iter()
        .filter(|(capability, _)| plugin.capabilities.get(*capability) == Some(&true))
        .map(|(capability, value)| (capability.clone(), value.clone()))
        .collect();
    // Reference: without a matching capability, a runtimeConfig in the file stays.
    if !runtime_config.is_empty() {
        object.insert("runtimeConfig".to_owned(), Value::Object(runtime_config));
    }
    json::to_compact(&object)
}

/// The configuration for STATUS, and with the attachments that still exist for GC.
pub(crate) fn for_network(
    list: &NetworkList,
    plugin: &PluginConf,
    valid_attachments: Option<&[ValidAttachment]>,
) -> String {
    let mut object = for_list(list, plugin);
    if let Some(valid) = valid_attachments {
        let valid: Value = valid
            .iter()
            .map(|valid| json!({"containerID": valid.container_id, "ifname": valid.ifname}))
            .collect();
        // An early text of the specification had the shorter key.
        object.insert("cni.dev/attachments".to_owned(), valid.clone());
        object.insert("cni.dev/valid-attachments".to_owned(), valid);
    }
    json::to_compact(&object)
}

fn for_list(list: &NetworkList, plugin: &PluginConf) -> Map<String, Value> {
    let mut object = plugin.object.clone();
    object.insert("name".to_owned(), Value::from(list.name.as_str()));
    object.insert("cniVersion".to_owned(), Value::from(list.cni_version.as_str()));
    object
}

/// The variables of one call. All are always set, so that none of the runtime's own is inherited.
pub(crate) fn environment(
    command: Command,
    parameters: &Parameters,
    path: &str,
) -> Vec<(&'static str, String)> {
    let attachment = &parameters.attachment;
    vec![
        ("CNI_COMMAND", command.as_str().to_owned()),
        ("CNI_CONTAINERID", attachment.container_id.clone()),
        ("CNI_NETNS", attachment.netns.clone()),
        ("CNI_ARGS", parameters.args_text()),
        ("CNI_IFNAME", attachment.ifname.clone()),
        ("CNI_PATH", path.to_owned()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(plugin: &str) -> NetworkList {
        let text = format!(r#"{{"name":"net","cniVersion":"1.1.0","plugins":[{plugin}]}}"#);
        NetworkList::from_bytes(text.as_bytes()).expect("a list")
    }

    fn request(plugin: &str, capability_args: &Value, prev_result: Option<&Value>) -> String {
        let list = list(plugin);
        let capability_args = capability_args.as_object().expect("an object");
        for_attachment(&list, &list.plugins[0], capability_args, prev_result)
    }

    #[test]
    fn the_list_decides_name_and_version_and_keys_are_sorted() {
        assert_eq!(
            request(
                r#"{"type":"t","name":"own","cniVersion":"0.1.0","b":{"z":1,"a":"<&>"},"a":18446744073709551615}"#,
                &json!({}),
                None
            ),
            r#"{"a":18446744073709551615,"b":{"a":"\u003c\u0026\u003e","z":1},"cniVersion":"1.1.0","name":"net","type":"t"}"#
        );
    }

    #[test]
    fn only_declared_and_given_capabilities_are_passed() {
        let plugin = r#"{"type":"t","capabilities":{"mac":true,"ips":false,"dns":true}}"#;
        let given = json!({"mac": "m", "ips": ["1.2.3.4"], "other": 1});
        assert!(request(plugin, &given, None).contains(r#""runtimeConfig":{"mac":"m"}"#));
        assert!(!request(plugin, &json!({"ips": []}), None).contains("runtimeConfig"));
    }

    #[test]
    fn what_the_file_says_stays_until_it_is_replaced() {
        let plugin = r#"{"type":"t","capabilities":{"mac":true},"runtimeConfig":{"x":1},"prevResult":{"y":1}}"#;
        let kept = request(plugin, &json!({}), None);
        assert!(kept.contains(r#""prevResult":{"y":1},"runtimeConfig":{"x":1}"#), "{kept}");
        let replaced = request(plugin, &json!({"mac": "m"}), Some(&json!({})));
        assert!(replaced.contains(r#""prevResult":{},"runtimeConfig":{"mac":"m"}"#), "{replaced}");
    }

    #[test]
    fn valid_attachments_go_under_both_keys() {
        let list = list(r#"{"type":"t"}"#);
        let of = |valid| for_network(&list, &list.plugins[0], valid);
        assert_eq!(of(None), r#"{"cniVersion":"1.1.0","name":"net","type":"t"}"#);
        assert_eq!(
            of(Some(&[])),
            r#"{"cni.dev/attachments":[],"cni.dev/valid-attachments":[],"cniVersion":"1.1.0","name":"net","type":"t"}"#
        );
        let valid = ValidAttachment { container_id: "c1".to_owned(), ifname: "eth0".to_owned() };
        assert!(
            of(Some(&[valid]))
                .contains(r#""cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]"#)
        );
    }

    #[test]
    fn every_variable_is_set_even_when_empty() {
        let mut parameters = Parameters {
            args: vec![("A".to_owned(), "b".to_owned()), ("C".to_owned(), "d".to_owned())],
            ..Parameters::default()
        };
        parameters.attachment.ifname = "eth0".to_owned();
        let variables = environment(Command::Add, &parameters, "/a:/b");
        let text: Vec<String> = variables.iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(
            text,
            [
                "CNI_COMMAND=ADD",
                "CNI_CONTAINERID=",
                "CNI_NETNS=",
                "CNI_ARGS=A=b;C=d",
                "CNI_IFNAME=eth0",
                "CNI_PATH=/a:/b"
            ]
        );
    }
}
