//! What `iptables-restore --noflush` reads: changes of one table, all or nothing.

use std::fmt;

use ipnetwork::IpNetwork;

use crate::error::Result;
use crate::naming;

/// A rule of the kinds made here. Networks are equal if they are without host bits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// Where the packet must come from.
    pub source: Option<IpNetwork>,
    /// Where the packet must go to.
    pub destination: Option<IpNetwork>,
    /// Where the packet must not go to.
    pub not_destination: Option<IpNetwork>,
    /// A remark, by which the rule is found again.
    pub comment: Option<String>,
    /// What happens to the packet: `ACCEPT`, `MASQUERADE`, or a chain.
    pub target: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let networks =
            [("-s", &self.source), ("-d", &self.destination), ("! -d", &self.not_destination)];
        for (option, network) in networks {
            if let Some(network) = network {
                write!(f, "{option} {}/{} ", network.network(), network.prefix())?;
            }
        }
        if let Some(comment) = &self.comment {
            let comment = comment.replace('\\', r"\\").replace('"', "\\\"");
            write!(f, "-m comment --comment \"{comment}\" ")?;
        }
        write!(f, "-j {}", self.target)
    }
}

/// Changes of one table, in order.
#[derive(Debug, Clone)]
pub struct Document {
    table: &'static str,
    commands: Vec<String>,
}

impl Document {
    /// Starts a document for this table.
    pub fn new(table: &'static str) -> Document {
        Document { table, commands: Vec::new() }
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Creates a chain; the document fails if it exists.
    pub fn new_chain(&mut self, chain: &str) {
        // Not `:chain`, which would empty one that exists.
        self.commands.push(format!("-N {chain}"));
    }

    /// Requires a rule; the document fails if there is none.
    pub fn require(&mut self, chain: &str, rule: &impl fmt::Display) {
        self.commands.push(format!("-C {chain} {rule}"));
    }

    /// Adds a rule at the end of a chain.
    pub fn append(&mut self, chain: &str, rule: &impl fmt::Display) {
        self.commands.push(format!("-A {chain} {rule}"));
    }

    /// Adds a rule at the start of a chain.
    pub fn insert(&mut self, chain: &str, rule: &impl fmt::Display) {
        self.commands.push(format!("-I {chain} {rule}"));
    }

    /// Deletes a rule; the document fails if there is none.
    pub fn delete(&mut self, chain: &str, rule: &impl fmt::Display) {
        self.commands.push(format!("-D {chain} {rule}"));
    }

    /// Deletes a rule that a listing wrote as `text`, exactly.
    pub fn delete_listed(&mut self, chain: &str, text: &str) {
        self.commands.push(format!("-D {chain} {text}"));
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, chain: &str) {
        self.commands.push(format!("-F {chain}"));
    }

    /// Deletes a chain with its rules; the document fails if something else leads to it.
    pub fn delete_chain(&mut self, chain: &str) {
        self.commands.extend([format!("-F {chain}"), format!("-X {chain}")]);
    }

    /// The text for `iptables-restore`.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Unwritable`] for control characters, which could start another command.
    pub fn text(&self) -> Result<String> {
        let mut text = format!("*{}\n", self.table);
        for command in &self.commands {
            naming::check("rule", command)?;
            text.push_str(command);
            text.push('\n');
        }
        text.push_str("COMMIT\n");
        Ok(text)
    }
}
