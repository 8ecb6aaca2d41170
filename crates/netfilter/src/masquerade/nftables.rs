//! Masquerading with nf_tables: one table for all networks, one rule for each address.

use ipnetwork::IpNetwork;

use super::Masquerade;
use crate::error::Result;
use crate::naming;
use crate::nft::{
    self, AddressSide, Base, Chain, Comparison, Family, Hook, Kind, ListedRule, Rule, Rules,
    Socket, Statement, TableView, Transaction, Verdict,
};

const TABLE: &str = "cni_plugins_masquerade";
const TABLE_COMMENT: &str = "Masquerading for plugins from github.com/containernetworking/plugins";
/// The chain with the rules of the attachments.
const CHECKS: &str = "masq_checks";
const CHECKS_COMMENT: &str =
    "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet";
/// The chain that keeps multicast away from the one above.
const POSTROUTING: &str = "postrouting";

pub(super) fn install(masquerade: &Masquerade, addresses: &[IpNetwork]) -> Result<()> {
    let Masquerade { network, container_id, ifname } = masquerade;
    let instance = naming::instance_hash(network, ifname, container_id);
    let comment = naming::nft_comment(network, ifname, container_id);
    let wanted = rules(addresses, &comment);
    nft::change(&mut Socket::open()?, |socket| {
        let view = read(socket, Rules::All, |chain, comment| {
            chain == POSTROUTING || starts_with(comment, &instance)
        })?;
        plan_installation(&view, &wanted)
    })
}

pub(super) fn remove(masquerade: &Masquerade) -> Result<()> {
    let Masquerade { network, container_id, ifname } = masquerade;
    let instance = naming::instance_hash(network, ifname, container_id);
    remove_where(|comment| starts_with(comment, &instance))
}

pub(super) fn collect_garbage(network: &str, valid: &[String]) -> Result<()> {
    let network = naming::network_hash(network);
    remove_where(|comment| {
        starts_with(comment, &network) && !valid.iter().any(|valid| comment == Some(valid.as_str()))
    })
}

/// One rule for each address, which has its network's prefix length.
fn rules(addresses: &[IpNetwork], comment: &str) -> Vec<Rule> {
    let mut rules = Vec::new();
    for address in addresses {
        let statements = vec![
            Statement::Address(AddressSide::Source, Comparison::Equal, address.ip().into()),
            Statement::Address(AddressSide::Destination, Comparison::NotEqual, *address),
            Statement::Masquerade,
        ];
        let rule = Rule { statements, comment: Some(comment.to_owned()), owner: None };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

fn plan_installation(view: &TableView, wanted: &[Rule]) -> Result<Option<Transaction>> {
    let mut transaction = Transaction::new(Family::Inet, TABLE);
    if !view.exists {
        transaction.add_table(Some(TABLE_COMMENT))?;
    }
    if !view.has_chain(CHECKS) {
        transaction.add_chain(&checks_chain())?;
    }
    ensure_postrouting(&mut transaction, view)?;
    let is = |found: &ListedRule, rule: &Rule| found.consists_of(&rule.statements);
    for found in view.rules_of(CHECKS) {
        if !wanted.iter().any(|rule| is(found, rule)) {
            transaction.delete_rule(CHECKS, found.handle);
        }
    }
    for rule in wanted {
        if !view.rules_of(CHECKS).any(|found| is(found, rule)) {
            transaction.add_rule(CHECKS, rule)?;
        }
    }
    Ok((!transaction.is_empty()).then_some(transaction))
}

/// Rewrites the chain's rules only if they differ: closing a socket takes the kernel milliseconds
/// after it deleted something.
fn ensure_postrouting(transaction: &mut Transaction, view: &TableView) -> Result<()> {
    let chain = postrouting_chain();
    if !view.has_chain(POSTROUTING) {
        return transaction.add_chain(&chain);
    }
    let found: Vec<&ListedRule> = view.rules_of(POSTROUTING).collect();
    let is_right = found.len() == chain.rules.len()
        && found.iter().zip(&chain.rules).all(|(found, rule)| found.consists_of(&rule.statements));
    if is_right {
        return Ok(());
    }
    transaction.flush_chain(POSTROUTING);
    chain.rules.iter().try_for_each(|rule| transaction.add_rule(POSTROUTING, rule))
}

fn checks_chain() -> Chain {
    let comment = Some(CHECKS_COMMENT.to_owned());
    Chain { name: CHECKS.to_owned(), comment, base: None, rules: Vec::new() }
}

fn postrouting_chain() -> Chain {
    let multicast = ["224.0.0.0/4", "ff00::/8"].map(|network| {
        let network = network.parse().expect("the network is written correctly");
        vec![
            Statement::Address(AddressSide::Destination, Comparison::Equal, network),
            Statement::Verdict(Verdict::Return),
        ]
    });
    let other = vec![Statement::Verdict(Verdict::Goto(CHECKS.to_owned()))];
    let rules = multicast.into_iter().chain([other]);
    Chain {
        name: POSTROUTING.to_owned(),
        comment: None,
        base: Some(Base { kind: Kind::Nat, hook: Hook::Postrouting, priority: 100 }),
        rules: rules.map(|statements| Rule { statements, comment: None, owner: None }).collect(),
    }
}

/// Deletes the rules of attachments whose comment is chosen; table and chains stay.
fn remove_where(chosen: impl Fn(Option<&str>) -> bool) -> Result<()> {
    nft::change(&mut Socket::open()?, |socket| {
        let view = read(socket, Rules::Of(&[CHECKS]), |_, comment| chosen(comment))?;
        let mut transaction = Transaction::new(Family::Inet, TABLE);
        for rule in &view.rules {
            transaction.delete_rule(CHECKS, rule.handle);
        }
        Ok((!transaction.is_empty()).then_some(transaction))
    })
}

fn read(
    socket: &mut Socket,
    rules: Rules<'_>,
    keep: impl Fn(&str, Option<&str>) -> bool,
) -> Result<TableView> {
    TableView::read(socket, (Family::Inet, TABLE), &[CHECKS, POSTROUTING], rules, keep)
}

fn starts_with(comment: Option<&str>, start: &str) -> bool {
    comment.is_some_and(|comment| comment.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nft::Table;

    #[test]
    fn the_table_reads_as_in_the_reference() {
        let address = "10.1.2.2/24".parse().expect("an address");
        let table = Table {
            family: Family::Inet,
            name: TABLE.to_owned(),
            comment: Some(TABLE_COMMENT.to_owned()),
            chains: vec![
                Chain { rules: rules(&[address, address], "why"), ..checks_chain() },
                postrouting_chain(),
            ],
        };
        let expected = "\
table inet cni_plugins_masquerade {
\tcomment \"Masquerading for plugins from github.com/containernetworking/plugins\"
\tchain masq_checks {
\t\tcomment \"Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet\"
\t\tip saddr 10.1.2.2 ip daddr != 10.1.2.0/24 masquerade comment \"why\"
\t}

\tchain postrouting {
\t\ttype nat hook postrouting priority srcnat; policy accept;
\t\tip daddr 224.0.0.0/4 return
\t\tip6 daddr ff00::/8 return
\t\tgoto masq_checks
\t}
}
";
        assert_eq!(table.to_string(), expected);
    }
}
