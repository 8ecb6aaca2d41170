//! dhcp: plugin and daemon, with real servers.

mod compatibility;
mod conflicts;
mod daemon;
mod dnsmasq;
mod interfaces;
mod life;
mod script;
mod servers;
mod stage;
