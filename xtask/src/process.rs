//! Running other programs, with errors that name the whole command line.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Runs a program in the foreground, sharing this process's standard streams.
///
/// # Errors
///
/// When the program cannot be started or does not end with status 0.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("start {}", line(command)))?;
    if !status.success() {
        bail!("{}: {status}", line(command));
    }
    Ok(())
}

/// Runs a program and returns what it wrote to stdout; its stderr is part of the error.
///
/// # Errors
///
/// When the program cannot be started, does not end with status 0, or writes other than UTF-8.
pub fn capture(command: &mut Command) -> Result<String> {
    let Output { status, stdout, stderr } = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start {}", line(command)))?;
    if !status.success() {
        bail!("{}: {status}: {}", line(command), String::from_utf8_lossy(&stderr).trim());
    }
    String::from_utf8(stdout).with_context(|| format!("output of {}", line(command)))
}

/// Runs a program given as words, as [`capture`] does.
///
/// # Errors
///
/// As [`capture`].
pub fn capture_words(words: &[&str]) -> Result<String> {
    let (program, arguments) = words.split_first().context("an empty command")?;
    capture(Command::new(program).args(arguments))
}

/// Finds an executable in `PATH` and the folders for administrators, which an ordinary
/// user's `PATH` lacks on Debian.
pub fn is_installed(program: &str) -> bool {
    let path = std::env::var("PATH").unwrap_or_default();
    path.split(':')
        .chain(["/usr/sbin", "/sbin"])
        .any(|folder| std::path::Path::new(folder).join(program).is_file())
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}
