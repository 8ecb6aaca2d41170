//! ipvlan: where the kernel has it.

use cni_testkit::{Feature, Host, Mode, lacks};
use serde_json::json;

use crate::masters::on_outside;
use crate::stage::{Fate, Stage};

/// One test for all, as processes take their time in user-mode Linux.
#[test]
fn uml_a_broken_ipvlan_leaves_nothing() {
    if lacks(Feature::Ipvlan) {
        return;
    }
    let host = Host::new();
    let _outside = host.outside();
    let stage = Stage::new(&host, on_outside(&host, "ipvlan", json!({})));
    stage.add_fails_cleanly(Mode::Fail, "ipvlan");
    stage.del_follows_a_killed_add(Fate::Lives);
    stage.del_follows_a_killed_add(Fate::Dies);
    stage.del_is_finished_by_another(Mode::Fail, "ipvlan");
    stage.del_is_finished_by_another(Mode::Kill, "ipvlan");
}
