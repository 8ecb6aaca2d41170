//! The rules of an attachment in one table, and which of them are missing there.

use std::net::IpAddr;

use ipnetwork::IpNetwork;
use netfilter::Result;
use netfilter::iptables::Protocol;
use netfilter::nft::{
    AddressSide, Base, Chain, Comparison, Family, Hook, Kind, Rule, Statement, TableView,
    Transaction, Verdict, XtMatch,
};

use super::place::Place;
use crate::plan::{Isolation, Plan};

/// The chain with the addresses of all containers.
pub(super) const CNI_FORWARD: &str = "CNI-FORWARD";
/// Where packets from isolated bridges are found. It is a base chain of its own, so that nothing
/// that is accepted elsewhere gets past it.
pub(super) const STAGE_1: &str = "CNI-ISOLATION-STAGE-1";
/// The chain of packets on their way from one isolated bridge to somewhere else.
pub(super) const STAGE_2: &str = "CNI-ISOLATION-STAGE-2";

const TABLE_COMMENT: &str = "Rules of the CNI plugin firewall";

/// Everything that must be in one table.
pub(super) struct Ruleset {
    place: Place,
    chains: Vec<Chain>,
    entries: Vec<Entry>,
}

/// One rule.
struct Entry {
    chain: String,
    rule: Rule,
    /// Whether it goes before all others of its chain.
    is_first: bool,
}

impl Ruleset {
    /// The rules of an attachment; `allows` is whether its addresses are let through here.
    ///
    /// There are none in a table of others that filters nothing.
    pub(super) fn new(plan: &Plan, place: Place, view: &TableView, allows: bool) -> Self {
        let mut ruleset = Self { place, chains: Vec::new(), entries: Vec::new() };
        let is_own = place == Place::OWN;
        let bases = place.bases.iter().filter(|base| is_own || view.has_chain(base));
        if allows {
            let by_iptables = place.is_of_iptables(view);
            bases.for_each(|base| ruleset.allow(plan, base, by_iptables));
        }
        if let Some(isolation) = plan.isolation.as_ref().filter(|_| is_own) {
            ruleset.isolate(isolation);
        }
        ruleset
    }

    fn allow(&mut self, plan: &Plan, base: &str, by_iptables: bool) {
        if self.place == Place::OWN {
            self.chains.push(base_chain(base, 0));
        }
        self.chains.extend([chain(CNI_FORWARD), chain(&plan.admin_chain)]);
        let jump = |comment: &str, to: &str| jump(comment, to, by_iptables);
        self.first(base, jump("CNI firewall plugin rules", CNI_FORWARD));
        let overrides = jump("CNI firewall plugin admin overrides", &plan.admin_chain);
        self.first(CNI_FORWARD, overrides);
        for statements in of_addresses(self.place, &plan.addresses, by_iptables) {
            self.last(CNI_FORWARD, Rule { statements, comment: None, owner: None });
        }
    }

    fn isolate(&mut self, Isolation { bridge, is_strict }: &Isolation) {
        let bridge = bridge.as_str().to_owned();
        let from = Statement::InputInterface(bridge.clone());
        let to = |comparison| Statement::OutputInterface(comparison, bridge.clone());
        let uncommented = |statements| Rule { statements, comment: None, owner: None };
        self.chains.extend([chain(STAGE_2), base_chain(STAGE_1, -1)]);
        let onward = Statement::Verdict(Verdict::Jump(STAGE_2.to_owned()));
        let leaves = vec![from.clone(), to(Comparison::NotEqual), onward];
        self.last(STAGE_1, uncommented(leaves));
        if *is_strict {
            let stays = vec![from, to(Comparison::Equal), Statement::Verdict(Verdict::Drop)];
            self.last(STAGE_1, uncommented(stays));
        }
        let enters = vec![to(Comparison::Equal), Statement::Verdict(Verdict::Drop)];
        self.last(STAGE_2, uncommented(enters));
    }

