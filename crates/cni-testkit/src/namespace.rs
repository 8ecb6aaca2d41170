//! A network namespace that is a parked thread: nothing is named, so nothing has to be cleaned.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::unistd::{getpid, gettid};

/// Where children find their tools; the caller's own `PATH` often lacks the `sbin` directories.
pub(crate) const TOOL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

type Job = Box<dyn FnOnce() + Send>;

/// A thread that holds namespaces of its own and runs what it is sent.
///
/// Processes started by the thread live in its namespaces. When the value is dropped the thread
/// ends, and the kernel takes away everything that was made inside.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    path: String,
    parked: Mutex<Option<Parked>>,
    /// What the namespace showed at birth; only what is added to it is worth showing.
    pub(crate) base: Mutex<Vec<String>>,
}

#[derive(Debug)]
struct Parked {
    jobs: mpsc::Sender<Job>,
    thread: JoinHandle<()>,
}

impl Namespace {
    /// Starts a thread that first runs `enter`, which leaves the caller's namespaces.
    ///
    /// What `enter` does not leave is inherited from the calling thread.
    pub(crate) fn start(
        name: &str,
        enter: impl FnOnce() -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let (jobs, received) = mpsc::channel::<Job>();
        let (entered, ready) = mpsc::channel();
        let thread = thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let outcome =
                    enter().map(|()| format!("/proc/{}/task/{}/ns/net", getpid(), gettid()));
                let failed = outcome.is_err();
                if entered.send(outcome).is_err() || failed {
                    return;
                }
                for job in received {
                    job();
                }
            })
            .context("start the thread of a namespace")?;
        let path = ready.recv().context("the thread of a namespace ended early")??;
        Ok(Self {
            name: name.to_owned(),
            path,
            parked: Mutex::new(Some(Parked { jobs, thread })),
            base: Mutex::new(Vec::new()),
        })
    }

    /// The name given by the test.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path a runtime would put into `CNI_NETNS`.
    pub fn netns_path(&self) -> &str {
        &self.path
    }

    /// Runs a closure on the thread that lives in the namespace and returns its value.
    ///
    /// # Panics
    ///
    /// When the closure does, or the namespace has been destroyed.
    #[track_caller]
    pub fn run<T: Send + 'static>(&self, body: impl FnOnce() -> T + Send + 'static) -> T {
        let (answer, answered) = mpsc::channel();
        let job: Job = Box::new(move || {
            let outcome: Result<T, Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(body));
            // The receiver waits below and can only be gone together with the whole test.
            let _ = answer.send(outcome);
        });
        let sent = self.parked().as_ref().map(|parked| parked.jobs.send(job));
        assert!(matches!(sent, Some(Ok(()))), "namespace {:?} has been destroyed", self.name);
        match answered.recv().expect("a sent job is always answered") {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs a command inside and returns its standard output.
    ///
    /// # Panics
    ///
    /// When the command fails; the message holds what it printed.
    #[track_caller]
    pub fn exec(&self, command: &[&str]) -> String {
        let output = self.output(command);
        assert!(
            output.status.success(),
            "{} in {:?}: {}\n{}{}",
            command.join(" "),
            self.name,
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a script with `sh -e` inside and returns its standard output.
    ///
    /// # Panics
    ///
    /// When a command of the script fails.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        self.exec(&["sh", "-ec", script])
    }

    /// Runs a command inside, whatever becomes of it.
    #[track_caller]
    pub fn output(&self, command: &[&str]) -> Output {
        let [program, arguments @ ..] = command else {
            panic!("an empty command");
        };
        let mut process = Command::new(program);
        process.args(arguments).env("PATH", TOOL_PATH);
        self.feed(process, &[])
    }

    /// Starts a process inside and leaves waiting for it to the caller.
    #[track_caller]
    pub(crate) fn spawn(&self, mut command: Command) -> Child {
        let title = format!("{command:?}");
        self.run(move || command.spawn()).unwrap_or_else(|error| panic!("start {title}: {error}"))
    }

    /// Runs a process inside with the bytes as its standard input.
    ///
    /// Only the start happens on the namespace's thread, so commands run side by side.
    #[track_caller]
    pub(crate) fn feed(&self, mut command: Command, stdin: &[u8]) -> Output {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.spawn(command);
        let mut pipe = child.stdin.take().expect("stdin was asked to be a pipe");
        match io::Write::write_all(&mut pipe, stdin) {
            // A plugin may answer without reading, VERSION does.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                panic!("write to the standard input: {error}")
            }
            _ => drop(pipe),
        }
        child.wait_with_output().expect("a started child can be waited for")
    }

    /// Ends the thread, and with it the last name the namespace had.
    pub(crate) fn end(&self) {
        let Some(Parked { jobs, thread }) = self.parked().take() else {
            return;
        };
        drop(jobs);
        // A panic of the thread has been handed to whoever sent the job.
        let _ = thread.join();
        // Joining returns a little before the kernel has taken the thread out of /proc.
        let deadline = Instant::now() + Duration::from_secs(5);
        while Path::new(&self.path).exists() && Instant::now() < deadline {
            thread::sleep(Duration::from_micros(200));
        }
    }

    fn parked(&self) -> MutexGuard<'_, Option<Parked>> {
        self.parked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.end();
    }
}
