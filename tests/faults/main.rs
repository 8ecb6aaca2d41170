//! Plugins that fail or are killed at each of their effects, one after the other.
#![expect(
    clippy::print_stdout,
    reason = "a failed test shows which fault a failed test had got to"
)]

mod bridge;
mod dhcp;
mod first_attachment;
mod host_device;
mod host_local;
mod ipvlan;
mod loopback;
mod macvlan;
#[path = "../support/masters.rs"]
mod masters;
#[path = "../support/networks.rs"]
mod networks;
mod ptp;
mod stage;
mod tap;
mod vlan_and_dummy;
