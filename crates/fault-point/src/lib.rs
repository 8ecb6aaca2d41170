//! Where the fault suite may fail or kill a plugin; empty in every other build.
//!
//! Every side effect of every plugin passes [`effect`] right before it happens.
//! With the feature `inject`, `CNI_FAULT=<executable>:<fail|kill>:<n>` makes the n-th effect
//! (counted from 1) of the executable of that name fail with `EIO`, or kills the process there.
//! `CNI_FAULT_MARK` names a file in which the fault writes what it hit; a fault that finds the
//! file is over, so that it hits one effect however many processes take part.

#![cfg_attr(
    feature = "inject",
    expect(
        clippy::disallowed_methods,
        reason = "the fault suite tells its wish by the environment, and a kill is an abort"
    )
)]

use std::io;

/// Announces that `what` is about to happen.
///
/// # Errors
///
/// Only in the fault suite's build, and only for the chosen effect.
#[cfg(not(feature = "inject"))]
#[inline(always)]
pub fn effect(_what: &str) -> io::Result<()> {
    Ok(())
}

/// Announces that `what` is about to happen.
///
/// # Errors
///
/// Only in the fault suite's build, and only for the chosen effect.
#[cfg(feature = "inject")]
pub fn effect(what: &str) -> io::Result<()> {
    use std::sync::atomic::{AtomicUsize, Ordering};

    static EFFECTS: AtomicUsize = AtomicUsize::new(0);
    let Some((mode, chosen)) = chosen_fault() else {
        return Ok(());
    };
    if EFFECTS.fetch_add(1, Ordering::SeqCst) + 1 != chosen {
        return Ok(());
    }
    if !leave_mark(what) {
        return Ok(());
    }
    match mode {
        Mode::Fail => Err(io::Error::other(format!("injected fault before: {what}"))),
        Mode::Kill => std::process::abort(),
    }
}

/// Writes down what the fault hits; tells whether it is the first to do so.
#[cfg(feature = "inject")]
fn leave_mark(what: &str) -> bool {
    use std::io::Write;

    let Some(file) = std::env::var_os("CNI_FAULT_MARK") else {
        return true;
    };
    let made = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    made.is_ok_and(|mut file| file.write_all(what.as_bytes()).is_ok())
}

#[cfg(feature = "inject")]
enum Mode {
    Fail,
    Kill,
}

/// Reads `CNI_FAULT`; `None` when it is unset or names another executable.
#[cfg(feature = "inject")]
fn chosen_fault() -> Option<(Mode, usize)> {
    let fault = std::env::var("CNI_FAULT").ok()?;
    let mut parts = fault.split(':');
    let executable = parts.next()?;
    let own = std::env::args().next()?;
    if own.rsplit('/').next() != Some(executable) {
        return None;
    }
    let mode = match parts.next()? {
        "fail" => Mode::Fail,
        "kill" => Mode::Kill,
        _ => return None,
    };
    Some((mode, parts.next()?.parse().ok()?))
}
