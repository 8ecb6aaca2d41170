//! Every kind of statement: the kernel's rules read as ours, in `nft`'s words and in its bytes.

use netfilter::nft::{
    AddressSide, Base, Chain, Comparison, Family, Hook, Kind, Rule, Rules, Socket, Statement,
    Table, TableView, Transaction, Transport, Verdict,
};

use crate::support::{in_namespace, ruleset, run};

const NAME: &str = "t";

/// A table of one family with a rule for each list of statements, in one chain.
fn table(family: Family, target: &str, rules: Vec<Vec<Statement>>) -> Table {
    let chain =
        |name: &str, base, rules| Chain { name: name.to_owned(), comment: None, base, rules };
    let rule = |statements| Rule {
        statements,
        comment: Some("why".to_owned()),
        owner: Some("whose".to_owned()),
    };
    let base = Base { kind: Kind::Nat, hook: Hook::Output, priority: -100 };
    Table {
        family,
        name: NAME.to_owned(),
        comment: None,
        chains: vec![
            chain(target, None, Vec::new()),
            chain("c", Some(base), rules.into_iter().map(rule).collect()),
        ],
    }
}

fn publishing(family: Family) -> Table {
    let (any, target) = match family {
        Family::Ip => ("0.0.0.0/0", "10.0.0.2:80"),
        _ => ("::/0", "[2001:db8::2]:80"),
    };
    let target = target.parse().expect("an address with a port");
    let any = any.parse().expect("a network");
    let jump = Statement::Verdict(Verdict::Jump("other".to_owned()));
    let mut rules: Vec<Vec<Statement>> = Transport::ALL
        .into_iter()
        .map(|transport| vec![Statement::DestinationPort(transport, 8080), Statement::Dnat(target)])
        .collect();
    rules.push(vec![
        Statement::Address(AddressSide::Source, Comparison::Equal, any),
        Statement::LocalDestination,
        jump,
    ]);
    table(family, "other", rules)
}

fn install(table: &Table) -> TableView {
    let mut socket = Socket::open().expect("a socket");
    let mut transaction = Transaction::new(table.family, NAME);
    transaction.add_table(None).expect("a table");
    table.chains.iter().for_each(|chain| transaction.add_chain(chain).expect("a chain"));
    transaction.commit(&mut socket).expect("committed");
    TableView::read(&mut socket, (table.family, NAME), &[], Rules::All, |_, _| true).expect("read")
}

#[test]
fn the_kernel_has_what_was_written() {
    for family in [Family::Ip, Family::Ip6] {
        in_namespace(|| {
            let table = publishing(family);
            let view = install(&table);
            assert_eq!(ruleset(), table.to_string());
            let wanted = &table.chains[1].rules;
            assert_eq!(view.rules.len(), wanted.len());
            for (found, wanted) in view.rules.iter().zip(wanted) {
                assert!(found.consists_of(&wanted.statements), "{wanted}");
                assert_eq!(found.comment.as_deref(), Some("why"));
                assert_eq!(found.owner.as_deref(), Some("whose"));
                assert!(found.starts_with(&wanted.statements[..1]), "{wanted}");
                assert!(found.contains(&wanted.statements[1..]), "{wanted}");
                assert!(!found.starts_with(&wanted.statements[1..]), "{wanted}");
                assert!(!found.consists_of(&wanted.statements[..1]), "{wanted}");
            }
            let other_port = [Statement::DestinationPort(Transport::Tcp, 8081)];
            assert!(!view.rules.iter().any(|found| found.contains(&other_port)));
        });
    }
}

/// What `nft` writes is what we would write.
#[test]
fn rules_that_nft_wrote_are_recognised() {
    for family in [Family::Ip, Family::Ip6] {
        in_namespace(|| {
            let table = publishing(family);
            run("nft -f -", &table.to_string());
            let mut socket = Socket::open().expect("a socket");
            let place = (family, NAME);
            let view = TableView::read(&mut socket, place, &[], Rules::All, |_, _| true);
            let view = view.expect("read");
            let wanted = &table.chains[1].rules;
            assert_eq!(view.rules.len(), wanted.len());
            for (found, wanted) in view.rules.iter().zip(wanted) {
                assert!(found.consists_of(&wanted.statements), "{wanted}");
                assert_eq!(found.comment.as_deref(), Some("why"));
                assert_eq!(found.owner, None);
            }
        });
    }
}

#[test]
fn rules_of_several_chains_are_read_without_those_of_others() {
    in_namespace(|| {
        run(
            "nft -f -",
            "table ip t {\nchain a {\naccept\naccept\n}\nchain b {\ndrop\n}\nchain c {\nreturn\n}\n}\n",
        );
        let read = |rules| {
            let mut socket = Socket::open().expect("a socket");
            let view =
                TableView::read(&mut socket, (Family::Ip, "t"), &["a", "x"], rules, |_, _| true);
            let view = view.expect("read");
            assert!(view.exists && view.chains == ["a"]);
            view.rules.iter().map(|rule| rule.chain.clone()).collect::<Vec<_>>()
        };
        assert_eq!(read(Rules::Of(&["c", "x", "a"])), ["c", "a", "a"]);
        assert_eq!(read(Rules::Of(&[])), [""; 0]);
        assert_eq!(read(Rules::None), [""; 0]);
        assert_eq!(read(Rules::All), ["a", "a", "b", "c"]);
    });
}
