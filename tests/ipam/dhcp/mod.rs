//! dhcp: plugin and daemon, with real servers.

mod dnsmasq;
mod life;
mod script;
mod stage;
