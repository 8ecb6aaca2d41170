//! Every plugin by its name.

use std::process::ExitCode;

use clap::Command;
use cni_core::Plugin;
use cni_core::runtime::{command_line, main as run};

/// A plugin without its type.
pub struct Entry {
    /// The name of its executable.
    pub name: &'static str,
    /// Runs it as its own executable does.
    pub main: fn() -> ExitCode,
    /// The grammar of its command line.
    pub command_line: fn() -> Command,
}

/// The whole set, sorted by name.
pub const PLUGINS: &[Entry] = &[
    entry::<cni_plugin_bandwidth::Bandwidth>(),
    entry::<cni_plugin_bridge::Bridge>(),
    Entry { main: cni_plugin_dhcp::main, ..entry::<cni_plugin_dhcp::Dhcp>() },
    entry::<cni_plugin_dummy::Dummy>(),
    entry::<cni_plugin_firewall::Firewall>(),
    entry::<cni_plugin_flannel::Flannel>(),
    entry::<cni_plugin_host_device::HostDevice>(),
    entry::<cni_plugin_host_local::HostLocal>(),
    entry::<cni_plugin_ipvlan::Ipvlan>(),
    entry::<cni_plugin_loopback::Loopback>(),
    entry::<cni_plugin_macvlan::Macvlan>(),
    entry::<cni_plugin_portmap::Portmap>(),
    entry::<cni_plugin_ptp::Ptp>(),
    entry::<cni_plugin_sbr::Sbr>(),
    entry::<cni_plugin_static::Static>(),
    Entry { main: cni_plugin_tap::main, ..entry::<cni_plugin_tap::Tap>() },
    entry::<cni_plugin_tuning::Tuning>(),
    entry::<cni_plugin_vlan::Vlan>(),
    entry::<cni_plugin_vrf::Vrf>(),
];

const fn entry<P: Plugin>() -> Entry {
    Entry { name: P::NAME, main: run::<P>, command_line: command_line::<P> }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_set_is_sorted_and_every_command_line_is_sound() {
        assert!(PLUGINS.is_sorted_by(|one, next| one.name < next.name));
        for plugin in PLUGINS {
            let grammar = (plugin.command_line)();
            assert_eq!(grammar.get_name(), plugin.name);
            grammar.debug_assert();
        }
    }
}
