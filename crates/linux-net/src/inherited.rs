//! Descriptors that the process was started with.

use std::os::fd::{BorrowedFd, OwnedFd, RawFd};

use nix::sys::stat::{SFlag, fstat};

use crate::{Error, Result};

/// Takes a socket that the process was started with, by its number. The number itself stays open.
///
/// # Errors
///
/// When there is none of this number, or it is no socket.
pub fn inherited_socket(number: RawFd) -> Result<OwnedFd> {
    let failed = |errno| Error::new("take over", format!("descriptor {number}"), errno);
    #[expect(unsafe_code, reason = "a number is all that the parent hands over")]
    // SAFETY: borrowed for two system calls, both of which refuse a number that is not open; what
    // is kept is a descriptor of our own.
    let inherited = unsafe { BorrowedFd::borrow_raw(number) };
    let kind = SFlag::from_bits_truncate(fstat(inherited).map_err(failed)?.st_mode);
    if !kind.contains(SFlag::S_IFSOCK) {
        return Err(failed(nix::errno::Errno::ENOTSOCK));
    }
    let own = inherited.try_clone_to_owned();
    own.map_err(|error| failed(nix::errno::Errno::from_raw(error.raw_os_error().unwrap_or(0))))
}
