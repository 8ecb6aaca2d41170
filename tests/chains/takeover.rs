//! A node is switched over while containers run, and back: what one set made, the other finishes.

mod daemon;
mod every_plugin;
mod interfaces;
mod lists;
mod node;

use std::path::Path;

use cni_testkit::{Container, Host, Outside, plugin_dir};
use serde_json::json;

use crate::reference::{PLUGINS, lacks_plugins};
use crate::tool::{Tool, bridge, configure_list, kept, leases, links_and_addresses};

/// Masquerade by iptables is what both sets know, over IPv4 and IPv6.
fn configure(host: &Host) {
    let ipam = json!({
        "type": "host-local",
        "ranges": [[{ "subnet": "10.1.2.0/24" }], [{ "subnet": "fd00:1::/64" }]]
    });
    let keys = json!({ "ipMasq": true, "ipMasqBackend": "iptables", "ipam": ipam });
    configure_list(host, json!([bridge(keys), { "type": "loopback" }]));
}

/// One set makes two attachments; the other checks them, adds a third, and deletes all.
fn takes_over(host: &Host, from: &Tool<'_>, to: &Tool<'_>) {
    configure(host);
    let outside = host.outside();
    host.rebase();
    let containers = ["c1", "c2", "c3"].map(|name| host.container(name));
    let [c1, c2, c3] = &containers;
    from.add("net1", c1, "eth0").succeeds();
    from.add("net1", c2, "eth0").succeeds();
    let rules = [host.iptables_rules(), host.ip6tables_rules()].concat();
    to.check("net1", c1, "eth0").silent();
    to.check("net1", c2, "eth0").silent();
    assert_eq!([host.iptables_rules(), host.ip6tables_rules()].concat(), rules);

    to.add("net1", c3, "eth0").succeeds();
    assert_eq!(leases(host, "net1"), ["10.1.2.2", "10.1.2.3", "10.1.2.4"]);
    from.check("net1", c3, "eth0").silent();
    for container in &containers {
        lets_out(container, &outside);
    }
    c1.reaches(c3, "10.1.2.4:80");

    to.del("net1", c1, "eth0").silent();
    to.del("net1", c1, "eth0").silent();
    lets_out(c2, &outside);
    to.del("net1", c2, "eth0").silent();
    from.del("net1", c3, "eth0").silent();
    let bridge = ["link cni0 up", "addr 10.1.2.1/24 dev cni0", "addr fd00:1::1/64 dev cni0"];
    assert_eq!(links_and_addresses(host), bridge);
    let rules = [host.iptables_rules(), host.ip6tables_rules(), host.nft_rules()].concat();
    assert!(!rules.contains("CNI-") && !rules.contains("net1"), "{rules}");
    assert_eq!((kept(host), leases(host, "net1")), (Vec::new(), Vec::new()));
    for container in &containers {
        assert!(!container.shown().contains("eth0"), "{}", container.shown());
    }
}

/// The container is seen under the host's addresses.
#[track_caller]
fn lets_out(container: &Container, outside: &Outside) {
    assert_eq!(outside.sees_source(container, "192.0.2.2:80"), "192.0.2.1");
    assert_eq!(outside.sees_source(container, "[2001:db8::2]:80"), "2001:db8::1");
}

/// A runtime with plugins: whose they are.
#[derive(Clone, Copy)]
enum Side {
    Ours,
    Reference,
}

fn tool<'h>(host: &'h Host, runtime: Side, plugins: Side) -> Option<Tool<'h>> {
    let tool = match runtime {
        Side::Ours => Tool::ours(host),
        Side::Reference => Tool::reference(host)?,
    };
    Some(match plugins {
        Side::Ours => tool.with_plugins(&plugin_dir()),
        Side::Reference => tool.with_plugins(Path::new(PLUGINS)),
    })
}

/// Switches a fresh node from one pair of runtime and plugins to another.
fn switches(from: (Side, Side), to: (Side, Side)) {
    if lacks_plugins() {
        return;
    }
    let host = Host::new();
    let tools = (tool(&host, from.0, from.1), tool(&host, to.0, to.1));
    if let (Some(from), Some(to)) = tools {
        takes_over(&host, &from, &to);
    }
}

#[test]
fn a_node_is_switched_from_the_reference_to_ours() {
    switches((Side::Reference, Side::Reference), (Side::Ours, Side::Ours));
}

#[test]
fn a_node_is_switched_back_to_the_reference() {
    switches((Side::Ours, Side::Ours), (Side::Reference, Side::Reference));
}

#[test]
fn plugins_are_switched_under_the_references_runtime() {
    switches((Side::Reference, Side::Reference), (Side::Reference, Side::Ours));
}

#[test]
fn plugins_are_switched_back_under_the_references_runtime() {
    switches((Side::Reference, Side::Ours), (Side::Reference, Side::Reference));
}

#[test]
fn the_runtime_is_switched_above_the_references_plugins() {
    switches((Side::Reference, Side::Reference), (Side::Ours, Side::Reference));
}

#[test]
fn the_runtime_is_switched_back_above_the_references_plugins() {
    switches((Side::Ours, Side::Reference), (Side::Reference, Side::Reference));
}
