//! Collecting what is found in one file.

use super::document::Position;
use super::finding::{Finding, Severity};

/// A file and what has been found in it.
pub struct Report<'a> {
    /// As it was named.
    pub file: &'a str,
    /// Its text, in which findings are placed by offset.
    pub text: &'a str,
    /// In the order they were found.
    pub findings: Vec<Finding>,
}

impl<'a> Report<'a> {
    /// A report without findings.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, findings: Vec::new() }
    }

    /// Adds what makes ADD fail, or not do what is written.
    pub fn error(&mut self, offset: usize, rule: &'static str, text: impl Into<String>) {
        self.add(Severity::Error, offset, rule, text.into());
    }

    /// Adds what may not have been meant.
    pub fn warning(&mut self, offset: usize, rule: &'static str, text: impl Into<String>) {
        self.add(Severity::Warning, offset, rule, text.into());
    }

    /// Whether there is a finding in a place already.
    pub fn has_finding_at(&self, offset: usize) -> bool {
        let position = Position::of(self.text, offset);
        self.findings.iter().any(|finding| finding.position == Some(position))
    }

    /// Whether a finding in a place has this text.
    pub fn has_told(&self, offset: usize, text: &str) -> bool {
        let position = Some(Position::of(self.text, offset));
        let told = |finding: &Finding| finding.position == position && finding.text.contains(text);
        self.findings.iter().any(told)
    }

    fn add(&mut self, severity: Severity, offset: usize, rule: &'static str, text: String) {
        let position = Some(Position::of(self.text, offset));
        let finding = Finding { file: self.file.to_owned(), position, severity, rule, text };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}
