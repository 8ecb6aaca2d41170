//! vlan and dummy: with addresses of both families, where the kernel has them.

use cni_testkit::{Feature, Host, Mode, Network, lacks, lacks_plugin};
use serde_json::json;

use crate::masters::on_outside;
use crate::networks::dual_stack;
use crate::stage::{Fate, Stage};

/// Breaks ADD and DEL in every way and at every place.
fn breaks_cleanly(host: &Host, net: Network<'_>, plugin: &str) {
    let stage = Stage::new(host, net);
    stage.add_fails_cleanly(Mode::Fail, plugin);
    stage.del_follows_a_killed_add(Fate::Lives);
    stage.del_follows_a_killed_add(Fate::Dies);
    stage.del_is_finished_by_another(Mode::Fail, plugin);
    stage.del_is_finished_by_another(Mode::Kill, plugin);
}

#[test]
fn uml_a_broken_vlan_leaves_nothing() {
    if lacks(Feature::Vlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    breaks_cleanly(&host, on_outside(&host, "vlan", json!({ "vlanId": 10 })), "vlan");
}

#[test]
fn uml_a_broken_dummy_leaves_nothing() {
    if lacks_plugin("dummy") || lacks(Feature::Dummy) {
        return;
    }
    let host = Host::new();
    let net = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "dummy",
                      "ipam": dual_stack() });
    breaks_cleanly(&host, host.network(net), "dummy");
}
