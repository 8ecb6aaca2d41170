//! nf_tables rules as values, what the kernel has of them, and changing that in transactions.
//!
//! A [`Table`] written as text is what `nft list table` prints. A [`Transaction`] adds and deletes
//! parts of one table over nfnetlink, all or nothing.

mod abi;
mod message;
mod script;
mod socket;
mod statement;
mod table;
mod text;
mod transaction;
mod view;
mod xt_match;

pub use script::run_script;
pub use socket::Socket;
pub use statement::{AddressSide, Comparison, Statement, Transport, Verdict};
pub use table::{Base, Chain, Family, Hook, Kind, Rule, Table};
pub use transaction::Transaction;
pub use view::{ListedRule, Rules, TableView};
pub use xt_match::XtMatch;

use crate::error::Result;

/// How often a change is planned anew because others changed the same rules meanwhile.
const ATTEMPTS: usize = 16;

/// Whether this kernel accepts nf_tables rules from this process, found out by a dry run.
pub fn is_usable() -> bool {
    let probe = || -> Result<()> {
        let mut socket = Socket::open()?;
        let mut transaction = Transaction::new(Family::Ip, "supports_nftables_test");
        transaction.add_table(None)?;
        transaction.rehearse(&mut socket)
    };
    probe().is_ok()
}

/// Plans a transaction from what the kernel has and commits it, again if others were faster.
///
/// `plan` reads through the socket and returns nothing when there is nothing to change.
///
/// # Errors
///
/// Those of `plan`, and what the kernel refused.
pub fn change(
    socket: &mut Socket,
    plan: impl Fn(&mut Socket) -> Result<Option<Transaction>>,
) -> Result<()> {
    for _ in 1..ATTEMPTS {
        let Some(transaction) = plan(socket)? else {
            return Ok(());
        };
        match transaction.commit(socket) {
            Err(error) if error.is_lost_race() => {}
            result => return result,
        }
    }
    match plan(socket)? {
        Some(transaction) => transaction.commit(socket),
        None => Ok(()),
    }
}
