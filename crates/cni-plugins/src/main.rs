//! Every plugin in one executable, chosen by the name it is started under; for images and packages.

use std::process::ExitCode;

use cni_core::runtime::{executable_name, main as run, print_error};

fn main() -> ExitCode {
    match executable_name().as_str() {
        "bandwidth" => run::<cni_plugin_bandwidth::Bandwidth>(),
        "bridge" => run::<cni_plugin_bridge::Bridge>(),
        "dhcp" => cni_plugin_dhcp::main(),
        "dummy" => run::<cni_plugin_dummy::Dummy>(),
        "firewall" => run::<cni_plugin_firewall::Firewall>(),
        "flannel" => run::<cni_plugin_flannel::Flannel>(),
        "host-device" => run::<cni_plugin_host_device::HostDevice>(),
        "host-local" => run::<cni_plugin_host_local::HostLocal>(),
        "ipvlan" => run::<cni_plugin_ipvlan::Ipvlan>(),
        "loopback" => run::<cni_plugin_loopback::Loopback>(),
        "macvlan" => run::<cni_plugin_macvlan::Macvlan>(),
        "portmap" => run::<cni_plugin_portmap::Portmap>(),
        "ptp" => run::<cni_plugin_ptp::Ptp>(),
        "sbr" => run::<cni_plugin_sbr::Sbr>(),
        "static" => run::<cni_plugin_static::Static>(),
        "tap" => cni_plugin_tap::main(),
        "tuning" => run::<cni_plugin_tuning::Tuning>(),
        "vlan" => run::<cni_plugin_vlan::Vlan>(),
        "vrf" => run::<cni_plugin_vrf::Vrf>(),
        other => {
            print_error(&format!(
                "{other}: no plugin of this name; link this executable under one of the names \
                 bandwidth, bridge, dhcp, dummy, firewall, flannel, host-device, \
                 host-local, ipvlan, loopback, macvlan, portmap, ptp, sbr, static, tap, \
                 tuning, vlan, vrf"
            ));
            ExitCode::from(2)
        }
    }
}
