//! Standard output, written once.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

/// Writes everything with as few system calls as the kernel allows; the standard library's
/// handle would split the text at its last line end.
///
/// # Errors
///
/// The kernel's; a reader that has gone away is one.
pub fn write(text: &str) -> io::Result<()> {
    let stdout = io::stdout().as_fd().try_clone_to_owned()?;
    File::from(stdout).write_all(text.as_bytes())
}

/// Writes to standard error. Nothing can be done about a closed one.
pub(super) fn write_stderr(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
