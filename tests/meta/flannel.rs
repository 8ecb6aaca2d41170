//! flannel: the delegate it makes of the node's subnet, and what is kept of it.

use cni_testkit::{Host, Network, lacks_plugin};
use expect_test::expect;
use serde_json::{Value, json};

pub const USUAL: &str = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n\
                     FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n";

const DUAL: &str = "FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.17.1/24\n\
                    FLANNEL_IPV6_NETWORK=fc00::/48\nFLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64\n\
                    FLANNEL_MTU=1472\nFLANNEL_IPMASQ=true\n";

pub const STATES: &str = "/var/lib/cni/flannel";

/// The network `mynet` of a node whose daemon has written this, with more keys.
pub fn network<'h>(host: &'h Host, subnet: &str, keys: Value) -> Network<'h> {
    put(host, "/run/flannel/subnet.env", subnet);
    let mut config = json!({ "cniVersion": "1.1.0", "name": "mynet", "type": "flannel" });
    let Value::Object(keys) = keys else { panic!("keys are an object, not {keys}") };
    for (key, value) in keys {
        config[key] = value;
    }
    host.network(config)
}

pub fn put(host: &Host, path: &str, text: &str) {
    host.sh(&format!("mkdir -p $(dirname {path}); cat >{path} <<'END'\n{text}\nEND"));
}

/// The network with a shell script as its delegate, which writes down its commands.
pub fn scripted<'h>(host: &'h Host, keys: Value, script: &str) -> Network<'h> {
    let script =
        format!("#!/bin/sh\necho $CNI_COMMAND $CNI_IFNAME >>/run/calls\ncat >/run/input\n{script}");
    put(host, "/run/delegates/scripted", &script);
    host.sh("chmod +x /run/delegates/scripted; : >>/run/calls");
    let net = network(host, USUAL, keys).with_config("delegate", json!({ "type": "scripted" }));
    net.with_env("CNI_PATH", "/run/delegates")
}

pub const WORKING: &str = r#"[ $CNI_COMMAND = ADD ] && echo '{"ips":[{"address":"10.1.17.9/24"}]}'
exit 0"#;

/// The commands that the delegate was called with since this was asked last.
pub fn calls(host: &Host) -> Vec<String> {
    host.sh("cat /run/calls; : >/run/calls").lines().map(|line| line.trim().to_owned()).collect()
}

pub fn input(host: &Host) -> Value {
    serde_json::from_str(&host.sh("cat /run/input")).expect("a configuration")
}

pub fn states(host: &Host) -> Vec<String> {
    host.sh(&format!("ls -A {STATES} 2>/dev/null || :")).lines().map(str::to_owned).collect()
}

/// A host whose network has seen an attachment come and go.
fn base(host: &Host, net: &Network<'_>) -> String {
    let first = host.container("first");
    net.add(&first, "eth0").succeeds();
    net.del(&first, "eth0").succeeds();
    host.world()
}

#[test]
fn a_bridge_with_host_local_is_the_default() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = network(&host, USUAL, json!({}));
    let before = base(&host, &net);
    net.add(&c1, "eth0").succeeds().result_is("flannel/bridge");
    net.add(&c2, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up mtu 1472
        addr 10.1.17.3/24 dev eth0
        route 10.1.0.0/16 via 10.1.17.1 dev eth0
        route 10.1.17.0/24 dev eth0 scope link
    "#]]);
    c1.reaches(&c2, "10.1.17.4:80");
    c2.reaches(&host, "10.1.17.1:80");
    let state: Value = serde_json::from_str(&host.sh(&format!("cat {STATES}/c1"))).expect("JSON");
    assert_eq!(
        state,
        json!({
            "cniVersion": "1.1.0", "name": "mynet", "type": "bridge", "mtu": 1472,
            "isGateway": true, "ipMasq": false,
            "ipam": {
                "type": "host-local",
                "ranges": [[{ "subnet": "10.1.17.0/24" }]],
                "routes": [{ "dst": "10.1.0.0/16" }]
            }
        })
    );
    assert_eq!(host.sh(&format!("stat -c %a {STATES} {STATES}/c1")), "700\n600\n");
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c2, "eth0").succeeds().silent();
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
        host.returns_to(&before);
    }
    assert_eq!(states(&host), [""; 0]);
    assert_eq!(c1.shown(), "");
}

#[test]
fn both_families_and_one_of_them() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, DUAL, json!({}));
    net.add(&c1, "eth0").succeeds().result_is("flannel/dual-stack");
    c1.reaches(&host, "10.1.17.1:80");
    c1.reaches(&host, "[fc00:0:0:1::1]:80");
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    let host = Host::new();
    let c1 = host.container("c1");
    let only6 = DUAL.replace("FLANNEL_NETWORK", "#").replace("FLANNEL_SUBNET", "#");
    let net = network(&host, &only6, json!({ "delegate": { "type": "ptp" } }));
    net.add(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        link eth0 up mtu 1472
        addr fc00:0:0:1::2/64 dev eth0
        route fc00:0:0:1::/64 via fc00:0:0:1::1 dev eth0 src fc00:0:0:1::2
        route fc00:0:0:1::1 dev eth0 src fc00:0:0:1::2
        route fc00::/48 via fc00:0:0:1::1 dev eth0
    "#]]);
    c1.reaches(&host, "[fc00:0:0:1::1]:80");
    net.del(&c1, "eth0").succeeds();
}

