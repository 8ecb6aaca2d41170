//! A file that gets its name only when its content is complete.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::time::{SystemTime, UNIX_EPOCH};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

/// A written file, readable for its owner alone. It can get several names, for the several things
/// it says something about: they are links to one file then, written and synced once.
pub struct Draft {
    file: File,
    /// The draft's own name and its folder, where a file cannot be without a name.
    named: Option<(OwnedFd, String)>,
}

impl Draft {
    /// How drafts are named on filesystems where they need a name, and while they replace a file.
    pub const PREFIX: &str = ".draft-";

    /// Writes a file that a crash of the machine leaves whole or not at all: its content is on disk
    /// before it has a name.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn durable(folder: impl AsFd, content: impl AsRef<[u8]>) -> io::Result<Self> {
        let draft = Self::new(folder, content)?;
        draft.sync()?;
        Ok(draft)
    }

    /// Writes a file that a crash of the machine may leave empty.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(folder: impl AsFd, content: impl AsRef<[u8]>) -> io::Result<Self> {
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let mut draft = match openat(&folder, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            Ok(file) => Self { file: file.into(), named: None },
            // open(2): kernels and filesystems that do not know O_TMPFILE say one of these.
            Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOENT) => Self::named(folder)?,
            Err(errno) => return Err(errno.into()),
        };
        draft.file.write_all(content.as_ref())?;
        Ok(draft)
    }

    /// Writes the content and the mode to disk.
    ///
    /// # Errors
    ///
    /// When the disk does not take them.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Lets others read or run the file.
    ///
    /// # Errors
    ///
    /// When the filesystem refuses.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.file.set_permissions(Permissions::from_mode(mode))
    }

    /// Makes an empty draft with a name of its own.
    fn named(folder: impl AsFd) -> io::Result<Self> {
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("{}{}-{}", Self::PREFIX, std::process::id(), nanoseconds.as_nanos());
        let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        fault_point::effect("make a draft")?;
        let file = openat(&folder, name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
        Ok(Self { file: file.into(), named: Some((folder.as_fd().try_clone_to_owned()?, name)) })
    }

    /// Gives the file a name; `false` when the name is taken.
    ///
    /// # Errors
    ///
    /// Whatever else keeps the name from being given.
    pub fn link_as(&self, folder: impl AsFd, name: &str) -> io::Result<bool> {
        fault_point::effect("give a file its name")?;
        let linked = match &self.named {
            Some((drafts, draft)) => {
                linkat(drafts, draft.as_str(), &folder, name, AtFlags::empty())
            }
            // open(2) shows this way for a file without a name.
            None => {
                let path = format!("/proc/self/fd/{}", self.file.as_raw_fd());
                let flags = AtFlags::AT_SYMLINK_FOLLOW;
                linkat(AT_FDCWD, path.as_str(), &folder, name, flags)
            }
        };
        match linked {
            Ok(()) => Ok(true),
            Err(Errno::EEXIST) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Gives the file a name, in the place of the file that may have it: nobody ever sees neither.
    ///
    /// # Errors
    ///
    /// Whatever keeps the name from being given; then the old file is still there.
    pub fn replace(&self, folder: impl AsFd, name: &str) -> io::Result<()> {
        if self.link_as(&folder, name)? {
            return Ok(());
        }
        // Of the processes killed here there is at most one such file, in the way of the next.
        let waiting = format!("{}{name}", Self::PREFIX);
        if !self.link_as(&folder, &waiting)? {
            unlinkat(&folder, waiting.as_str(), UnlinkatFlags::NoRemoveDir)?;
            self.link_as(&folder, &waiting)?;
        }
        let replaced = fault_point::effect("replace a file")
            .and_then(|()| Ok(renameat(&folder, waiting.as_str(), &folder, name)?));
        if replaced.is_err() {
            // The first failure is the one to report.
            let _ = unlinkat(&folder, waiting.as_str(), UnlinkatFlags::NoRemoveDir);
        }
        replaced
    }

    /// Whether the file of a name is this one.
    ///
    /// # Errors
    ///
    /// When one of them cannot be looked at.
    pub fn is_linked_as(&self, folder: impl AsFd, name: &str) -> io::Result<bool> {
        // Its number cannot have been given to another file: this one is still open.
        let inode = self.file.metadata()?.ino();
        match fstatat(folder, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(stat.st_ino == inode),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder and what is in it: name and content, sorted.
    struct World(tempfile::TempDir);

    impl World {
        fn new() -> Self {
            Self(tempfile::tempdir().expect("a folder"))
        }

        fn folder(&self) -> File {
            File::open(self.0.path()).expect("the folder")
        }

        fn files(&self) -> Vec<(String, String)> {
            let entries = std::fs::read_dir(self.0.path()).expect("the folder");
            let read = |entry: std::fs::DirEntry| {
                let content = std::fs::read_to_string(entry.path()).expect("a file");
                (entry.file_name().into_string().expect("text"), content)
            };
            let mut files: Vec<_> = entries.map(|entry| read(entry.expect("an entry"))).collect();
            files.sort();
            files
        }
    }

    fn file(name: &str, content: &str) -> (String, String) {
        (name.to_owned(), content.to_owned())
    }

    #[test]
    fn a_draft_is_seen_when_it_is_complete_under_any_number_of_names() {
        let world = World::new();
        let draft = Draft::durable(world.folder(), "one").expect("a draft");
        assert_eq!(world.files(), []);
        assert!(draft.link_as(world.folder(), "a").expect("linked"));
        draft.replace(world.folder(), "b").expect("linked");
        assert_eq!(world.files(), [file("a", "one"), file("b", "one")]);
        let other = Draft::new(world.folder(), "two").expect("a draft");
        assert!(!other.link_as(world.folder(), "a").expect("refused"));
        assert!(draft.is_linked_as(world.folder(), "a").expect("seen"));
        assert!(!other.is_linked_as(world.folder(), "a").expect("seen"));
        assert!(!other.is_linked_as(world.folder(), "c").expect("seen"));
    }

    #[test]
    fn a_draft_takes_the_place_of_a_file_and_of_what_a_killed_process_left() {
        let world = World::new();
        let replace = |content: &str| {
            let draft = Draft::durable(world.folder(), content).expect("a draft");
            draft.replace(world.folder(), "a").expect("replaced");
        };
        replace("one");
        replace("two");
        assert_eq!(world.files(), [file("a", "two")]);
        let killed = Draft::new(world.folder(), "killed").expect("a draft");
        assert!(killed.link_as(world.folder(), ".draft-a").expect("linked"));
        replace("three");
        assert_eq!(world.files(), [file("a", "three")]);
    }

    #[test]
    fn a_draft_has_the_mode_it_is_given() {
        let world = World::new();
        let draft = Draft::new(world.folder(), "x").expect("a draft");
        draft.set_mode(0o755).expect("set");
        draft.replace(world.folder(), "a").expect("linked");
        let mode = std::fs::metadata(world.0.path().join("a")).expect("there").mode();
        assert_eq!(mode & 0o7777, 0o755);
    }

    #[test]
    fn a_draft_with_a_name_leaves_none_behind() {
        let world = World::new();
        let draft = Draft::named(world.folder()).expect("a draft");
        assert_eq!(world.files().len(), 1);
        assert!(draft.link_as(world.folder(), "a").expect("linked"));
        assert!(!draft.link_as(world.folder(), "a").expect("refused"));
        assert!(draft.is_linked_as(world.folder(), "a").expect("seen"));
        drop(draft);
        assert_eq!(world.files(), [file("a", "")]);
    }
}
