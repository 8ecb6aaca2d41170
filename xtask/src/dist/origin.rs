//! What a delivery says about where it comes from: version, time, machine and maintainer.

use std::fs;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Where a delivery comes from; the same for the same commit.
#[derive(Default)]
pub struct Origin {
    /// The version of the project.
    pub version: String,
    /// Every file's time, in seconds since 1970.
    pub time: u64,
    /// That time as SPDX and OCI have it.
    pub created: String,
    /// That time as mail has it.
    pub mailed: String,
    /// Who answers for the packages: `name <address>`.
    pub maintainer: String,
    /// What is new: the lines of the newest section of the change log, without their dashes.
    pub changes: Vec<String>,
}

impl Origin {
    /// Asks git and the environment: `SOURCE_DATE_EPOCH` is the time, where it is set, and
    /// `DEBFULLNAME` and `DEBEMAIL` are the maintainer, as Debian's tools have it; else both are
    /// those of the last commit.
    ///
    /// # Errors
    ///
    /// When the workspace is not a git work tree, or the change log does not know the version.
    pub fn of(workspace: &Workspace) -> Result<Self> {
        let root = workspace.root.to_string_lossy();
        let commit = |format: &str| {
            let format = format!("--format={format}");
            let words = ["git", "-C", &root, "log", "-1", &format];
            process::capture_words(&words).map(|text| text.trim().to_owned())
        };
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let time = match variable("SOURCE_DATE_EPOCH") {
            Some(time) => time,
            None => commit("%ct")?,
        };
        let maintainer = match (variable("DEBFULLNAME"), variable("DEBEMAIL")) {
            (Some(name), Some(address)) => format!("{name} <{address}>"),
            _ => commit("%cn <%ce>")?,
        };
        let log = workspace.root.join("CHANGELOG.md");
        let log = fs::read_to_string(&log).with_context(|| format!("read {}", log.display()))?;
        let version = workspace.version().to_owned();
        let written = |format: &str| {
            let words = ["env", "LC_ALL=C", "date", "-u", "-d", &format!("@{time}"), format];
            process::capture_words(&words).map(|text| text.trim().to_owned())
        };
        Ok(Self {
            time: time.parse().context("the time of the delivery")?,
            created: written("+%Y-%m-%dT%H:%M:%SZ")?,
            mailed: written("+%a, %d %b %Y %H:%M:%S +0000")?,
            changes: changes(&log, &version)
                .with_context(|| format!("CHANGELOG.md does not tell what {version} brings"))?,
            maintainer,
            version,
        })
    }

    /// What the names of architecture-dependent files end in, before what they are.
    pub fn suffix(&self) -> String {
        format!("linux-{}-v{}", go_architecture(), self.version)
    }
}

/// The architecture in the words of Go and Debian.
pub fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The list in the section of a version.
fn changes(log: &str, version: &str) -> Option<Vec<String>> {
    let section = log.split("\n## ").find(|section| section.lines().next() == Some(version))?;
    let mut changes: Vec<String> = Vec::new();
    for line in section.lines().skip(1) {
        if let Some(change) = line.strip_prefix("- ") {
            changes.push(change.to_owned());
        } else if let Some(change) = changes.last_mut().filter(|_| line.starts_with("  ")) {
            *change += " ";
            *change += line.trim();
        }
    }
    (!changes.is_empty()).then_some(changes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_those_of_the_version() {
        let log = "# Changes\n\n## 0.2.0\n\n- One\n  more.\n- Two.\n\n## 0.1.0\n\n- First.\n";
        assert_eq!(changes(log, "0.2.0").expect("there"), ["One more.", "Two."]);
        assert_eq!(changes(log, "0.1.0").expect("there"), ["First."]);
        assert_eq!(changes(log, "0.3.0"), None);
    }
}
