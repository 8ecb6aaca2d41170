//! The plugins of the set, each with the least configuration that its ADD takes.

use cni_testkit::{
    Container, Feature, Host, Invocation, Network, against_reference, has, lacks_plugin,
    supported_versions,
};
use serde_json::{Value, json};

/// The whole set: a new plugin gets one line here, and every rule of the protocol is its rule.
pub const SET: &[Plugin] = &[
    Plugin { name: "bandwidth", oldest: "0.3.0", keys: bandwidth, ..CHAINED },
    Plugin { name: "bridge", keys: bridge, delegates: true, ..PLAIN },
    Plugin { name: "dhcp", keys: dhcp, needs_server: true, ..PLAIN },
    Plugin { name: "dummy", needs: Some(Feature::Dummy), ..ADDRESSED },
    Plugin { name: "firewall", oldest: "0.4.0", ..CHAINED },
    Plugin { name: "flannel", make_surroundings: write_subnet, ..PLAIN },
    Plugin { name: "host-device", ..HOST_DEVICE },
    Plugin { name: "host-local", keys: addressed, ..PLAIN },
    Plugin { name: "ipvlan", needs: Some(Feature::Ipvlan), ..ON_MASTER },
    Plugin { name: "loopback", ..PLAIN },
    Plugin { name: "macvlan", needs: Some(Feature::Macvlan), ..ON_MASTER },
    Plugin { name: "portmap", keys: portmap, ..CHAINED },
    Plugin { name: "ptp", ..ADDRESSED },
    Plugin { name: "sbr", ..CHAINED },
    Plugin { name: "static", keys: static_, ..PLAIN },
    Plugin { name: "tap", needs: Some(Feature::Tap), ..ADDRESSED },
    Plugin { name: "tuning", ..CHAINED },
    Plugin { name: "vlan", keys: vlan, needs: Some(Feature::Vlan), ..ON_MASTER },
    Plugin { name: "vrf", oldest: "0.3.1", keys: vrf, needs: Some(Feature::Vrf), ..CHAINED },
];

/// A plugin that needs nothing.
const PLAIN: Plugin = Plugin {
    name: "",
    oldest: "0.1.0",
    delegates: false,
    is_chained: false,
    keys: || json!({}),
    needs: None,
    needs_server: false,
    make_surroundings: |_| {},
};

/// A plugin that needs nothing but addresses.
const ADDRESSED: Plugin = Plugin { keys: addressed, delegates: true, ..PLAIN };

/// A plugin whose interface is made on one of the host's.
const ON_MASTER: Plugin =
    Plugin { keys: on_master, delegates: true, make_surroundings: make_master, ..PLAIN };

/// A plugin that works on what the one before it in a list has made.
const CHAINED: Plugin = Plugin { is_chained: true, ..PLAIN };

/// The plugin that takes a device of the host's.
const HOST_DEVICE: Plugin =
    Plugin { keys: host_device, delegates: true, make_surroundings: make_device, ..PLAIN };

/// A plugin of the set.
pub struct Plugin {
    /// The executable.
    pub name: &'static str,
    /// The oldest version of the specification it knows.
    pub oldest: &'static str,
    /// Whether it asks the plugin named by `ipam.type` for addresses.
    pub delegates: bool,
    /// Whether its ADD needs the result of another plugin.
    is_chained: bool,
    keys: fn() -> Value,
    /// What the kernel must have for an ADD to succeed.
    needs: Option<Feature>,
    /// Whether an ADD takes a server, an interface and a daemon, which only its own tests have.
    needs_server: bool,
    /// Makes what an ADD expects on a host; runs any number of times.
    make_surroundings: fn(&Host),
}

fn bandwidth() -> Value {
    json!({ "ingressRate": 8_000_000, "ingressBurst": 8_000_000 })
}

fn bridge() -> Value {
    json!({ "bridge": "cni0", "ipam": ipam() })
}

fn addressed() -> Value {
    json!({ "ipam": ipam() })
}

fn dhcp() -> Value {
    json!({ "ipam": { "type": "dhcp" } })
}

fn static_() -> Value {
    json!({ "ipam": { "type": "static", "addresses": [{ "address": "10.1.2.2/24" }] } })
}

