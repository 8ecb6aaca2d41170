//! What a runtime passes beside the configuration: capabilities, arguments, the interface's name.

use cni_testkit::Host;
use expect_test::expect;
use serde_json::json;

use crate::tool::{Tool, bridge, calls, configure_list, container_id, script, with_both};

#[test]
fn capabilities_choose_addresses_and_mac() {
    with_both(|host, tool| {
        let capabilities = json!({ "ips": true, "mac": true, "ipRanges": true });
        configure_list(host, json!([bridge(json!({ "capabilities": capabilities }))]));
        let c1 = host.container("c1");
        let args = json!({
            "ips": ["10.1.2.77/24"],
            "mac": "02:00:00:00:00:77",
            "ipRanges": [[{ "subnet": "fd00:1::/64" }]],
        });
        let tool = tool.with_env("CAP_ARGS", &args.to_string());
        tool.add("net1", &c1, "eth0").succeeds();
        c1.shows(expect![[r#"
            link eth0 up
            addr 10.1.2.77/24 dev eth0
            addr fd00:1::2/64 dev eth0
            route default via 10.1.2.1 dev eth0
            route default via fd00:1::1 dev eth0
            route 10.1.2.0/24 dev eth0 scope link
            route fd00:1::/64 dev eth0
        "#]]);
        assert_eq!(c1.exec(&["cat", "/proc/net/arp"]).lines().count(), 1);
        assert!(c1.exec(&["ip", "link", "show", "eth0"]).contains("02:00:00:00:00:77"));
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!(c1.shown(), "");
    });
}

/// Only a capability that the plugin declares and the runtime has a value for is passed.
#[test]
fn plugins_get_the_capabilities_they_declare() {
    with_both(|host, tool| {
        script(host, "first", "");
        script(host, "second", "");
        configure_list(
            host,
            json!([
                { "type": "first", "capabilities": { "mac": true, "ips": false, "dns": true } },
                { "type": "second", "runtimeConfig": { "kept": 1 } },
            ]),
        );
        let c1 = host.container("c1");
        let tool = tool.with_env("CAP_ARGS", r#"{"mac":"02:00:00:00:00:01","ips":["10.0.0.1"]}"#);
        tool.add("net1", &c1, "eth0").succeeds();
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
        for (command, request) in calls(host, "first") {
            let passed = &request["runtimeConfig"];
            assert_eq!(*passed, json!({ "mac": "02:00:00:00:00:01" }), "{command}");
        }
        for (command, request) in calls(host, "second") {
            assert_eq!(request["runtimeConfig"], json!({ "kept": 1 }), "{command}");
        }
        assert_eq!(calls(host, "first").len(), 3);
        assert_eq!(calls(host, "second").len(), 3);
    });
}

#[test]
fn arguments_reach_plugins_and_their_delegates() {
    with_both(|host, tool| {
        configure_list(host, json!([bridge(json!({}))]));
        let c1 = host.container("c1");
        let args = "IgnoreUnknown=true;IP=10.1.2.99;MAC=02:00:00:00:00:99;K8S_POD_NAME=p";
        let tool = tool.with_env("CNI_ARGS", args);
        let result = tool.add("net1", &c1, "eth0").result();
        assert_eq!(result["ips"][0]["address"], "10.1.2.99/24");
        assert_eq!(result["interfaces"][2]["mac"], "02:00:00:00:00:99");
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
    });
}

/// The variables of a plugin are the six of the protocol on top of the runtime's own.
#[test]
fn the_environment_is_the_protocols() {
    with_both(|host, tool| {
        let variables = "env | grep -E '^(CNI_|OWN)' | sort | tr '\\n' ' ' > /run/env";
        script(host, "asks", variables);
        configure_list(host, json!([{ "type": "asks" }]));
        let c1 = host.container("c1");
        let tool = tool.with_env("CNI_PATH", "/run/scripts").with_env("OWN", "kept");
        tool.with_env("CNI_ARGS", "A=b;C=d").add("net1", &c1, "eth7").succeeds();
        let id = container_id(host, &c1);
        let netns = c1.netns_path();
        assert_eq!(
            host.exec(&["cat", "/run/env"]),
            format!(
                "CNI_ARGS=A=b;C=d CNI_COMMAND=ADD CNI_CONTAINERID={id} CNI_IFNAME=eth7 \
                 CNI_NETNS={netns} CNI_PATH=/run/scripts OWN=kept "
            )
        );
    });
}

/// The option, then the variable, then `eth0`.
#[test]
fn the_interface_can_be_named_in_three_ways() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    script(&host, "asks", "printf %s $CNI_IFNAME > /run/ifname");
    configure_list(&host, json!([{ "type": "asks" }]));
    let named = |tool: &Tool<'_>, arguments: &[&str]| {
        let line = [&["add", "net1", "/run/netns/none"], arguments].concat();
        tool.run(&line).succeeds();
        host.exec(&["cat", "/run/ifname"])
    };
    let with_variable = tool.with_env("CNI_IFNAME", "eth5");
    assert_eq!(named(&tool, &[]), "eth0");
    assert_eq!(named(&with_variable, &[]), "eth5");
    assert_eq!(named(&with_variable, &["-i", "eth6"]), "eth6");
}

#[test]
fn broken_arguments_are_told_once_and_run_nothing() {
    let host = Host::new();
    let c1 = host.container("c1");
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    configure_list(&host, json!([{ "type": "asks" }]));
    let add = |name, value| tool.with_env(name, value).add("net1", &c1, "eth0");
    add("CNI_ARGS", "A=b;").fails("invalid CNI_ARGS pair \"\"");
    add("CNI_ARGS", "A").fails("invalid CNI_ARGS pair \"A\"");
    add("CAP_ARGS", "{").fails("unexpected end of JSON input");
    tool.add("net1", &c1, "eth/0")
        .fails_with("plugin type=\"asks\" failed (add): interface name contains");
    tool.run(&["add", "net1"]).fails_with("requires at least 2 arg(s), only received 1");
    tool.run(&["frob"]).fails_with("unknown command \"frob\" for \"cnitool\"");
    assert_eq!(calls(&host, "asks"), []);
}
