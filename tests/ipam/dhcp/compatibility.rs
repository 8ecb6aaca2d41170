//! Plugin and daemon of different sets: either is replaced while the other one runs.

use std::path::Path;

use cni_testkit::{against_reference, lacks_file, plugin_dir};
use serde_json::json;

use super::stage::{RANGE, Stage, given};

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
