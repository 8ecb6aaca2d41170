//! Where a network's configuration is found.

use cni_testkit::Host;
use serde_json::{Value, json};

use crate::tool::{
    Tool, bridge, calls, configure, configure_list, configure_list_of, script, with_both,
    with_ours_alone, write,
};

/// A network of one script that can be told from others by a key.
fn marked(network: &str, mark: &str) -> Value {
    json!({ "cniVersion": "1.0.0", "name": network, "type": "asks", "mark": mark })
}

/// The marks of the requests so far.
fn marks(host: &Host) -> Vec<Value> {
    calls(host, "asks").into_iter().map(|(_, request)| request["mark"].clone()).collect()
}

/// A configuration of a single plugin is a list of one.
#[test]
fn single_plugins_are_networks() {
    for ending in ["conf", "json"] {
        with_both(|host, tool| {
            let mut plugin = bridge(json!({}));
            plugin["cniVersion"] = "1.0.0".into();
            plugin["name"] = "net1".into();
            configure(host, &format!("10-net1.{ending}"), &plugin);
            let c1 = host.container("c1");
            tool.add("net1", &c1, "eth0").succeeds();
            c1.reaches(host, "10.1.2.1:80");
            tool.check("net1", &c1, "eth0").silent();
            tool.del("net1", &c1, "eth0").silent();
            assert_eq!(c1.shown(), "");
        });
    }
}

/// Lists come first, whatever the files are called; then the order is that of the names.
#[test]
fn the_first_file_with_the_name_wins() {
    with_both(|host, tool| {
        let c1 = host.container("c1");
        script(host, "asks", "");
        let list = |mark: &str| json!({ "name": "net1", "cniVersion": "1.0.0", "plugins": [{ "type": "asks", "mark": mark }] });
        configure(host, "00-net1.conf", &marked("net1", "first single"));
        configure(host, "10-net1.json", &marked("net1", "second single"));
        configure(
            host,
            "20-other.conflist",
            &json!({ "name": "other", "cniVersion": "1.0.0", "plugins": [{ "type": "asks" }] }),
        );
        configure(host, "30-net1.conflist", &list("first list"));
        configure(host, "40-net1.conflist", &list("second list"));
        tool.add("net1", &c1, "eth0").succeeds();
        host.sh("rm /run/net.d/30-net1.conflist");
        tool.add("net1", &c1, "eth0").succeeds();
        host.sh("rm /run/net.d/40-net1.conflist");
        tool.add("net1", &c1, "eth0").succeeds();
        assert_eq!(marks(host), ["first list", "second list", "first single"]);
    });
}

#[test]
fn a_missing_network_is_named() {
    with_both(|host, tool| {
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").fails("no net configurations found in /run/net.d");
        configure(host, "10-other.conf", &marked("other", ""));
        tool.add("net1", &c1, "eth0")
            .fails("no net configuration with name \"net1\" in /run/net.d");
        let missing = tool.with_env("NETCONFPATH", "/run/missing");
        missing.del("net1", &c1, "eth0").fails("no net configurations found in /run/missing");
    });
}

/// The reference stops at the first file it cannot read.
#[test]
fn a_broken_file_of_another_network_does_no_harm() {
    with_ours_alone("runtime-broken-file", |host, tool| {
        let c1 = host.container("c1");
        script(host, "asks", "");
        write(host, "/run/net.d/00-broken.conflist", "{");
        configure_list(host, json!([{ "type": "asks" }]));
        tool.add("net1", &c1, "eth0").succeeds();
    });
}

#[test]
fn a_broken_file_is_told_when_it_may_be_the_wanted_one() {
    with_both(|host, tool| {
        let c1 = host.container("c1");
        write(host, "/run/net.d/00-broken.conflist", "{");
        tool.add("net1", &c1, "eth0").fails_with("unexpected end of JSON input");
        let list = json!({ "name": "net1", "plugins": [] });
        configure(host, "00-broken.conflist", &list);
        tool.add("net1", &c1, "eth0").fails_with("no plugins in list");
    });
}

/// Further plugins come from the folder that is called like the network.
#[test]
fn a_folder_adds_plugins_to_the_list() {
    let host = Host::new();
    let c1 = host.container("c1");
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    configure_list(&host, json!([bridge(json!({}))]));
    host.sh("mkdir /run/net.d/net1");
    configure(&host, "net1/10-asks.conf", &json!({ "type": "asks", "mark": "from the folder" }));
    let result = tool.add("net1", &c1, "eth0").result();
    assert_eq!(result["ips"][0]["address"], "10.1.2.2/24");
    tool.del("net1", &c1, "eth0").silent();
    assert_eq!(marks(&host), ["from the folder", "from the folder"]);
}

#[test]
fn a_network_name_does_not_leave_the_folder() {
    let host = Host::new();
    let c1 = host.container("c1");
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    host.sh("mkdir /run/stray");
    write(&host, "/run/stray/10-asks.conf", &json!({ "type": "asks" }).to_string());
    let list = json!({ "name": "../stray", "cniVersion": "1.1.0" });
    configure(&host, "10-stray.conflist", &list);
    tool.add("../stray", &c1, "eth0").fails("invalid characters found in network name; ../stray");
    tool.status("../stray").fails("invalid characters found in network name; ../stray");
    assert_eq!(calls(&host, "asks"), []);
}

/// The reference reads numbers as doubles.
#[test]
fn integers_arrive_exactly() {
    with_ours_alone("runtime-exact-integers", |host, tool| {
        let c1 = host.container("c1");
        script(host, "asks", "");
        configure_list(host, json!([{ "type": "asks", "mark": [u64::MAX, i64::MIN, 1.5] }]));
        tool.add("net1", &c1, "eth0").succeeds();
        assert_eq!(marks(host), [json!([u64::MAX, i64::MIN, 1.5])]);
    });
}

/// The newest version a list offers and the runtime knows is the one plugins are asked for.
#[test]
fn the_newest_offered_version_is_used() {
    let host = Host::new();
    let c1 = host.container("c1");
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    let mut list =
        json!({ "cniVersion": "0.3.1", "name": "net1", "plugins": [{ "type": "asks" }] });
    list["cniVersions"] = json!(["0.3.1", "1.0.0", "9.9.9"]);
    configure(&host, "net1.conflist", &list);
    tool.add("net1", &c1, "eth0").succeeds();
    configure_list_of(&host, "0.4.0", "net1", json!([{ "type": "asks" }]));
    tool.add("net1", &c1, "eth0").succeeds();
    let versions: Vec<_> = calls(&host, "asks")
        .into_iter()
        .map(|(_, request)| request["cniVersion"].clone())
        .collect();
    assert_eq!(versions, ["1.0.0", "0.4.0"]);
}
