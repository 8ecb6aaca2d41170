//! The rules by which packets from an address are looked up in a table.

use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use cni_core::{Context, Owned, Result};
use linux_net::{Family, Request, Rtnl, Rule};

/// The lowest table of our own.
pub(crate) const FIRST_TABLE: u32 = 100;

/// The tables `default`, `main` and `local`, which are everybody's.
const SHARED_TABLES: std::ops::RangeInclusive<u32> = 253..=255;

/// The rules of a namespace.
pub(crate) struct Rules(Vec<Rule>);

impl Rules {
    /// Lists those of some families.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub(crate) fn list(rtnl: &Rtnl, families: &[Family]) -> linux_net::Result<Self> {
        let mut rules = Vec::new();
        for family in families {
            rules.extend(rtnl.list_rules(*family)?);
        }
        Ok(Self(rules))
    }

    /// The rules that an ADD has made for an address, ours or the reference's: the source alone
    /// decides, and the table is the `given` one or one that we would choose.
    pub(crate) fn of(&self, address: IpAddr, given: Option<u32>) -> impl Iterator<Item = &Rule> {
        self.0.iter().filter(move |rule| {
            let is_table = match given {
                Some(table) => rule.table == table,
                None => is_own(rule.table),
            };
            rule.is_plain && rule.source == Some(address.into()) && is_table
        })
    }

    /// Whether a table can be one of our own: it is nobody else's, and no rule names it.
    pub(crate) fn leave(&self, table: u32) -> bool {
        is_own(table) && !self.0.iter().any(|rule| rule.table == table)
    }
}

/// Whether a table may be one that an ADD has chosen.
fn is_own(table: u32) -> bool {
    table >= FIRST_TABLE && !SHARED_TABLES.contains(&table)
}

/// A rule that an ADD makes. Nobody else has one for this address and table.
pub(crate) struct NewRule {
    pub(crate) rtnl: Rc<Rtnl>,
    pub(crate) rule: Rule,
}

impl Owned for NewRule {
    fn remove(&self) -> Result<()> {
        remove(&self.rtnl, &self.rule)
    }
}

impl fmt::Display for NewRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = self.rule.source.map(|source| source.ip().to_string()).unwrap_or_default();
        write!(f, "rule from {source} lookup {}", self.rule.table)
    }
}

/// Removes a rule. Gone is success.
///
/// # Errors
///
/// What the kernel refused.
pub(crate) fn remove(rtnl: &Rtnl, rule: &Rule) -> Result<()> {
    match rtnl.apply(Request::remove_rule(rule)) {
        Err(error) if !error.is_missing() => Err(error).context(|| "Failed to delete rule"),
        _ => Ok(()),
    }
}
