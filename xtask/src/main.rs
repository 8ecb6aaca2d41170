//! The project's tasks: `cargo xtask <task>`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task runner reads its arguments, runs programs, writes reports and prints"
)]

mod bench;
mod check;
mod conformance;
mod debian;
mod demo;
mod dist;
mod install;
mod new_plugin;
mod private_host;
mod process;
mod release;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{ArgMatches, Command};

/// One sub-command: how it is called and what it does.
struct Task {
    command: fn() -> Command,
    run: fn(&ArgMatches) -> Result<()>,
}

/// Every task, in the order of the help text.
const TASKS: &[Task] = &[
    Task { command: check::command, run: check::run },
    Task { command: test::command, run: test::run },
    Task { command: demo::command, run: demo::run },
    Task { command: install::command, run: install::run },
    Task { command: dist::command, run: dist::run },
    Task { command: bench::command, run: bench::run },
    Task { command: new_plugin::command, run: new_plugin::run },
    Task { command: conformance::command, run: conformance::run },
];

fn main() -> ExitCode {
    let mut program = Command::new("xtask")
        .bin_name("cargo xtask")
        .about("The project's tasks")
        .subcommand_required(true)
        .arg_required_else_help(true);
    for task in TASKS {
        program = program.subcommand((task.command)());
    }
    let matches = program.get_matches();
    let (name, arguments) = matches.subcommand().expect("clap requires a sub-command");
    let task = TASKS
        .iter()
        .find(|task| (task.command)().get_name() == name)
        .expect("clap accepts only the commands of TASKS");
    match (task.run)(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
