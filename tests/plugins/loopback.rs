//! loopback: `lo` up, `lo` down, and what is reported of it.

use cni_testkit::{Host, Network, difference, lacks_version};
use expect_test::expect;
use serde_json::{Value, json};

const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

fn loopback(host: &Host) -> Network<'_> {
    host.network(json!({ "cniVersion": "1.1.0", "name": "lo-net", "type": "loopback" }))
}

#[test]
fn lo_comes_up_and_goes_down() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host);
    let before = host.world();
    net.add(&c1, "lo").succeeds().result_is("loopback/fresh-1.1.0");
    c1.shows(expect![[r#"
        link lo up mtu 65536
        addr 127.0.0.1/8 dev lo
        addr ::1/128 dev lo
    "#]]);
    c1.reaches(&c1, "127.0.0.1:80");
    c1.reaches(&c1, "[::1]:80");
    net.check(&c1, "lo").succeeds().silent();
    net.del(&c1, "lo").succeeds().silent();
    net.del(&c1, "lo").succeeds().silent();
    c1.shows(expect![[r#"
        addr 127.0.0.1/8 dev lo
    "#]]);
    assert_eq!(host.world(), before);
}

/// The reference prints the newest layout under every version's number.
#[test]
fn every_version_gets_its_own_document() {
    for version in VERSIONS {
        if lacks_version("loopback", version) {
            continue;
        }
        let host = Host::new();
        let c1 = host.container("c1");
        let net = loopback(&host).with_config("cniVersion", json!(version));
        let added = net.add(&c1, "eth0").succeeds();
        let compare = || drop(added.clone().result_is(&format!("loopback/fresh-{version}")));
        if version.starts_with('0') {
            difference("loopback-result-layout", compare);
        } else {
            compare();
        }
        net.del(&c1, "eth0").succeeds();
    }
}

/// The interface is `lo`, whatever the runtime calls it; arguments and paths are of no interest.
#[test]
fn the_interface_name_does_not_matter() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host).with_env("CNI_PATH", "/nowhere");
    let result = net.with_args("none").add(&c1, "eth0").succeeds().result();
    assert_eq!(result["interfaces"][0]["name"], "lo");
    net.with_args("none").del(&c1, "eth0").succeeds();
    c1.shows(expect![[r#"
        addr 127.0.0.1/8 dev lo
    "#]]);
}

#[test]
fn unknown_keys_are_ignored() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host)
        .with_config("ipam", json!({ "type": "nowhere" }))
        .with_config("dns", json!({ "nameservers": ["10.0.0.53"] }))
        .with_config("runtimeConfig", json!({ "mac": "nonsense" }));
    let result = net.add(&c1, "lo").succeeds().result();
    assert_eq!(result["dns"]["nameservers"], Value::Null);
}

/// In a chain the result of the plugin before is handed on.
#[test]
fn a_previous_result_is_passed_on() {
    let host = Host::new();
    let c1 = host.container("c1");
    let previous = json!({ "cniVersion": "1.0.0", "interfaces": [{ "name": "eth0", "sandbox": "/x" }],
                           "ips": [{ "address": "10.1.2.2/24", "interface": 0 }] });
    let net = loopback(&host).with_config("cniVersion", json!("1.0.0"));
    let result = net.with_prev_result(previous.clone()).add(&c1, "lo").succeeds().result();
    for key in ["interfaces", "ips", "routes"] {
        assert_eq!(result[key], previous[key]);
    }
    net.with_prev_result(json!({ "cniVersion": "0.4.0" })).add(&c1, "lo").fails_with(
        999,
        "failed to parse prevResult: could not parse prevResult: result type supports [1.0.0",
    );
}

#[test]
fn without_ipv6_only_ipv4_is_reported() {
    let host = Host::new();
    let c1 = host.container("c1");
    c1.sh("echo 1 >/proc/sys/net/ipv6/conf/lo/disable_ipv6");
    let result = loopback(&host).add(&c1, "lo").succeeds().result();
    assert_eq!(result["ips"], json!([{ "address": "127.0.0.1/8", "interface": 0 }]));
}

/// The reference leaves `lo` up when it fails.
#[test]
fn a_foreign_address_on_lo_is_refused() {
    for address in ["10.9.9.9/32", "fd00:9::9/128"] {
        let host = Host::new();
        let c1 = host.container("c1");
        c1.exec(&["ip", "addr", "add", address, "dev", "lo"]);
        let ip = address.split('/').next().unwrap_or_default();
        let msg = format!("loopback interface found with non-loopback address \"{ip}\"");
        loopback(&host).add(&c1, "lo").fails(999, &msg);
        difference("loopback-failed-add-leaves-lo-down", || {
            assert!(!c1.shown().contains("link lo up"), "{}", c1.shown());
        });
    }
}

/// `lo` that was up before stays up when ADD fails.
#[test]
fn a_failed_add_does_not_take_down_what_was_up() {
    let host = Host::new();
    let c1 = host.container("c1");
    c1.sh("ip link set lo up; ip addr add 10.9.9.9/32 dev lo");
    loopback(&host).add(&c1, "lo").fails_with(999, "non-loopback address \"10.9.9.9\"");
    assert!(c1.shown().contains("link lo up"));
}

#[test]
fn check_finds_lo_down() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host);
    net.check(&c1, "lo").fails(999, "loopback interface is down");
    net.add(&c1, "lo").succeeds();
    net.without_prev_result().check(&c1, "lo").succeeds().silent();
    c1.exec(&["ip", "link", "set", "lo", "down"]);
    net.check(&c1, "lo").fails(999, "loopback interface is down");
}

#[test]
fn a_namespace_that_is_gone_is_deleted_already() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host);
    let missing = "failed to Statfs \"/run/netns/none\": no such file or directory";
    let gone = net.with_env("CNI_NETNS", "/run/netns/none");
    gone.add(&c1, "lo").fails(999, missing);
    gone.check(&c1, "lo").fails(999, missing);
    gone.del(&c1, "lo").succeeds().silent();
    net.del_without_netns(&c1, "lo").succeeds().silent();
    host.sh("echo text >/run/plain");
    net.with_env("CNI_NETNS", "/run/plain")
        .del(&c1, "lo")
        .fails(999, "unknown FS magic on \"/run/plain\": 1021994");
}

#[test]
fn gc_and_status_have_nothing_to_do() {
    if lacks_version("loopback", "1.1.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = loopback(&host);
    net.add(&c1, "lo").succeeds();
    net.gc(&[]).succeeds().silent();
    net.status().succeeds().silent();
    assert!(c1.shown().contains("link lo up"));
}
