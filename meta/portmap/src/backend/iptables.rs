//! The iptables backend over an attachment's life: one `iptables-restore` for each family.

use std::fmt;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Context, Error, Owned, Request, Result};
use netfilter::iptables::{Document, Iptables, NAT, Protocol, change, for_each, may_have};

use super::iptables_rules::{self as rules, DNAT, Rules};
use super::{conflict, turn};
use crate::conf::Conf;
use crate::mapping::Mapping;
use crate::owner::Owner;
use crate::plan::{Plan, Target};

/// Installs the rules. Rules that exist stay; if others are in their place, they are replaced.
///
/// # Errors
///
/// What the tool refused; then nothing has changed in the family that failed.
pub(crate) fn install(plan: &Plan, owner: &Owner) -> Result<()> {
    // Nothing is done in one family where the other one cannot.
    for target in &plan.targets {
        Iptables::find(target.protocol).map_err(refused)?;
    }
    let context = || "unable to setup DNAT";
    let rules = |target: &Target| Rules::new(plan, target, owner);
    // Most attachments are new, on a host that has had others; then nothing has to be listed.
    if !plan.reject_conflicts && plan.targets.iter().all(|target| is_new(target, owner)) {
        match for_each_target(plan, |tool, target| tool.restore(&rules(target).as_new())) {
            Err(error) if error.is_by_program() => {}
            outcome => return outcome.map_err(refused).context(context),
        }
    }
    // Where `iptables-restore` loses a race to make a chain, it empties it and goes on.
    let _turn = turn::take()?;
    if plan.reject_conflicts {
        reject_conflicts(plan, owner)?;
    }
    for_each_target(plan, |tool, target| ensure(tool, &rules(target)))
        .map_err(refused)
        .context(context)
}

/// Whether what all attachments share is there, and nothing of this one.
fn is_new(target: &Target, owner: &Owner) -> bool {
    let chain = rules::chain(&owner.network, &owner.container_id);
    let may_have = |chain| may_have(target.protocol, NAT, Some(chain));
    may_have(DNAT) && !may_have(&chain)
}

fn for_each_target(
    plan: &Plan,
    step: impl Fn(&Iptables, &Target) -> netfilter::Result<()> + Sync,
) -> netfilter::Result<()> {
    let protocols: Vec<Protocol> = plan.targets.iter().map(|target| target.protocol).collect();
    for_each(&protocols, |protocol| {
        let targets = plan.targets.iter().filter(|target| target.protocol == protocol);
        let tool = Iptables::find(protocol)?;
        targets.into_iter().try_for_each(|target| step(&tool, target))
    })
}

/// Makes what is missing; if the attachment's rules are not exactly these, replaces them.
fn ensure(tool: &Iptables, rules: &Rules) -> netfilter::Result<()> {
    change(tool, NAT, |listing| {
        let is_there = listing.has_chain(&rules.chain)
            && rules.is_as_many_as(listing)
            && tool.fulfils(&rules.required()).unwrap_or(false);
        if is_there { Document::new(NAT) } else { rules.renewed(listing) }
    })
}

fn reject_conflicts(plan: &Plan, owner: &Owner) -> Result<()> {
    let own = rules::chain(&owner.network, &owner.container_id);
    for target in &plan.targets {
        if may_have(target.protocol, NAT, Some(DNAT)) {
            let listing = Iptables::find(target.protocol).and_then(|tool| tool.list(NAT));
            let claims = conflict::listed_claims(&listing.map_err(refused)?, &own);
            conflict::reject(target.applicable(&plan.mappings), &claims)?;
        }
    }
    Ok(())
}

/// The rules of an attachment, whichever mappings they are for.
pub(crate) struct IptablesRules {
    owner: Owner,
    /// What is known of them; with it nothing has to be listed.
    mappings: Vec<Mapping>,
    /// The conditions for IPv4 and IPv6.
    conditions: [Vec<String>; 2],
}

impl Owned for IptablesRules {
    fn remove(&self) -> Result<()> {
        for_each(&Protocol::BOTH, |protocol| self.remove_for(protocol)).map_err(refused)
    }
}

