//! The nf_tables backend over an attachment's life: one transaction for each family.

use std::fmt;

use cni_core::spec::conf::ValidAttachment;
use cni_core::{Context, Error, Owned, Result};
use netfilter::iptables::Protocol;
use netfilter::nft::{self, Chain, ListedRule, Rule, Rules, Socket, Table, TableView, Transaction};
use netfilter::{Backend, naming};

use super::conflict;
use super::marker;
use super::nft_rules::{self as rules, FIXED, HOOKS, HOSTIP_HOSTPORTS, HOSTPORTS, MASQUERADING};
use super::turn;
use crate::mapping::Mapping;
use crate::owner::Owner;
use crate::plan::{Plan, Target};

/// Installs the rules. Rules of the attachment that exist stay, and others of it go.
///
/// # Errors
///
/// What the kernel refused; then nothing has changed in the family that failed.
pub(crate) fn install(plan: &Plan, owner: &Owner) -> Result<()> {
    let may_be_there = marker::ensure(owner)?;
    let mut socket = Socket::open()?;
    // Until the rules are there nobody else may look for conflicts.
    let _turn = if plan.reject_conflicts { Some(turn::take()?) } else { None };
    if plan.reject_conflicts {
        reject_conflicts(&mut socket, plan, owner)?;
    }
    let mut scripts = String::new();
    for target in &plan.targets {
        let table = rules::table(plan, target, owner);
        let script = rules::hook_script(target);
        let installation = Installation { table: &table, owner, has_script: script.is_some() };
        let read = if may_be_there { Rules::All } else { Rules::Of(&FIXED) };
        nft::change(&mut socket, |socket| installation.plan(&installation.read(socket, read)?))
            .context(|| "unable to set up nftables rules for port mappings")?;
        scripts.extend(script);
    }
    if scripts.is_empty() {
        return Ok(());
    }
    match nft::run_script(&scripts) {
        Err(netfilter::Error::NotInPath(program)) => Err(Error::internal(format!(
            "could not find nftables binary: exec: {program:?}: executable file not found in $PATH"
        ))),
        outcome => outcome.context(|| "unable to set up nftables rules for port mappings"),
    }
}

/// One family's rules on their way into the kernel.
struct Installation<'a> {
    table: &'a Table,
    owner: &'a Owner,
    /// Whether the program `nft` writes the rules of the hooks.
    has_script: bool,
}

impl Installation<'_> {
    /// Reads what there is of the table, of its rules the attachment's and the shared ones.
    fn read(&self, socket: &mut Socket, rules: Rules<'_>) -> netfilter::Result<TableView> {
        let chains: Vec<&str> = self.table.chains.iter().map(|chain| chain.name.as_str()).collect();
        let id = self.owner.container_id.as_str();
        TableView::read(
            socket,
            (self.table.family, rules::TABLE),
            &chains,
            rules,
            |chain, comment| FIXED.contains(&chain) || comment == Some(id),
        )
    }

    /// Adds what is missing only: after anything else the kernel lets the end of the process wait.
    fn plan(&self, view: &TableView) -> netfilter::Result<Option<Transaction>> {
        let mut transaction = Transaction::new(self.table.family, &self.table.name);
        if !view.exists {
            transaction.add_table(self.table.comment.as_deref())?;
        }
        let instance = self.owner.instance();
        let is_own = |found: &&ListedRule| found.owner.as_ref() == Some(&instance);
        for found in view.rules.iter().filter(is_own) {
            if !self.rules_of(&found.chain).iter().any(|rule| is(found, rule)) {
                transaction.delete_rule(&found.chain, found.handle);
            }
        }
        for chain in &self.table.chains {
            if !view.has_chain(&chain.name) {
                transaction.add_chain(chain)?;
            } else if FIXED.contains(&chain.name.as_str()) {
                self.rewrite(&mut transaction, view, chain)?;
            } else {
                let is_there = |rule: &Rule| {
                    view.rules_of(&chain.name).filter(is_own).any(|found| is(found, rule))
                };
                let missing = chain.rules.iter().filter(|rule| !is_there(rule));
                missing.clone().try_for_each(|rule| transaction.add_rule(&chain.name, rule))?;
            }
        }
        Ok((!transaction.is_empty()).then_some(transaction))
    }

    /// Gives a shared chain its rules if they are not the ones it has. Older versions of the
    /// reference had others, and conditions are those of the latest ADD.
    fn rewrite(
        &self,
        transaction: &mut Transaction,
        view: &TableView,
        chain: &Chain,
    ) -> netfilter::Result<()> {
        let is_by_script = self.has_script && HOOKS.contains(&chain.name.as_str());
        let found: Vec<&ListedRule> = view.rules_of(&chain.name).collect();
        let is_right = found.len() == chain.rules.len()
            && found.iter().zip(&chain.rules).all(|(found, rule)| is(found, rule));
        if is_by_script || is_right {
            return Ok(());
        }
        transaction.flush_chain(&chain.name);
        chain.rules.iter().try_for_each(|rule| transaction.add_rule(&chain.name, rule))
    }

    fn rules_of(&self, name: &str) -> &[Rule] {
        let chain = self.table.chains.iter().find(|chain| chain.name == name);
        chain.map_or(&[], |chain| &chain.rules)
    }
}

