//! dhcp: plugin and daemon, with real servers.

mod change;
mod compatibility;
mod conflicts;
mod daemon;
mod dnsmasq;
mod dnsmasq6;
mod interfaces;
mod interfaces6;
mod life;
mod life6;
mod script;
mod script6;
mod scripted;
mod servers;
mod servers6;
mod stage;
mod stage6;
