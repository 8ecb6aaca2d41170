//! Every plugin in one executable, chosen by the name it is started under; for images and packages.

use std::process::ExitCode;

use cni_core::runtime::{executable_name, main as run, print_error};

fn main() -> ExitCode {
    match executable_name().as_str() {
        "bridge" => run::<cni_plugin_bridge::Bridge>(),
        "dhcp" => cni_plugin_dhcp::main(),
        "dummy" => run::<cni_plugin_dummy::Dummy>(),
        "host-device" => run::<cni_plugin_host_device::HostDevice>(),
        "host-local" => run::<cni_plugin_host_local::HostLocal>(),
        "ipvlan" => run::<cni_plugin_ipvlan::Ipvlan>(),
        "loopback" => run::<cni_plugin_loopback::Loopback>(),
        "macvlan" => run::<cni_plugin_macvlan::Macvlan>(),
        "ptp" => run::<cni_plugin_ptp::Ptp>(),
        "static" => run::<cni_plugin_static::Static>(),
        "tap" => cni_plugin_tap::main(),
        "vlan" => run::<cni_plugin_vlan::Vlan>(),
        other => {
            print_error(&format!(
                "{other}: no plugin of this name; link this executable under one of the names \
                 bridge, dhcp, dummy, host-device, host-local, ipvlan, loopback, macvlan, \
                 ptp, static, tap, vlan"
            ));
            ExitCode::from(2)
        }
    }
}
