//! Tables as `nft list table` prints them.

use std::fmt;

use ipnetwork::IpNetwork;

use super::statement::{AddressSide, Comparison, Statement, Verdict};
use super::table::{Base, Chain, Family, Hook, Rule, Table};

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
                let comparison = comparison_text(*comparison);
                write!(f, "{protocol} {side} {comparison}{}", network_text(network))
            }
            Statement::InputInterface(name) => write!(f, "iifname \"{name}\""),
            Statement::OutputInterface(comparison, name) => {
                write!(f, "oifname {}\"{name}\"", comparison_text(*comparison))
            }
            Statement::EstablishedOrRelated => f.write_str("ct state established,related"),
            Statement::Xt(xt) => write!(f, "xt match \"{}\"", xt.name),
            Statement::Counter => f.write_str("counter packets 0 bytes 0"),
            Statement::EtherSource([a, b, c, d, e, g]) => {
                write!(f, "ether saddr {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            Statement::LocalDestination => f.write_str("fib daddr type local"),
            Statement::DestinationPort(transport, port) => {
                write!(f, "{} dport {port}", transport.name())
            }
            Statement::Dnat(target) => write!(f, "dnat to {target}"),
            Statement::Masquerade => f.write_str("masquerade"),
            Statement::Verdict(Verdict::Accept) => f.write_str("accept"),
            Statement::Verdict(Verdict::Drop) => f.write_str("drop"),
            Statement::Verdict(Verdict::Return) => f.write_str("return"),
            Statement::Verdict(Verdict::Jump(chain)) => write!(f, "jump {chain}"),
            Statement::Verdict(Verdict::Goto(chain)) => write!(f, "goto {chain}"),
        }
    }
}

/// What is written before a value; the usual comparison is not written.
fn comparison_text(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "",
        Comparison::NotEqual => "!= ",
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

/// The name of a usual priority (`nft`'s `std_prios`), or the number; some names are usual at one
/// hook only.
fn priority(family: Family, base: &Base) -> String {
    let is_bridge = family == Family::Bridge;
    let name = match (is_bridge, base.hook, base.priority) {
        (true, Hook::Prerouting, -300) | (false, Hook::Prerouting, -100) => "dstnat",
        (true, Hook::Postrouting, 300) | (false, Hook::Postrouting, 100) => "srcnat",
        (true, _, -200) | (false, _, 0) => "filter",
        (_, _, other) => return other.to_string(),
    };
    name.to_owned()
}
