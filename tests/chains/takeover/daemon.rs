//! The daemon for DHCP is replaced while there are leases.

use cni_testkit::Container;

use super::every_plugin::lacks_reference;
use super::node::{Node, Set};

/// The address that a container gets in the network with the DHCP server.
#[track_caller]
fn lease(node: &Node, set: Set, container: &Container) -> String {
    let added = node.tool(set, container).add("leased", container, "eth3");
    let address = added.without_log().result()["ips"][0]["address"].take();
    address.as_str().expect("an address").to_owned()
}

/// A new daemon knows nothing of the other's leases, and neither is in the way.
fn is_replaced(from: Set, to: Set) {
    if lacks_reference() {
        return;
    }
    let node = Node::new();
    let first = node.dhcp_daemon(from);
    let base = node.host.world();
    let (c1, c2) = (node.container(1), node.container(2));
    let before = lease(&node, from, &c1);
    drop(first);
    // As systemd does, which listens for the reference's daemon.
    node.host.sh("rm /run/cni/dhcp.sock");
    let second = node.dhcp_daemon(to);
    assert_ne!(lease(&node, to, &c2), before);
    for container in [&c1, &c2] {
        node.tool(to, container).del("leased", container, "eth3").without_log().silent();
    }
    drop(second);
    node.host.sh("rm /run/cni/dhcp.sock");
    let _again = node.dhcp_daemon(from);
    node.host.returns_to(&base);
}

#[test]
fn the_references_daemon_is_replaced() {
    is_replaced(Set::Reference, Set::Ours);
}

/// When ours comes back, it forgets the leases that were given up meanwhile.
#[test]
fn our_daemon_is_replaced_and_comes_back() {
    is_replaced(Set::Ours, Set::Reference);
}
