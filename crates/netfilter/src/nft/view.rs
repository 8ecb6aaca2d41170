//! What the kernel has of one table.

use nix::errno::Errno;

use super::abi::{
    USERDATA_COMMENT, USERDATA_OWNER, chain, data, expression, immediate, rule, table,
};
use super::message::{Attributes, Message, Received, includes, split, text};
use super::socket::Socket;
use super::statement::{Statement, write_expressions};
use super::table::Family;
use crate::error::{Error, Result};

/// How often a listing is repeated because the rules changed under it.
const ATTEMPTS: usize = 64;

/// What the kernel had of one table at one moment.
#[derive(Debug, Default)]
pub struct TableView {
    /// Whether the table exists.
    pub exists: bool,
    /// Which of the chains asked for exist.
    pub chains: Vec<String>,
    /// The rules asked for, in order of evaluation.
    pub rules: Vec<ListedRule>,
}

/// A rule as the kernel has it.
#[derive(Debug)]
pub struct ListedRule {
    /// The rule's chain.
    pub chain: String,
    /// The rule's number, unique in the table.
    pub handle: u64,
    /// The rule's comment.
    pub comment: Option<String>,
    /// See [`super::Rule::owner`].
    pub owner: Option<String>,
    family: Family,
    expressions: Vec<u8>,
}

/// Which rules to read.
#[derive(Debug, Clone, Copy)]
pub enum Rules<'a> {
    /// None.
    None,
    /// Those of these chains.
    Of(&'a [&'a str]),
    /// All of the table.
    All,
}

impl TableView {
    /// Reads whether a table and some of its chains exist, and those rules that `keep` accepts by
    /// chain and comment. A table or chain that does not exist is not an error.
    ///
    /// # Errors
    ///
    /// [`Error::Kernel`] when nf_tables cannot be read.
    pub fn read(
        socket: &mut Socket,
        (family, name): (Family, &str),
        chains: &[&str],
        rules: Rules<'_>,
        keep: impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<TableView> {
        let request = Request { family, name, chains, rules };
        for _ in 0..ATTEMPTS {
            if let Some(view) = request.run(socket, &keep)? {
                return Ok(view);
            }
        }
        Err(request.refused(Errno::EINTR))
    }

    /// Whether a chain that was asked for exists.
    pub fn has_chain(&self, name: &str) -> bool {
        self.chains.iter().any(|chain| chain == name)
    }

    /// The rules of one chain that consist of these statements and no others, as we would write
    /// them.
    pub fn rules_like<'a>(
        &'a self,
        chain: &str,
        statements: &[Statement],
    ) -> impl Iterator<Item = &'a ListedRule> {
        // Written once, however many rules they are compared with.
        let ours = self.rules_of(chain).next().map(|rule| rule.expressions_of(statements));
        self.rules_of(chain).filter(move |rule| ours.as_ref().is_some_and(|ours| rule.is(ours)))
    }

    /// The rules of one chain.
    pub fn rules_of(&self, chain: &str) -> impl Iterator<Item = &ListedRule> {
        self.rules.iter().filter(move |rule| rule.chain == chain)
    }
}

impl ListedRule {
    /// The chain that the rule jumps or goes to.
    pub fn leads_to(&self) -> Option<&str> {
        Attributes(&self.expressions).find_map(|(_, element)| {
            let content = Attributes(element).find_value(expression::DATA)?;
            let value = Attributes(content).find_value(immediate::DATA)?;
            let verdict = Attributes(value).find_value(data::VERDICT)?;
            Attributes(verdict).find_value(data::VERDICT_CHAIN).map(text)
        })
    }

    /// Whether the rule consists of these statements and no others, as we would write them.
    pub fn consists_of(&self, statements: &[Statement]) -> bool {
        self.is(&self.expressions_of(statements))
    }

    fn is(&self, ours: &Message) -> bool {
        let (ours, found) = (Attributes(ours.as_bytes()), Attributes(&self.expressions));
        ours.count() == found.count() && begins_with(found, ours)
    }

    /// Whether the rule begins with these statements, as we would write them.
    pub fn starts_with(&self, statements: &[Statement]) -> bool {
        let ours = self.expressions_of(statements);
        begins_with(Attributes(&self.expressions), Attributes(ours.as_bytes()))
    }

    /// Whether these statements are in the rule, one after the other, as we would write them.
    pub fn contains(&self, statements: &[Statement]) -> bool {
        let ours = self.expressions_of(statements);
        let mut found = Attributes(&self.expressions);
        loop {
            if begins_with(found, Attributes(ours.as_bytes())) {
                return true;
            }
            if found.next().is_none() {
                return false;
            }
        }
    }

    fn expressions_of(&self, statements: &[Statement]) -> Message {
        let mut message = Message::default();
        write_expressions(&mut message, self.family, statements);
        message
    }
}

/// Whether a list of expressions begins with ours.
fn begins_with(mut found: Attributes<'_>, mut ours: Attributes<'_>) -> bool {
    ours.all(|(_, ours)| {
        found.next().is_some_and(|(_, found)| includes(Attributes(found), Attributes(ours)))
    })
}

/// One listing.
struct Request<'a> {
    family: Family,
    name: &'a str,
    chains: &'a [&'a str],
    rules: Rules<'a>,
}

