//! Random lives of containers on several networks, which end as they began.
#![expect(clippy::print_stdout, reason = "a failed test shows the steps that led to a failure")]

mod bandwidth;
mod bridge;
mod firewall;
mod flannel;
mod host_device;
mod interfaces;
#[path = "../support/networks.rs"]
mod networks;
mod portmap;
#[path = "../support/published.rs"]
mod published;
mod random;
mod sbr;
#[path = "../support/tuned.rs"]
mod tuned;
mod tuning;
mod vrf;
#[path = "../support/wired.rs"]
mod wired;
