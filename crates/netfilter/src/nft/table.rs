//! Tables, chains and rules as values.

use super::statement::Statement;

/// Which packets a table sees (the kernel's `NFPROTO_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Frames crossing a bridge.
    Bridge,
}

impl Family {
    /// The family's name for `nft`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Inet => "inet",
            Family::Ip => "ip",
            Family::Ip6 => "ip6",
            Family::Bridge => "bridge",
        }
    }

    /// The family's number for the kernel.
    pub(super) fn number(self) -> u8 {
        match self {
            Family::Inet => libc::NFPROTO_INET as u8,
            Family::Ip => libc::NFPROTO_IPV4 as u8,
            Family::Ip6 => libc::NFPROTO_IPV6 as u8,
            Family::Bridge => libc::NFPROTO_BRIDGE as u8,
        }
    }
}

/// One table with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Which packets it sees.
    pub family: Family,
    /// Its name, unique in the family.
    pub name: String,
    /// A remark for people.
    pub comment: Option<String>,
    /// Its chains, in order of creation.
    pub chains: Vec<Chain>,
}

/// One chain of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Its name, unique in the table.
    pub name: String,
    /// A remark for people.
    pub comment: Option<String>,
    /// Where packets enter it; nowhere for a chain that is only jumped to.
    pub base: Option<Base>,
    /// Its rules, in order of evaluation.
    pub rules: Vec<Rule>,
}

/// Where the kernel hands packets to a chain. The policy is to accept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Base {
    /// What the chain may do.
    pub kind: Kind,
    /// The place in the packet's way.
    pub hook: Hook,
    /// The order among chains at the same place, lowest first.
    pub priority: i32,
}

/// What a base chain may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Accept and drop.
    Filter,
    /// Translate addresses.
    Nat,
}

impl Kind {
    /// The kind's name for `nft` and the kernel.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Filter => "filter",
            Kind::Nat => "nat",
        }
    }
}

/// A place in a packet's way through the host (the kernel's `NF_INET_*` and `NF_BR_*`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// After reception, before routing.
    Prerouting = 0,
    /// On the way through the host to another interface.
    Forward = 2,
    /// Before the host's own packets are routed.
    Output = 3,
    /// Before sending, after routing.
    Postrouting = 4,
}

impl Hook {
    /// The hook's name for `nft`.
    pub fn name(self) -> &'static str {
        match self {
            Hook::Prerouting => "prerouting",
            Hook::Forward => "forward",
            Hook::Output => "output",
            Hook::Postrouting => "postrouting",
        }
    }
}

/// One rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Conditions and actions, in order.
    pub statements: Vec<Statement>,
    /// A remark, by which the rule is found again.
    pub comment: Option<String>,
    /// Whom the rule belongs to, where the remark does not say it all: the kernel keeps it, and
    /// `nft` does not show it.
    pub owner: Option<String>,
}
