//! Tables as `nft list table` prints them.

use std::fmt;

use ipnetwork::IpNetwork;

use super::statement::{AddressSide, Comparison, Statement, Verdict};
use super::table::{Base, Chain, Family, Rule, Table};

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table {} {} {{", self.family.name(), self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\tcomment \"{comment}\"")?;
        }
        for (index, chain) in self.chains.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write_chain(f, self.family, chain)?;
        }
        writeln!(f, "}}")
    }
}

fn write_chain(f: &mut fmt::Formatter<'_>, family: Family, chain: &Chain) -> fmt::Result {
    writeln!(f, "\tchain {} {{", chain.name)?;
    if let Some(comment) = &chain.comment {
        writeln!(f, "\t\tcomment \"{comment}\"")?;
    }
    if let Some(base) = &chain.base {
        let (kind, hook) = (base.kind.name(), base.hook.name());
        let priority = priority(family, base);
        writeln!(f, "\t\ttype {kind} hook {hook} priority {priority}; policy accept;")?;
    }
    for rule in &chain.rules {
        writeln!(f, "\t\t{rule}")?;
    }
    writeln!(f, "\t}}")
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, statement) in self.statements.iter().enumerate() {
            let separator = if index == 0 { "" } else { " " };
            write!(f, "{separator}{statement}")?;
        }
        match &self.comment {
            Some(comment) => write!(f, " comment \"{comment}\""),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Statement::Address(side, comparison, network) => {
                let protocol = if network.is_ipv4() { "ip" } else { "ip6" };
                let side = match side {
                    AddressSide::Source => "saddr",
                    AddressSide::Destination => "daddr",
                };
                let comparison = match comparison {
                    Comparison::Equal => "",
                    Comparison::NotEqual => "!= ",
                };
                write!(f, "{protocol} {side} {comparison}{}", network_text(network))
            }
            Statement::InputInterface(name) => write!(f, "iifname \"{name}\""),
            Statement::EtherSource([a, b, c, d, e, g]) => {
                write!(f, "ether saddr {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            Statement::Masquerade => f.write_str("masquerade"),
            Statement::Verdict(Verdict::Drop) => f.write_str("drop"),
            Statement::Verdict(Verdict::Return) => f.write_str("return"),
            Statement::Verdict(Verdict::Jump(chain)) => write!(f, "jump {chain}"),
            Statement::Verdict(Verdict::Goto(chain)) => write!(f, "goto {chain}"),
        }
    }
}

/// A network without host bits; one that is a single address is written as such.
fn network_text(network: &IpNetwork) -> String {
    let full = if network.is_ipv4() { 32 } else { 128 };
    match network.prefix() {
        prefix if prefix == full => network.ip().to_string(),
        prefix => format!("{}/{prefix}", network.network()),
    }
}

/// The name of a usual priority (`nft`'s `std_prios`), or the number.
fn priority(family: Family, base: &Base) -> String {
    let name = match (family, base.priority) {
        (Family::Bridge, -300) | (Family::Inet | Family::Ip | Family::Ip6, -100) => "dstnat",
        (Family::Bridge, 300) | (Family::Inet | Family::Ip | Family::Ip6, 100) => "srcnat",
        (Family::Bridge, -200) | (Family::Inet | Family::Ip | Family::Ip6, 0) => "filter",
        (_, other) => return other.to_string(),
    };
    name.to_owned()
}
