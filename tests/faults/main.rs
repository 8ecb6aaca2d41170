//! Plugins that fail or are killed at each of their effects, one after the other.
#![expect(
    clippy::print_stdout,
    reason = "a failed test shows which fault a failed test had got to"
)]

mod bandwidth;
mod bridge;
mod dhcp;
mod firewall;
mod first_attachment;
mod flannel;
mod host_device;
mod host_local;
mod ipvlan;
mod loopback;
mod macvlan;
#[path = "../support/masters.rs"]
mod masters;
#[path = "../support/networks.rs"]
mod networks;
mod portmap;
mod ptp;
#[path = "../support/published.rs"]
mod published;
#[path = "../support/routed.rs"]
mod routed;
mod sbr;
mod stage;
mod tap;
#[path = "../support/tuned.rs"]
mod tuned;
mod tuning;
mod vlan_and_dummy;
mod vrf;
#[path = "../support/walled.rs"]
mod walled;
#[path = "../support/wired.rs"]
mod wired;
