//! A file that gets its name only when its content is complete.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::folder::Folder;

/// How drafts are named on filesystems where they need a name; no address begins so.
pub const DRAFT_PREFIX: &str = ".draft-";

/// A written file. It can get several names, for the several addresses of one attachment: they are
/// links to one file then, written and synced once.
pub struct Draft {
    file: File,
    /// The draft's own name and its folder, where a file cannot be without a name.
    named: Option<(File, String)>,
}

impl Draft {
    /// Writes a file that a crash of the machine leaves whole or not at all: its content is on disk
    /// before it has a name.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn durable(folder: &Folder, content: &str) -> io::Result<Self> {
        let draft = Self::new(folder, content)?;
        draft.file.sync_data()?;
        Ok(draft)
    }

    /// Writes a file that a crash of the machine may leave empty.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(folder: &Folder, content: &str) -> io::Result<Self> {
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mut draft = match openat(&folder.file, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(file) => Self { file: file.into(), named: None },
            // open(2): kernels and filesystems that do not know O_TMPFILE say one of these.
            Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOENT) => Self::named(folder)?,
            Err(errno) => return Err(errno.into()),
        };
        draft.file.write_all(content.as_bytes())?;
        Ok(draft)
    }

    /// Makes an empty draft with a name of its own.
    pub(super) fn named(folder: &Folder) -> io::Result<Self> {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{DRAFT_PREFIX}{}-{}", std::process::id(), nanoseconds.as_nanos());
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        fault_point::effect("make a draft")?;
        let file = openat(&folder.file, name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Self { file: file.into(), named: Some((folder.file.try_clone()?, name)) })
    }

    /// Gives the file a name; `false` when the name is taken.
    ///
    /// # Errors
    ///
    /// Whatever else keeps the name from being given.
    pub fn link_as(&self, folder: &Folder, name: &str) -> io::Result<bool> {
        fault_point::effect("give a file of the store its name")?;
        let linked = match &self.named {
            Some((drafts, draft)) => {
                linkat(drafts, draft.as_str(), &folder.file, name, AtFlags::empty())
            }
            // open(2) shows this way for a file without a name.
            None => {
                let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let flags = AtFlags::AT_SYMLINK_FOLLOW;
                linkat(AT_FDCWD, path.as_str(), &folder.file, name, flags)
            }
        };
        match linked {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Whether the file of a name is this one.
    ///
    /// # Errors
    ///
    /// When one of them cannot be looked at.
    pub fn is_linked_as(&self, folder: &Folder, name: &str) -> io::Result<bool> {
        // Its number cannot have been given to another file: this one is still open.
        let inode = self.file.metadata()?.ino();
        Ok(folder.stat(name)?.is_some_and(|stat| stat.st_ino == inode))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if let Some((folder, name)) = &self.named {
            // One that stays is removed by GC.
            unlinkat(folder, name.as_str(), UnlinkatFlags::NoRemoveDir).unwrap_or_default();
        }
    }
}
