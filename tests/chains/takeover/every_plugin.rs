//! Every plugin at once, under its own runtime: half a node's containers are replaced by the other
//! set, and the first set finishes.

use cni_testkit::{against_reference, lacks_file};

use super::node::{Node, Set, WITHOUT_DEVICE};
use crate::reference::{self, PLUGINS};

/// Whether the reference is not there whole; the test is then recorded as skipped.
pub fn lacks_reference() -> bool {
    let plugins = [
        "bandwidth",
        "bridge",
        "dhcp",
        "firewall",
        "host-device",
        "host-local",
        "loopback",
        "macvlan",
        "portmap",
        "ptp",
        "sbr",
        "static",
        "tuning",
    ];
    against_reference()
        || plugins.iter().any(|plugin| lacks_file(&format!("{PLUGINS}/{plugin}")))
        || reference::tool().is_none()
}

fn is_switched_over_and_back(from: Set, to: Set) {
    if lacks_reference() {
        return;
    }
    let node = Node::new();
    let daemon = node.dhcp_daemon(from);
    // What attachments share is made by the first one, and stays.
    let first = node.container(0);
    node.attach(from, &[&first]);
    node.detach(from, &[&first]);
    let base = node.host.world();

    let [c1, c2, c3, c4, c5, c6, c7, c8] =
        [1, 2, 3, 4, 5, 6, WITHOUT_DEVICE, WITHOUT_DEVICE + 1].map(|number| node.container(number));
    node.attach(from, &[&c1, &c2, &c3, &c4, &c7]);
    let attached = node.host.world();
    node.check(to, &[&c1, &c2, &c3, &c4, &c7]);
    node.host.returns_to(&attached);

    node.detach(to, &[&c1, &c2]);
    node.attach(to, &[&c5, &c6, &c8]);
    let live = [&c3, &c4, &c5, &c6];
    for container in live {
        node.is_connected(container);
    }
    // One of each set ends without its DEL.
    c7.destroy();
    c8.destroy();
    node.collect(&live);
    node.detach(Set::Ours, &[&c7, &c8]);

    node.check(from, &live);
    for container in live {
        node.is_connected(container);
    }
    node.detach(from, &live);
    node.collect(&[]);
    // The reference's daemon never lets go of a namespace that has ended.
    drop(daemon);
    node.host.returns_to(&base);
    for container in [&c1, &c2, &c3, &c4, &c5, &c6] {
        assert!(!container.shown().contains("eth"), "{}", container.shown());
    }
}

#[test]
fn a_whole_node_is_switched_over_and_back() {
    is_switched_over_and_back(Set::Reference, Set::Ours);
}

#[test]
fn a_whole_node_is_switched_to_the_reference_and_back() {
    is_switched_over_and_back(Set::Ours, Set::Reference);
}
