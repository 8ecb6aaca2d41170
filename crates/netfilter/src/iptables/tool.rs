//! Finding and running the executables of iptables.

use std::env;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::document::Document;
use super::listing::Listing;
use super::{NAT, Protocol};
use crate::error::{Error, Result};

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
        let text = document.text()?;
        let program = find_in_path(match self.protocol {
            Protocol::V4 => "iptables-restore",
            Protocol::V6 => "ip6tables-restore",
        })?;
        fault_point::effect("run iptables-restore").map_err(Error::Fault)?;
        run(&program, &["--noflush", "--wait"], &text).map(drop)
    }

    /// Reads the `nat` table.
    ///
    /// # Errors
    ///
    /// [`Error::Command`] when the tool cannot read it.
    pub fn list_nat(&self) -> Result<Listing> {
        let program = find_in_path(match self.protocol {
            Protocol::V4 => "iptables-save",
            Protocol::V6 => "ip6tables-save",
        })?;
        let output = run(&program, &["-t", NAT], "")?;
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

/// Finds an executable file in the directories of `PATH`; relative ones do not count.
#[expect(clippy::disallowed_methods, reason = "`PATH` is where iptables is found")]
fn find_in_path(name: &'static str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter(|directory| directory.is_absolute())
        .map(|directory| directory.join(name))
        .find(|file| is_executable(file))
        .ok_or(Error::NotInPath(name))
}

fn is_executable(file: &Path) -> bool {
    file.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Runs a program with `input` on its stdin; its success is the result.
#[expect(clippy::disallowed_methods, reason = "iptables has no other interface")]
fn run(program: &Path, args: &[&str], input: &str) -> Result<Output> {
    let failed = |source| Error::Start { program: program.to_owned(), source };
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read everything says why on stderr.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(output);
    }
    let status = match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    };
    Err(Error::Command {
        program: program.to_owned(),
        args: args.iter().map(|argument| (*argument).to_owned()).collect(),
        status,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
