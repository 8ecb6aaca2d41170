//! A file that a plugin keeps about an attachment: whole or not there, whatever is killed when.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::{Draft, Error, Result, quote};
use nix::fcntl::OFlag;

/// A file by its folder and name, there or not; nobody but its owner can read it.
#[derive(Debug, Clone)]
pub struct StateFile {
    folder: PathBuf,
    name: String,
}

impl StateFile {
    /// Names a file.
    pub fn new(folder: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { folder: folder.into(), name: name.into() }
    }

    /// Lists the files of a folder, which need not exist, sorted by name. One of which only a draft
    /// is left, by a kill, is among them.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn list(folder: &Path) -> Result<Vec<Self>> {
        let failed = |error: io::Error| failed("read", folder, &error);
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut files = Vec::new();
        for entry in entries {
            // Files of this kind have names that are text.
            let Ok(name) = entry.map_err(failed)?.file_name().into_string() else { continue };
            let name = name.strip_prefix(Draft::PREFIX).unwrap_or(&name);
            files.push(Self::new(folder, name));
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        files.dedup_by(|a, b| a.name == b.name);
        Ok(files)
    }

    /// The name in its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole path.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// Where a killed write may have left its content.
    fn draft(&self) -> PathBuf {
        self.folder.join(format!("{}{}", Draft::PREFIX, self.name))
    }

    /// Reads the file; `None` when there is none. A symbolic link is not followed.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub fn read(&self) -> Result<Option<Vec<u8>>> {
        match read(&self.path()) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path(), &error)),
        }
    }

    /// Reads the file, or else the draft of one that was killed before it was there, for whoever
    /// has to find out whose it is. What cannot be read says nothing.
    pub fn read_any(&self) -> Vec<u8> {
        read(&self.path()).or_else(|_| read(&self.draft())).unwrap_or_default()
    }

    /// Puts the content in the place of what there is, making the folder where it is missing.
    ///
    /// # Errors
    ///
    /// When it cannot be written; what there was is there still.
    pub fn write(&self, content: &[u8]) -> Result<()> {
        let written = self.ensure_folder().and_then(|folder| {
            fault_point::effect("write a state file")?;
            Draft::durable(&folder, content)?.replace(&folder, &self.name)
        });
        written.map_err(|error| failed("write", &self.path(), &error))
    }

    fn ensure_folder(&self) -> io::Result<File> {
        match File::open(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fault_point::effect("make the folder of a state file")?;
                DirBuilder::new().recursive(true).mode(0o755).create(&self.folder)?;
                File::open(&self.folder)
            }
            folder => folder,
        }
    }

    /// Removes the file and what a killed write left. Gone is success.
    ///
    /// # Errors
    ///
    /// When one of them is still there.
    pub fn remove(&self) -> Result<()> {
        fault_point::effect("remove a state file")
            .map_err(|error| failed("remove", &self.path(), &error))?;
        for path in [self.draft(), self.path()] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(failed("remove", &path, &error));
                }
                _ => (),
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let no_link = OFlag::O_NOFOLLOW.bits();
    let mut file = OpenOptions::new().read(true).custom_flags(no_link).open(path)?;
    file.read_to_end(&mut content)?;
    Ok(content)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let path = quote(&path.to_string_lossy());
    Error::internal(format!("{what} {path}: {}", io_cause(error)))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_written_read_and_removed() {
        let root = tempfile::tempdir().expect("a folder");
        let folder = root.path().join("a/b");
        let file = StateFile::new(&folder, "c1.json");
        assert_eq!(file.read(), Ok(None));
        assert_eq!(file.remove(), Ok(()));
        for content in [&b"first"[..], b"2nd"] {
            assert_eq!(file.write(content), Ok(()));
            assert_eq!(file.read(), Ok(Some(content.to_owned())));
        }
        assert_eq!(names(&folder), ["c1.json"]);
        let mode = fs::metadata(file.path()).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(file.remove(), Ok(()));
        assert_eq!(names(&folder), [""; 0]);
    }

    #[test]
    fn what_a_killed_write_left_is_no_obstacle() {
        let root = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(root.path(), "c1.json");
        let leave = || symlink("/nonexistent/target", file.draft()).expect("a link");
        leave();
        assert_eq!(file.remove(), Ok(()));
        for content in [b"1", b"2"] {
            leave();
            assert_eq!(file.write(content), Ok(()));
            assert_eq!(file.read(), Ok(Some(content.to_vec())));
            assert_eq!(file.remove(), Ok(()));
            assert_eq!(names(root.path()), [""; 0]);
        }
    }

    #[test]
    fn a_link_is_neither_read_nor_written_through() {
        let root = tempfile::tempdir().expect("a folder");
        let target = StateFile::new(root.path(), "target");
        assert_eq!(target.write(b"precious"), Ok(()));
        let file = StateFile::new(root.path(), "c1.json");
        symlink(target.path(), file.path()).expect("a link");
        let refused = file.read().expect_err("a link").msg;
        assert!(refused.contains("c1.json\": too many symbolic links"), "{refused}");
        assert_eq!(file.write(b"x"), Ok(()));
        assert_eq!(target.read(), Ok(Some(b"precious".to_vec())));
        assert_eq!(file.remove(), Ok(()));
        assert_eq!(names(root.path()), ["target"]);
    }

    #[test]
    fn a_failed_write_leaves_what_there_was() {
        let root = tempfile::tempdir().expect("a folder");
        let file = StateFile::new(root.path(), "c1.json");
        fs::create_dir(file.path()).expect("a folder in the file's place");
        let refused = file.write(b"x").expect_err("no file can be there").msg;
        assert!(refused.starts_with("write \"/"), "{refused}");
        assert_eq!(names(root.path()), ["c1.json"]);
    }

    #[test]
    fn a_folder_lists_files_and_drafts_of_killed_writes() {
        let root = tempfile::tempdir().expect("a folder");
        assert!(StateFile::list(&root.path().join("absent")).expect("an empty list").is_empty());
        assert_eq!(StateFile::new(root.path(), "c1.json").write(b"1"), Ok(()));
        let killed = StateFile::new(root.path(), "c2.json");
        assert_eq!(killed.write(b"2"), Ok(()));
        fs::rename(killed.path(), killed.draft()).expect("renamed");
        let files = StateFile::list(root.path()).expect("a list");
        let found: Vec<_> = files.iter().map(|file| (file.name(), file.read_any())).collect();
        assert_eq!(found, [("c1.json", b"1".to_vec()), ("c2.json", b"2".to_vec())]);
        assert!(files.iter().all(|file| file.remove().is_ok()));
        assert_eq!(names(root.path()), [""; 0]);
    }
}
