//! host-local: by itself, and called by bridge.

use cni_testkit::{Host, Mode, Network};
use serde_json::json;

use crate::networks::{bridge, dual_stack};
use crate::stage::{Fate, Stage};

fn alone(host: &Host) -> Network<'_> {
    let config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "host-local", "ipam": dual_stack() });
    host.network(config)
}

fn delegated(host: &Host) -> Network<'_> {
    bridge(
        host,
        json!({ "isGateway": true, "ipMasq": true, "ipMasqBackend": "nftables",
                         "ipam": dual_stack() }),
    )
}

#[test]
fn a_failed_add_leaves_the_store_as_it_was() {
    let host = Host::new();
    Stage::new(&host, alone(&host)).add_fails_cleanly(Mode::Fail, "host-local");
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    let host = Host::new();
    Stage::new(&host, alone(&host)).del_follows_a_killed_add(Fate::Lives);
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        let host = Host::new();
        Stage::new(&host, alone(&host)).del_is_finished_by_another(mode, "host-local");
    }
}

/// Whatever happens to it, bridge reports an error, takes back its own part and lets it clean up.
#[test]
fn bridge_survives_a_broken_add_of_its_delegate() {
    for mode in [Mode::Fail, Mode::Kill] {
        let host = Host::new();
        Stage::new(&host, delegated(&host)).add_fails_cleanly(mode, "host-local");
    }
}

#[test]
fn bridge_survives_a_broken_del_of_its_delegate() {
    for mode in [Mode::Fail, Mode::Kill] {
        let host = Host::new();
        Stage::new(&host, delegated(&host)).del_is_finished_by_another(mode, "host-local");
    }
}
