//! `check`: the rules of the project that the compiler and clippy cannot see.
//!
//! Each rule is a function from what it looks at to its findings, so it can be tested with bad
//! input. All findings are reported before the task fails.

mod packages;
mod permissions;
mod references;
mod sources;

use std::fmt;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::{ArgMatches, Command};

use crate::workspace::Workspace;

/// Something in the work tree that breaks a rule.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    /// Relative to the workspace's root.
    file: String,
    /// Counted from 1; `None` when the finding is about the file as a whole.
    line: Option<usize>,
    /// What is wrong.
    text: String,
    /// The page that explains the rule.
    explained_in: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {} (see {})", self.text, self.explained_in)
    }
}

/// A text file of the work tree.
struct Source {
    /// Relative to the workspace's root.
    path: String,
    text: String,
}

impl Source {
    /// Makes a finding in one line of this file.
    fn finding(
        &self,
        line: Option<usize>,
        text: impl Into<String>,
        explained_in: &'static str,
    ) -> Finding {
        Finding { file: self.path.clone(), line, text: text.into(), explained_in }
    }

    /// The lines with their numbers, counted from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether this file is part of the checks and therefore spells out what they forbid.
    fn spells_out_rules(&self) -> bool {
        self.path.starts_with("xtask/src/check/")
    }
}

/// How the task is called.
pub fn command() -> Command {
    Command::new("check").about("Checks the project's own rules: layout, edges, style, references")
}

/// Applies every rule to the work tree and reports all findings.
///
/// # Errors
///
/// When there is at least one finding, or the work tree cannot be read.
pub fn run(_arguments: &ArgMatches) -> Result<()> {
    let workspace = Workspace::load()?;
    let sources = read_sources(&workspace)?;
    let mut findings = packages::check(&workspace, &sources)?;
    findings.extend(sources.iter().flat_map(sources::check));
    findings.extend(sources.iter().flat_map(permissions::check));
    findings.extend(references::check(&sources));
    findings.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings in {} files", findings.len(), sources.len());
    }
    println!("check: {} files follow the rules", sources.len());
    Ok(())
}

/// Reads every text file; one that is not UTF-8 has no lines to check.
fn read_sources(workspace: &Workspace) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in workspace.files()? {
        let bytes = fs::read(workspace.root.join(&path)).with_context(|| format!("read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path, text });
        }
    }
    Ok(sources)
}
