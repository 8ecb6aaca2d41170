//! Versions: the answer to VERSION, the about text, and which command needs which version.

use cni_testkit::{Container, Host, lacks_version};
use serde_json::{Value, json};

use crate::support::{Plugin, has_no_link, plugins};

/// One line, whatever the environment and standard input hold.
#[test]
fn version_is_answered_without_anything_else() {
    let host = Host::new();
    for plugin in plugins() {
        let versions = plugin.versions();
        let newest = versions.last().expect("at least one version");
        let answer =
            format!("{}\n", json!({ "cniVersion": newest, "supportedVersions": versions }));
        let call = host.invoke(plugin.name).command("VERSION").without_env("CNI_PATH");
        call.clone().run().succeeds().prints(&answer);
        call.clone().stdin("no configuration").run().succeeds().prints(&answer);
        call.clone().stdin(r#"{"cniVersion":"0.1.0"}"#).run().succeeds().prints(&answer);
        call.env("CNI_IFNAME", "eth/0").run().succeeds().prints(&answer);
    }
}

#[test]
fn every_released_version_is_supported() {
    for plugin in plugins().filter(|plugin| !lacks_version(plugin.name, "1.1.0")) {
        let all = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];
        let known: Vec<_> = all.into_iter().filter(|version| *version >= plugin.oldest).collect();
        assert_eq!(plugin.versions(), known, "{}", plugin.name);
    }
}

/// Without a command a plugin says what it is, and that is no error.
#[test]
fn without_a_command_a_plugin_says_what_it_is() {
    let host = Host::new();
    for plugin in plugins() {
        for call in [host.invoke(plugin.name), host.invoke(plugin.name).command("")] {
            let outcome = call.stdin("no configuration").run().exits(0);
            assert_eq!(outcome.stdout(), b"");
            let text = outcome.stderr();
            let (first, rest) = text.split_once('\n').expect("two lines");
            let (name, version) = first.split_once(" plugin ").expect("name and version");
            assert_eq!(name, format!("CNI {}", plugin.name));
            assert!(
                !version.is_empty() && !version.contains(' ') || version.starts_with("version ")
            );
            let list = plugin.versions().join(", ");
            assert_eq!(rest, format!("CNI protocol versions supported: {list}\n"));
        }
    }
}

/// Calls a command with a configuration of this version and demands this error.
fn refuses(
    host: &Host,
    c1: &Container,
    plugin: &Plugin,
    command: &str,
    version: &Value,
    (code, msg): (u64, &str),
) {
    let mut config = plugin.config();
    config["cniVersion"] = version.clone();
    let failure = plugin.call(host, c1, command).config(&config).run().fails(code, msg);
    if msg == "incompatible CNI versions" {
        let supported: Vec<String> =
            plugin.versions().iter().map(|version| format!("{version:?}")).collect();
        let details = format!("config is {version}, plugin supports [{}]", supported.join(" "));
        failure.details_are(&details);
    }
}

const INCOMPATIBLE: (u64, &str) = (1, "incompatible CNI versions");

#[test]
fn only_supported_versions_are_accepted() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        for command in ["ADD", "DEL"] {
            for version in ["0.5.0", "1.1", "01.1.0", "1.1.1", "9.9.9", "x", "1.2.3.4", " 1.0.0"] {
                refuses(&host, &c1, plugin, command, &json!(version), INCOMPATIBLE);
            }
        }
    }
    has_no_link(&c1);
}

#[test]
fn check_needs_0_4_0() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        let refuses = |version, error| refuses(&host, &c1, plugin, "CHECK", &version, error);
        for older in ["", "0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.3"] {
            refuses(json!(older), (1, "config version does not allow CHECK"));
        }
        refuses(Value::Null, (1, "config version does not allow CHECK"));
        for newer in ["1.1.1", "2.0.0", "2"] {
            refuses(json!(newer), (1, "plugin version does not allow CHECK"));
        }
        for odd in ["0.5.0", "0.4", "01.0.0"] {
            refuses(json!(odd), INCOMPATIBLE);
        }
        refuses_what_is_no_version(&host, &c1, plugin, "CHECK");
    }
}

#[test]
fn gc_and_status_need_1_1_0() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins().filter(|plugin| !lacks_version(plugin.name, "1.1.0")) {
        for command in ["GC", "STATUS"] {
            let refuses = |version, error| refuses(&host, &c1, plugin, command, &version, error);
            let config = format!("config version does not allow {command}");
            for older in ["", "0.3.1", "0.4.0", "0.5.0", "1.0.0", "1"] {
                refuses(json!(older), (1, &config));
            }
            let plugin_version = format!("plugin version does not allow {command}");
            for newer in ["1.1.1", "2.0.0"] {
                refuses(json!(newer), (1, &plugin_version));
            }
            for odd in ["1.1", "01.1.0"] {
                refuses(json!(odd), INCOMPATIBLE);
            }
            refuses_what_is_no_version(&host, &c1, plugin, command);
        }
    }
}

/// Where versions are compared as numbers they have to be numbers.
fn refuses_what_is_no_version(host: &Host, c1: &Container, plugin: &Plugin, command: &str) {
    let not_converted = |name: &str, part: &str| {
        format!(
            "failed to convert {name} version part \"{part}\": strconv.Atoi: parsing \"{part}\": invalid syntax"
        )
    };
    for (version, msg) in [
        ("x", not_converted("major", "x")),
        ("1.x", not_converted("minor", "x")),
        ("1.1.x", not_converted("micro", "x")),
        ("1..0", not_converted("minor", "")),
        ("1.2.3.4", "invalid version \"1.2.3.4\": too many parts".to_owned()),
    ] {
        refuses(host, c1, plugin, command, &json!(version), (6, &msg));
    }
}
