//! iptables rules as values; one `iptables-restore` document changes them, one listing reads them.

mod document;
mod listing;
mod tool;

use std::fs;
use std::io::ErrorKind;
use std::net::IpAddr;

pub use document::{Document, Rule};
pub use listing::{ListedRule, Listing};
pub use tool::{Iptables, is_usable};

use crate::error::{Error, Result};
use crate::nft::{Family, Rules, Socket, TableView};

/// The table in which addresses are translated.
pub const NAT: &str = "nat";

/// Which of the two rulesets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// IPv4, `iptables`.
    V4,
    /// IPv6, `ip6tables`.
    V6,
}

impl Protocol {
    /// Both.
    pub const BOTH: [Protocol; 2] = [Protocol::V4, Protocol::V6];

    /// Whether this ruleset sees packets of the address.
    pub fn has(self, address: &IpAddr) -> bool {
        address.is_ipv4() == (self == Protocol::V4)
    }
}

/// Runs `step` for each of these protocols, the second one's processes beside the first one's.
///
/// # Errors
///
/// The failures of both.
pub(crate) fn for_each(
    protocols: &[Protocol],
    step: impl Fn(Protocol) -> Result<()> + Sync,
) -> Result<()> {
    let step = &step;
    match *protocols {
        [first, second] => std::thread::scope(|scope| {
            // A thread begins in the network namespace of the one that starts it.
            let second = scope.spawn(move || step(second));
            let first = step(first);
            let second = second.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Error::all([first, second])
        }),
        _ => Error::all(protocols.iter().map(|protocol| step(*protocol))),
    }
}

/// Whether the `nat` table may exist, and in it `chain`, found out without starting a process.
///
/// `iptables` keeps its rules either in nf_tables or, in the legacy variant, in tables of its own
/// that are listed in `/proc`.
pub(crate) fn nat_may_have(protocol: Protocol, chain: Option<&str>) -> bool {
    nf_tables_nat_has(protocol, chain).unwrap_or(false) || legacy_nat_exists(protocol)
}

fn nf_tables_nat_has(protocol: Protocol, chain: Option<&str>) -> Result<bool> {
    let family = match protocol {
        Protocol::V4 => Family::Ip,
        Protocol::V6 => Family::Ip6,
    };
    let mut socket = Socket::open()?;
    let chains = chain.as_slice();
    let view = TableView::read(&mut socket, (family, NAT), chains, Rules::None, |_, _| false)?;
    Ok(view.exists && chains.iter().all(|chain| view.has_chain(chain)))
}

fn legacy_nat_exists(protocol: Protocol) -> bool {
    // `/proc/net` would be that of the process's first thread.
    let tables = match protocol {
        Protocol::V4 => "/proc/thread-self/net/ip_tables_names",
        Protocol::V6 => "/proc/thread-self/net/ip6_tables_names",
    };
    match fs::read_to_string(tables) {
        Ok(names) => names.lines().any(|name| name == NAT),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}
