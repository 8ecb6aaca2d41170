//! Processes that run beside a test.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Namespace, namespace::TOOL_PATH};

/// How long a daemon may take to do what is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process running inside a namespace; it is killed when the value is dropped.
#[derive(Debug)]
pub struct Daemon(Child);

impl Namespace {
    /// Starts a long-running command inside, with its standard error kept for [`Daemon::stop`].
    #[track_caller]
    pub fn daemon(&self, command: &[&str]) -> Daemon {
        let [program, arguments @ ..] = command else {
            panic!("an empty command");
        };
        let mut process = Command::new(program);
        process
            .args(arguments)
            .env("PATH", TOOL_PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        Daemon(self.spawn(process))
    }

    /// Repeats a command inside until it succeeds, and returns its standard output.
    ///
    /// # Panics
    ///
    /// When it does not within a minute; the message holds what it printed last.
    #[track_caller]
    pub fn wait_for(&self, command: &[&str]) -> String {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let output = self.output(command);
            if output.status.success() {
                return String::from_utf8_lossy(&output.stdout).into_owned();
            }
            thread::sleep(Duration::from_millis(20));
        }
        self.exec(command)
    }
}

impl Daemon {
    /// The process id.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Kills the process and returns what it wrote to standard error.
    pub fn stop(mut self) -> String {
        self.kill();
        let mut text = String::new();
        if let Some(mut stderr) = self.0.stderr.take() {
            stderr.read_to_string(&mut text).expect("the messages of a daemon are text");
        }
        text
    }

    fn kill(&mut self) {
        // Both fail only for a process that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
