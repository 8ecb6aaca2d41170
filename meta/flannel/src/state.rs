//! What an attachment was delegated with, kept for its DEL.
//!
//! The reference keeps one file for a container, `<container>`, so that of two interfaces only one
//! is ever cleaned up. Each attachment has a file of its own here, `<container>:<network>:<ifname>`
//! (no name contains a colon), and the one of the container's first attachment has the reference's
//! name as well: a node can be switched over, and back.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use cni_core::spec::conf::ValidAttachment;
use cni_core::spec::error::io_cause;
use cni_core::{Draft, Error, Result, quote};

use crate::plan::Plan;

/// The state of one attachment.
#[derive(Clone)]
pub(crate) struct State {
    folder: PathBuf,
    network: String,
    /// The file of this attachment.
    own: String,
    /// The file under the reference's name, this attachment's or another's.
    shared: String,
}

/// Whose the file under the reference's name is.
#[derive(PartialEq, Eq)]
enum Holder {
    Nobody,
    ThisAttachment,
    AnotherAttachment,
}

impl State {
    /// Names the state of an attachment.
    pub(crate) fn of(data_dir: &str, network: &str, container_id: &str, ifname: &str) -> Self {
        Self {
            folder: PathBuf::from(data_dir),
            network: network.to_owned(),
            own: format!("{container_id}:{network}:{ifname}"),
            shared: container_id.to_owned(),
        }
    }

    /// Reads it; `None` when there is none.
    ///
    /// # Errors
    ///
    /// When it is there and cannot be read.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>> {
        match self.read_file(&self.own)? {
            Some(content) => Ok(Some(content)),
            None if self.holder_of_shared()? == Holder::ThisAttachment => {
                self.read_file(&self.shared)
            }
            None => Ok(None),
        }
    }

    /// Writes it: a crash leaves it whole or not at all.
    ///
    /// # Errors
    ///
    /// When it cannot be written; what there was is there still.
    pub(crate) fn write(&self, content: &[u8]) -> Result<()> {
        let holder = self.holder_of_shared()?;
        let written = self.ensure_folder().and_then(|folder| {
            let draft = Draft::durable(&folder, content)?;
            draft.replace(&folder, &self.own)?;
            match holder {
                Holder::AnotherAttachment => Ok(()),
                Holder::Nobody | Holder::ThisAttachment => draft.replace(&folder, &self.shared),
            }
        });
        written.map_err(|error| failed("write", &self.folder.join(&self.own), &error))
    }

    /// Removes it, and what a killed process left of it. Gone is success.
    ///
    /// # Errors
    ///
    /// When it is still there.
    pub(crate) fn remove(&self) -> Result<()> {
        if self.holder_of_shared()? == Holder::ThisAttachment {
            self.remove_file(&self.shared)?;
        }
        self.remove_file(&self.own)
    }

    /// A file with a single name is the reference's, and tells no more than the network.
    fn holder_of_shared(&self) -> Result<Holder> {
        let Some(shared) = self.find_inode(&self.shared)? else { return Ok(Holder::Nobody) };
        let is_this = if shared.names == 1 {
            let plan = self.read_file(&self.shared)?.and_then(|content| Plan::read(&content));
            plan.is_none_or(|plan| plan.configuration["name"] == self.network.as_str())
        } else {
            self.find_inode(&self.own)?.is_some_and(|own| own.number == shared.number)
        };
        Ok(if is_this { Holder::ThisAttachment } else { Holder::AnotherAttachment })
    }

    fn ensure_folder(&self) -> io::Result<File> {
        match File::open(&self.folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fault_point::effect("make the folder of states")?;
                DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
                File::open(&self.folder)
            }
            folder => folder,
        }
    }

    fn read_file(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let path = self.folder.join(name);
        found(fs::read(&path)).map_err(|error| failed("read", &path, &error))
    }

    fn find_inode(&self, name: &str) -> Result<Option<Inode>> {
        let path = self.folder.join(name);
        let metadata = found(fs::metadata(&path)).map_err(|error| failed("read", &path, &error))?;
        Ok(metadata.map(|file| Inode { number: file.ino(), names: file.nlink() }))
    }

    fn remove_file(&self, name: &str) -> Result<()> {
        for name in [&format!("{}{name}", Draft::PREFIX), name] {
            let path = self.folder.join(name);
            let removed =
                fault_point::effect("remove a state").and_then(|()| fs::remove_file(&path));
            found(removed).map_err(|error| failed("remove", &path, &error))?;
        }
        Ok(())
    }
}

/// A file behind its names.
struct Inode {
    number: u64,
    names: u64,
}

/// Turns absence into `None`.
fn found<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Error {
    let path = quote(&path.to_string_lossy());
    Error::internal(format!("{what} {path}: {}", io_cause(error)))
}

