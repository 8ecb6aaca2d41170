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
mod loopback;
#[path = "../support/networks.rs"]
mod networks;
