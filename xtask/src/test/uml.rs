//! The tests for kernels with other features, run in user-mode Linux.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use cni_testkit::uml;
use serde::Deserialize;

use crate::process;
use crate::workspace::Workspace;

/// What the names of such tests contain.
pub const MARK: &str = "uml_";

/// A line of cargo's build messages, as far as it concerns executables.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    profile: Option<Profile>,
}

/// How an executable was built.
#[derive(Deserialize)]
struct Profile {
    /// Whether it has tests, and is not one that tests start.
    test: bool,
}

/// The test executables that have tests for user-mode Linux.
///
/// # Errors
///
/// When cargo fails or an executable does not list its tests.
pub fn test_executables(workspace: &Workspace) -> Result<Vec<PathBuf>> {
    let arguments = ["test", "--workspace", "--no-run", "--quiet", "--message-format=json"];
    let mut cargo = workspace.cargo(&arguments);
    let messages = process::capture(cargo.stderr(Stdio::inherit()))?;
    let mut executables = Vec::new();
    for line in messages.lines() {
        let message: Message = serde_json::from_str(line).context("decode a message of cargo")?;
        if let Some(executable) = message.executable
            && message.profile.is_some_and(|profile| profile.test)
            && lists_marked_test(&executable)?
        {
            executables.push(executable);
        }
    }
    Ok(executables)
}

/// Whether an executable has a test for user-mode Linux.
fn lists_marked_test(executable: &Path) -> Result<bool> {
    let listing = process::capture(Command::new(executable).args(["--list", MARK]))?;
    Ok(listing.lines().any(|line| line.ends_with(": test")))
}

/// Runs the marked tests of all executables in one boot, which is most of what it costs.
///
/// # Errors
///
/// When user-mode Linux does not run or a test fails.
pub fn run(
    executables: &[PathBuf],
    environment: &[(&str, &Path)],
    filter: Option<&str>,
) -> Result<()> {
    if executables.is_empty() {
        println!("no test is meant for user-mode Linux");
        return Ok(());
    }
    let script = script(executables, environment, filter.unwrap_or(MARK));
    let outcome = uml::run(&["sh", "-c", &script]).context("run user-mode Linux")?;
    print!("{}", outcome.output);
    if outcome.status != 0 {
        bail!("a test failed in user-mode Linux");
    }
    Ok(())
}

/// One line of shell for each executable; it runs all of them and then fails if one did.
fn script(executables: &[PathBuf], environment: &[(&str, &Path)], filter: &str) -> String {
    let mut script = String::from("failed=0\n");
    for (name, value) in environment {
        script.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    for executable in executables {
        script.push_str(&format!(
            "{} --test-threads=1 {} || failed=1\n",
            quoted(executable),
            quoted(Path::new(filter)),
        ));
    }
    script.push_str("exit $failed\n");
    script
}

/// A path as one word of the shell.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_runs_every_executable_whatever_the_others_do() {
        let executables = [PathBuf::from("/a/it's"), PathBuf::from("/b")];
        assert_eq!(
            script(&executables, &[("X", Path::new("/x y"))], "uml_"),
            "failed=0\n\
             export X='/x y'\n\
             '/a/it'\\''s' --test-threads=1 'uml_' || failed=1\n\
             '/b' --test-threads=1 'uml_' || failed=1\n\
             exit $failed\n"
        );
    }
}
