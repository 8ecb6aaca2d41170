//! Network namespaces: open, compare, enter.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{FsType, PROC_SUPER_MAGIC, statfs};

use crate::errno_text::errno_text;
use crate::{Error, Result};

/// `NSFS_MAGIC` of `linux/magic.h`.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// The calling thread's own network namespace.
const CURRENT: &str = "/proc/thread-self/ns/net";

/// An open network namespace, which lives at least as long as this value.
#[derive(Debug)]
pub struct Netns {
    file: OwnedFd,
    path: PathBuf,
}

impl Netns {
    /// Opens the calling thread's namespace.
    ///
    /// # Errors
    ///
    /// When `/proc` is not mounted or may not be read.
    pub fn current() -> Result<Self> {
        Self::open_file(Path::new(CURRENT))
    }

    /// Opens the namespace bound to `path`.
    ///
    /// A procfs file that is no namespace passes and is found out by [`Netns::run`].
    ///
    /// # Errors
    ///
    /// `is_missing()` when nothing is at `path`; else when the file is no namespace or may not
    /// be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file_system = statfs(path).map_err(|errno| {
            let short = format!("failed to Statfs {path:?}: {}", errno_text(errno));
            Error::new("open", object(path), errno).with_short(short)
        })?;
        let magic = file_system.filesystem_type();
        if magic != NSFS_MAGIC && magic != PROC_SUPER_MAGIC {
            let short = format!("unknown FS magic on {path:?}: {:x}", magic.0);
            return Err(Error::without_errno("open", object(path), short));
        }
        Self::open_file(path)
    }

    /// Opens the namespace bound to `path`; `None` when it has gone, be it from its mount point only,
    /// which is an empty file.
    ///
    /// # Errors
    ///
    /// When the file is something else, or may not be opened.
    pub fn find(path: impl AsRef<Path>) -> Result<Option<Self>> {
        let path = path.as_ref();
        match Self::open(path) {
            Ok(netns) => Ok(Some(netns)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) if error.errno().is_none() && is_empty_file(path) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn open_file(path: &Path) -> Result<Self> {
        let file = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
        let file = file.map_err(|errno| {
            let short = format!("open {}: {}", path.display(), errno_text(errno));
            Error::new("open", object(path), errno).with_short(short)
        })?;
        Ok(Self { file, path: path.to_path_buf() })
    }

    /// Returns the path the namespace was opened at.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Tells whether both are the same namespace, whatever their paths.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell what the files are.
    pub fn is_same(&self, other: &Self) -> Result<bool> {
        Ok(self.id()? == other.id()?)
    }

    /// Returns what tells the namespace from others that exist at the same time: the numbers of
    /// its device and its inode.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell what the file is.
    pub fn id(&self) -> Result<(u64, u64)> {
        match fstat(&self.file) {
            Ok(status) => Ok((status.st_dev, status.st_ino)),
            Err(errno) => Err(Error::new("identify", object(&self.path), errno)),
        }
    }

    /// Runs `work` with the calling thread inside this namespace, then takes the thread back.
    ///
    /// Sockets that `work` opens stay in this namespace. The process is aborted when the way
    /// back fails: everything after would silently change the wrong namespace.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be entered; then `work` did not run.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> Result<T> {
        let home = Self::current()?;
        self.enter().map_err(|errno| {
            let path = self.path.display();
            let cause = errno_text(errno);
            let short =
                format!("error switching to ns {path}: Error switching to ns {path}: {cause}");
            Error::new("enter", object(&self.path), errno).with_short(short)
        })?;
        let _way_back = WayBack(home);
        Ok(work())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that enters and comes back")]
    fn enter(&self) -> nix::Result<()> {
        setns(&self.file, CloneFlags::CLONE_NEWNET)
    }
}

/// The lock on a namespace, which ends with this value or its process.
#[derive(Debug)]
pub struct NetnsLock(#[expect(dead_code, reason = "it is there to be dropped")] Flock<OwnedFd>);

/// Between two attempts to get the lock, which is held for a millisecond.
const LOCK_PAUSE: Duration = Duration::from_micros(500);

impl Netns {
    /// Waits until nobody else holds the lock on this namespace (`flock(2)`), at most `limit`.
    ///
    /// # Errors
    ///
    /// When somebody else holds it all the time.
    pub fn lock(&self, limit: Duration) -> Result<NetnsLock> {
        let failed = |errno| Error::new("lock", object(&self.path), errno);
        // A lock belongs to an open file, and its copies are the same one.
        let mut file = Self::open_file(&self.path)?.file;
        let deadline = Instant::now() + limit;
        loop {
            file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(lock) => return Ok(NetnsLock(lock)),
                Err((file, Errno::EAGAIN | Errno::EINTR)) if Instant::now() < deadline => file,
                Err((_, errno)) => return Err(failed(errno)),
            };
            thread::sleep(LOCK_PAUSE);
        }
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// Takes the thread back where it came from, also when the work panics.
struct WayBack(Netns);

impl Drop for WayBack {
    #[expect(clippy::disallowed_methods, reason = "undo steps in the wrong namespace do harm")]
    fn drop(&mut self) {
        if self.0.enter() != Ok(()) {
            std::process::abort();
        }
    }
}

fn is_empty_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.len() == 0)
}

fn object(path: &Path) -> String {
    format!("network namespace {path:?}")
}
