//! The plugins of the set, each with the least configuration that its ADD takes.

use cni_testkit::{Container, Host, Invocation, Network, lacks_plugin, supported_versions};
use serde_json::{Value, json};

/// The whole set: a new plugin gets one line here, and every rule of the protocol is its rule.
pub const SET: &[Plugin] = &[
    Plugin { name: "bridge", keys: bridge, delegates: true },
    Plugin { name: "host-local", keys: host_local, delegates: false },
    Plugin { name: "loopback", keys: || json!({}), delegates: false },
    Plugin { name: "static", keys: static_, delegates: false },
];

/// A plugin of the set.
pub struct Plugin {
    /// The executable.
    pub name: &'static str,
    /// Whether it asks the plugin named by `ipam.type` for addresses.
    pub delegates: bool,
    keys: fn() -> Value,
}

fn bridge() -> Value {
    json!({ "bridge": "cni0", "ipam": ipam() })
}

fn host_local() -> Value {
    json!({ "ipam": ipam() })
}

fn static_() -> Value {
    json!({ "ipam": { "type": "static", "addresses": [{ "address": "10.1.2.2/24" }] } })
}

fn ipam() -> Value {
    json!({ "type": "host-local", "subnet": "10.1.2.0/24" })
}

/// The plugins that are there.
pub fn plugins() -> impl Iterator<Item = &'static Plugin> {
    SET.iter().filter(|plugin| !lacks_plugin(plugin.name))
}

/// The plugins that hand a part of their work to another one.
pub fn delegating() -> impl Iterator<Item = &'static Plugin> {
    plugins().filter(|plugin| plugin.delegates)
}

/// Demands that a container has no interface, and that its `lo` is still down. The address the
/// kernel once gave to `lo` stays for good.
#[track_caller]
pub fn has_no_link(container: &Container) {
    let shown = container.shown();
    assert!(!shown.contains("link "), "should have no link:\n{shown}");
}

impl Plugin {
    /// The network `net1` in the newest version the plugin knows.
    pub fn config(&self) -> Value {
        let mut config = (self.keys)();
        config["cniVersion"] = self.versions().pop().into();
        config["name"] = "net1".into();
        config["type"] = self.name.into();
        config
    }

    /// The versions the plugin knows, oldest first.
    pub fn versions(&self) -> Vec<String> {
        supported_versions(self.name)
    }

    /// The network of [`Plugin::config`], to be driven as a runtime does.
    pub fn network<'h>(&self, host: &'h Host) -> Network<'h> {
        host.network(self.config())
    }

    /// One call with everything set that any command needs.
    pub fn call<'h>(&self, host: &'h Host, container: &Container, command: &str) -> Invocation<'h> {
        host.invoke(self.name).command(command).attachment(container, "eth0").config(&self.config())
    }
}
