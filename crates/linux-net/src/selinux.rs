//! The SELinux context of processes to be started.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::write;

use crate::errno_text::errno_text;
use crate::{Error, Result};

/// Holds the context that the processes started by this thread get.
const PATH: &str = "/proc/thread-self/attr/exec";

/// Runs `work`, in which the processes started by the calling thread get the SELinux context
/// `context`.
///
/// A tap device is labelled with the context of the process that makes it; the context for new
/// sockets does not count (`selinux_tun_dev_create` in the kernel's `security/selinux/hooks.c`).
///
/// # Errors
///
/// When there is no SELinux, or it does not know the context; then `work` did not run.
pub fn with_exec_context<T>(context: &str, work: impl FnOnce() -> T) -> Result<T> {
    let refusal = |call: &str, errno: Errno| {
        let short = format!("{call} {PATH}: {}", errno_text(errno));
        Error::new("set", format!("exec context {context:?}"), errno).with_short(short)
    };
    let file = open(PATH, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())
        .map_err(|errno| refusal("open", errno))?;
    write(&file, context.as_bytes()).map_err(|errno| refusal("write", errno))?;
    let _way_back = Reset(file);
    Ok(work())
}

/// Goes back to the context that the policy chooses, also when the work panics.
struct Reset(OwnedFd);

impl Drop for Reset {
    fn drop(&mut self) {
        // SELinux, which has just taken a context, takes none as well.
        let _ = write(&self.0, &[]);
    }
}
