//! macvlan: with addresses of both families, and as a mere link.

use cni_testkit::{Host, Mode};
use serde_json::json;

use crate::masters::on_outside;
use crate::stage::{Fate, Stage};

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    for keys in [json!({}), json!({ "ipam": {}, "mac": "02:00:00:00:00:01" })] {
        println!("{keys}");
        let host = Host::new();
        let _outside = host.outside();
        test(&Stage::new(&host, on_outside(&host, "macvlan", keys)));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "macvlan")));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    for_each_network(|stage| stage.del_follows_a_killed_add(Fate::Lives));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del_without_the_namespace() {
    for_each_network(|stage| stage.del_follows_a_killed_add(Fate::Dies));
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        for_each_network(|stage| stage.del_is_finished_by_another(mode, "macvlan"));
    }
}

/// Whatever happens to the IPAM plugin, its own part is taken back.
#[test]
fn a_broken_ipam_plugin_leaves_nothing() {
    for mode in [Mode::Fail, Mode::Kill] {
        let host = Host::new();
        let _outside = host.outside();
        let stage = Stage::new(&host, on_outside(&host, "macvlan", json!({})));
        stage.add_fails_cleanly(mode, "host-local");
        stage.del_is_finished_by_another(mode, "host-local");
    }
}
