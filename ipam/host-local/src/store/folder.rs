//! The folder of a network: its files by name.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::net::IpAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::{Draft, Error, Result, quote};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use super::record::{Holder, Record};

/// An open folder.
pub struct Folder {
    path: PathBuf,
    pub(super) file: File,
}

impl Folder {
    /// The path of a network's folder.
    pub fn path_of(data_dir: &str, network: &str) -> PathBuf {
        Path::new(data_dir).join(network)
    }

    /// Opens the folder of a network, making it and those above it where they are missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made or opened.
    pub fn ensure(data_dir: &str, network: &str) -> Result<Self> {
        if let Some(folder) = Self::find(data_dir, network)? {
            return Ok(folder);
        }
        let path = Self::path_of(data_dir, network);
        let made = fault_point::effect("make the store's folder")
            .and_then(|()| DirBuilder::new().recursive(true).mode(0o755).create(&path));
        made.and_then(|()| Self::open(path.clone())).map_err(|error| failed("make", &path, &error))
    }

    /// Opens the folder of a network if there is one.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be opened.
    pub fn find(data_dir: &str, network: &str) -> Result<Option<Self>> {
        let path = Self::path_of(data_dir, network);
        match Self::open(path.clone()) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("open", &path, &error)),
        }
    }

    fn open(path: PathBuf) -> io::Result<Self> {
        let directory = OFlag::O_DIRECTORY.bits();
        let file = OpenOptions::new().read(true).custom_flags(directory).open(&path)?;
        Ok(Self { path, file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The names of all files that are named after an address.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn names(&self) -> io::Result<Vec<String>> {
        self.names_that(|name| name.parse::<IpAddr>().is_ok())
    }

    /// The names of drafts, which only a killed process leaves, and only where drafts need names.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn drafts(&self) -> io::Result<Vec<String>> {
        self.names_that(|name| name.starts_with(Draft::PREFIX))
    }

    fn names_that(&self, wanted: fn(&str) -> bool) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            if let Ok(name) = entry?.file_name().into_string()
                && wanted(&name)
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Reads who holds the address of a file; `None` when there is no such file, or none that can
    /// be read.
    pub fn record(&self, name: String) -> Option<Record> {
        let content = self.read(&name).ok()?;
        Some(Record { holder: Holder::of(&content), name })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be read.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
        let mut file = File::from(openat(&self.file, name, flags, Mode::empty())?);
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        Ok(content)
    }

    /// Whether an address can be taken: there is no file, or an empty one, which nobody holds.
    ///
    /// # Errors
    ///
    /// When the folder cannot be searched.
    pub fn is_free(&self, name: &str) -> io::Result<bool> {
        let regular = |stat: FileStat| stat.st_mode & SFlag::S_IFMT.bits() == SFlag::S_IFREG.bits();
        Ok(self.stat(name)?.is_none_or(|stat| stat.st_size == 0 && regular(stat)))
    }

    /// Looks at a file; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When the folder cannot be searched.
    pub(super) fn stat(&self, name: &str) -> io::Result<Option<FileStat>> {
        match fstatat(self.file.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Removes a file. Gone is success.
    ///
    /// # Errors
    ///
    /// When the file is still there.
    pub fn unlink(&self, name: &str) -> io::Result<()> {
        fault_point::effect("remove a file of the store")?;
        match unlinkat(&self.file, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// The error of an operation on the store.
pub fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let path = quote(&path.to_string_lossy());
    Error::internal(format!("{what} {path}: {}", io_cause(error)))
}
