//! Tests that cannot run here say so.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::{env, thread};

/// Says on the terminal that the running test is skipped, and why.
///
/// The line is also appended to the file named by `CNI_TEST_SKIPS`, where the task that runs the
/// tests finds it: a skip nobody covers elsewhere fails in CI.
pub(crate) fn record(reason: &str) {
    let current = thread::current();
    let line = format!("skipped: {}: {reason}\n", current.name().unwrap_or("a test"));
    // Written past the capturing of passing tests: a skip has to be seen.
    io::stderr().write_all(line.as_bytes()).expect("write to standard error");
    if let Some(file) = env::var_os("CNI_TEST_SKIPS") {
        let file = OpenOptions::new().create(true).append(true).open(file);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("append to the file named by CNI_TEST_SKIPS");
    }
}
