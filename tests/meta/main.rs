//! The plugins that are chained after an interface plugin, each as a runtime uses it.

mod bandwidth;
mod bandwidth_check;
mod bandwidth_lifecycle;
mod bandwidth_refusals;
mod bandwidth_transfer;
mod firewall;
mod firewall_firewalld;
mod firewall_lifecycle;
mod firewall_nftables;
mod firewall_traffic;
#[path = "../support/firewalld.rs"]
mod firewalld;
mod flannel;
mod flannel_lifecycle;
#[path = "../support/networks.rs"]
mod networks;
mod portmap_del;
mod portmap_lifecycle;
mod portmap_refusals;
mod portmap_rules;
mod portmap_traffic;
#[path = "../support/published.rs"]
mod published;
#[path = "../support/routed.rs"]
mod routed;
mod sbr;
mod sbr_lifecycle;
#[path = "../support/tuned.rs"]
mod tuned;
mod tuning;
mod tuning_lifecycle;
mod tuning_sysctl;
mod vrf;
mod vrf_lifecycle;
#[path = "../support/walled.rs"]
mod walled;
#[path = "../support/wired.rs"]
mod wired;
