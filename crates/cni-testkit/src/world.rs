//! Everything a plugin could leave behind, as one text.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Namespace, rules};

/// How long the kernel may take to remove the links of a namespace that has ended.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where plugins and runtimes keep what belongs to an attachment.
const STATE: [&str; 3] = ["/var/lib/cni", "/run/cni", "/run/netns"];

impl Namespace {
    /// Links, addresses, routes, policy rules, queueing, packet filter and plugin state with
    /// contents, for comparing before with after.
    ///
    /// Left out is what no attachment owns: lock files, the address host-local gave last, and its
    /// index.
    #[track_caller]
    pub fn world(&self) -> String {
        self.world_with(&[])
    }

    /// Demands that the world is, or within moments becomes, what it was before.
    ///
    /// The kernel removes the links of a namespace some time after its end; nothing else is late.
    #[track_caller]
    pub fn returns_to(&self, before: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.world() != before && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(10));
        }
        let now = self.world();
        assert!(now == before, "the world should be\n{before}\nbut is\n{now}");
    }

    /// The text of [`world`](Self::world) with the files of further directories.
    #[track_caller]
    pub fn world_with(&self, directories: &[&str]) -> String {
        let mut world: String = self.state().concat();
        for command in [
            &["tc", "qdisc", "show"][..],
            &["nft", "list", "ruleset"],
            &["iptables-save"],
            &["ip6tables-save"],
        ] {
            world += &format!("== {}\n{}", command.join(" "), self.dump(command));
        }
        let directories: Vec<PathBuf> =
            STATE.iter().chain(directories).map(PathBuf::from).collect();
        let files = self.run(move || {
            let mut files = Vec::new();
            for directory in &directories {
                collect(directory, &mut files);
            }
            files.sort();
            files
        });
        for (path, content) in files {
            world += &format!("== {}\n{content}\n", path.display());
        }
        world
    }

    /// What a listing prints, nothing where the kernel lacks what it lists.
    #[track_caller]
    fn dump(&self, command: &[&str]) -> String {
        let output = self.output(command);
        let text = String::from_utf8_lossy(&output.stdout);
        match command {
            [save] if save.ends_with("-save") => rules::saved(&text),
            _ => rules::without_counts(&text),
        }
    }
}

/// Adds the files below a directory that does not have to exist.
fn collect(directory: &Path, files: &mut Vec<(PathBuf, String)>) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != ".owners" {
                collect(&path, files);
            }
        } else if name != "lock" && !name.starts_with("last_reserved_ip.") {
            // Sockets cannot be read; that they are there is what counts.
            let content = fs::read(&path).unwrap_or_default();
            files.push((path, String::from_utf8_lossy(&content).into_owned()));
        }
    }
}
