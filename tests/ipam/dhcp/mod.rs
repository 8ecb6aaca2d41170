//! dhcp: plugin and daemon, with real servers.

mod compatibility;
mod daemon;
mod dnsmasq;
mod life;
mod script;
mod servers;
mod stage;