/// The states of a network's attachments that are not `valid`. Those in the reference's files are
/// stale when the container has no valid attachment at all.
///
/// # Errors
///
/// When the folder is there and cannot be read.
pub(crate) fn stale(
    data_dir: &str,
    network: &str,
    valid: &[ValidAttachment],
) -> Result<Vec<State>> {
    let folder = Path::new(data_dir);
    let unreadable = |error| failed("read", folder, &error);
    let mut states = Vec::new();
    for entry in found(fs::read_dir(folder)).map_err(unreadable)?.into_iter().flatten() {
        let name = entry.map_err(unreadable)?.file_name();
        let name = name.to_string_lossy();
        let (container_id, ifname) = match name.split(':').collect::<Vec<_>>()[..] {
            [container_id, of, ifname] if of == network => (container_id, Some(ifname)),
            [container_id] => (container_id, None),
            _ => continue,
        };
        let is_valid = valid.iter().any(|valid| {
            valid.container_id == container_id && ifname.is_none_or(|ifname| valid.ifname == ifname)
        });
        let state = State::of(data_dir, network, container_id, ifname.unwrap_or_default());
        if !is_valid && state.read()?.is_some() {
            states.push(state);
        }
    }
    Ok(states)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(root: &tempfile::TempDir, network: &str, ifname: &str) -> State {
        State::of(&root.path().join("a/b").to_string_lossy(), network, "c1", ifname)
    }

    fn files(root: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(root.path().join("a/b")).expect("the folder").flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Writes what the reference would.
    fn put(root: &tempfile::TempDir, text: &str) {
        let folder = File::open(root.path().join("a/b")).expect("the folder");
        let draft = Draft::new(&folder, text).expect("a draft");
        draft.replace(&folder, "c1").expect("the name");
    }

    #[test]
    fn each_attachment_has_a_state_and_the_first_one_two_names() {
        let root = tempfile::tempdir().expect("a folder");
        let (one, two) = (state(&root, "net1", "eth0"), state(&root, "net1", "eth1"));
        assert_eq!(one.read(), Ok(None));
        assert_eq!(one.remove(), Ok(()));
        for text in ["one", "again"] {
            assert_eq!(one.write(text.as_bytes()), Ok(()));
            assert_eq!(two.read().map(|found| found.is_some()), Ok(text == "again"));
            assert_eq!(two.write(b"two"), Ok(()));
        }
        assert_eq!(files(&root), ["c1", "c1:net1:eth0", "c1:net1:eth1"]);
        assert_eq!(state(&root, "net2", "eth2").read(), Ok(None));
        assert_eq!(two.remove(), Ok(()));
        assert_eq!(two.read(), Ok(None), "the other's is not its");
        assert_eq!(one.read(), Ok(Some(b"again".to_vec())));
        assert_eq!(one.remove(), Ok(()));
        assert_eq!(files(&root), [""; 0]);
        assert_eq!(one.remove(), Ok(()));
    }

    #[test]
    fn the_file_of_the_reference_is_the_state_of_its_network() {
        let root = tempfile::tempdir().expect("a folder");
        let (one, other) = (state(&root, "net1", "eth0"), state(&root, "net2", "eth1"));
        assert_eq!(other.write(b"other"), Ok(()));
        assert_eq!(other.remove(), Ok(()));
        let text = r#"{"name":"net1","type":"bridge"}"#;
        put(&root, text);
        assert_eq!(other.read(), Ok(None));
        assert_eq!(other.write(b"other"), Ok(()));
        assert_eq!(other.remove(), Ok(()));
        assert_eq!(one.read(), Ok(Some(text.as_bytes().to_vec())));
        assert_eq!(one.remove(), Ok(()));
        assert_eq!(files(&root), [""; 0]);
        // A crash of the reference leaves an empty file, which is anybody's.
        put(&root, "");
        assert_eq!(one.read(), Ok(Some(Vec::new())));
        assert_eq!(one.remove(), Ok(()));
        assert_eq!(files(&root), [""; 0]);
    }

    #[test]
    fn only_attachments_that_are_not_valid_are_stale() {
        let root = tempfile::tempdir().expect("a folder");
        let data_dir = root.path().join("a/b").to_string_lossy().into_owned();
        let stale = |valid: &[(&str, &str)]| {
            let valid: Vec<_> = valid
                .iter()
                .map(|(container_id, ifname)| ValidAttachment {
                    container_id: (*container_id).to_owned(),
                    ifname: (*ifname).to_owned(),
                })
                .collect();
            let states = stale(&data_dir, "net1", &valid).expect("the folder");
            let mut names: Vec<_> = states.into_iter().map(|state| state.own).collect();
            names.sort();
            names
        };
        assert_eq!(stale(&[]), [""; 0]);
        for (network, ifname) in [("net1", "eth0"), ("net1", "eth1"), ("net2", "eth2")] {
            assert_eq!(state(&root, network, ifname).write(b"x"), Ok(()));
        }
        assert_eq!(stale(&[]), ["c1:net1:eth0", "c1:net1:eth1"]);
        assert_eq!(stale(&[("c1", "eth0"), ("c2", "eth1")]), ["c1:net1:eth1"]);
        put(&root, r#"{"name":"net1","type":"bridge"}"#);
        assert_eq!(stale(&[("c1", "eth0"), ("c1", "eth1")]), [""; 0]);
        assert_eq!(stale(&[("c2", "eth0")]), ["c1:net1:", "c1:net1:eth0", "c1:net1:eth1"]);
        put(&root, r#"{"name":"net2","type":"bridge"}"#);
        assert_eq!(stale(&[]), ["c1:net1:eth0", "c1:net1:eth1"]);
    }
}
