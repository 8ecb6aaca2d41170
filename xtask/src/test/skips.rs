//! Tests that could not run here: seen, and in continuous integration not accepted.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Tells the tests where to record that they were skipped, one line for each.
pub const VARIABLE: &str = "CNI_TEST_SKIPS";

/// The record of a test run.
pub struct Skips {
    file: tempfile::NamedTempFile,
}

impl Skips {
    /// Starts an empty record.
    ///
    /// # Errors
    ///
    /// When the temporary file cannot be made.
    pub fn new() -> Result<Self> {
        Ok(Self { file: tempfile::NamedTempFile::new().context("make the record of skips")? })
    }

    /// Where the tests write to.
    pub fn file(&self) -> &Path {
        self.file.path()
    }

    /// Prints the record.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn print(&self) -> Result<()> {
        let skipped = self.read()?;
        if !skipped.is_empty() {
            println!("\nskipped on this kernel:");
        }
        for line in &skipped {
            println!("  {line}");
        }
        Ok(())
    }

    /// Prints the record and, in continuous integration, refuses what is in it and is not made
    /// up for by a run elsewhere, which the test's name tells by `mark`.
    ///
    /// # Errors
    ///
    /// As said, or when the record cannot be read.
    pub fn judge(&self, mark: &str) -> Result<()> {
        self.print()?;
        let skipped = self.read()?;
        let for_good = not_made_up_for(&skipped, mark);
        let is_continuous_integration = std::env::var("CI").is_ok_and(|value| value == "true");
        if is_continuous_integration && !for_good.is_empty() {
            bail!("skipped: {}", for_good.join("; "));
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<String>> {
        let text = fs::read_to_string(self.file()).context("read the record of skips")?;
        let without_prefix = |line: &str| line.trim_start_matches("skipped: ").to_owned();
        let mut lines: Vec<_> = text.lines().map(without_prefix).collect();
        lines.sort();
        lines.dedup();
        Ok(lines)
    }
}

fn not_made_up_for<'a>(skipped: &'a [String], mark: &str) -> Vec<&'a str> {
    skipped.iter().map(String::as_str).filter(|line| !line.contains(mark)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_runs_elsewhere_is_made_up_for() {
        let skipped =
            ["bridge::uml_trunk: no VLAN filtering".to_owned(), "bridge::nat: no nft".to_owned()];
        assert_eq!(not_made_up_for(&skipped, "uml_"), ["bridge::nat: no nft"]);
    }
}
