//! Changes of one table that happen all together or not at all.

use nix::errno::Errno;

use super::abi::{USERDATA_COMMENT, USERDATA_LENGTH, USERDATA_OWNER, chain, hook, rule, table};
use super::message::{Message, split};
use super::socket::Socket;
use super::statement::write_expressions;
use super::table::{Chain, Family, Rule};
use super::view::nft;
use crate::error::{Error, Result};
use crate::naming;

/// Changes of one table, in order.
#[derive(Debug)]
pub struct Transaction {
    family: Family,
    table: String,
    message: Message,
    /// What each message does; its index is the message's sequence number.
    operations: Vec<String>,
}

impl Transaction {
    /// Starts a transaction on the table of this name.
    pub fn new(family: Family, table: &str) -> Transaction {
        let mut message = Message::default();
        let subsystem = (libc::AF_UNSPEC as u8, libc::NFNL_SUBSYS_NFTABLES as u16);
        message.push(libc::NFNL_MSG_BATCH_BEGIN as u16, 0, 0, subsystem, |_| {});
        Transaction {
            family,
            table: table.to_owned(),
            message,
            operations: vec!["change rules".to_owned()],
        }
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.operations.len() == 1
    }

    /// Adds the table; one that exists stays as it is, with its comment.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] for a comment of control characters or over 253 bytes, the owner's
    /// length and three included; this and all other errors below come before anything is sent.
    pub fn add_table(&mut self, comment: Option<&str>) -> Result<()> {
        let userdata = userdata(&[(USERDATA_COMMENT, comment)])?;
        let (kind, name) = (libc::NFT_MSG_NEWTABLE, self.table.clone());
        self.push(kind, libc::NLM_F_CREATE, "add table".to_owned(), |message, _| {
            message.text(table::NAME, &name);
            message.number(table::FLAGS, 0);
            if !userdata.is_empty() {
                message.bytes(table::USERDATA, &userdata);
            }
        });
        Ok(())
    }

    /// Adds a chain that must not exist, and its rules.
    ///
    /// # Errors
    ///
    /// As [`Transaction::add_table`].
    pub fn add_chain(&mut self, new: &Chain) -> Result<()> {
        let userdata = userdata(&[(USERDATA_COMMENT, new.comment.as_deref())])?;
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let operation = format!("add chain {:?}", new.name);
        self.push(libc::NFT_MSG_NEWCHAIN, flags, operation, |message, table| {
            message.text(chain::TABLE, table);
            message.text(chain::NAME, &new.name);
            if let Some(base) = new.base {
                message.nested(chain::HOOK, |message| {
                    message.number(hook::NUMBER, base.hook as u32);
                    message.number(hook::PRIORITY, base.priority as u32);
                });
                message.number(chain::POLICY, libc::NF_ACCEPT as u32);
                message.text(chain::TYPE, base.kind.name());
            }
            if !userdata.is_empty() {
                message.bytes(chain::USERDATA, &userdata);
            }
        });
        new.rules.iter().try_for_each(|rule| self.add_rule(&new.name, rule))
    }

    /// Adds a rule at the end of a chain.
    ///
    /// # Errors
    ///
    /// As [`Transaction::add_table`].
    pub fn add_rule(&mut self, chain: &str, new: &Rule) -> Result<()> {
        self.push_rule(chain, new, libc::NLM_F_APPEND)
    }

    /// Adds a rule at the start of a chain.
    ///
    /// # Errors
    ///
    /// As [`Transaction::add_table`].
    pub fn insert_rule(&mut self, chain: &str, new: &Rule) -> Result<()> {
        self.push_rule(chain, new, 0)
    }

    fn push_rule(&mut self, chain: &str, new: &Rule, place: i32) -> Result<()> {
        let (comment, owner) = (new.comment.as_deref(), new.owner.as_deref());
        let userdata = userdata(&[(USERDATA_COMMENT, comment), (USERDATA_OWNER, owner)])?;
        let family = self.family;
        let flags = libc::NLM_F_CREATE | place;
        let operation = format!("add rule to chain {chain:?}");
        self.push(libc::NFT_MSG_NEWRULE, flags, operation, |message, table| {
            message.text(rule::TABLE, table);
            message.text(rule::CHAIN, chain);
            message.nested(rule::EXPRESSIONS, |message| {
                write_expressions(message, family, &new.statements);
            });
            if !userdata.is_empty() {
                message.bytes(rule::USERDATA, &userdata);
            }
        });
        Ok(())
    }

