//! The tables that get rules.

use netfilter::Result;
use netfilter::iptables::Protocol;
use netfilter::nft::{Family, Rules, Socket, TableView};

use super::ruleset::{CNI_FORWARD, STAGE_1, STAGE_2};
use crate::plan::Plan;

/// A table that may have rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) family: Family,
    pub(super) table: &'static str,
    /// The chains in which forwarded packets are filtered.
    pub(super) bases: &'static [&'static str],
}

impl Place {
    /// Our own.
    pub(super) const OWN: Place =
        Place { family: Family::Inet, table: "cni_plugins_firewall", bases: &["forward"] };

    /// Ours, the table of most hosts that filter with nf_tables, and those of iptables.
    pub(super) const ALL: [Place; 4] = [
        Place::OWN,
        Place { family: Family::Inet, table: "filter", bases: &["forward"] },
        Place { family: Family::Ip, table: "filter", bases: &["forward", IPTABLES] },
        Place { family: Family::Ip6, table: "filter", bases: &["forward", IPTABLES] },
    ];

    /// That of iptables.
    pub(super) fn of_iptables(protocol: Protocol) -> Place {
        let [_, _, ip, ip6] = Self::ALL;
        match protocol {
            Protocol::V4 => ip,
            Protocol::V6 => ip6,
        }
    }

    /// Those that concern a plan.
    pub(super) fn all_for(plan: &Plan, allows: bool) -> impl Iterator<Item = Place> {
        let protocols = plan.protocols();
        Self::ALL.into_iter().filter(move |place| match place.family {
            Family::Ip => allows && protocols.contains(&Protocol::V4),
            Family::Ip6 => allows && protocols.contains(&Protocol::V6),
            _ => *place == Place::OWN || allows,
        })
    }

    /// Reads what of our chains, and of those that lead to them, is there.
    pub(super) fn read(self, socket: &mut Socket, admin_chain: &str) -> Result<TableView> {
        let mut chains = self.bases.to_vec();
        chains.push(CNI_FORWARD);
        if self == Place::OWN {
            chains.extend([STAGE_1, STAGE_2]);
        }
        let with_rules = chains.clone();
        chains.push(admin_chain);
        let at = (self.family, self.table);
        TableView::read(socket, at, &chains, Rules::Of(&with_rules), |_, _| true)
    }

    /// Reads the rules of addresses.
    pub(super) fn read_addresses(self, socket: &mut Socket) -> Result<TableView> {
        let at = (self.family, self.table);
        TableView::read(socket, at, &[CNI_FORWARD], Rules::Of(&[CNI_FORWARD]), |_, _| true)
    }

    /// Whether iptables uses this table, and must go on to understand what is in it.
    pub(super) fn is_of_iptables(self, view: &TableView) -> bool {
        self.bases.contains(&IPTABLES) && view.has_chain(IPTABLES)
    }
}

/// What iptables calls its chain.
const IPTABLES: &str = "FORWARD";
