//! `cnitool validate` beside what really happens: the same words, and no false alarm.

use cni_testkit::Host;
use serde_json::{Value, json};

use crate::tool::{Tool, configure, write};

/// What is found in a network's file, without a look at the machine.
fn found(tool: &Tool<'_>, file: &str) -> Vec<Value> {
    let path = format!("/run/net.d/{file}");
    let answer = tool.run(&["validate", "--json", "--any-machine", &path]);
    serde_json::from_str(&answer.printed()).expect("a list of findings")
}

/// Plugins that `add` refuses, each behind one that makes an interface if it needs one.
fn refused() -> Vec<Value> {
    let range = |keys: Value| json!({ "type": "bridge", "ipam": { "type": "host-local", "ranges": [[keys]] } });
    let fixed =
        |keys: Value| json!({ "type": "ptp", "ipam": { "type": "static", "addresses": [keys] } });
    vec![
        json!({ "type": "bridge", "hairpinMode": true, "promiscMode": true }),
        json!({ "type": "bridge", "vlan": 4095 }),
        json!({ "type": "bridge", "vlanTrunk": [{ "minID": 4 }] }),
        json!({ "type": "bridge", "mtu": "1500" }),
        range(json!({ "subnet": "10.1.2.3/24" })),
        range(json!({ "subnet": "10.1.2.0/31" })),
        range(json!({ "subnet": "10.1.2.0/24", "rangeStart": "10.1.3.1" })),
        range(json!({ "subnet": "10.1.2.0/24", "gateway": "10.1.2" })),
        fixed(json!({ "address": "10.1.2.3" })),
        json!({ "type": "ptp" }),
        json!({ "type": "dummy" }),
        json!({ "type": "macvlan", "mode": "brige" }),
        json!({ "type": "ipvlan", "mode": "l4" }),
        json!({ "type": "vlan" }),
        json!({ "type": "tap", "mtu": -1 }),
        json!({ "type": "host-device" }),
        json!({ "type": "bandwidth", "ingressRate": 8 }),
        json!({ "type": "firewall", "ingressPolicy": "closed" }),
        json!({ "type": "firewall", "iptablesAdminChainName": "a b" }),
        json!({ "type": "portmap", "capabilities": { "portMappings": true }, "markMasqBit": 32 }),
        json!({ "type": "portmap", "capabilities": { "portMappings": true }, "backend": "x" }),
        json!({ "type": "sbr", "gateways": ["10.1.2"] }),
        json!({ "type": "tuning", "sysctl": { "kernel.x": "1" } }),
        json!({ "type": "vrf" }),
    ]
}

#[test]
fn what_validate_refuses_add_refuses_in_the_same_words() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    let c1 = host.container("c1");
    let first = json!({ "type": "bridge", "bridge": "br9",
        "ipam": { "type": "static", "addresses": [{ "address": "10.9.9.9/24" }] } });
    let chained = ["bandwidth", "firewall", "portmap", "sbr", "tuning", "vrf"];
    for plugin in refused() {
        let is_chained = chained.iter().any(|name| plugin["type"] == *name);
        let plugins = if is_chained { json!([first, plugin]) } else { json!([plugin]) };
        let list = json!({ "cniVersion": "1.0.0", "name": "net1", "plugins": plugins });
        configure(&host, "net1.conflist", &list);
        let findings = found(&tool, "net1.conflist");
        let errors: Vec<&Value> = findings.iter().filter(|it| it["severity"] == "error").collect();
        let [error] = errors[..] else { panic!("one error, not {findings:?}: {list}") };
        let message = error["message"].as_str().expect("a text");
        // Before the colon is the plugin, behind the bracket are the details.
        let message = message.split_once(": ").map_or(message, |(_, text)| text);
        let message = message.split(" (").next().unwrap_or(message);
        tool.add("net1", &c1, "eth0").fails_with(message);
    }
}

#[test]
fn the_list_on_the_first_page_is_right_and_works() {
    let page = include_str!("../../README.md");
    let list = page.split("```json\n").nth(1).and_then(|rest| rest.split("\n```").next());
    let list = list.expect("the page has a list");
    let host = Host::new();
    let mapping = json!({ "portMappings": [
        { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }
    ] });
    let tool = Tool::ours(&host).with_env("CAP_ARGS", &mapping.to_string());
    write(&host, "/run/net.d/10-mynet.conflist", list);
    tool.run(&["validate", "--strict", "/run/net.d/10-mynet.conflist"]).succeeds();
    let c1 = host.container("c1");
    tool.add("mynet", &c1, "eth0").succeeds();
    tool.check("mynet", &c1, "eth0").silent();
    c1.reaches(&host, "10.88.0.1:80");
    host.reaches_through(&c1, "127.0.0.1:8080", "10.88.0.2:80");
    tool.del("mynet", &c1, "eth0").silent();
    assert!(!host.iptables_rules().contains("10.88.0.2"), "{}", host.iptables_rules());
}
