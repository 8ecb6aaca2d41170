//! One after the other, where the kernel or a tool cannot tell who was first.

use std::fs::{File, create_dir_all};
use std::io;

use cni_core::spec::error::io_cause;
use cni_core::{Error, Result, quote};

use super::marker::FOLDER;

/// Waits until it is nobody else's turn. The turn ends when the value is dropped, or its process.
///
/// # Errors
///
/// When the folder that stands for the turn cannot be had.
pub(crate) fn take() -> Result<File> {
    let turn = || -> io::Result<File> {
        create_dir_all(FOLDER)?;
        let folder = File::open(FOLDER)?;
        folder.lock()?;
        Ok(folder)
    };
    turn().map_err(|error| Error::internal(format!("lock {}: {}", quote(FOLDER), io_cause(&error))))
}