    /// Deletes one rule.
    pub fn delete_rule(&mut self, chain: &str, handle: u64) {
        let operation = format!("delete rule {handle} of chain {chain:?}");
        self.push(libc::NFT_MSG_DELRULE, 0, operation, |message, table| {
            message.text(rule::TABLE, table);
            message.text(rule::CHAIN, chain);
            message.bytes(rule::HANDLE, &handle.to_be_bytes());
        });
    }

    /// Deletes all rules of a chain.
    pub fn flush_chain(&mut self, chain: &str) {
        self.push(libc::NFT_MSG_DELRULE, 0, format!("flush chain {chain:?}"), |message, table| {
            message.text(rule::TABLE, table);
            message.text(rule::CHAIN, chain);
        });
    }

    /// Deletes a chain with its rules; nothing else may lead to it.
    pub fn delete_chain(&mut self, chain: &str) {
        let operation = format!("delete chain {chain:?}");
        self.push(libc::NFT_MSG_DELCHAIN, 0, operation, |message, table| {
            message.text(chain::TABLE, table);
            message.text(chain::NAME, chain);
        });
    }

    /// Makes the changes.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] for the first change that the kernel refused; then nothing has changed.
    pub fn commit(mut self, socket: &mut Socket) -> Result<()> {
        fault_point::effect("commit an nf_tables transaction").map_err(Error::Fault)?;
        // The end of a batch is acknowledged only since Linux 6.10, its last change always.
        self.message.acknowledge_last();
        let last = self.operations.len() as u32;
        let subsystem = (libc::AF_UNSPEC as u8, libc::NFNL_SUBSYS_NFTABLES as u16);
        self.message.push(libc::NFNL_MSG_BATCH_END as u16, 0, last, subsystem, |_| {});
        self.send(socket)
    }

    /// Lets the kernel check the changes without making them.
    ///
    /// # Errors
    ///
    /// As [`Transaction::commit`].
    pub fn rehearse(mut self, socket: &mut Socket) -> Result<()> {
        // The kernel undoes a batch that has no end.
        self.message.acknowledge_last();
        self.send(socket)
    }

    /// Sends the batch and reads all answers.
    fn send(self, socket: &mut Socket) -> Result<()> {
        socket.send(self.message.as_bytes())?;
        let mut outcome = None;
        while let Some(answer) = socket.receive()? {
            for received in split(answer) {
                let operation = received.sequence as usize;
                let outcome = outcome.get_or_insert((operation, received.error()));
                if outcome.1 == 0 {
                    *outcome = (operation, received.error());
                }
            }
        }
        let (operation, errno) = match outcome {
            Some((_, 0)) => return Ok(()),
            Some((operation, errno)) => (operation, Errno::from_raw(errno)),
            None => (0, Errno::EPROTO),
        };
        let operation = self.operations.into_iter().nth(operation).unwrap_or_default();
        let place = format!("table {} {}", self.family.name(), self.table);
        Err(Error::Kernel { operation, place, errno })
    }

    fn push(
        &mut self,
        kind: i32,
        flags: i32,
        operation: String,
        attributes: impl FnOnce(&mut Message, &str),
    ) {
        let sequence = self.operations.len() as u32;
        let at = (self.family.number(), 0);
        let table = &self.table;
        self.message.push(nft(kind), flags, sequence, at, |message| attributes(message, table));
        self.operations.push(operation);
    }
}

/// Texts as user data: each its type, its length, and itself with its NUL.
fn userdata(fields: &[(u8, Option<&str>)]) -> Result<Vec<u8>> {
    let mut userdata = Vec::new();
    for (kind, text) in fields {
        let Some(text) = text else { continue };
        naming::check("comment", text)?;
        let refused = || Error::Unwritable { what: "comment", text: (*text).to_owned() };
        let length = u8::try_from(text.len() + 1).map_err(|_| refused())?;
        userdata.extend([*kind, length]);
        userdata.extend_from_slice(text.as_bytes());
        userdata.push(0);
        if userdata.len() > USERDATA_LENGTH {
            return Err(refused());
        }
    }
    Ok(userdata)
}
