//! Lets a container send only frames with its own MAC address (the bridge's `macspoofchk`).

use crate::error::{Error, Result};
use crate::naming;
use crate::nft::{
    self, Base, Chain, Family, Hook, Kind, Rule, Rules, Socket, Statement, Table, TableView,
    Transaction, Verdict,
};

/// The table; other programs have rules in it, it is never deleted.
const TABLE: &str = "nat";
/// Where the bridge's ports enter; never deleted either.
const BASE_CHAIN: &str = "PREROUTING";
/// What the comments of an attachment's rules begin with; container and interface follow.
const COMMENT: &str = "macspoofchk-";

/// The spoof check of one attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoofCheck {
    /// The network; only GC asks for it.
    pub network: String,
    /// The container.
    pub container_id: String,
    /// The interface's name in the container.
    pub ifname: String,
}

impl SpoofCheck {
    /// Drops what comes in through `host_veth` with another sender than `mac`.
    ///
    /// An older check of the same attachment is replaced.
    ///
    /// # Errors
    ///
    /// `failed to setup spoof-check: ` and the cause; then nothing has changed.
    pub fn install(&self, host_veth: &str, mac: [u8; 6]) -> Result<()> {
        self.try_install(host_veth, mac)
            .map_err(|error| error.context("failed to setup spoof-check"))
    }

    /// Removes the check; one that is not there is removed already.
    ///
    /// # Errors
    ///
    /// `failed to teardown spoof-check: ` and the cause.
    pub fn remove(&self) -> Result<()> {
        self.try_remove().map_err(|error| error.context("failed to teardown spoof-check"))
    }

    /// The table as it is with only this check in it.
    pub fn table(&self, host_veth: &str, mac: [u8; 6]) -> Table {
        let [interface_chain, mac_chain] = self.chains();
        let owner = naming::instance_hash(&self.network, &self.ifname, &self.container_id);
        let rule = |statements| Rule {
            statements,
            comment: Some(self.comment()),
            owner: Some(owner.clone()),
        };
        let jump = |chain: &String| Statement::Verdict(Verdict::Jump(chain.clone()));
        let chain =
            |name: &str, rules| Chain { name: name.to_owned(), comment: None, base: None, rules };
        let base = Base { kind: Kind::Filter, hook: Hook::Prerouting, priority: -300 };
        let enter = vec![Statement::InputInterface(host_veth.to_owned()), jump(&interface_chain)];
        let own = vec![Statement::EtherSource(mac), Statement::Verdict(Verdict::Return)];
        let other = vec![Statement::Verdict(Verdict::Drop)];
        Table {
            family: Family::Bridge,
            name: TABLE.to_owned(),
            comment: None,
            chains: vec![
                Chain { base: Some(base), ..chain(BASE_CHAIN, vec![rule(enter)]) },
                chain(&interface_chain, vec![rule(vec![jump(&mac_chain)])]),
                chain(&mac_chain, vec![rule(own), rule(other)]),
            ],
        }
    }

    /// Removes a network's checks of all attachments but the valid ones, pairs of container id and
    /// interface name. Checks of the reference do not say their network and are left alone.
    ///
    /// # Errors
    ///
    /// What the kernel refused.
    pub fn collect_garbage<S: AsRef<str>>(network: &str, valid: &[(S, S)]) -> Result<()> {
        let start = format!("{}-", naming::network_hash(network));
        let valid: Vec<String> = valid
            .iter()
            .map(|(id, ifname)| naming::instance_hash(network, ifname.as_ref(), id.as_ref()))
            .collect();
        nft::change(&mut Socket::open()?, |socket| {
            let table = (Family::Bridge, TABLE);
            let view = TableView::read(socket, table, &[], Rules::Of(&[BASE_CHAIN]), |_, _| true)?;
            let mut transaction = Transaction::new(Family::Bridge, TABLE);
            for rule in &view.rules {
                let owner = rule.owner.as_ref().filter(|owner| owner.starts_with(&start));
                let attachment =
                    rule.comment.as_deref().and_then(|comment| comment.strip_prefix(COMMENT));
                if let (Some(owner), Some(attachment)) = (owner, attachment)
                    && !valid.contains(owner)
                {
                    transaction.delete_rule(&rule.chain, rule.handle);
                    chains(attachment).iter().for_each(|chain| transaction.delete_chain(chain));
                }
            }
            Ok((!transaction.is_empty()).then_some(transaction))
        })
    }

