//! Policy rules: which table the kernel looks into for which packets.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::request::{CHANGE, CREATE_NEW, DUMP};
use super::wire::{Attributes, HEADER_LEN, Message, number, read_ip, read_u32};
use crate::{Family, Request, Result, Rtnl};

/// A rule that makes the kernel look into a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Smaller goes first. None: right before the first one but that of the table `local`, so that
    /// a later rule is looked at earlier.
    pub priority: Option<u32>,
    /// Where the packets come from.
    pub source: Option<IpNetwork>,
    /// The table.
    pub table: u32,
    /// Whether the source alone decides, and nobody has marked the rule as his (`protocol`). No
    /// other rule can be made or removed here.
    pub is_plain: bool,
}

impl Rule {
    /// A rule for the packets from one address.
    pub fn from_address(source: IpAddr, table: u32) -> Self {
        Self { priority: None, source: Some(source.into()), table, is_plain: true }
    }

    fn message(&self) -> RuleMessage {
        let mut message = RuleMessage::default();
        message.header.family = match self.source {
            Some(IpNetwork::V6(_)) => AddressFamily::Inet6,
            _ => AddressFamily::Inet,
        };
        message.header.action = RuleAction::ToTable;
        if let Some(source) = self.source {
            message.header.src_len = source.prefix();
            message.attributes.push(RuleAttribute::Source(source.ip()));
        }
        message.attributes.extend(self.priority.map(RuleAttribute::Priority));
        message.attributes.push(RuleAttribute::Table(self.table));
        message
    }

    fn object(&self) -> String {
        match self.source {
            Some(source) => format!("from {source} lookup {}", self.table),
            None => format!("lookup {}", self.table),
        }
    }
}

/// The action `FR_ACT_TO_TBL` of `linux/fib_rules.h`.
const TO_TABLE: u8 = 1;

/// The flag `FIB_RULE_INVERT`: the rule is for all other packets.
const INVERT: u32 = 2;

/// Length of `struct fib_rule_hdr`.
const FIXED_LEN: usize = 12;

impl Rtnl {
    /// Lists the rules that look into a table, as they are looked at.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn list_rules(&self, family: Family) -> Result<Vec<Rule>> {
        let mut bytes = vec![0; HEADER_LEN + FIXED_LEN];
        bytes[HEADER_LEN] = family.number();
        let request =
            Request::from_bytes(bytes, libc::RTM_GETRULE, DUMP, "list", "rules".to_owned());
        self.dump(&request, |list, message| list.extend(decode(message)))
    }
}

fn decode(message: &Message<'_>) -> Option<Rule> {
    let [_, destination_len, source_len, tos, table, _, _, action, ..] = *message.body else {
        return None;
    };
    if message.kind != libc::RTM_NEWRULE || action != TO_TABLE {
        return None;
    }
    let flags = read_u32(message.body, 8)?;
    let mut rule = Rule {
        priority: Some(0),
        source: None,
        table: table.into(),
        is_plain: destination_len == 0 && tos == 0 && flags & INVERT == 0,
    };
    for (number, value) in Attributes::after(message.body, FIXED_LEN) {
        match number {
            number::FRA_SRC => {
                rule.source = read_ip(value).and_then(|ip| IpNetwork::new(ip, source_len).ok());
            }
            number::FRA_PRIORITY => rule.priority = read_u32(value, 0),
            number::FRA_TABLE => rule.table = read_u32(value, 0)?,
            // Without such a limit the kernel says -1.
            number::FRA_SUPPRESS_PREFIXLEN => rule.is_plain &= read_u32(value, 0) == Some(u32::MAX),
            number::FRA_PROTOCOL => rule.is_plain &= value == [0],
            _ => rule.is_plain = false,
        }
    }
    Some(rule)
}

impl Request<'_> {
    /// Creates a plain rule; with a priority it fails with `is_present()` when there is one.
    pub fn create_rule(rule: &Rule) -> Self {
        let message = RouteNetlinkMessage::NewRule(rule.message());
        Self::new(&message, CREATE_NEW, "create rule", rule.object())
    }

    /// Removes a plain rule, of several the first of any priority; fails with `is_missing()` when
    /// there is none.
    pub fn remove_rule(rule: &Rule) -> Self {
        let message = RouteNetlinkMessage::DelRule(rule.message());
        Self::new(&message, CHANGE, "remove rule", rule.object())
    }
}
