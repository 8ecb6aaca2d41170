//! Finding and running the executables of iptables.

use super::Protocol;
use super::document::Document;
use super::listing::Listing;
use crate::error::{Error, Result};
use crate::program::{find_in_path, run};

/// The executables for one protocol.
#[derive(Debug)]
pub struct Iptables {
    protocol: Protocol,
}

impl Iptables {
    /// Finds `iptables` or `ip6tables` in `PATH` without running it.
    ///
    /// # Errors
    ///
    /// [`Error::NotInPath`].
    pub fn find(protocol: Protocol) -> Result<Iptables> {
        find_in_path(match protocol {
            Protocol::V4 => "iptables",
            Protocol::V6 => "ip6tables",
        })?;
        Ok(Iptables { protocol })
    }

    /// Makes the changes of a document, all or none.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when a change was refused, with the tool's words.
    pub fn restore(&self, document: &Document) -> Result<()> {
        fault_point::effect("run iptables-restore").map_err(Error::Fault)?;
        self.run_restore(document)
    }

    /// Tells whether all rules are there that a document requires, which does nothing else.
    ///
    /// # Errors
    ///
    /// When the tool cannot be run.
    pub fn fulfils(&self, document: &Document) -> Result<bool> {
        match self.run_restore(document) {
            Ok(()) => Ok(true),
            Err(Error::Command { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn run_restore(&self, document: &Document) -> Result<()> {
        let text = document.text()?;
        let program = find_in_path(match self.protocol {
            Protocol::V4 => "iptables-restore",
            Protocol::V6 => "ip6tables-restore",
        })?;
        run(&program, &["--noflush", "--wait"], &text).map(drop)
    }

    /// Reads a table.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the tool cannot read it.
    pub fn list(&self, table: &str) -> Result<Listing> {
        let program = find_in_path(match self.protocol {
            Protocol::V4 => "iptables-save",
            Protocol::V6 => "ip6tables-save",
        })?;
        let output = run(&program, &["-t", table], "")?;
        Ok(Listing::parse(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Whether `iptables` is installed and the kernel answers it; starts one process.
pub fn is_usable() -> bool {
    let probe = || -> Result<()> {
        let program = find_in_path("iptables")?;
        run(&program, &["-t", "filter", "-S", "INPUT", "1"], "").map(drop)
    };
    match probe() {
        Ok(()) => true,
        // The command works and says that there is no such rule.
        Err(Error::Command { status, .. }) => status == "exit status 1",
        Err(_) => false,
    }
}
