//! flannel: itself and its delegates, with a subnet of both families.

use cni_testkit::{Host, Mode, lacks_plugin};
use serde_json::json;

use crate::stage::{Fate, Stage};

fn on_stage(test: impl Fn(&Stage<'_>)) {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    host.sh("mkdir /run/flannel; cat >/run/flannel/subnet.env <<'END'
FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.17.1/24
FLANNEL_IPV6_NETWORK=fc00::/48
FLANNEL_IPV6_SUBNET=fc00:0:0:1::1/64
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
END");
    let net = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "flannel" });
    test(&Stage::new(&host, host.network(net)));
}

#[test]
fn a_failed_add_leaves_the_world_as_it_was() {
    on_stage(|stage| drop(stage.add_fails_cleanly(Mode::Fail, "flannel")));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del() {
    on_stage(|stage| stage.del_follows_a_killed_add(Fate::Lives));
}

#[test]
fn a_killed_add_is_cleaned_up_by_del_without_the_namespace() {
    on_stage(|stage| stage.del_follows_a_killed_add(Fate::Dies));
}

#[test]
fn a_broken_del_is_finished_by_another() {
    for mode in [Mode::Fail, Mode::Kill] {
        on_stage(|stage| stage.del_is_finished_by_another(mode, "flannel"));
    }
}

/// Whatever happens to the delegates, their part is taken back; the state outlives a failed DEL.
#[test]
fn broken_delegates_leave_nothing() {
    for mode in [Mode::Fail, Mode::Kill] {
        for delegate in ["bridge", "host-local"] {
            on_stage(|stage| {
                stage.add_fails_cleanly(mode, delegate);
                stage.del_is_finished_by_another(mode, delegate);
            });
        }
    }
}
