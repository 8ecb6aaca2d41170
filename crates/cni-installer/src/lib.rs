//! Puts executables into a folder that runtimes look into, each in a single step.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use anyhow::{Context, Result};
use cni_core::Draft;

/// Whoever may look into the folder may run what is in it.
const MODE: u32 = 0o755;

/// What became of one executable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is new, or in the place of another one.
    Installed,
    /// The same one was there.
    UpToDate,
}

/// The folder that gets the executables; what it has under other names stays as it is.
pub struct Folder {
    handle: File,
}

impl Folder {
    /// Opens a folder, making it where it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be made or opened.
    pub fn ensure(path: &Path) -> Result<Self> {
        let made = DirBuilder::new().recursive(true).mode(MODE).create(path);
        let handle = made.and_then(|()| File::open(path));
        Ok(Self { handle: handle.with_context(|| format!("open {}", path.display()))? })
    }

    /// Puts one executable in place. A runtime starts the old one or the new one, and never half of
    /// one; one that runs goes on; after a crash of the machine it is the old one or the new one.
    ///
    /// # Errors
    ///
    /// When it cannot be read or written; the old one is still there then.
    pub fn install(&self, executable: &Path, name: &str) -> Result<Outcome> {
        let content =
            fs::read(executable).with_context(|| format!("read {}", executable.display()))?;
        self.put(&content, name).with_context(|| format!("install {name}"))
    }

    fn put(&self, content: &[u8], name: &str) -> io::Result<Outcome> {
        if self.has(content, name) {
            return Ok(Outcome::UpToDate);
        }
        let draft = Draft::new(&self.handle, content)?;
        draft.set_mode(MODE)?;
        draft.sync()?;
        draft.replace(&self.handle, name)?;
        self.handle.sync_all()?;
        Ok(Outcome::Installed)
    }

    /// Whether the same executable is there already: a file, no link to one elsewhere.
    fn has(&self, content: &[u8], name: &str) -> bool {
        use std::os::fd::AsRawFd;

        let path = format!("/proc/self/fd/{}/{name}", self.handle.as_raw_fd());
        fs::symlink_metadata(&path).is_ok_and(|there| {
            there.is_file()
                && there.permissions().mode() & 0o777 == MODE
                && there.len() == content.len() as u64
        }) && fs::read(&path).is_ok_and(|there| there == content)
    }
}
