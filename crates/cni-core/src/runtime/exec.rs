//! Starting another plugin and reading its answer (specification section 4).

use std::io::{Seek, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use std::{fs, io};

use serde::Deserialize;

use super::time_limit;
use crate::spec::error::{Code, Error, Result, io_cause, quote};
use crate::spec::json;

/// Which wording a message has when a plugin failed with nothing but text on standard error.
#[derive(Clone, Copy, Debug)]
pub enum Wording {
    /// As the reference's plugins word it.
    Plugin,
    /// As the reference's current runtime library words it: with the exit status.
    Runtime,
}

/// An executable that is just being written is tried again, for five seconds in all.
const BUSY_PAUSE: Duration = Duration::from_millis(100);
const BUSY_ATTEMPTS: usize = 50;

/// A plugin that was started and runs beside us.
pub struct Running {
    /// There until the plugin has been waited for.
    child: Option<Child>,
}

impl Running {
    /// Starts the plugin at `path` with `variables` put into the inherited environment.
    ///
    /// # Errors
    ///
    /// Code 0: `netplugin failed with no error message: fork/exec …`.
    pub fn start(path: &Path, variables: &[(&'static str, String)], stdin: &[u8]) -> Result<Self> {
        let start = || -> io::Result<Child> {
            Command::new(path)
                .envs(variables.iter().map(|(name, value)| (name, value)))
                .stdin(in_memory(stdin)?)
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        };
        let mut outcome = start();
        for _ in 0..BUSY_ATTEMPTS {
            match &outcome {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => (),
                _ => break,
            }
            std::thread::sleep(BUSY_PAUSE);
            outcome = start();
        }
        match outcome {
            Ok(child) => Ok(Self { child: Some(child) }),
            Err(error) => {
                let path = path.display();
                Err(no_message(&format!("fork/exec {path}: {}", io_cause(&error))))
            }
        }
    }

    /// Waits for the plugin and returns what it printed. What it wrote to standard error is
    /// passed on after it succeeded. With a `limit`, a plugin that takes longer is killed.
    ///
    /// # Errors
    ///
    /// The error document it printed, or one of code 0 made up of its output and exit status; for
    /// a killed plugin `netplugin failed with no error message: signal: killed`.
    pub fn finish(mut self, limit: Option<Duration>, wording: Wording) -> Result<Vec<u8>> {
        let output = match (self.child.take(), limit) {
            (None, _) => return Ok(Vec::new()),
            (Some(child), None) => child.wait_with_output(),
            (Some(child), Some(limit)) => time_limit::wait_with_output(child, limit),
        };
        let output = output.map_err(|error| no_message(&io_cause(&error)))?;
        if !output.status.success() {
            return Err(failure(&output, wording));
        }
        if !output.stderr.is_empty() {
            // Nothing can be done about a closed standard error, and the plugin succeeded.
            let _ = io::stderr().write_all(&output.stderr);
        }
        Ok(output.stdout)
    }
}

/// What is not waited for on the way out of an error is waited for here, so that taking back what
/// the plugin does comes after it is done.
impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            // The error that led here is the one to report.
            let _ = child.wait_with_output();
        }
    }
}

/// Standard input as a file in memory: unlike a pipe it takes any size at once, so a child that
/// writes before it reads cannot block us.
fn in_memory(bytes: &[u8]) -> io::Result<Stdio> {
    let memory = nix::sys::memfd::memfd_create(c"stdin", nix::sys::memfd::MFdFlags::MFD_CLOEXEC)?;
    let mut file = fs::File::from(memory);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// What a plugin that failed has to say.
fn failure(output: &std::process::Output, wording: Wording) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let status = shown_status(output.status);
    if output.stdout.is_empty() {
        return match (stderr.is_empty(), wording) {
            (true, _) => no_message(&status),
            (false, Wording::Plugin) => {
                Error::new(Code::UNKNOWN, format!("netplugin failed: {}", quote(&stderr)))
            }
            (false, Wording::Runtime) => {
                Error::new(Code::UNKNOWN, format!("netplugin failed: {}: {status}", quote(&stderr)))
            }
        };
    }
    match json::from_slice::<Document>(&output.stdout) {
        // A result printed before the failure, most likely; it does not say what went wrong.
        Ok(Document { code: Code::UNKNOWN, msg, .. }) if msg.is_empty() => no_message(&status),
        Ok(Document { code, msg, details }) => Error { code, msg, details },
        Err(error) => {
            let stdout = quote(&String::from_utf8_lossy(&output.stdout));
            Error::new(
                Code::UNKNOWN,
                format!(
                    "netplugin failed but error parsing its diagnostic message {stdout}: {error}"
                ),
            )
        }
    }
}

#[derive(Deserialize)]
#[serde(default)]
struct Document {
    code: Code,
    msg: String,
    details: String,
}

impl Default for Document {
    fn default() -> Self {
        Self { code: Code::UNKNOWN, msg: String::new(), details: String::new() }
    }
}

fn no_message(why: &str) -> Error {
    Error::new(Code::UNKNOWN, format!("netplugin failed with no error message: {why}"))
}

/// The end of a process in the reference's words.
fn shown_status(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".to_owned(),
        (None, Some(15)) => "signal: terminated".to_owned(),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}
