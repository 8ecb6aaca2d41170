//! The tests for kernels with other features, run in user-mode Linux.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
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

/// A test executable, and the names of its tests for user-mode Linux.
pub struct Marked {
    executable: PathBuf,
    tests: Vec<String>,
}

/// Finds the tests for user-mode Linux, or those of them whose names contain the filter.
///
/// # Errors
///
/// When cargo fails or an executable does not list its tests.
pub fn find_tests(workspace: &Workspace, filter: Option<&str>) -> Result<Vec<Marked>> {
    let arguments = ["test", "--workspace", "--no-run", "--quiet", "--message-format=json"];
    let mut cargo = workspace.cargo(&arguments);
    let messages = process::capture(cargo.stderr(Stdio::inherit()))?;
    let mut found = Vec::new();
    for line in messages.lines() {
        let message: Message = serde_json::from_str(line).context("decode a message of cargo")?;
        if let Some(executable) = message.executable
            && message.profile.is_some_and(|profile| profile.test)
        {
            let tests = list_tests(&executable, filter.unwrap_or(MARK))?;
            found.push(Marked { executable, tests });
        }
    }
    Ok(found)
}

/// The names of an executable's tests that contain the filter.
fn list_tests(executable: &Path, filter: &str) -> Result<Vec<String>> {
    let listing = process::capture(Command::new(executable).args(["--list", filter]))?;
    Ok(listing.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
}

/// Runs the tests, an equal share for each processor in one boot: one has one processor, and
/// booting costs more than most tests.
///
/// # Errors
///
/// When user-mode Linux does not run or a test fails.
pub fn run(tests: &[Marked], environment: &[(&str, &Path)]) -> Result<()> {
    let boots = thread::available_parallelism()?.get();
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = (0..boots)
            .map(|boot| script(tests, environment, (boot, boots)))
            .map(|script| scope.spawn(move || uml::run(&["sh", "-c", &script])))
            .collect();
        let finished = running.into_iter().map(|running| running.join());
        finished.collect::<Result<Vec<_>, _>>()
    });
    let outcomes = outcomes.map_err(|_| anyhow!("a thread ended early"))?;
    let mut failed = 0;
    for outcome in outcomes {
        let outcome = outcome.context("run user-mode Linux")?;
        print!("{}", outcome.output);
        failed += i32::from(outcome.status != 0);
    }
    ensure!(failed == 0, "tests failed in user-mode Linux");
    Ok(())
}

/// One line of shell for each executable that has tests in the share; it runs all of them and then
/// fails if one did. Neighbours in the list, being alike, go to different shares.
fn script(
    tests: &[Marked],
    environment: &[(&str, &Path)],
    (share, shares): (usize, usize),
) -> String {
    let mut script = String::from("failed=0\n");
    for (name, value) in environment {
        script.push_str(&format!("export {name}={}\n", quoted(value)));
    }
    let mut number = 0..;
    for Marked { executable, tests } in tests {
        let is_mine = |_: &&String| number.next().is_some_and(|number| number % shares == share);
        let mine: Vec<_> = tests.iter().filter(is_mine).map(String::as_str).collect();
        if !mine.is_empty() {
            let (executable, mine) = (quoted(executable), mine.join(" "));
            let line = format!("{executable} --test-threads=1 --exact {mine} || failed=1\n");
            script.push_str(&line);
        }
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
    fn a_share_runs_its_tests_whatever_the_others_do() {
        let marked = |executable: &str, tests: &[&str]| Marked {
            executable: executable.into(),
            tests: tests.iter().map(ToString::to_string).collect(),
        };
        let tests = [marked("/a/it's", &["a", "b", "c"]), marked("/b", &[]), marked("/c", &["d"])];
        let share = |share| script(&tests, &[("X", Path::new("/x y"))], (share, 2));
        assert_eq!(
            share(0),
            "failed=0\n\
             export X='/x y'\n\
             '/a/it'\\''s' --test-threads=1 --exact a c || failed=1\n\
             exit $failed\n"
        );
        assert_eq!(
            share(1),
            "failed=0\n\
             export X='/x y'\n\
             '/a/it'\\''s' --test-threads=1 --exact b || failed=1\n\
             '/c' --test-threads=1 --exact d || failed=1\n\
             exit $failed\n"
        );
    }
}