    fn first(&mut self, chain: &str, rule: Rule) {
        self.entries.push(Entry { chain: chain.to_owned(), rule, is_first: true });
    }

    fn last(&mut self, chain: &str, rule: Rule) {
        self.entries.push(Entry { chain: chain.to_owned(), rule, is_first: false });
    }

    /// Adds what the kernel does not have; nothing when it has everything.
    ///
    /// # Errors
    ///
    /// When something cannot be written as a rule.
    pub(super) fn missing_in(&self, view: &TableView) -> Result<Option<Transaction>> {
        let mut transaction = Transaction::new(self.place.family, self.place.table);
        if !view.exists && !self.chains.is_empty() {
            transaction.add_table(Some(TABLE_COMMENT))?;
        }
        let mut added: Vec<&str> = Vec::new();
        for chain in &self.chains {
            if !view.has_chain(&chain.name) && !added.contains(&chain.name.as_str()) {
                transaction.add_chain(chain)?;
                added.push(&chain.name);
            }
        }
        for entry in self.entries.iter().filter(|entry| !entry.is_in(view)) {
            match entry.is_first {
                true => transaction.insert_rule(&entry.chain, &entry.rule)?,
                false => transaction.add_rule(&entry.chain, &entry.rule)?,
            }
        }
        Ok((!transaction.is_empty()).then_some(transaction))
    }

    /// Whether the jumps that all attachments share are there.
    pub(super) fn has_shared(&self, view: &TableView) -> bool {
        let mut shared = self.entries.iter().filter(|entry| entry.is_first);
        shared.all(|entry| entry.is_in(view))
    }

    /// Compares with what the kernel has.
    ///
    /// # Errors
    ///
    /// The text about the first difference.
    pub(super) fn check(&self, view: &TableView) -> std::result::Result<(), String> {
        let missing = self.entries.iter().find(|entry| !entry.is_in(view));
        missing.map_or(Ok(()), |Entry { chain, rule, .. }| {
            Err(format!("expected {chain} rule [{rule}] not found"))
        })
    }
}

impl Entry {
    fn is_in(&self, view: &TableView) -> bool {
        view.rules_like(&self.chain, &self.rule.statements).next().is_some()
    }
}

/// The rules that let addresses through in a table, whoever uses it.
pub(super) fn of_addresses_in_any_style(place: Place, addresses: &[IpAddr]) -> Vec<Vec<Statement>> {
    [false, true]
        .into_iter()
        .flat_map(|by_iptables| of_addresses(place, addresses, by_iptables))
        .collect()
}

/// The rules that let those of the addresses through that the table sees.
fn of_addresses(place: Place, addresses: &[IpAddr], by_iptables: bool) -> Vec<Vec<Statement>> {
    let is_seen = |address: &&IpAddr| match place.family {
        Family::Ip => Protocol::V4.has(address),
        Family::Ip6 => Protocol::V6.has(address),
        _ => true,
    };
    let established = match by_iptables {
        // A table with conditions that iptables does not know is one it refuses to list.
        true => Statement::Xt(XtMatch::established_or_related()),
        false => Statement::EstablishedOrRelated,
    };
    let rules = |address: &IpAddr| {
        let host = IpNetwork::from(*address);
        let is = |side| Statement::Address(side, Comparison::Equal, host);
        let to = vec![is(AddressSide::Destination), established.clone()];
        [to, vec![is(AddressSide::Source)]]
            .map(|conditions| ended(conditions, Verdict::Accept, by_iptables))
    };
    addresses.iter().filter(is_seen).flat_map(rules).collect()
}

fn jump(comment: &str, to: &str, by_iptables: bool) -> Rule {
    let verdict = Verdict::Jump(to.to_owned());
    let condition = by_iptables.then(|| Statement::Xt(XtMatch::comment(comment)));
    let statements = ended(condition.into_iter().collect(), verdict, by_iptables);
    let comment = (!by_iptables).then(|| comment.to_owned());
    Rule { statements, comment, owner: None }
}

