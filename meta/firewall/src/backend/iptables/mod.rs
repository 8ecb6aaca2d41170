//! Letting addresses through, and isolating bridges, with iptables.
//!
//! The variant of iptables that keeps its rules in nf_tables, which is the usual one, is needed for
//! what is shared. The rules of addresses are written and deleted without it, byte for byte as it
//! does.

mod ruleset;

use std::net::IpAddr;

use cni_core::{Context, Error, Result};
use netfilter::iptables::{
    self, Document, FILTER, Iptables, Listing, Protocol, change, for_each, legacy_has,
};
use netfilter::nft::{AddressSide, Comparison, ListedRule, Rules, Socket, Statement, TableView};

use crate::backend::nftables;
use crate::plan::{Plan, protocols};
use ruleset::{CNI_FORWARD, FORWARD, Ruleset, STAGE_1};

/// Adds what is missing; `allows` is whether the addresses are let through here and not elsewhere.
///
/// # Errors
///
/// The tool's; then nothing has changed in the family that failed.
pub(crate) fn ensure(plan: &Plan, allows: bool) -> Result<()> {
    let protocols = plan.protocols();
    find_tools(&protocols)?;
    for_each(&protocols, |protocol| {
        // Most containers are new, on a host that has seen others.
        if allows && plan.isolation.is_none() && nftables::extend_iptables(plan, protocol)? {
            return Ok(());
        }
        let tool = Iptables::find(protocol)?;
        let rules = Ruleset::new(plan, protocol, allows);
        let likely = match look(protocol, &plan.addresses) {
            State::Empty => Some(rules.missing_in(&Listing::default())),
            State::WithoutAddresses => Some(rules.as_further()),
            State::Unknown => None,
        };
        // A guess that is wrong changes nothing.
        match likely.map(|document| tool.restore(&document)) {
            None | Some(Err(netfilter::Error::Command { .. })) => {
                change(&tool, FILTER, |listing| rules.missing_in(listing))
            }
            Some(result) => result,
        }
    })?;
    Ok(())
}

/// Removes the rules of these addresses. Chains, jumps and isolation are shared, and stay.
///
/// # Errors
///
/// The tool's, when a rule is still there.
pub(crate) fn remove(addresses: &[IpAddr]) -> Result<()> {
    let removed = nftables::remove(addresses);
    let mut protocols = protocols(addresses);
    protocols.retain(|protocol| look(*protocol, addresses) == State::Unknown);
    if protocols.is_empty() {
        return Ok(removed?);
    }
    find_tools(&protocols)?;
    for_each(&protocols, |protocol| {
        let tool = Iptables::find(protocol)?;
        let rules = ruleset::of_addresses(addresses, protocol);
        let mut document = Document::new(FILTER);
        rules.iter().for_each(|rule| document.delete(CNI_FORWARD, rule));
        match tool.restore(&document) {
            Err(netfilter::Error::Command { .. }) => change(&tool, FILTER, |listing| {
                let mut document = Document::new(FILTER);
                for rule in
                    rules.iter().filter(|rule| listing.position(CNI_FORWARD, rule).is_some())
                {
                    document.delete(CNI_FORWARD, rule);
                }
                document
            }),
            result => result,
        }
    })?;
    Ok(())
}

/// Verifies that nothing is missing.
///
/// # Errors
///
/// `expected … not found`.
pub(crate) fn check(plan: &Plan, allows: bool) -> Result<()> {
    let protocols = plan.protocols();
    find_tools(&protocols)?;
    for protocol in protocols {
        let listing = Iptables::find(protocol)?.list(FILTER)?;
        Ruleset::new(plan, protocol, allows).check(&listing).map_err(Error::internal)?;
    }
    Ok(())
}

/// Tells whether iptables can be used.
///
/// # Errors
///
/// `could not initialize iptables protocol …`.
pub(crate) fn status() -> Result<()> {
    find_tools(&[Protocol::V4])?;
    match iptables::is_usable() {
        true => Ok(()),
        false => Err(Error::internal("iptables is installed and does not work")),
    }
}

/// Refuses to begin where a tool is not installed.
fn find_tools(protocols: &[Protocol]) -> Result<()> {
    for protocol in protocols {
        let found = match Iptables::find(*protocol) {
            Ok(_) => Ok(()),
            Err(netfilter::Error::NotInPath(name)) => Err(Error::internal(format!(
                "exec: \"{name}\": executable file not found in $PATH"
            ))),
            Err(error) => Err(error.into()),
        };
        let number = i32::from(*protocol == Protocol::V6);
        found.context(|| format!("could not initialize iptables protocol {number}"))?;
    }
    Ok(())
}

/// What is known of the filter table without starting a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The plugin has never been here.
    Empty,
    /// Its chain is here, and no rule in it is about these addresses.
    WithoutAddresses,
    /// It has to be listed.
    Unknown,
}

/// Looks at the table as the kernel has it. Only the variant of iptables that uses nf_tables can be
/// looked at so.
fn look(protocol: Protocol, addresses: &[IpAddr]) -> State {
    if legacy_has(protocol, FILTER) {
        return State::Unknown;
    }
    let read = |socket: &mut Socket| {
        let (at, rules) = ((protocol.family(), FILTER), Rules::Of(&[FORWARD, CNI_FORWARD]));
        TableView::read(socket, at, &[CNI_FORWARD], rules, |_, _| true)
    };
    let Ok(view) = Socket::open().and_then(|mut socket| read(&mut socket)) else {
        return State::Unknown;
    };
    let conditions: Vec<[Statement; 1]> = addresses
        .iter()
        .filter(|address| protocol.has(address))
        .flat_map(|address| {
            [AddressSide::Source, AddressSide::Destination]
                .map(|side| [Statement::Address(side, Comparison::Equal, (*address).into())])
        })
        .collect();
    let is_about_them =
        |rule: &ListedRule| conditions.iter().any(|condition| rule.starts_with(condition));
    let jump = |to: &str| view.rules_of(FORWARD).position(|rule| rule.leads_to() == Some(to));
    let is_bypassed = jump(CNI_FORWARD) < jump(STAGE_1);
    match view.has_chain(CNI_FORWARD) {
        false => State::Empty,
        true if is_bypassed || view.rules_of(CNI_FORWARD).any(is_about_them) => State::Unknown,
        true => State::WithoutAddresses,
    }
}