    fn try_install(&self, host_veth: &str, mac: [u8; 6]) -> Result<()> {
        self.check_names()?;
        if host_veth.is_empty() || host_veth.len() >= libc::IFNAMSIZ {
            let text = host_veth.to_owned();
            return Err(Error::Unwritable { what: "interface name", text });
        }
        let table = self.table(host_veth, mac);
        nft::change(&mut Socket::open()?, |socket| self.plan_installation(socket, &table))
    }

    /// Adds what is missing of `table`, in an order in which every jump has its target.
    fn plan_installation(&self, socket: &mut Socket, table: &Table) -> Result<Option<Transaction>> {
        let view = self.read(socket, Rules::All)?;
        if table.chains.iter().all(|chain| is_as_wanted(&view, chain)) {
            return Ok(None);
        }
        let mut transaction = Transaction::new(Family::Bridge, TABLE);
        if !view.exists {
            transaction.add_table(None)?;
        }
        for chain in &table.chains {
            if !view.has_chain(&chain.name) {
                transaction.add_chain(&Chain { rules: Vec::new(), ..chain.clone() })?;
            }
        }
        for rule in &view.rules {
            transaction.delete_rule(&rule.chain, rule.handle);
        }
        for chain in &table.chains {
            chain.rules.iter().try_for_each(|rule| transaction.add_rule(&chain.name, rule))?;
        }
        Ok(Some(transaction))
    }

    fn try_remove(&self) -> Result<()> {
        self.check_names()?;
        nft::change(&mut Socket::open()?, |socket| {
            let view = self.read(socket, Rules::Of(&[BASE_CHAIN]))?;
            let mut transaction = Transaction::new(Family::Bridge, TABLE);
            for rule in &view.rules {
                transaction.delete_rule(&rule.chain, rule.handle);
            }
            // The first one's jump leads to the second one.
            for chain in self.chains().iter().filter(|chain| view.has_chain(chain)) {
                transaction.delete_chain(chain);
            }
            Ok((!transaction.is_empty()).then_some(transaction))
        })
    }

    /// Reads our chains and, of `rules`, everything in them and what carries our comment.
    fn read(&self, socket: &mut Socket, rules: Rules<'_>) -> Result<TableView> {
        let [interface_chain, mac_chain] = self.chains();
        let comment = self.comment();
        let chains = [BASE_CHAIN, &interface_chain, &mac_chain];
        TableView::read(socket, (Family::Bridge, TABLE), &chains, rules, |chain, found| {
            found == Some(&comment) && chain == BASE_CHAIN
                || chain == interface_chain
                || chain == mac_chain
        })
    }

    fn chains(&self) -> [String; 2] {
        chains(&format!("{}-{}", self.container_id, self.ifname))
    }

    fn comment(&self) -> String {
        format!("{COMMENT}{}-{}", self.container_id, self.ifname)
    }

    fn check_names(&self) -> Result<()> {
        naming::check("container id", &self.container_id)?;
        naming::check("interface name", &self.ifname)
    }
}

/// The chain of an attachment's interface, and the one it jumps to.
fn chains(attachment: &str) -> [String; 2] {
    let chain = format!("cni-br-iface-{attachment}");
    let mac_chain = format!("{chain}-mac");
    [chain, mac_chain]
}

/// Whether the chain exists and its rules, of those read, are exactly the wanted ones.
fn is_as_wanted(view: &TableView, chain: &Chain) -> bool {
    view.has_chain(&chain.name)
        && view.rules_of(&chain.name).count() == chain.rules.len()
        && view.rules_of(&chain.name).zip(&chain.rules).all(|(found, wanted)| {
            found.comment == wanted.comment && found.consists_of(&wanted.statements)
        })
}