impl Request<'_> {
    /// Asks once; nothing if the rules changed meanwhile.
    fn run(
        &self,
        socket: &mut Socket,
        keep: &impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<Option<TableView>> {
        let mut view = TableView::default();
        let mut is_interrupted = false;
        for (message, requests) in self.messages() {
            is_interrupted |= self.exchange(socket, (&message, requests), &mut view, keep)?;
        }
        Ok((!is_interrupted).then_some(view))
    }

    /// Sends one message with so many requests and takes the answers; returns whether the rules
    /// changed meanwhile.
    fn exchange(
        &self,
        socket: &mut Socket,
        (message, mut unanswered): (&Message, i32),
        view: &mut TableView,
        keep: &impl Fn(&str, Option<&str>) -> bool,
    ) -> Result<bool> {
        socket.send(message.as_bytes())?;
        let mut failure = None;
        let mut is_interrupted = false;
        while let Some(answer) = socket.receive()? {
            for received in split(answer) {
                is_interrupted |= i32::from(received.flags) & libc::NLM_F_DUMP_INTR != 0;
                if !matches!(i32::from(received.kind), libc::NLMSG_ERROR | libc::NLMSG_DONE) {
                    unanswered -= self.take(received, view, keep);
                    continue;
                }
                unanswered -= 1;
                match Errno::from_raw(received.error()) {
                    Errno::ENOENT => {}
                    Errno::EINTR => is_interrupted = true,
                    _ if received.error() == 0 => {}
                    errno => failure = failure.or(Some(errno)),
                }
            }
        }
        match failure {
            Some(errno) => Err(self.refused(errno)),
            None if !is_interrupted && unanswered > 0 => Err(self.refused(Errno::EPROTO)),
            None => Ok(is_interrupted),
        }
    }

    /// The requests, and how many there are in each message. A socket has one dump at a time, the
    /// first travels with all that are none.
    fn messages(&self) -> Vec<(Message, i32)> {
        let mut message = Message::default();
        let at = (self.family.number(), 0);
        message.push(nft(libc::NFT_MSG_GETTABLE), 0, 0, at, |message| {
            message.text(table::NAME, self.name);
        });
        for name in self.chains {
            message.push(nft(libc::NFT_MSG_GETCHAIN), 0, 1, at, |message| {
                message.text(chain::TABLE, self.name);
                message.text(chain::NAME, name);
            });
        }
        let mut messages = vec![(message, 1 + self.chains.len() as i32)];
        let dumps = match self.rules {
            Rules::None => Vec::new(),
            Rules::Of(chains) => chains.iter().map(Some).collect(),
            Rules::All => vec![None],
        };
        for (index, dump) in dumps.into_iter().enumerate() {
            if index > 0 {
                messages.push((Message::default(), 0));
            }
            let Some((message, requests)) = messages.last_mut() else { continue };
            *requests += 1;
            message.push(nft(libc::NFT_MSG_GETRULE), libc::NLM_F_DUMP, 2, at, |message| {
                message.text(rule::TABLE, self.name);
                if let Some(chain) = dump {
                    message.text(rule::CHAIN, chain);
                }
            });
        }
        messages
    }

    /// Puts one object into the view; returns how many requests it answers.
    fn take(
        &self,
        received: Received<'_>,
        view: &mut TableView,
        keep: &impl Fn(&str, Option<&str>) -> bool,
    ) -> i32 {
        let attributes = received.attributes();
        match i32::from(received.kind & 0xff) {
            libc::NFT_MSG_NEWTABLE => view.exists = true,
            libc::NFT_MSG_NEWCHAIN => {
                let name = attributes.find_value(chain::NAME).map(text).unwrap_or_default();
                view.chains.push(name.to_owned());
            }
            _ => {
                view.rules.extend(self.rule(attributes, keep));
                return 0;
            }
        }
        1
    }

    fn rule(
        &self,
        attributes: Attributes<'_>,
        keep: &impl Fn(&str, Option<&str>) -> bool,
    ) -> Option<ListedRule> {
        let chain = text(attributes.find_value(rule::CHAIN)?);
        let handle = u64::from_be_bytes(*attributes.find_value(rule::HANDLE)?.first_chunk()?);
        let userdata = attributes.find_value(rule::USERDATA).unwrap_or_default();
        let comment = field(userdata, USERDATA_COMMENT);
        keep(chain, comment).then(|| ListedRule {
            chain: chain.to_owned(),
            handle,
            comment: comment.map(str::to_owned),
            owner: field(userdata, USERDATA_OWNER).map(str::to_owned),
            family: self.family,
            expressions: attributes.find_value(rule::EXPRESSIONS).unwrap_or_default().to_vec(),
        })
    }

    fn refused(&self, errno: Errno) -> Error {
        Error::Kernel {
            operation: "list rules".to_owned(),
            place: format!("table {} {}", self.family.name(), self.name),
            errno,
        }
    }
}

/// A text in a rule's user data: fields of type, length in bytes, and value.
fn field(mut userdata: &[u8], wanted: u8) -> Option<&str> {
    loop {
        let [kind, length] = *userdata.first_chunk()?;
        let value = userdata.get(2..2 + usize::from(length))?;
        if kind == wanted {
            return Some(text(value));
        }
        userdata = &userdata[2 + usize::from(length)..];
    }
}

/// A message type of the nf_tables subsystem.
pub(super) fn nft(kind: i32) -> u16 {
    (libc::NFNL_SUBSYS_NFTABLES << 8 | kind) as u16
}
