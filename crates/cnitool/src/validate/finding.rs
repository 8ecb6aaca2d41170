//! What is found, and how it is told to people and to machines.

use std::fmt;

use serde_json::{Value, json};

use super::document::Position;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// ADD fails, or does not do what is written.
    Error,
    /// ADD succeeds, and may not do what was meant.
    Warning,
}

/// Something that is, or may be, wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file, as it was named.
    pub file: String,
    /// Where; a file that cannot be read has no place.
    pub position: Option<Position>,
    /// How much it matters.
    pub severity: Severity,
    /// The rule that found it, for machines.
    pub rule: &'static str,
    /// What is wrong.
    pub text: String,
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// The line that compilers print, which editors understand.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, position, severity, rule, text } = self;
        write!(f, "{file}:")?;
        if let Some(Position { line, column }) = position {
            write!(f, "{line}:{column}:")?;
        }
        write!(f, " {}: {text} [{rule}]", severity.name())
    }
}

/// The findings for people: one line each, and how many there are.
pub fn for_people(findings: &[Finding], files: usize) -> String {
    let mut text: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    let count = |severity| findings.iter().filter(|found| found.severity == severity).count();
    let counted = |number: usize, noun: &str| {
        format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
    };
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    let outcome = match (errors, warnings) {
        (0, 0) => "nothing found".to_owned(),
        _ => format!("{}, {}", counted(errors, "error"), counted(warnings, "warning")),
    };
    text += &format!("{}: {outcome}\n", counted(files, "file"));
    text
}

/// The findings for machines: a list of objects.
pub fn for_machines(findings: &[Finding]) -> String {
    let object = |finding: &Finding| {
        json!({
            "file": finding.file,
            "line": finding.position.map(|position| position.line),
            "column": finding.position.map(|position| position.column),
            "severity": finding.severity.name(),
            "rule": finding.rule,
            "message": finding.text,
        })
    };
    let list: Value = findings.iter().map(object).collect();
    format!("{list:#}\n")
}
