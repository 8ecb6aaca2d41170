//! tap: with addresses of both families, and as a mere device with every property.

use cni_testkit::{Host, Mode, lacks_plugin};
use serde_json::{Value, json};

use crate::networks::dual_stack;
use crate::stage::{Fate, Stage};

/// Runs a test for each kind of network.
fn for_each_network(test: impl Fn(&Stage<'_>)) {
    if lacks_plugin("tap") {
        return;
    }
    let everything = json!({ "owner": 1, "group": 2, "multiQueue": true, "mtu": 1400,
                             "mac": "02:00:00:00:00:01" });
    for (ipam, keys) in [(dual_stack(), json!({})), (json!({}), everything)] {
        println!("{ipam}, {keys}");
        let host = Host::new();
        let mut config =
            json!({ "cniVersion": "1.1.0", "name": "net1", "type": "tap", "ipam": ipam });
        let Value::Object(keys) = keys else { panic!("keys are an object") };
        for (key, value) in keys {
            config[key] = value;
        }
        test(&Stage::new(&host, host.network(config)));
    }
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    for_each_network(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "tap")));
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
        for_each_network(|stage| stage.del_is_finished_by_another(mode, "tap"));
    }
}
