//! What ADD prints, in every version, and that the other commands print nothing.

use cni_testkit::{Host, difference, lacks_release};
use serde_json::Value;

use crate::support::{Plugin, attaching};

/// The reference's loopback prints the newest layout under every version.
#[test]
fn results_have_the_layout_of_their_version() {
    for plugin in attaching().filter(|plugin| plugin.name != "loopback") {
        has_the_layout_of_its_version(plugin);
    }
    difference("loopback-layout", || {
        attaching()
            .filter(|plugin| plugin.name == "loopback")
            .for_each(has_the_layout_of_its_version);
    });
}

fn has_the_layout_of_its_version(plugin: &Plugin) {
    // Older releases print an empty `dns` in every version.
    let omits_nothing = lacks_release("1.5.0");
    for version in plugin.versions() {
        let text = added(plugin, Some(&version));
        let result: Value = serde_json::from_str(&text).expect("a result");
        let start = format!("{{\n    \"cniVersion\": \"{version}\",\n    \"");
        assert!(text.starts_with(&start) && text.ends_with("\n}"), "{text}");
        let ip = &result["ips"][0];
        if version.starts_with("0.1.") || version.starts_with("0.2.") {
            assert!(result["ip4"]["ip"].is_string() && ip.is_null(), "{text}");
            assert!(result["interfaces"].is_null() && result["dns"].is_object(), "{text}");
        } else if version.starts_with("0.") {
            assert!(ip["address"].is_string() && ip["version"] == "4", "{text}");
            assert!(result["dns"].is_object(), "{text}");
        } else {
            assert!(ip["address"].is_string() && ip["version"].is_null(), "{text}");
            assert!(result["dns"].is_null() || omits_nothing, "{text}");
        }
    }
}

#[test]
fn a_missing_version_is_0_1_0() {
    for plugin in attaching() {
        for version in [None, Some("")] {
            let result: Value = serde_json::from_str(&added(plugin, version)).expect("a result");
            assert_eq!(result["cniVersion"], "0.1.0", "{result}");
            assert!(result["ip4"]["ip"].is_string(), "{result}");
        }
    }
}

/// What an ADD with a configuration of this version prints.
fn added(plugin: &Plugin, version: Option<&str>) -> String {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = plugin.network(&host).with_config("cniVersion", version.into());
    let added = net.add(&c1, "eth0").succeeds();
    String::from_utf8(added.stdout().to_vec()).expect("results are text")
}

#[test]
fn only_add_has_a_result() {
    for plugin in attaching() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = plugin.network(&host);
        net.add(&c1, "eth0").succeeds();
        net.check(&c1, "eth0").succeeds().silent();
        if plugin.versions().iter().any(|version| version == "1.1.0") {
            net.status().succeeds().silent();
            net.gc(&[(&c1, "eth0")]).succeeds().silent();
        }
        net.del(&c1, "eth0").succeeds().silent();
    }
}
