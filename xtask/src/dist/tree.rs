//! The files of an archive or a package, before they are packed.

use std::collections::BTreeMap;

/// What stands under a path.
pub enum Node {
    /// A folder.
    Folder,
    /// A file.
    File {
        /// Its permissions.
        mode: u32,
        /// Its bytes.
        content: Vec<u8>,
    },
    /// A symbolic link.
    Link(String),
    /// A second name of a file that sorts before it.
    HardLink(String),
}

/// Paths without a leading slash, sorted, each folder before what is in it.
#[derive(Default)]
pub struct Tree(BTreeMap<String, Node>);

impl Tree {
    /// Adds a file that everybody may read.
    pub fn file(&mut self, path: &str, content: &[u8]) {
        self.add(path, Node::File { mode: 0o644, content: content.to_owned() });
    }

    /// Adds a file that everybody may run.
    pub fn executable(&mut self, path: &str, content: &[u8]) {
        self.add(path, Node::File { mode: 0o755, content: content.to_owned() });
    }

    /// Adds a symbolic link.
    pub fn link(&mut self, path: &str, to: &str) {
        self.add(path, Node::Link(to.to_owned()));
    }

    /// Adds another name of a file.
    pub fn hard_link(&mut self, path: &str, to: &str) {
        self.add(path, Node::HardLink(to.to_owned()));
    }

    fn add(&mut self, path: &str, node: Node) {
        for (slash, _) in path.match_indices('/') {
            self.0.entry(path[..slash].to_owned()).or_insert(Node::Folder);
        }
        self.0.insert(path.to_owned(), node);
    }

    /// Everything, a hard link after its file.
    pub fn nodes(&self) -> impl Iterator<Item = (&str, &Node)> {
        let is_link = |node: &Node| matches!(node, Node::HardLink(_));
        let (links, others): (Vec<_>, Vec<_>) = self.0.iter().partition(|(_, node)| is_link(node));
        others.into_iter().chain(links).map(|(path, node)| (path.as_str(), node))
    }

    /// The files, without folders and links.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.nodes().filter_map(|(path, node)| match node {
            Node::File { content, .. } => Some((path, content.as_slice())),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_before_their_files_and_hard_links_last() {
        let mut tree = Tree::default();
        tree.hard_link("a", "usr/bin/b");
        tree.executable("usr/bin/b", b"");
        tree.file("usr/a", b"");
        let paths: Vec<_> = tree.nodes().map(|(path, _)| path).collect();
        assert_eq!(paths, ["usr", "usr/a", "usr/bin", "usr/bin/b", "a"]);
    }
}
