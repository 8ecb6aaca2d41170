//! Every plugin as a runtime uses it: real executables, a real kernel, one namespace as the host.

mod bridge_addresses;
mod bridge_attachment;
mod bridge_check;
mod bridge_del;
mod bridge_gateway;
mod bridge_gc;
mod bridge_interface;
mod bridge_layer2;
mod bridge_masquerade;
mod bridge_refusals;
mod bridge_spoof_check;
mod bridge_vlan;
mod dummy;
mod host_device;
mod host_device_del;
mod host_device_sources;
mod ipvlan;
mod ipvlan_refusals;
mod links;
mod loopback;
mod macvlan;
mod macvlan_lifecycle;
mod macvlan_options;
#[path = "../support/masters.rs"]
mod masters;
#[path = "../support/networks.rs"]
mod networks;
mod ptp_addresses;
mod ptp_attachment;
mod ptp_check;
mod ptp_del;
mod ptp_gc;
mod ptp_masquerade;
mod ptp_refusals;
mod tap;
mod tap_lifecycle;
mod vlan;
mod vlan_lifecycle;
