//! The files of a delivery, found by how their names begin and end.

use std::fs;
use std::path::{Path, PathBuf};

use cni_testkit::{Host, dist_dir};

/// The plugins of the set, sorted: each has a folder in the work tree.
pub fn plugins() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["plugins", "ipam", "meta"].map(|group| root.with_file_name(group));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).expect("a group"));
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
    let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
    names.sort();
    names
}

/// The folder of the delivery.
pub struct Dist(PathBuf);

impl Dist {
    /// Finds it; `None`, and recorded as skipped, where nothing is packed.
    pub fn find() -> Option<Self> {
        dist_dir().map(Self)
    }

    /// The one file whose name begins and ends so.
    pub fn file(&self, beginning: &str, end: &str) -> String {
        let found: Vec<_> = self
            .names()
            .into_iter()
            .filter(|n| n.starts_with(beginning) && n.ends_with(end))
            .collect();
        let [name] = found.as_slice() else { panic!("{beginning}*{end}: {found:?}") };
        self.0.join(name).to_str().expect("text").to_owned()
    }

    /// The names of all files, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("the delivery");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("text");
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("an entry"))).collect();
        names.sort();
        names
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }
}

/// The lines a command prints, sorted.
pub fn lines(host: &Host, command: &[&str]) -> Vec<String> {
    let mut lines: Vec<_> = host.exec(command).lines().map(str::to_owned).collect();
    lines.sort();
    lines
}