/// What the runtime puts in arrives; what is not the delegate's does not.
#[test]
fn the_delegate_gets_its_configuration_and_the_environment() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let keys = json!({
        "subnetFile": "/run/other.env", "dataDir": "/run/states/flannel",
        "runtimeConfig": { "portMappings": [] }, "dns": { "domain": "x" }, "args": {}
    });
    let script = format!("env >/run/environment\n{WORKING}");
    let net = scripted(&host, keys, &script).with_args("IgnoreUnknown=1;A=b").with_env("X", "y");
    net.add(&c1, "eth0").fails(
        999,
        "failed to load flannel 'subnet.env' file: open /run/other.env: no such file or \
         directory. Check the flannel pod log for this node.",
    );
    put(&host, "/run/other.env", &USUAL.replace("true", "false"));
    let added = net.with_prev_result(json!({ "ips": 4 })).add(&c1, "eth0").succeeds();
    assert_eq!(
        added.result(),
        json!({ "cniVersion": "1.1.0", "ips": [{ "address": "10.1.17.9/24" }] })
    );
    let told = json!({
        "cniVersion": "1.1.0", "name": "mynet", "type": "scripted", "mtu": 1472, "ipMasq": true,
        "runtimeConfig": { "portMappings": [] },
        "ipam": {
            "type": "host-local",
            "ranges": [[{ "subnet": "10.1.17.0/24" }]],
            "routes": [{ "dst": "10.1.0.0/16" }]
        }
    });
    assert_eq!(input(&host), told);
    let environment = host.sh("cat /run/environment");
    for line in ["CNI_ARGS=IgnoreUnknown=1;A=b", "CNI_CONTAINERID=c1", "X=y"] {
        assert!(environment.lines().any(|found| found == line), "{line} in {environment}");
    }
    net.check(&c1, "eth0").succeeds();
    let mut checked = told.clone();
    checked["prevResult"] = added.result();
    assert_eq!(input(&host), checked);
    // DEL needs neither the subnet nor the delegate of now.
    host.sh("rm /run/other.env");
    let changed = net.with_config("delegate", json!({ "name": "x" }));
    changed.del_without_netns(&c1, "eth0").succeeds();
    assert_eq!(input(&host), told);
    assert_eq!(calls(&host), ["ADD eth0", "CHECK eth0", "DEL eth0"]);
    assert_eq!(host.sh("ls -A /run/states/flannel"), "");
}

/// The delegate answers in any version; the configuration's is printed.
#[test]
fn results_have_the_version_of_the_configuration() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let script =
        r#"echo '{"cniVersion":"0.4.0","ips":[{"version":"4","address":"10.1.17.9/24"}]}'"#;
    let net = scripted(&host, json!({}), script);
    for (version, told) in
        [(json!("1.0.0"), "1.0.0"), (json!("0.3.1"), "0.3.1"), (json!(null), "0.1.0")]
    {
        let container = host.container(&format!("c-{told}"));
        let added = net.with_config("cniVersion", version.clone()).add(&container, "eth0");
        assert_eq!(added.succeeds().result()["cniVersion"], told);
        assert_eq!(input(&host)["cniVersion"], version);
    }
}

#[test]
fn mistakes_are_refused_before_anything_is_done() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, USUAL, json!({}));
    let before = host.world();
    let must_not =
        |key| format!("'delegate' dictionary must not have '{key}' field, it'll be set by flannel");
    let subnet = |why: &str| {
        format!(
            "failed to load flannel 'subnet.env' file: {why}. Check the flannel pod log for this node."
        )
    };
    for (key, value, msg) in [
        ("delegate", json!({ "name": "x" }), must_not("name")),
        ("delegate", json!({ "ipam": {} }), must_not("ipam")),
        (
            "delegate",
            json!({ "type": 4 }),
            "'delegate' dictionary, if present, must have (string) 'type' field".to_owned(),
        ),
        (
            "delegate",
            json!({ "type": "../bridge" }),
            "failed to delegate add: invalid plugin name: ../bridge".to_owned(),
        ),
        (
            "delegate",
            json!({ "type": "" }),
            "failed to delegate add: no plugin name provided".to_owned(),
        ),
        ("dataDir", json!(""), "mkdir : no such file or directory".to_owned()),
        ("subnetFile", json!(""), subnet("open : no such file or directory")),
    ] {
        net.with_config(key, value).add(&c1, "eth0").fails(999, &msg);
    }
    net.with_config("delegate", json!([]))
        .add(&c1, "eth0")
        .fails_with(999, "failed to load flannel netconf file: failed to load netconf: ");
    net.with_config("delegate", json!({ "type": "absent" }))
        .add(&c1, "eth0")
        .fails_with(999, "failed to delegate add: failed to find plugin \"absent\" in path [");
    assert_eq!(host.world(), before);
    put(&host, "/run/flannel/subnet.env", "foo=bar");
    net.add(&c1, "eth0").fails_with(
        999,
        "subnet.env is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, \
         FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ. Check",
    );
    assert_eq!(host.world(), before);
}
