//! dhcp: plugin and daemon, with real servers.

mod compatibility;
mod daemon;
mod dnsmasq;
mod interfaces;
mod life;
mod script;
mod servers;
mod stage;
