//! A container as cnitool knows it: the path of its namespace.

use std::path::{Component, Path, PathBuf};

use sha2::{Digest, Sha512};

/// The bytes of the digest that the container ID shows.
const DIGEST_BYTES: usize = 10;

/// Makes a path absolute by its text alone; links are not followed and nothing need exist.
pub fn absolute(current_folder: &Path, path: &str) -> String {
    let mut absolute = PathBuf::new();
    for component in current_folder.join(path).components() {
        match component {
            Component::CurDir => (),
            // Above the root is the root.
            Component::ParentDir => {
                absolute.pop();
            }
            other => absolute.push(other),
        }
    }
    absolute.to_string_lossy().into_owned()
}

/// The container ID that belongs to a namespace: the same for ADD, CHECK and DEL.
pub fn id(netns: &str) -> String {
    let digest = Sha512::digest(netns.as_bytes());
    let shown: String = digest[..DIGEST_BYTES].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("cnitool-{shown}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_by_their_text() {
        let absolute = |path| absolute(Path::new("/run/netns"), path);
        assert_eq!(absolute("blue"), "/run/netns/blue");
        assert_eq!(absolute("./a//b/../blue/"), "/run/netns/a/blue");
        assert_eq!(absolute("../../../x"), "/x");
        assert_eq!(absolute("/var/./run/../x"), "/var/x");
        assert_eq!(absolute(""), "/run/netns");
    }

    /// `printf /var/run/netns/test | sha512sum | head -c 20`
    #[test]
    fn the_container_id_is_the_start_of_a_digest() {
        assert_eq!(id("/var/run/netns/test"), "cnitool-7b8a61d5d8e94d07cbe4");
    }
}