/// The conditions with their consequence; iptables counts before it.
fn ended(mut conditions: Vec<Statement>, verdict: Verdict, by_iptables: bool) -> Vec<Statement> {
    conditions.extend(by_iptables.then_some(Statement::Counter));
    conditions.push(Statement::Verdict(verdict));
    conditions
}

fn chain(name: &str) -> Chain {
    Chain { name: name.to_owned(), comment: None, base: None, rules: Vec::new() }
}

fn base_chain(name: &str, priority: i32) -> Chain {
    Chain { base: Some(Base { kind: Kind::Filter, hook: Hook::Forward, priority }), ..chain(name) }
}

#[cfg(test)]
mod tests {
    use linux_net::IfName;

    use super::*;

    fn plan() -> Plan {
        let bridge = IfName::try_from("br0").expect("a name");
        let addresses = ["10.0.0.2", "2001:db8::2"];
        Plan {
            addresses: addresses.map(|text| text.parse().expect("an address")).to_vec(),
            admin_chain: "CNI-ADMIN".to_owned(),
            isolation: Some(Isolation { bridge, is_strict: true }),
        }
    }

    /// The rules in a table with these chains, one line each.
    fn rules(place: Place, chains: &[&str]) -> String {
        let chains = chains.iter().map(|chain| (*chain).to_owned()).collect();
        let view = TableView { exists: true, chains, ..TableView::default() };
        let ruleset = Ruleset::new(&plan(), place, &view, true);
        ruleset.entries.iter().map(|entry| format!("{}: {}\n", entry.chain, entry.rule)).collect()
    }

    #[test]
    fn our_table_lets_through_and_isolates() {
        let expected = "\
forward: jump CNI-FORWARD comment \"CNI firewall plugin rules\"
CNI-FORWARD: jump CNI-ADMIN comment \"CNI firewall plugin admin overrides\"
CNI-FORWARD: ip daddr 10.0.0.2 ct state established,related accept
CNI-FORWARD: ip saddr 10.0.0.2 accept
CNI-FORWARD: ip6 daddr 2001:db8::2 ct state established,related accept
CNI-FORWARD: ip6 saddr 2001:db8::2 accept
CNI-ISOLATION-STAGE-1: iifname \"br0\" oifname != \"br0\" jump CNI-ISOLATION-STAGE-2
CNI-ISOLATION-STAGE-1: iifname \"br0\" oifname \"br0\" drop
CNI-ISOLATION-STAGE-2: oifname \"br0\" drop
";
        assert_eq!(rules(Place::OWN, &[]), expected);
    }

    #[test]
    fn tables_of_others_get_rules_where_they_filter() {
        let [_, inet, ip, ip6] = Place::ALL;
        for place in [inet, ip, ip6] {
            assert_eq!(rules(place, &["input"]), "");
        }
        assert_eq!(rules(inet, &["forward"]).lines().count(), 6);
        let expected = "\
FORWARD: xt match \"comment\" counter packets 0 bytes 0 jump CNI-FORWARD
CNI-FORWARD: xt match \"comment\" counter packets 0 bytes 0 jump CNI-ADMIN
CNI-FORWARD: ip6 daddr 2001:db8::2 xt match \"conntrack\" counter packets 0 bytes 0 accept
CNI-FORWARD: ip6 saddr 2001:db8::2 counter packets 0 bytes 0 accept
";
        assert_eq!(rules(ip6, &["FORWARD"]), expected);
    }

    #[test]
    fn only_tables_of_the_addresses_families_are_looked_at() {
        let mut plan = plan();
        plan.addresses.truncate(1);
        let families = |allows| Place::all_for(&plan, allows).map(|place| place.family);
        assert_eq!(families(true).collect::<Vec<_>>(), [Family::Inet, Family::Inet, Family::Ip]);
        assert_eq!(Place::all_for(&plan, false).collect::<Vec<_>>(), [Place::OWN]);
    }
}
