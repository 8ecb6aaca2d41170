//! Tar archives that depend on nothing but their content and one time.

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::tree::{Node, Tree};

/// Packs and compresses a tree.
///
/// # Errors
///
/// When a path is too long for the format or the time does not fit.
pub fn gzipped(tree: &Tree, time: u64) -> Result<Vec<u8>> {
    gzip(&plain(tree, time)?, time)
}

/// Packs a tree: names begin with `./`, as `tar` names what is in its folder, and root owns all.
///
/// # Errors
///
/// When a path is too long for the format.
pub fn plain(tree: &Tree, time: u64) -> Result<Vec<u8>> {
    let mut archive = tar::Builder::new(Vec::new());
    append(&mut archive, "./", &Node::Folder, time)?;
    for (path, node) in tree.nodes() {
        append(&mut archive, &format!("./{path}"), node, time).context(path.to_owned())?;
    }
    Ok(archive.into_inner()?)
}

/// Compresses, with no name and the given time in the header.
///
/// # Errors
///
/// When the time does not fit.
pub fn gzip(content: &[u8], time: u64) -> Result<Vec<u8>> {
    let stamp = u32::try_from(time).context("the commit's time does not fit gzip")?;
    let mut gzip = GzBuilder::new().mtime(stamp).write(Vec::new(), Compression::best());
    std::io::Write::write_all(&mut gzip, content)?;
    Ok(gzip.finish()?)
}

fn append(archive: &mut tar::Builder<Vec<u8>>, path: &str, node: &Node, time: u64) -> Result<()> {
    let mut header = Header::new_gnu();
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_size(0);
    let (kind, mode) = match node {
        Node::Folder => (EntryType::Directory, 0o755),
        Node::File { mode, .. } => (EntryType::Regular, *mode),
        Node::Link(_) => (EntryType::Symlink, 0o777),
        Node::HardLink(_) => (EntryType::Link, 0o755),
    };
    header.set_entry_type(kind);
    header.set_mode(mode);
    match node {
        Node::Folder => {
            // The crate takes the leading dot away from a path it is asked to set.
            set_name(&mut header, &format!("{}/", path.trim_end_matches('/')))?;
            archive.append(&header, std::io::empty())?;
        }
        Node::File { content, .. } => {
            header.set_size(content.len() as u64);
            set_name(&mut header, path)?;
            archive.append(&header, content.as_slice())?;
        }
        Node::Link(to) => {
            set_name(&mut header, path)?;
            header.set_link_name_literal(to)?;
            header.set_cksum();
            archive.append(&header, std::io::empty())?;
        }
        Node::HardLink(to) => {
            set_name(&mut header, path)?;
            header.set_link_name_literal(format!("./{to}"))?;
            header.set_cksum();
            archive.append(&header, std::io::empty())?;
        }
    }
    Ok(())
}

/// Names an entry as it is written, and seals the header.
fn set_name(header: &mut Header, path: &str) -> Result<()> {
    let field = &mut header.as_old_mut().name;
    let place = field.get_mut(..path.len()).context("a path has at most 100 bytes")?;
    place.copy_from_slice(path.as_bytes());
    header.set_cksum();
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn an_archive_has_every_kind_of_entry_and_is_reproducible() -> Result<()> {
        let mut tree = Tree::default();
        tree.executable("cni-plugins", b"content");
        tree.hard_link("bridge", "cni-plugins");
        tree.link("d/link", "../cni-plugins");
        let packed = gzipped(&tree, 1_700_000_000)?;
        assert_eq!(packed, gzipped(&tree, 1_700_000_000)?);

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
        let mut seen = Vec::new();
        for entry in archive.entries()? {
            let mut entry = entry?;
            let mut content = String::new();
            entry.read_to_string(&mut content)?;
            let link = entry.link_name()?.map(|to| to.display().to_string());
            let path = String::from_utf8(entry.path_bytes().into_owned())?;
            seen.push((path, entry.header().mode()?, link, content));
        }
        let entry = |path: &str, mode, link: Option<&str>, content: &str| {
            (path.to_owned(), mode, link.map(str::to_owned), content.to_owned())
        };
        assert_eq!(
            seen,
            [
                entry("./", 0o755, None, ""),
                entry("./cni-plugins", 0o755, None, "content"),
                entry("./d/", 0o755, None, ""),
                entry("./d/link", 0o777, Some("../cni-plugins"), ""),
                entry("./bridge", 0o755, Some("./cni-plugins"), ""),
            ]
        );
        Ok(())
    }
}
