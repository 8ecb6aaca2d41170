//! The one way through a plugin process: from the environment to the exit code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use serde::Serialize;

use super::command_line::{self, Typed};
use super::dispatch::{Verbs, check_network_name, stated_version};
use super::invocation::{self, Asked, Command, Invocation};
use super::output;
use super::plugin::Plugin;
use super::termination::Termination;
use super::undo::Undo;
use crate::spec::error::{Code, Error, Result, io_cause};
use crate::spec::json;
use crate::spec::result::AddResult;
use crate::spec::version::SpecVersion;

/// Runs a plugin: the verb in `CNI_COMMAND`, or else what the arguments ask for.
pub fn main<P: Plugin>() -> ExitCode {
    run(&Verbs::of::<P>())
}

/// The name this process was started under, without folders.
pub fn executable_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path)
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The arguments this process was started with, for a plugin that starts itself for a part of its
/// work.
pub fn arguments() -> Vec<String> {
    std::env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect()
}

/// How many sockets a service manager has opened for this process (sd_listen_fds(3)).
pub fn inherited_sockets() -> usize {
    let number = |name: &str| std::env::var(name).ok()?.parse::<usize>().ok();
    let is_for_us = number("LISTEN_PID") == usize::try_from(std::process::id()).ok();
    number("LISTEN_FDS").filter(|_| is_for_us).unwrap_or(0)
}

fn run(verbs: &Verbs) -> ExitCode {
    match invocation::from_environment() {
        Ok(Asked::Nothing) if std::env::args_os().len() > 1 => run_typed(verbs),
        Ok(Asked::Nothing) => {
            output::write_stderr(&about(verbs));
            ExitCode::SUCCESS
        }
        Ok(Asked::Invocation(invocation)) if invocation.command == Command::Version => {
            match output::write(&version_document(verbs)) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    let error = Error::new(Code::IO_FAILURE, io_cause(&error));
                    fail_as_document(&error, &invocation.stdin)
                }
            }
        }
        Ok(Asked::Invocation(invocation)) => {
            let answer = |result: Option<&AddResult>| match result {
                Some(result) => result.to_document(stated_version(&invocation.stdin)),
                None => Ok(String::new()),
            };
            match attempt(verbs, &invocation, &answer) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => fail_as_document(&error, &invocation.stdin),
            }
        }
        Ok(Asked::Unknown { command, stdin }) => {
            let unknown =
                Error::new(Code::INVALID_ENVIRONMENT, format!("unknown CNI_COMMAND: {command}"));
            let error = check_network_name(&stdin).err().unwrap_or(unknown);
            fail_as_document(&error, &stdin)
        }
        Err(error) => fail_as_document(&error, b""),
    }
}

/// Runs one verb and prints its answer. Only an answer that was taken keeps what ADD made: an
/// error, a panic or a signal on the way takes everything back.
fn attempt(
    verbs: &Verbs,
    invocation: &Invocation,
    answer: &dyn Fn(Option<&AddResult>) -> Result<String>,
) -> Result<()> {
    let termination = (invocation.command == Command::Add).then(Termination::hold_back);
    let mut undo = Undo::default();
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let result = verbs.run(invocation, &mut undo)?;
        let text = answer(result.as_ref())?;
        if let Some(termination) = &termination {
            termination.check()?;
        }
        if text.is_empty() {
            return Ok(());
        }
        output::write(&text).map_err(|error| {
            Error::new(
                Code::IO_FAILURE,
                format!("error writing the result to stdout: {}", io_cause(&error)),
            )
        })
    }));
    let outcome = outcome.unwrap_or_else(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("no reason given");
        Err(Error::internal(format!("internal error in {}: {why}", verbs.name)))
    });
    match outcome {
        Ok(()) => {
            undo.keep();
            Ok(())
        }
        Err(mut error) => {
            undo.run(&mut error);
            Err(error)
        }
    }
}

fn fail_as_document(error: &Error, stdin: &[u8]) -> ExitCode {
    if let Err(failure) = output::write(&error.to_document(stated_version(stdin))) {
        let why = io_cause(&failure);
        output::write_stderr(&format!("Error writing error JSON to stdout: {why}: {error}\n"));
    }
    ExitCode::FAILURE
}

/// The about text: who this is and which versions it speaks.
fn about(verbs: &Verbs) -> String {
    let versions: Vec<&str> = verbs.supported.iter().map(|v| v.as_str()).collect();
    format!(
        "CNI {} plugin v{}\nCNI protocol versions supported: {}\n",
        verbs.name,
        env!("CARGO_PKG_VERSION"),
        versions.join(", ")
    )
}

/// The answer to VERSION: one line.
fn version_document(verbs: &Verbs) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer<'a> {
        cni_version: &'a str,
        supported_versions: Vec<&'a str>,
    }
    let mut line = json::to_compact(&Answer {
        cni_version: SpecVersion::NEWEST.as_str(),
        supported_versions: verbs.supported.iter().map(|v| v.as_str()).collect(),
    });
    line.push('\n');
    line
}

/// Runs what a person typed.
fn run_typed(verbs: &Verbs) -> ExitCode {
    let typed = match command_line::parse(verbs) {
        Ok(typed) => typed,
        Err(usage) => return usage,
    };
    let (invocation, as_json) = match typed {
        Typed::Print(text) => return print(verbs, &text),
        Typed::Version => return print(verbs, &version_document(verbs)),
        Typed::Invocation { invocation, as_json } => (invocation, as_json),
    };
    let answer = |result: Option<&AddResult>| match result {
        Some(result) if as_json => {
            Ok(result.to_document(stated_version(&invocation.stdin))? + "\n")
        }
        Some(result) => Ok(result.to_readable()),
        None => Ok(String::new()),
    };
    match attempt(verbs, &invocation, &answer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail_in_words(verbs, &error),
    }
}

fn print(verbs: &Verbs, text: &str) -> ExitCode {
    match output::write(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail_in_words(verbs, &error.into()),
    }
}

fn fail_in_words(verbs: &Verbs, error: &Error) -> ExitCode {
    output::write_stderr(&format!("{}: {}\n", verbs.name, error.msg));
    if !error.details.is_empty() {
        output::write_stderr(&format!("  {}\n", error.details));
    }
    ExitCode::FAILURE
}

/// Writes one line to standard error, for an executable that is no plugin.
pub fn print_error(line: &str) {
    output::write_stderr(&format!("{line}\n"));
}
