//! Rules on a real kernel, each test in a network namespace of its own.

#![expect(clippy::disallowed_methods, reason = "tests compare with what other programs see")]

mod hosts;
mod iptables_masquerade;
mod nft_rules;
mod nftables_masquerade;
mod spoof_check;
mod support;
