//! What makes the rules: iptables or nf_tables.

mod conditions;
mod conflict;
pub(crate) mod iptables;
mod iptables_rules;
mod marker;
mod nft_rules;
pub(crate) mod nftables;
mod turn;

use cni_core::Result;
use netfilter::Backend;

use crate::owner::Owner;
use crate::plan::Plan;

pub(crate) use conditions::read as read_conditions;

/// The backend that works here. Reference: IPv4 alone decides whether iptables does.
pub(crate) fn probe() -> Backend {
    match !Backend::Iptables.is_usable() && Backend::Nftables.is_usable() {
        true => Backend::Nftables,
        false => Backend::Iptables,
    }
}

/// Makes the rules with the plan's backend, and without one with the one that works.
///
/// # Errors
///
/// Names the other container where a port is taken and `rejectConflicts` is on; else what the
/// backend refused.
pub(crate) fn install(plan: &Plan, owner: &Owner) -> Result<()> {
    match plan.backend {
        Backend::Iptables => iptables::install(plan, owner),
        Backend::Nftables => nftables::install(plan, owner),
        // Trying is finding out; a probe would be one more process.
        Backend::Preferred => match iptables::install(plan, owner) {
            Err(error) if !Backend::Iptables.is_usable() => nftables::install(plan, owner)
                .map_err(|other| if Backend::Nftables.is_usable() { other } else { error }),
            outcome => outcome,
        },
    }
}

/// Tells whether every rule is there.
///
/// # Errors
///
/// What is not.
pub(crate) fn check(plan: &Plan, owner: &Owner) -> Result<()> {
    let backend = match plan.backend {
        Backend::Preferred => probe(),
        chosen => chosen,
    };
    match backend {
        Backend::Nftables => nftables::check(plan, owner),
        Backend::Iptables | Backend::Preferred => iptables::check(plan, owner),
    }
}
