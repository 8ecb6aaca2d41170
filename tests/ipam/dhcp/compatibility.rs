//! Plugin and daemon of different sets: either is replaced while the other one runs.

use std::path::Path;

use cni_testkit::{against_reference, lacks_file, plugin_dir};
use serde_json::json;

use super::stage::{RANGE, Stage, given};
use super::stage6;

/// Debian's build of the reference.
const REFERENCE: &str = "/usr/lib/cni";

#[test]
fn plugin_and_daemon_may_be_of_different_sets() {
    if against_reference() || lacks_file("/usr/lib/cni/dhcp") {
        return;
    }
    let (ours, theirs) = (plugin_dir(), Path::new(REFERENCE));
    for (plugin, daemon) in [(&*ours, theirs), (theirs, &*ours)] {
        let stage = Stage::new();
        let _server = stage.dnsmasq(&[RANGE]);
        let _daemon = stage.daemon_of(daemon, &[]);
        let c1 = stage.container("c1");
        let net = stage
            .network(json!({ "provide": [{ "option": "host-name", "value": "web" }] }))
            .with_config("cniVersion", json!("1.0.0"))
            .with_plugins(plugin);
        let address = given(&net, &c1, "eth0");
        assert!(address.starts_with("192.168.1.") && address.ends_with("/24"), "{address}");
        stage.wait_for_log("client provides name: web");
        net.check(&c1, "eth0").succeeds();
        net.del(&c1, "eth0").succeeds();
        stage.wait_for_log(&format!("DHCPRELEASE(eth0) {}", address.trim_end_matches("/24")));
        net.del(&c1, "eth0").succeeds();
        let bad = stage.network(json!({ "request": [{ "option": "x" }] }));
        let bad = bad.with_config("cniVersion", json!("1.0.0")).with_plugins(plugin);
        bad.add(&c1, "eth0").fails_with(999, "error calling DHCP.Allocate: ");
    }
}

#[test]
fn gc_and_status_get_along_with_the_daemon_of_the_reference() {
    if against_reference() || lacks_file("/usr/lib/cni/dhcp") {
        return;
    }
    let stage = Stage::new();
    let _daemon = stage.daemon_of(Path::new(REFERENCE), &[]);
    let net = stage.network(json!({}));
    net.status().succeeds();
    net.gc(&[]).succeeds();
}

/// The reference's daemon gives IPv4 addresses whatever it is asked for, and its plugin passes on
/// whatever it gets.
#[test]
fn a_daemon_that_knows_no_ipv6_is_found_out_and_a_plugin_need_not_know_it() {
    if against_reference() || lacks_file("/usr/lib/cni/dhcp") {
        return;
    }
    let (ours, theirs) = (plugin_dir(), Path::new(REFERENCE));
    for (plugin, daemon) in [(&*ours, theirs), (theirs, &*ours)] {
        let stage = stage6::stage();
        let _server = stage6::dnsmasq(&stage, &[stage6::ONE]);
        let _daemon = stage.daemon_of(daemon, &[]);
        let c1 = stage6::container(&stage, "c1");
        let dual = stage6::dual(&stage, "dhcp").with_config("cniVersion", json!("1.0.0"));
        let dual = dual.with_plugins(plugin);
        if daemon == &*ours {
            let all = stage6::addresses(&dual.add(&c1, "eth0").succeeds().result());
            assert_eq!(all[1..], ["fd00:1::10/128"]);
            dual.del(&c1, "eth0").succeeds();
            assert_eq!(stage.records(), 0);
            continue;
        }
        let no_ipv6 = "the DHCP daemon does not follow ipam.ipv6: its answer has none of these \
            addresses; is it of this release?";
        dual.add(&c1, "eth0").fails(999, no_ipv6);
        stage.wait_for_log("DHCPRELEASE(eth0) 192.168.1.");
        let six = stage6::network(&stage, "dhcp").with_config("cniVersion", json!("1.0.0"));
        six.with_plugins(plugin)
            .add(&c1, "eth0")
            .fails_with(999, "the DHCP daemon does not follow ipam.ipv4: its answer has one of");
    }
}
