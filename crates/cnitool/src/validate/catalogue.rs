//! The plugins of the set, as far as configurations are concerned.

use std::sync::Arc;

use cni_core::runtime::Command;
use cni_core::spec::json::Shape;
use cni_core::{Attachment, Invocation, Request, Result, SpecVersion, Validate};

/// A plugin without its type.
pub struct Known {
    /// The configuration's `type`.
    pub name: &'static str,
    /// What it is for, in one line.
    pub purpose: &'static str,
    /// Its place in a network.
    pub role: Role,
    /// The versions of the specification that it takes, oldest first.
    pub supported: &'static [SpecVersion],
    /// Keys that take one of a few words, with these: paths with dots.
    pub choices: &'static [(&'static str, &'static [&'static str])],
    /// The page for its user.
    pub page: &'static str,
    /// The network of its command line.
    #[cfg(test)]
    pub default_network: fn() -> serde_json::Value,
    shape: fn() -> Shape,
    validate: fn(&Invocation) -> Result<()>,
}

/// Where in a network a plugin can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Makes an interface.
    Interface,
    /// Is called by another plugin, for addresses.
    Ipam,
    /// Follows a plugin that makes an interface, without which it fails.
    Chained,
}

/// Describes a plugin that is linked in.
macro_rules! known {
    ($role:ident $folder:literal $plugin:ty) => {
        Known::of::<$plugin>(
            Role::$role,
            include_str!(concat!("../../../../", $folder, "/README.md")),
        )
    };
}

/// Every plugin of the set.
pub static PLUGINS: &[Known] = &[
    known!(Chained "meta/bandwidth" cni_plugin_bandwidth::Bandwidth),
    known!(Interface "plugins/bridge" cni_plugin_bridge::Bridge),
    known!(Ipam "ipam/dhcp" cni_plugin_dhcp::Dhcp),
    known!(Interface "plugins/dummy" cni_plugin_dummy::Dummy),
    known!(Chained "meta/firewall" cni_plugin_firewall::Firewall),
    known!(Interface "meta/flannel" cni_plugin_flannel::Flannel),
    known!(Interface "plugins/host-device" cni_plugin_host_device::HostDevice),
    known!(Ipam "ipam/host-local" cni_plugin_host_local::HostLocal),
    known!(Interface "plugins/ipvlan" cni_plugin_ipvlan::Ipvlan),
    known!(Interface "plugins/loopback" cni_plugin_loopback::Loopback),
    known!(Interface "plugins/macvlan" cni_plugin_macvlan::Macvlan),
    known!(Chained "meta/portmap" cni_plugin_portmap::Portmap),
    known!(Interface "plugins/ptp" cni_plugin_ptp::Ptp),
    known!(Chained "meta/sbr" cni_plugin_sbr::Sbr),
    known!(Ipam "ipam/static" cni_plugin_static::Static),
    known!(Interface "plugins/tap" cni_plugin_tap::Tap),
    known!(Chained "meta/tuning" cni_plugin_tuning::Tuning),
    known!(Interface "plugins/vlan" cni_plugin_vlan::Vlan),
    known!(Chained "meta/vrf" cni_plugin_vrf::Vrf),
];

/// Finds a plugin of the set by a configuration's `type`.
pub fn find(plugin_type: &str) -> Option<&'static Known> {
    PLUGINS.iter().find(|known| known.name == plugin_type)
}

impl Known {
    const fn of<P: Validate>(role: Role, page: &'static str) -> Self {
        Self {
            name: P::NAME,
            purpose: P::PURPOSE,
            role,
            supported: P::SUPPORTED,
            choices: P::CHOICES,
            page,
            #[cfg(test)]
            default_network: P::default_network,
            shape: P::shape,
            validate: |invocation| P::validate(&Request::load(invocation, P::LOAD_CONTEXT)?),
        }
    }

    /// The plugin's keys, without those that every configuration has.
    pub fn shape(&self) -> Shape {
        (self.shape)()
    }

    /// Whether the plugin itself reads more of an object than everybody does.
    pub fn has_key_below(&self, key: &str) -> bool {
        self.shape().get(key).is_some()
    }

    /// Judges a configuration.
    ///
    /// # Errors
    ///
    /// That of ADD, as far as the configuration alone is to blame.
    pub fn validate(&self, configuration: &str) -> Result<()> {
        (self.validate)(&invocation(configuration))
    }
}

/// An ADD that will not be run, with this configuration.
pub fn invocation(configuration: &str) -> Invocation {
    let attachment = Attachment {
        container_id: "container".to_owned(),
        netns: String::new(),
        ifname: "eth0".to_owned(),
    };
    Invocation {
        command: Command::Add,
        attachment,
        args: String::new(),
        path: String::new(),
        own_netns_allowed: false,
        stdin: Arc::from(configuration.as_bytes()),
    }
}
