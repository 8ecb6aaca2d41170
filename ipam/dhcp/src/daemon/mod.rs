//! The daemon: keeps leases for as long as they are wanted.

mod attachment;
mod clock;
mod connection;
mod flags;
mod house;
pub(crate) mod leases;
mod listener;
mod port;
mod port6;
pub(crate) mod record;
mod tenant;
mod tenant6;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use cni_core::quote;
use cni_core::runtime::{inherited_sockets, print_error};
use cni_core::spec::error::io_cause;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

pub use flags::USAGE;
use flags::{Flags, NoFlags};
use house::House;
use listener::Listener;

/// Runs the daemon until it is told to stop; `arguments` are those behind `daemon`.
pub(crate) fn run(arguments: &[String]) -> ExitCode {
    let flags = match Flags::parse(arguments) {
        Ok(flags) => flags,
        Err(no_flags) => {
            print_error(no_flags.to_string().trim_end());
            let is_mistake = no_flags != NoFlags::HelpWanted;
            return if is_mistake { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match serve(&flags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            log(&why);
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: &Flags) -> Result<(), String> {
    let _pid_file = PidFile::write(&flags.pid_file)?;
    let signals =
        hold_back_signals().map_err(|error| format!("Error waiting for signals: {error}"))?;
    let socket_path = format!("{}{}", flags.host_prefix, flags.socket_path);
    let listener = Listener::open(inherited_sockets(), &socket_path)
        .map_err(|why| format!("Error getting listener: {why}"))?;
    raise_file_limit();
    let mut house = House::new(flags, &socket_path);
    house.take_over();
    house.serve(&listener.socket, &signals).map_err(|error| format!("Error: {}", io_cause(&error)))
}

/// Every lease keeps a namespace open, and distributions allow few open files by default.
fn raise_file_limit() {
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        // Without it there are just fewer leases.
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
}

fn hold_back_signals() -> nix::Result<SignalFd> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT].into_iter().collect();
    signals.thread_block()?;
    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// The file that says which process the daemon is; removed in the end.
struct PidFile<'p>(&'p str);

impl<'p> PidFile<'p> {
    fn write(path: &'p str) -> Result<Option<Self>, String> {
        if path.is_empty() {
            return Ok(None);
        }
        let failed = |why: String| format!("Error writing pidfile {}: {why}", quote(path));
        if !Path::new(path).is_absolute() {
            return Err(failed("path not absolute".to_owned()));
        }
        let written = || -> io::Result<()> {
            let file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(path);
            file?.write_all(std::process::id().to_string().as_bytes())
        };
        written().map_err(|error| failed(format!("open {path}: {}", io_cause(&error))))?;
        Ok(Some(Self(path)))
    }
}

impl Drop for PidFile<'_> {
    fn drop(&mut self) {
        // It only says what no longer is.
        let _ = fs::remove_file(self.0);
    }
}

/// Writes a line to the log, which is standard error.
fn log(text: &str) {
    print_error(&format!("{} {text}", clock::stamp()));
}