fn on_master() -> Value {
    json!({ "master": "ext0", "ipam": ipam() })
}

fn vlan() -> Value {
    json!({ "master": "ext0", "vlanId": 10, "ipam": ipam() })
}

fn vrf() -> Value {
    json!({ "vrfname": "blue" })
}

fn make_master(host: &Host) {
    let script = "[ -e /proc/sys/net/ipv4/conf/ext0 ] && exit
        ip link add name ext0 up type bridge
        ip addr add 192.0.2.1/24 dev ext0
        ip route add default via 192.0.2.9";
    host.sh(script);
}

fn host_device() -> Value {
    json!({ "device": "eth1", "ipam": ipam() })
}

/// The device may be in a container already; its far end tells.
fn make_device(host: &Host) {
    let script = "[ -e /proc/sys/net/ipv4/conf/far1 ] && exit
        ip link add name eth1 type veth peer name far1";
    host.sh(script);
}

/// What flannel's daemon leaves for the plugin.
fn write_subnet(host: &Host) {
    host.sh("mkdir -p /run/flannel; cat >/run/flannel/subnet.env <<'END'
FLANNEL_NETWORK=10.1.0.0/16
FLANNEL_SUBNET=10.1.2.1/24
FLANNEL_MTU=1472
FLANNEL_IPMASQ=true
END");
}

fn portmap() -> Value {
    let mapping = json!({ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" });
    json!({ "runtimeConfig": { "portMappings": [mapping] } })
}

fn ipam() -> Value {
    json!({ "type": "host-local", "subnet": "10.1.2.0/24" })
}

/// The plugins that are there. The reference's dhcp does nothing at all without its daemon, not even
/// DEL, so it is not.
pub fn plugins() -> impl Iterator<Item = &'static Plugin> {
    let needs_server = |plugin: &Plugin| against_reference() && plugin.needs_server;
    SET.iter().filter(move |plugin| !lacks_plugin(plugin.name) && !needs_server(plugin))
}

/// The plugins whose ADD can succeed on this kernel, alone.
pub fn attaching() -> impl Iterator<Item = &'static Plugin> {
    let is_alone = |plugin: &&Plugin| !plugin.needs_server && !plugin.is_chained;
    plugins().filter(is_alone).filter(|plugin| plugin.needs.is_none_or(has))
}

/// The plugins whose ADD can succeed on this kernel, after that of another plugin.
pub fn chained() -> impl Iterator<Item = &'static Plugin> {
    plugins().filter(|plugin| plugin.is_chained && plugin.needs.is_none_or(has))
}

/// The plugins that hand a part of their work to another one, and whose ADD can succeed.
pub fn delegating() -> impl Iterator<Item = &'static Plugin> {
    attaching().filter(|plugin| plugin.delegates)
}

/// The plugins among these whose failed ADD and repeated DEL leave things as they should be. The
/// reference's host-device keeps the device after a failed ADD, and its DEL fails without it; its sbr
/// fails without a namespace. The rows `host-device-…` and `sbr-…` of `conformance.toml` say so, and
/// their tests show it.
pub fn undoing(
    plugins: impl Iterator<Item = &'static Plugin>,
) -> impl Iterator<Item = &'static Plugin> {
    let leaves_things = ["host-device", "sbr"];
    plugins.filter(move |plugin| !(against_reference() && leaves_things.contains(&plugin.name)))
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

    /// Whether STATUS has nothing to complain of.
    pub fn is_ready(&self) -> bool {
        !self.needs_server
    }

    /// Makes what an ADD expects on a host; calls of the functions below do it, too.
    pub fn prepare(&self, host: &Host) {
        (self.make_surroundings)(host);
    }

    /// The versions the plugin knows, oldest first.
    pub fn versions(&self) -> Vec<String> {
        supported_versions(self.name)
    }

    /// The network of [`Plugin::config`], to be driven as a runtime does.
    pub fn network<'h>(&self, host: &'h Host) -> Network<'h> {
        self.prepare(host);
        host.network(self.config())
    }

    /// One call with everything set that any command needs.
    pub fn call<'h>(&self, host: &'h Host, container: &Container, command: &str) -> Invocation<'h> {
        self.prepare(host);
        host.invoke(self.name).command(command).attachment(container, "eth0").config(&self.config())
    }
}
