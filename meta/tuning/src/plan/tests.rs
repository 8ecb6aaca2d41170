//! Configurations and their plans.

use cni_core::runtime::Command;
use cni_core::{Attachment, Invocation};
use serde_json::{Value, json};

use super::*;

fn plan_of(stdin: String, args: &str) -> Result<Plan> {
    let invocation = Invocation {
        command: Command::Add,
        attachment: Attachment { ifname: "eth0.1".to_owned(), ..Attachment::default() },
        args: args.to_owned(),
        path: String::new(),
        own_netns_allowed: false,
        stdin: stdin.into_bytes().into(),
    };
    Plan::new(&Request::load(&invocation, "failed to load netconf")?)
}

fn plan(keys: &Value, args: &str) -> Plan {
    plan_of(keys.to_string(), args).expect("a plan")
}

fn refused(text: &str, args: &str) -> String {
    plan_of(text.to_owned(), args).expect_err("a mistake").msg
}

/// Names and values of the settings in a configuration's text.
fn sysctls(text: &str) -> Vec<(String, String)> {
    let plan = plan_of(text.to_owned(), "").expect("a plan");
    plan.sysctls.into_iter().map(|sysctl| (sysctl.name, sysctl.value)).collect()
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

#[test]
fn without_keys_there_is_nothing_to_do() {
    for keys in [
        json!({}),
        json!({ "sysctl": null, "mac": "", "promisc": false, "mtu": 0, "allmulti": null,
                "txQLen": null, "args": { "cni": {} }, "runtimeConfig": { "mac": "" } }),
        json!({ "mac": "02:00:00:00:00:01", "mtu": 1400, "promisc": true,
                "args": { "cni": { "mac": "", "mtu": 0, "promisc": false } } }),
    ] {
        let plan = plan(&keys, "");
        assert!(plan.sysctls.is_empty() && plan.attributes.is_empty(), "{keys}");
    }
}

#[test]
fn attributes_are_typed_and_the_containers_own_go_first() {
    let keys = json!({ "MTU": 1400, "promisc": true, "allmulti": true, "txqlen": 0 });
    let own = json!({ "mtu": 1300, "promisc": false, "allMulti": false, "txQLen": 7 });
    let attributes = plan(&keys, "").attributes;
    assert_eq!(
        (attributes.mtu, attributes.promisc, attributes.allmulti, attributes.tx_queue_len),
        (Some(1400), Some(true), Some(true), Some(0))
    );
    for keys in [keys, json!({})] {
        let mut keys = keys;
        keys["args"] = json!({ "cni": own });
        let attributes = plan(&keys, "").attributes;
        assert_eq!(
            (attributes.mtu, attributes.promisc, attributes.allmulti, attributes.tx_queue_len),
            (Some(1300), None, Some(false), Some(7))
        );
    }
}

#[test]
fn the_hardware_address_has_four_sources() {
    let mac = |keys: &Value, args: &str| {
        plan(keys, args).attributes.mac.map(|mac| mac.to_string()).unwrap_or_default()
    };
    let mut keys = json!({ "mac": "02-00-00-00-00-0A" });
    assert_eq!(mac(&keys, ""), "02:00:00:00:00:0a");
    assert_eq!(mac(&keys, "MAC="), "02:00:00:00:00:0a");
    let args = "IgnoreUnknown=true;K8S_POD_NAME=p;MAC=02:00:00:00:00:0b";
    assert_eq!(mac(&keys, args), "02:00:00:00:00:0b");
    keys["RuntimeConfig"] = json!({ "mac": "02:00:00:00:00:0c" });
    assert_eq!(mac(&keys, args), "02:00:00:00:00:0c");
    keys["args"] = json!({ "cni": { "mac": "0200.0000.000d" } });
    assert_eq!(mac(&keys, args), "02:00:00:00:00:0d");
    keys["args"] = json!({ "cni": { "mac": "" } });
    assert_eq!(mac(&keys, args), "");
}

#[test]
fn a_key_is_a_path_below_net() {
    for (key, name) in [
        ("net.ipv4.conf.IFNAME.log_martians", "net/ipv4/conf/eth0.1/log_martians"),
        ("net/ipv4/conf.IFNAME/log_martians", "net/ipv4/conf/eth0.1/log_martians"),
        ("/net//core/somaxconn/", "net/core/somaxconn"),
        ("net.IFNAME.IFNAME", "net/eth0.1/IFNAME"),
    ] {
        let keys = json!({ "sysctl": { key: "1" } });
        assert_eq!(sysctls(&keys.to_string()), [pair(name, "1")]);
    }
    for (key, shown) in [
        ("kernel.hostname", "kernel/hostname"),
        ("net", "net"),
        ("net.", "net/"),
        ("network.x", "network/x"),
        ("", ""),
        ("net/../kernel/hostname", "net////kernel/hostname"),
        ("net.ipv4..ip_forward", "net/ipv4//ip_forward"),
        ("../net/x", "///net/x"),
    ] {
        let keys = json!({ "sysctl": { key: "1" } });
        let text = format!("invalid net sysctl key: \"{shown}\"");
        assert_eq!(refused(&keys.to_string(), ""), text, "{key}");
    }
}

#[test]
fn settings_keep_the_order_of_the_document() {
    let network = r#""sysctl":{"net.z":"1","net.a":"2","net.m":"3"}"#;
    let own = r#""args":{"cni":{"sysctl":{"net.y":"4","net.a":"5","net.b":"6","net.y":"7"}}}"#;
    assert_eq!(
        sysctls(&format!("{{{network},{own}}}")),
        [
            pair("net/z", "1"),
            pair("net/a", "5"),
            pair("net/m", "3"),
            pair("net/y", "7"),
            pair("net/b", "6")
        ]
    );
    assert_eq!(sysctls(&format!("{{{own}}}")).len(), 3);
}

#[test]
fn the_same_key_twice_is_refused_but_not_two_spellings() {
    let text = "duplicated sysctl keys are not allowed";
    let refused_keys = r#"{"sysctl":{"net.a":"1","net.b":"2","net.a":"1"}}"#;
    let error = plan_of(refused_keys.to_owned(), "MAC").expect_err("a mistake");
    assert_eq!(error.msg, text);
    assert_eq!(error.details, "the key \"net.a\" occurs more than once in sysctl");
    let spellings = r#"{"sysctl":{"net.a":"1","net/a":"2"}}"#;
    assert_eq!(sysctls(spellings), [pair("net/a", "1"), pair("net/a", "2")]);
}

#[test]
fn mistakes_are_refused() {
    for (text, args, msg) in [
        (
            r#"{"mac":"02:00"}"#,
            "",
            "invalid args 02:00 for MAC addr: address 02:00: invalid MAC address",
        ),
        (r#"{"mtu":-1}"#, "", "mtu -1 is out of range"),
        (r#"{"mtu":4294967296}"#, "", "mtu 4294967296 is out of range"),
        (r#"{"args":{"cni":{"txQLen":-5}}}"#, "", "txQLen -5 is out of range"),
        ("{}", "MAC", "ARGS: invalid pair \"MAC\""),
        ("{}", "MAC=;K=V;L=W", "ARGS: unknown args [\"K=V\" \"L=W\"]"),
        (
            r#"{"sysctl":{"net.a":1}}"#,
            "",
            "failed to load netconf: cannot read 1 as string in key sysctl.net.a",
        ),
        (
            r#"{"sysctl":["net.a"]}"#,
            "",
            "failed to load netconf: cannot read array as object in key sysctl",
        ),
    ] {
        assert_eq!(refused(text, args), msg);
    }
}
