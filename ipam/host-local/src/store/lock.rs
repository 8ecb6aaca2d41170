//! The lock on a network's folder, the one that the reference takes.

use std::fs::File;
use std::io;

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result, quote};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::folder::{Folder, failed};

/// The file that is locked.
const NAME: &str = "lock";

/// Held as long as the value lives.
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of a folder.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or opened, with the bare cause as the reference has it, or not
    /// be locked.
    pub fn take(folder: &Folder) -> Result<Self> {
        let path = folder.path().join(NAME);
        let file = open(folder).map_err(|error| {
            let details = format!("open {}", quote(&path.to_string_lossy()));
            Error::internal(io_cause(&error)).with_details(details)
        })?;
        loop {
            match file.lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => (),
                Err(error) => return Err(failed("lock", &path, &error)),
            }
        }
    }
}

fn open(folder: &Folder) -> io::Result<File> {
    let open = |more: OFlag| {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | more;
        openat(&folder.file, NAME, flags, Mode::from_bits_truncate(0o750))
    };
    let file = match open(OFlag::empty()) {
        Err(Errno::ENOENT) => {
            fault_point::effect("make the store's lock file")?;
            open(OFlag::O_CREAT)
        }
        other => other,
    };
    Ok(File::from(file?))
}
