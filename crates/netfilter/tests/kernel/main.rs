//! Rules on a real kernel, each test in a network namespace of its own.

mod hosts;
mod iptables_masquerade;
mod nftables_masquerade;
mod spoof_check;
mod support;
