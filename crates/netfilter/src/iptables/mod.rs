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
/// The table in which packets are accepted and dropped.
pub const FILTER: &str = "filter";

/// How often a change is planned anew because others changed the same rules meanwhile.
const ATTEMPTS: usize = 8;

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

    /// The family of its tables in nf_tables.
    pub fn family(self) -> Family {
        match self {
            Protocol::V4 => Family::Ip,
            Protocol::V6 => Family::Ip6,
        }
    }

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
pub fn for_each(
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

/// Plans a change of a table from a listing and makes it, again if others were faster.
///
/// # Errors
///
/// What the tool refused.
pub fn change(tool: &Iptables, table: &str, plan: impl Fn(&Listing) -> Document) -> Result<()> {
    let mut attempt = 1;
    loop {
        let document = plan(&tool.list(table)?);
        if document.is_empty() {
            return Ok(());
        }
        match tool.restore(&document) {
            Err(Error::Command { .. }) if attempt < ATTEMPTS => attempt += 1,
            result => return result,
        }
    }
}

/// Whether a table may exist, and in it `chain`, found out without starting a process.
///
/// `iptables` keeps its rules either in nf_tables or, in the legacy variant, in tables of its own
/// that are listed in `/proc`. Of a legacy table it is not told which chains it has.
pub fn may_have(protocol: Protocol, table: &str, chain: Option<&str>) -> bool {
    nf_tables_have(protocol, table, chain).unwrap_or(false) || legacy_has(protocol, table)
}

fn nf_tables_have(protocol: Protocol, table: &str, chain: Option<&str>) -> Result<bool> {
    let mut socket = Socket::open()?;
    let chains = chain.as_slice();
    let view =
        TableView::read(&mut socket, (protocol.family(), table), chains, Rules::None, |_, _| {
            false
        })?;
    Ok(view.exists && chains.iter().all(|chain| view.has_chain(chain)))
}

/// Whether the legacy variant has a table.
pub fn legacy_has(protocol: Protocol, table: &str) -> bool {
    // `/proc/net` would be that of the process's first thread.
    let tables = match protocol {
        Protocol::V4 => "/proc/thread-self/net/ip_tables_names",
        Protocol::V6 => "/proc/thread-self/net/ip6_tables_names",
    };
    match fs::read_to_string(tables) {
        Ok(names) => names.lines().any(|name| name == table),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}