impl IptablesRules {
    /// Those of a request with these mappings.
    pub(crate) fn of(request: &Request<Conf>, mappings: Vec<Mapping>) -> Self {
        let Conf { conditions_v4, conditions_v6, .. } = &request.conf;
        let conditions = [conditions_v4.clone(), conditions_v6.clone()];
        Self { owner: Owner::of(request), mappings, conditions }
    }

    fn remove_for(&self, protocol: Protocol) -> netfilter::Result<()> {
        let Owner { network, container_id, .. } = &self.owner;
        let chain = rules::chain(network, container_id);
        let legacy = rules::legacy_chain(network, container_id);
        let has_chain = may_have(protocol, NAT, Some(&chain));
        let has_legacy = may_have(protocol, NAT, Some(&legacy));
        if !has_chain && !has_legacy {
            return Ok(());
        }
        let tool = Iptables::find(protocol)?;
        if !has_legacy {
            let conditions = &self.conditions[usize::from(protocol == Protocol::V6)];
            let entries = rules::entries(&self.owner, &self.mappings, conditions);
            match tool.restore(&rules::gone(&chain, &entries)) {
                Err(netfilter::Error::Command { .. }) => {}
                result => return result,
            }
        }
        change(&tool, NAT, |listing| rules::unlinked(listing, &[&chain, &legacy]))
    }
}

impl fmt::Display for IptablesRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("iptables rules of the port mappings")
    }
}

/// Tells whether all rules are there.
///
/// # Errors
///
/// The first that is not, in the reference's words.
pub(crate) fn check(plan: &Plan, owner: &Owner) -> Result<()> {
    for target in &plan.targets {
        let family = if target.protocol == Protocol::V4 { "ipv4" } else { "ipv6" };
        check_for(plan, target, owner).context(|| format!("could not check {family} dnat"))?;
    }
    Ok(())
}

fn check_for(plan: &Plan, target: &Target, owner: &Owner) -> Result<()> {
    let tool = Iptables::find(target.protocol).map_err(refused)?;
    let rules = Rules::new(plan, target, owner);
    if tool.fulfils(&rules.required())? {
        return Ok(());
    }
    if !tool.list(NAT)?.has_chain(&rules.chain) {
        let chain = &rules.chain;
        return Err(Error::internal(format!("chain {chain} not found in iptables table {NAT}")));
    }
    for (chain, required) in [(rules.chain.as_str(), &rules.own), (DNAT, &rules.entries)] {
        if !tool.fulfils(&rules::required(chain, required))? {
            let required = required.join("] [");
            return Err(Error::internal(format!(
                "rule [[{required}]] in chain {chain} not found in table {NAT}"
            )));
        }
    }
    Err(Error::internal(format!(
        "nothing leads to chain {DNAT} in table {NAT}, or it lost its mark"
    )))
}

/// Removes the rules of this network's attachments that are not valid any more. A comment names
/// network and container; the interfaces of a container share a chain.
///
/// # Errors
///
/// What the tool refused.
pub(crate) fn collect_garbage(network: &str, valid: &[ValidAttachment]) -> Result<()> {
    let valid: Vec<String> =
        valid.iter().map(|valid| rules::chain(network, &valid.container_id)).collect();
    let start = rules::comment_start(network);
    for_each(&Protocol::BOTH, |protocol| {
        if !may_have(protocol, NAT, Some(DNAT)) {
            return Ok(());
        }
        change(&Iptables::find(protocol)?, NAT, |listing| {
            let mut stale: Vec<&str> = listing
                .rules
                .iter()
                .filter(|listed| listed.chain == DNAT && rules::is_chain(&listed.rule.target))
                .filter(|listed| !valid.contains(&listed.rule.target))
                .filter(|listed| {
                    listed.rule.comment.as_ref().is_some_and(|text| text.starts_with(&start))
                })
                .map(|listed| listed.rule.target.as_str())
                .collect();
            stale.sort_unstable();
            stale.dedup();
            rules::unlinked(listing, &stale)
        })
    })
    .map_err(refused)
}

/// The error in the reference's words for this plugin.
fn refused(error: netfilter::Error) -> Error {
    match error {
        netfilter::Error::NotInPath(program) => Error::internal(format!(
            "failed to open iptables: exec: {program:?}: executable file not found in $PATH"
        )),
        other => other.into(),
    }
}