fn is(found: &ListedRule, rule: &Rule) -> bool {
    found.consists_of(&rule.statements)
}

fn reject_conflicts(socket: &mut Socket, plan: &Plan, owner: &Owner) -> Result<()> {
    for target in &plan.targets {
        let view = read_all(socket, target.protocol, |chain, comment| {
            [HOSTPORTS, HOSTIP_HOSTPORTS].contains(&chain)
                && comment != Some(owner.container_id.as_str())
        })?;
        for mapping in target.applicable(&plan.mappings) {
            let holder = view.rules.iter().find(|found| claims(found, mapping));
            if let Some(comment) = holder.and_then(|found| found.comment.as_deref()) {
                return Err(conflict::error(mapping, comment, None));
            }
        }
    }
    Ok(())
}

/// Whether a rule is for packets that the mapping wants.
fn claims(found: &ListedRule, mapping: &Mapping) -> bool {
    let wanted = rules::wanted(mapping);
    match mapping.receiver() {
        // The port at any address.
        None => found.contains(&wanted),
        Some(_) => found.starts_with(&wanted) || found.starts_with(&wanted[1..]),
    }
}

/// The rules of an attachment, and its marker.
pub(crate) struct NftablesRules {
    pub(crate) owner: Owner,
    /// Whether rules that name the container and nobody else, as the reference's do, are taken
    /// for this attachment's.
    pub(crate) takes_untold: bool,
}

impl Owned for NftablesRules {
    fn remove(&self) -> Result<()> {
        let instance = self.owner.instance();
        let id = self.owner.container_id.as_str();
        let is_own = |found: &ListedRule| match &found.owner {
            Some(owner) => *owner == instance,
            None => self.takes_untold,
        };
        remove_where(|comment| comment == Some(id), is_own)
            .context(|| "error deleting nftables rules")?;
        marker::of(&self.owner).remove()
    }
}

impl fmt::Display for NftablesRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nftables rules of the port mappings")
    }
}

/// Tells whether all rules are there.
///
/// # Errors
///
/// The first chain that lacks one, in the reference's words.
pub(crate) fn check(plan: &Plan, owner: &Owner) -> Result<()> {
    let mut socket = Socket::open()?;
    for target in &plan.targets {
        check_for(&mut socket, plan, target, owner)?;
    }
    Ok(())
}

fn check_for(socket: &mut Socket, plan: &Plan, target: &Target, owner: &Owner) -> Result<()> {
    let id = owner.container_id.as_str();
    let view = read_all(socket, target.protocol, |chain, comment| {
        FIXED.contains(&chain) || comment == Some(id)
    })?;
    let table = rules::table(plan, target, owner);
    for chain in &table.chains {
        let found = || view.rules_of(&chain.name);
        let is_complete = match chain.name.as_str() {
            // Which conditions the latest ADD had is not known.
            name if FIXED.contains(&name) => found().next().is_some(),
            _ => chain.rules.iter().all(|rule| found().any(|found| is(found, rule))),
        };
        if !is_complete {
            let name = &chain.name;
            return Err(Error::internal(format!("missing hostport rules in {name:?} chain")));
        }
    }
    Ok(())
}

/// Removes the rules of this network's attachments that are not valid any more, with their
/// markers. Rules that do not say their network are left alone.
///
/// # Errors
///
/// What the kernel refused.
pub(crate) fn collect_garbage(network: &str, valid: &[ValidAttachment]) -> Result<()> {
    let instance = |valid: &ValidAttachment| {
        naming::instance_hash(network, &valid.ifname, &valid.container_id)
    };
    let valid: Vec<String> = valid.iter().map(instance).collect();
    let start = format!("{}-", naming::network_hash(network));
    let is_stale = |found: &ListedRule| {
        let owner = found.owner.as_ref();
        owner.is_some_and(|owner| owner.starts_with(&start) && !valid.contains(owner))
    };
    remove_where(|_| true, is_stale)?;
    marker::collect_garbage(network, &valid)
}

/// Removes rules of both families; nothing where the kernel has no nf_tables.
fn remove_where(
    keep: impl Fn(Option<&str>) -> bool,
    chosen: impl Fn(&ListedRule) -> bool,
) -> netfilter::Result<()> {
    let remove = || -> netfilter::Result<()> {
        let mut socket = Socket::open()?;
        for protocol in Protocol::BOTH {
            nft::change(&mut socket, |socket| {
                let view = read_all(socket, protocol, |chain, comment| {
                    [HOSTPORTS, HOSTIP_HOSTPORTS, MASQUERADING].contains(&chain) && keep(comment)
                })?;
                let mut transaction = Transaction::new(rules::family(protocol), rules::TABLE);
                for rule in view.rules.iter().filter(|rule| chosen(rule)) {
                    transaction.delete_rule(&rule.chain, rule.handle);
                }
                Ok((!transaction.is_empty()).then_some(transaction))
            })?;
        }
        Ok(())
    };
    remove().or_else(|error| if Backend::Nftables.is_usable() { Err(error) } else { Ok(()) })
}

fn read_all(
    socket: &mut Socket,
    protocol: Protocol,
    keep: impl Fn(&str, Option<&str>) -> bool,
) -> netfilter::Result<TableView> {
    TableView::read(socket, (rules::family(protocol), rules::TABLE), &[], Rules::All, keep)
}
