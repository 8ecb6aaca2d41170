//! Letting addresses through, and isolating bridges, with nf_tables.
//!
//! A packet has to get past every chain at the forward hook: what one accepts another may still
//! drop. So addresses are let through in each of the chains in which hosts usually filter, as far
//! as there are any, and in a table of our own, which isolates bridges, too.

mod place;
mod ruleset;

use std::cell::Cell;
use std::net::IpAddr;

use cni_core::{Error, Result};
use netfilter::iptables::{FILTER, Protocol, legacy_has};
use netfilter::nft::{self, Socket, Transaction};

use crate::plan::Plan;
use place::Place;
use ruleset::{CNI_FORWARD, Ruleset};

/// Adds what is missing; `allows` is whether the addresses are let through here and not elsewhere.
///
/// # Errors
///
/// What the kernel refused; then nothing has changed in that table.
pub(crate) fn ensure(plan: &Plan, allows: bool) -> Result<()> {
    let mut socket = Socket::open()?;
    for place in Place::all_for(plan, allows) {
        nft::change(&mut socket, |socket| {
            let view = place.read(socket, &plan.admin_chain)?;
            Ruleset::new(plan, place, &view, allows).missing_in(&view)
        })?;
    }
    Ok(())
}

/// Adds the rules of addresses to the table of iptables; `false` if it cannot be done, because
/// what is shared is not there, or kept somewhere else.
///
/// # Errors
///
/// What the kernel refused.
pub(crate) fn extend_iptables(plan: &Plan, protocol: Protocol) -> netfilter::Result<bool> {
    if legacy_has(protocol, FILTER) {
        return Ok(false);
    }
    let mut socket = Socket::open()?;
    let place = Place::of_iptables(protocol);
    let is_ready = Cell::new(false);
    nft::change(&mut socket, |socket| {
        // A kernel without nf_tables has the legacy variant.
        let Ok(view) = place.read(socket, &plan.admin_chain) else { return Ok(None) };
        let rules = Ruleset::new(plan, place, &view, true);
        is_ready.set(place.is_of_iptables(&view) && rules.has_shared(&view));
        if is_ready.get() { rules.missing_in(&view) } else { Ok(None) }
    })?;
    Ok(is_ready.get())
}

/// Removes the rules of these addresses. Chains, jumps and isolation are shared, and stay.
///
/// # Errors
///
/// What the kernel refused.
pub(crate) fn remove(addresses: &[IpAddr]) -> netfilter::Result<()> {
    let mut socket = Socket::open()?;
    for place in Place::ALL {
        let rules = ruleset::of_addresses_in_any_style(place, addresses);
        nft::change(&mut socket, |socket| {
            let view = place.read_addresses(socket)?;
            let mut transaction = Transaction::new(place.family, place.table);
            for listed in rules.iter().flat_map(|rule| view.rules_like(CNI_FORWARD, rule)) {
                transaction.delete_rule(CNI_FORWARD, listed.handle);
            }
            Ok((!transaction.is_empty()).then_some(transaction))
        })?;
    }
    Ok(())
}

/// Verifies that nothing is missing.
///
/// # Errors
///
/// `expected … not found in …`.
pub(crate) fn check(plan: &Plan, allows: bool) -> Result<()> {
    let mut socket = Socket::open()?;
    for place in Place::all_for(plan, allows) {
        let view = place.read(&mut socket, &plan.admin_chain)?;
        Ruleset::new(plan, place, &view, allows).check(&view).map_err(|text| {
            Error::internal(format!("{text} in table {} {}", place.family.name(), place.table))
        })?;
    }
    Ok(())
}

/// Tells whether nf_tables can be used.
///
/// # Errors
///
/// When it cannot.
pub(crate) fn status() -> Result<()> {
    match nft::is_usable() {
        true => Ok(()),
        false => Err(Error::internal("nf_tables cannot be used here")),
    }
}
