//! The capabilities that docs/packaging.md names.

use std::process::Output;

use cni_testkit::{Container, Host, against_reference, plugin_dir};
use serde_json::{Value, json};

/// Runs a verb as root without any capability but these.
fn run(
    host: &Host,
    capabilities: &str,
    verb: &str,
    plugin: &str,
    container: &Container,
    config: &Value,
) -> Output {
    let folder = plugin_dir();
    let folder = folder.display();
    // Who may look at a namespace under the path of another process needs a further privilege.
    let (netns, name) = (container.netns_path(), "/run/netns/c1");
    host.output(&[
        "sh",
        "-c",
        &format!(
            "mountpoint -q {name} || {{ touch {name}; mount --bind {netns} {name}; }}
             echo '{config}' | CNI_COMMAND={verb} CNI_CONTAINERID=c1 CNI_NETNS={name} \
             CNI_IFNAME=eth0 CNI_PATH={folder} \
             setpriv --inh-caps=-all --bounding-set=-all{capabilities} {folder}/{plugin}"
        ),
    ])
}

fn with_addresses(plugin: &str) -> Value {
    json!({ "cniVersion": "1.0.0", "name": "net1", "type": plugin,
        "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" } })
}

#[test]
fn package_privileges_that_are_documented_are_enough() {
    if against_reference() {
        return;
    }
    let (links, rules) = (",+net_admin,+sys_admin", ",+net_admin");
    let previous = json!({ "cniVersion": "1.0.0", "ips": [{ "address": "10.1.2.9/24" }] });
    let port = json!({ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" });
    let portmap = json!({ "cniVersion": "1.0.0", "name": "net1", "type": "portmap",
        "runtimeConfig": { "portMappings": [port] }, "prevResult": previous.clone() });
    let firewall = json!({ "cniVersion": "1.0.0", "name": "net1", "type": "firewall",
        "prevResult": previous });
    for (capabilities, plugin, config) in [
        (links, "bridge", with_addresses("bridge")),
        (links, "ptp", with_addresses("ptp")),
        (rules, "portmap", portmap),
        (rules, "firewall", firewall),
        ("", "host-local", with_addresses("host-local")),
    ] {
        let host = Host::new();
        let container = host.container("c1");
        for verb in ["ADD", "DEL"] {
            let output = run(&host, capabilities, verb, plugin, &container, &config);
            assert!(output.status.success(), "{verb} {plugin}: {output:?}");
        }
    }
}

/// A plugin that may not enter a namespace says so in a document, as it says everything.
#[test]
fn package_privileges_that_are_missing_are_told() {
    if against_reference() {
        return;
    }
    let host = Host::new();
    let container = host.container("c1");
    let config = json!({ "cniVersion": "1.0.0", "name": "net1", "type": "loopback" });
    let output = run(&host, ",+net_admin", "ADD", "loopback", &container, &config);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let document: Value = serde_json::from_slice(&output.stdout).expect("a document");
    let told = document["msg"].as_str().expect("a message");
    assert!(told.ends_with("operation not permitted"), "{told}");
}
