//! What became of a plugin run, and what may be demanded of it.

use std::os::unix::process::ExitStatusExt;
use std::process::Output;
use std::time::Duration;

use serde_json::Value;

use crate::{against_reference, golden};

/// A finished plugin run; a test must say what it expects of it.
#[derive(Debug, Clone)]
#[must_use = "say whether the plugin had to succeed or to fail"]
pub struct Outcome {
    pub(crate) title: String,
    pub(crate) command: String,
    pub(crate) sandbox: String,
    pub(crate) output: Output,
    pub(crate) elapsed: Duration,
}

/// A run that succeeded.
#[derive(Debug, Clone)]
pub struct Success(Outcome);

/// A run that failed with an error document.
#[derive(Debug, Clone)]
pub struct Failure {
    outcome: Outcome,
    /// The error code.
    pub code: u64,
    /// The error message.
    pub msg: String,
    /// The details, empty when there are none.
    pub details: String,
}

impl Outcome {
    /// Demands success: exit status 0, nothing on standard error, and on standard output nothing
    /// unless the command has an answer.
    ///
    /// Plugins of the reference are allowed to log.
    #[track_caller]
    pub fn succeeds(self) -> Success {
        assert!(self.is_success(), "should succeed:\n{self}");
        assert!(
            against_reference() || self.output.stderr.is_empty(),
            "should succeed without a word on standard error:\n{self}"
        );
        let answers = !matches!(self.command.as_str(), "DEL" | "CHECK" | "GC" | "STATUS");
        assert!(answers || self.output.stdout.is_empty(), "should answer nothing:\n{self}");
        Success(self)
    }

    /// Demands exit status 1 and an error document with exactly this code and message.
    #[track_caller]
    pub fn fails(self, code: u64, msg: &str) -> Failure {
        let failure = self.fails_with_code(code);
        assert!(failure.msg == msg, "should fail with message {msg:?}:\n{}", failure.outcome);
        failure
    }

    /// Demands exit status 1 and an error document with this code and a message containing `part`.
    #[track_caller]
    pub fn fails_with(self, code: u64, part: &str) -> Failure {
        let failure = self.fails_with_code(code);
        assert!(
            failure.msg.contains(part),
            "should fail with a message about {part:?}:\n{}",
            failure.outcome
        );
        failure
    }

    /// Demands that a signal ended the plugin, as the fault suite's kills do.
    #[track_caller]
    pub fn is_killed(self) {
        assert!(self.output.status.signal().is_some(), "should be killed:\n{self}");
    }

    /// Demands this exit status, for what is neither a success nor an error document.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.output.status.code() == Some(code), "should exit with {code}:\n{self}");
        self
    }

    /// Whether the exit status is 0.
    pub fn is_success(&self) -> bool {
        self.output.status.success()
    }

    /// The result document of a successful ADD.
    pub fn result(&self) -> Option<Value> {
        let is_add = self.command == "ADD" && self.is_success();
        is_add.then(|| serde_json::from_slice(&self.output.stdout).ok()).flatten()
    }

    /// Standard output, byte for byte.
    pub fn stdout(&self) -> &[u8] {
        &self.output.stdout
    }

    /// Standard error as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// How long the process lived, seen from the test.
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    #[track_caller]
    fn fails_with_code(self, code: u64) -> Failure {
        assert!(self.output.status.code() == Some(1), "should fail with exit status 1:\n{self}");
        let document: Value = serde_json::from_slice(&self.output.stdout)
            .unwrap_or_else(|error| panic!("should print one error document ({error}):\n{self}"));
        let found = document["code"].as_u64();
        assert!(found == Some(code), "should fail with code {code}:\n{self}");
        let text = |key: &str| document[key].as_str().unwrap_or_default().to_owned();
        Failure { code, msg: text("msg"), details: text("details"), outcome: self }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}\n{} after {:?}\nstdout: {}\nstderr: {}",
            self.title,
            self.output.status,
            self.elapsed,
            String::from_utf8_lossy(&self.output.stdout),
            String::from_utf8_lossy(&self.output.stderr)
        )
    }
}

impl Success {
    /// The result document.
    ///
    /// # Panics
    ///
    /// When standard output is no JSON document.
    #[track_caller]
    pub fn result(&self) -> Value {
        serde_json::from_slice(self.0.stdout())
            .unwrap_or_else(|error| panic!("should print a document ({error}):\n{}", self.0))
    }

    /// Compares the result with `tests/golden/<case>.json`, e.g. `bridge/default-gateway`.
    ///
    /// MAC addresses, random veth names and the namespace path are compared as `<mac:1>`,
    /// `<veth:1>` and `<sandbox>`. With `UPDATE_GOLDEN=1` the file is written instead.
    #[track_caller]
    pub fn result_is(self, case: &str) -> Self {
        golden::compare(case, self.result(), &self.0.sandbox);
        self
    }

    /// Demands these bytes on standard output.
    #[track_caller]
    pub fn prints(self, text: &str) -> Self {
        let found = String::from_utf8_lossy(self.0.stdout());
        assert!(found == text, "should print {text:?}:\n{}", self.0);
        self
    }

    /// Demands that nothing at all was printed.
    #[track_caller]
    pub fn silent(self) -> Self {
        let silent = self.0.output.stdout.is_empty() && self.0.output.stderr.is_empty();
        assert!(silent, "should be silent:\n{}", self.0);
        self
    }

    /// Standard output, byte for byte.
    pub fn stdout(&self) -> &[u8] {
        self.0.stdout()
    }

    /// How long the process lived, seen from the test.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }
}

impl Failure {
    /// Demands exactly these details; empty means that there are none.
    #[track_caller]
    pub fn details_are(self, details: &str) -> Self {
        assert!(self.details == details, "should have details {details:?}:\n{}", self.outcome);
        self
    }

    /// Demands details containing `part`.
    #[track_caller]
    pub fn details_mention(self, part: &str) -> Self {
        let found = self.details.contains(part);
        assert!(found, "should have details about {part:?}:\n{}", self.outcome);
        self
    }

    /// Standard output, byte for byte.
    pub fn stdout(&self) -> &[u8] {
        self.outcome.stdout()
    }
}
