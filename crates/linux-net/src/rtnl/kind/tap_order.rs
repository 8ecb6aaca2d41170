//! A tap device made by a process for that alone, so that it gets that process's SELinux context.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::errno::Errno;

use super::tap::{Refused, SET_INTERFACE, set_interface};
use crate::IfName;

/// The first argument of such a process; the device's name and flags follow.
const ORDER: &str = "--make-tap-device";

/// Has the device made by another process of this executable, which gets `file` as its standard
/// input. Everything else about the device is done through `file`, by this process.
pub(super) fn give(
    file: &OwnedFd,
    name: &IfName,
    flags: libc::c_int,
) -> std::result::Result<(), Refused> {
    let refused = |error: io::Error| {
        let errno = error.raw_os_error().map_or(Errno::EIO, Errno::from_raw);
        ("start of another process failed", errno)
    };
    #[expect(clippy::disallowed_methods, reason = "a context is changed by starting a process")]
    let mut process = Command::new("/proc/self/exe");
    let status = process
        // An executable with several plugins goes by the name it is started under.
        .arg0("tap")
        .args([ORDER, name.as_str(), &flags.to_string()])
        .env_clear()
        .stdin(file.try_clone().map_err(refused)?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .map_err(refused)?;
    match status.code() {
        Some(0) => Ok(()),
        Some(errno) => Err((SET_INTERFACE, Errno::from_raw(errno))),
        None => Err((SET_INTERFACE, Errno::EINTR)),
    }
}

/// Makes the tap device that [`Tap::create_by_another_process`] has started this process for, and
/// returns the exit status; `None` when `arguments`, those after the executable, say otherwise.
///
/// To be asked before anything else by every executable that makes tap devices in this way.
///
/// [`Tap::create_by_another_process`]: crate::Tap::create_by_another_process
pub fn obey(arguments: &[String]) -> Option<u8> {
    let [order, name, flags] = arguments else { return None };
    if order != ORDER {
        return None;
    }
    let outcome = match (IfName::try_from(name.as_str()), flags.parse()) {
        (Ok(name), Ok(flags)) => set_interface(&libc::STDIN_FILENO, &name, flags),
        _ => Err(Errno::EINVAL),
    };
    // Error numbers end at 133 (`asm-generic/errno.h`).
    Some(outcome.err().map_or(0, |errno| errno as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn obeyed(arguments: &[&str]) -> Option<u8> {
        obey(&arguments.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn other_arguments_are_no_order() {
        for arguments in [&[][..], &[ORDER], &[ORDER, "eth0"], &["add", "eth0", "4098"]] {
            assert_eq!(obeyed(arguments), None, "{arguments:?}");
        }
    }

    #[test]
    fn an_order_that_makes_no_sense_is_refused() {
        for (name, flags) in [("a/b", "4098"), ("eth0", "x")] {
            assert_eq!(obeyed(&[ORDER, name, flags]), Some(libc::EINVAL as u8), "{name} {flags}");
        }
    }
}
