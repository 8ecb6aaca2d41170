//! The rules of an attachment in the words of nf_tables: table, chains and comments are the
//! reference's, and the ruleset reads as the one it makes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnetwork::IpNetwork;
use netfilter::iptables::Protocol;
use netfilter::nft::{
    AddressSide, Base, Chain, Comparison, Family, Hook, Kind, Rule, Statement, Table, Verdict,
};

use super::conditions;
use crate::mapping::Mapping;
use crate::owner::Owner;
use crate::plan::{Plan, Source, Target};

/// The table, one for each family.
pub(crate) const TABLE: &str = "cni_hostport";
const TABLE_COMMENT: &str = "CNI portmap plugin";
/// The chain with the attachments' new receivers.
pub(crate) const HOSTPORTS: &str = "hostports";
/// The same of old versions of the reference, for a single address each.
pub(crate) const HOSTIP_HOSTPORTS: &str = "hostip_hostports";
/// The chain with the attachments' masquerading.
pub(crate) const MASQUERADING: &str = "masquerading";
const HOSTPORTS_ALL: &str = "hostports_all";
/// The chains whose rules are the same for all attachments.
pub(crate) const FIXED: [&str; 3] = [HOSTPORTS_ALL, "prerouting", "output"];
/// Those of them where packets come in.
pub(crate) const HOOKS: [&str; 2] = ["prerouting", "output"];

/// The family of a protocol's table.
pub(crate) fn family(protocol: Protocol) -> Family {
    match protocol {
        Protocol::V4 => Family::Ip,
        Protocol::V6 => Family::Ip6,
    }
}

/// The table as it is with only this attachment, chains in order of creation.
///
/// Where the conditions need the program `nft`, the hooks have no rules; see [`hook_script`].
pub(crate) fn table(plan: &Plan, target: &Target, owner: &Owner) -> Table {
    let chain =
        |name: &str, rules| Chain { name: name.to_owned(), comment: None, base: None, rules };
    let shared = |statements| Rule { statements, comment: None, owner: None };
    let jump = |to: &str| Statement::Verdict(Verdict::Jump(to.to_owned()));
    let jumps = [HOSTIP_HOSTPORTS, HOSTPORTS].map(|to| shared(vec![jump(to)])).to_vec();
    let hook = |name: &str, hook, priority, rules| Chain {
        base: Some(Base { kind: Kind::Nat, hook, priority }),
        ..chain(name, rules)
    };
    let conditions = conditions::statements(&target.conditions, target.container.is_ipv4());
    let guarded: Vec<Rule> = conditions
        .into_iter()
        .map(|mut statements| {
            // Packets that are only passing by are not the host's to redirect (CVE-2025-67499).
            statements.extend([Statement::LocalDestination, jump(HOSTPORTS_ALL)]);
            shared(statements)
        })
        .collect();
    let mut chains = vec![
        chain(HOSTPORTS, receivers(plan, target, owner)),
        chain(HOSTIP_HOSTPORTS, Vec::new()),
        chain(HOSTPORTS_ALL, jumps),
        hook(HOOKS[0], Hook::Prerouting, -100, guarded.clone()),
        hook(HOOKS[1], Hook::Output, -100, guarded),
    ];
    if let Source::Replaced { always, .. } = plan.source {
        let rules = masquerading(always, target, owner);
        chains.push(hook(MASQUERADING, Hook::Postrouting, 100, rules));
    }
    Table {
        family: family(target.protocol),
        name: TABLE.to_owned(),
        comment: Some(TABLE_COMMENT.to_owned()),
        chains,
    }
}

/// The script for the hooks' rules, where their conditions need the program `nft`.
pub(crate) fn hook_script(target: &Target) -> Option<String> {
    if conditions::statements(&target.conditions, target.container.is_ipv4()).is_some() {
        return None;
    }
    let (family, conditions) = (family(target.protocol).name(), target.conditions.join(" "));
    let commands = HOOKS.map(|hook| {
        format!(
            "flush chain {family} {TABLE} {hook}\n\
             add rule {family} {TABLE} {hook} {conditions} fib daddr type local jump \
             {HOSTPORTS_ALL}\n"
        )
    });
    Some(commands.concat())
}

/// What a rule of a mapping begins with: which packets it is for.
pub(crate) fn wanted(mapping: &Mapping) -> Vec<Statement> {
    let port = Statement::DestinationPort(mapping.transport, mapping.host_port);
    let receiver = mapping.receiver().map(|address| {
        Statement::Address(AddressSide::Destination, Comparison::Equal, address.into())
    });
    receiver.into_iter().chain([port]).collect()
}

fn receivers(plan: &Plan, target: &Target, owner: &Owner) -> Vec<Rule> {
    let rule = |mapping: &Mapping| {
        let to = SocketAddr::new(target.container.ip(), mapping.container_port);
        let mut statements = wanted(mapping);
        statements.push(Statement::Dnat(to));
        own(statements, owner)
    };
    target.applicable(&plan.mappings).map(rule).collect()
}

fn masquerading(always: bool, target: &Target, owner: &Owner) -> Vec<Rule> {
    let container = IpNetwork::from(target.container.ip());
    let anybody = match target.container {
        IpNetwork::V4(_) => IpNetwork::new(Ipv4Addr::UNSPECIFIED.into(), 0),
        IpNetwork::V6(_) => IpNetwork::new(Ipv6Addr::UNSPECIFIED.into(), 0),
    };
    let mut sources = vec![if always { anybody.unwrap_or(container) } else { container }];
    if !always && target.container.is_ipv4() {
        sources.push(IpNetwork::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST)));
    }
    let address = |side, network| Statement::Address(side, Comparison::Equal, network);
    let rule = |source| {
        let statements = vec![
            address(AddressSide::Source, source),
            address(AddressSide::Destination, container),
            Statement::Masquerade,
        ];
        own(statements, owner)
    };
    sources.into_iter().map(rule).collect()
}

/// A rule of the attachment: the comment is the container, as the reference wants it.
fn own(statements: Vec<Statement>, owner: &Owner) -> Rule {
    let comment = Some(owner.container_id.clone());
    Rule { statements, comment, owner: Some(owner.instance()) }
}

#[cfg(test)]
mod tests;
