//! The example configurations of the packages.

use std::fs;
use std::path::{Path, PathBuf};

use cni_testkit::{Feature, Host, against_reference, lacks, plugin_dir};
use serde_json::Value;

/// The examples' folder in the work tree.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("packaging/examples")
}

/// A host with the examples, and a `cnitool` for it.
struct Stage {
    host: Host,
}

impl Stage {
    fn new() -> Self {
        let host = Host::new();
        host.sh(&format!("cp {}/*.conflist /etc/cni/net.d/", folder().display()));
        Self { host }
    }

    fn cnitool(&self, verb: &str, network: &str, netns: &str) -> String {
        let plugins = plugin_dir();
        let plugins = plugins.display();
        let test = std::env::current_exe().expect("a process knows its executable");
        let profile = test.ancestors().nth(2).expect("cargo puts tests two levels deep").display();
        self.host.sh(&format!("CNI_PATH={plugins} {profile}/cnitool {verb} {network} {netns}"))
    }
}

#[test]
fn package_examples_have_names_of_their_own_and_plugins_of_the_set() {
    let (known, mut names) = (crate::dist::plugins(), Vec::new());
    for entry in fs::read_dir(folder()).expect("the examples") {
        let file = entry.expect("an entry").path();
        let text = fs::read(&file).expect("read");
        let list: Value = serde_json::from_slice(&text).expect("JSON");
        names.push(list["name"].as_str().expect("a name").to_owned());
        for plugin in list["plugins"].as_array().expect("plugins") {
            let plugin = plugin["type"].as_str().expect("a type");
            assert!(known.iter().any(|known| known == plugin), "{}: {plugin}", file.display());
        }
    }
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "{names:?}");
}

/// A runtime loads them all from one folder.
#[test]
fn package_examples_are_loaded() {
    if against_reference() {
        return;
    }
    let stage = Stage::new();
    for network in ["bridge", "ptp", "lan", "vlan5", "demo", "podman", "loopback"] {
        stage.cnitool("status", network, "/run/netns/none");
    }
    let examples = fs::read_dir(folder()).expect("the examples").count();
    assert_eq!(examples, 7, "the list above has all of them");
}

#[test]
fn package_examples_connect_containers() {
    if against_reference() {
        return;
    }
    for (network, address) in [
        ("bridge", "10.88.0.3:80"),
        ("demo", "10.88.0.3:80"),
        ("podman", "10.88.0.3:80"),
        ("ptp", "10.89.0.3:80"),
    ] {
        let stage = Stage::new();
        let [c1, c2] = ["c1", "c2"].map(|name| stage.host.container(name));
        for container in [&c1, &c2] {
            stage.cnitool("add", network, container.netns_path());
        }
        c1.reaches(&c2, address);
        for container in [&c1, &c2] {
            stage.cnitool("check", network, container.netns_path());
            stage.cnitool("del", network, container.netns_path());
        }
    }
}

#[test]
fn package_example_of_the_loopback_works() {
    let stage = Stage::new();
    let c1 = stage.host.container("c1");
    stage.cnitool("add", "loopback", c1.netns_path());
    assert!(c1.exec(&["ip", "link", "show", "lo"]).contains("UP"));
}

#[test]
fn uml_package_example_of_a_vlan_works() {
    if against_reference() || lacks(Feature::Vlan) {
        return;
    }
    let stage = Stage::new();
    let _outside = stage.host.outside();
    let c1 = stage.host.container("c1");
    let master = "ip link add eth0 type veth peer name eth0-peer; ip link set eth0 up";
    stage.host.sh(master);
    stage.cnitool("add", "vlan5", c1.netns_path());
    assert!(c1.exec(&["ip", "address"]).contains("10.90.0.2/24"));
    stage.cnitool("del", "vlan5", c1.netns_path());
}
