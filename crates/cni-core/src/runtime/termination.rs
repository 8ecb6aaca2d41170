//! SIGTERM and SIGINT during ADD: held back until the stack of undo steps can be run.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

use crate::spec::error::{Error, Result};

/// Signals that wait for a point where everything made so far is owned.
pub(super) struct Termination(Option<SignalFd>);

impl Termination {
    /// Holds the signals back, from children too: what a delegate has begun it ends, and a Ctrl-C
    /// that reaches both processes is answered once, here.
    pub(super) fn hold_back() -> Self {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGTERM);
        signals.add(Signal::SIGINT);
        // Without the ability to hold signals back they simply end the process, as by default.
        Self(
            signals
                .thread_block()
                .and_then(|()| {
                    SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
                })
                .ok(),
        )
    }

    /// Fails when a signal has come in the meantime.
    pub(super) fn check(&self) -> Result<()> {
        match self.0.as_ref().map(SignalFd::read_signal) {
            Some(Ok(Some(_))) => {
                Err(Error::internal("terminated by a signal before ADD was complete"))
            }
            _ => Ok(()),
        }
    }
}
