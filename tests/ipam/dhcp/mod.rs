//! dhcp: plugin and daemon, with real servers.

mod dnsmasq;
mod script;
mod stage;
