//! Puts the plugins of a container image into a folder of the host, or waits; the image has no
//! other program.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "tells the reader of the container's log what it has done"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::{Arg, ArgMatches, Command, value_parser};
use cni_installer::{Folder, Outcome};
use nix::sys::signal::{SigSet, Signal};

/// Where the image has the plugins.
const IN_IMAGE: &str = "/opt/cni/bin";

fn main() -> ExitCode {
    let matches = grammar().get_matches();
    let done = match matches.subcommand() {
        Some(("install", given)) => install(given),
        _ => pause(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cni-installer: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn grammar() -> Command {
    let folder = |name: &'static str| {
        Arg::new(name).long(name).value_name("DIR").value_parser(value_parser!(PathBuf))
    };
    Command::new("cni-installer")
        .about("Installs CNI plugins from a container image")
        .subcommand_required(true)
        .subcommand(
            Command::new("install")
                .about("Copies plugins, each in a single step; other files stay as they are")
                .arg(folder("to").required(true).help("Where the runtime looks for plugins"))
                .arg(folder("from").default_value(IN_IMAGE).help("Where the plugins are"))
                .arg(Arg::new("name").num_args(0..).help("Only these plugins")),
        )
        .subcommand(Command::new("pause").about("Waits to be told to stop, and costs nothing"))
}

fn install(given: &ArgMatches) -> Result<()> {
    let path = |name| given.get_one::<PathBuf>(name).expect("required, or has a default");
    let (from, to) = (path("from"), path("to"));
    let names: Vec<String> = match given.get_many::<String>("name") {
        Some(names) => names.cloned().collect(),
        None => executables(from)?,
    };
    ensure!(!names.is_empty(), "there is nothing in {}", from.display());
    let folder = Folder::ensure(to)?;
    for name in names {
        ensure!(!name.contains('/'), "{name} is no plugin's name");
        let outcome = match folder.install(&from.join(&name), &name)? {
            Outcome::Installed => "installed",
            Outcome::UpToDate => "up to date",
        };
        println!("{}: {outcome}", to.join(name).display());
    }
    Ok(())
}

/// The names of everything in a folder, sorted.
fn executables(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        names.push(name.into_string().ok().context("a plugin's name is text")?);
    }
    names.sort();
    Ok(names)
}

/// Waits for the signal to stop. The first process of a container has to ask for signals: what it
/// does not handle does not reach it.
fn pause() -> Result<()> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block().context("hold signals back")?;
    println!("waiting to be stopped");
    signals.wait().context("wait for a signal")?;
    Ok(())
}
