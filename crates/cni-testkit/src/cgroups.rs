//! A part of the control groups for the processes of one machine.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::fcntl::{Flock, FlockArg};

use crate::mounts;

/// Where every distribution mounts the hierarchies.
const ROOT: &str = "/sys/fs/cgroup";

/// How long the kernel may take to let go of the processes that were killed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What version 1 leaves empty in a new group, so that no process could enter it.
const NEEDED: [&str; 2] = ["cpuset.cpus", "cpuset.mems"];

/// What the names of all groups begin with.
const PREFIX: &str = "cni-test-";

/// How old a group is that surely has been locked, if anybody still needs it.
const SETTLED: Duration = Duration::from_secs(60);

/// One group in each hierarchy; dropping it removes them with all below.
///
/// Nobody enters the groups themselves, so runtimes may hand controllers down (version 2).
#[derive(Debug)]
pub(crate) struct ControlGroups {
    groups: Vec<Shown>,
    /// By these others know that the groups are needed.
    _locks: Vec<Flock<File>>,
}

/// A group that stands for its hierarchy.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    directory: PathBuf,
    /// Where the hierarchy is mounted, below [`ROOT`].
    hierarchy: PathBuf,
}

impl ControlGroups {
    /// Makes a group in every hierarchy, named by something unique; and removes what a test that
    /// was killed has left.
    pub(crate) fn create(unique: &str) -> Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("read the mounts")?;
        let mut created = Self { groups: Vec::new(), _locks: Vec::new() };
        for hierarchy in hierarchies(&mounts) {
            let parent = Path::new(ROOT).join(&hierarchy);
            sweep(&parent);
            let directory = parent.join(format!("{PREFIX}{unique}"));
            fs::create_dir(&directory).with_context(|| format!("make {}", directory.display()))?;
            let group = Shown { directory: directory.clone(), hierarchy };
            let is_version_1 = group.is_version_1();
            created.groups.push(group);
            let locked = lock(&directory).with_context(|| format!("lock {}", directory.display()));
            created._locks.push(locked?);
            if is_version_1 {
                fill(&directory, &parent)?;
            }
        }
        Ok(created)
    }

    /// What [`show`] needs, in a mount namespace that may hide where the groups are now.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        self.groups.clone()
    }
}

/// Mounts the groups below a directory, as if they were whole hierarchies.
pub(crate) fn show(groups: &[Shown], root: &Path) -> Result<()> {
    if groups.iter().any(Shown::is_version_1) {
        mounts::tmpfs(root, "mode=755")?;
    }
    for group in groups {
        let target = root.join(&group.hierarchy);
        fs::create_dir_all(&target).with_context(|| format!("make {}", target.display()))?;
        mounts::bind(&group.directory, &target)?;
    }
    Ok(())
}

impl Shown {
    /// Each controller has a directory of its own there.
    fn is_version_1(&self) -> bool {
        self.hierarchy != Path::new("")
    }
}

fn lock(group: &Path) -> io::Result<Flock<File>> {
    let file = File::open(group)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| errno.into())
}

/// Removes the groups of tests that were killed.
fn sweep(hierarchy: &Path) {
    for entry in fs::read_dir(hierarchy).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let made = entry.metadata().and_then(|metadata| metadata.modified());
        let age = made.map(|made| made.elapsed().unwrap_or_default()).unwrap_or_default();
        if is_ours && age > SETTLED && lock(&entry.path()).is_ok() {
            remove(&entry.path());
        }
    }
}

/// Gives a new group what it needs to have processes.
fn fill(group: &Path, parent: &Path) -> Result<()> {
    for file in NEEDED.iter().filter(|file| parent.join(file).exists()) {
        let value = fs::read(parent.join(file)).with_context(|| format!("read {file}"))?;
        fs::write(group.join(file), value)
            .with_context(|| format!("fill {file} of {}", group.display()))?;
    }
    Ok(())
}

/// The mounted hierarchies relative to [`ROOT`]. Beside version 1, version 2 has no controllers,
/// and crun refuses the mixture: it is left out.
fn hierarchies(mountinfo: &str) -> Vec<PathBuf> {
    let mounted = |kind: &str| -> Vec<PathBuf> {
        let lines = mountinfo.lines().filter_map(|line| line.split_once(" - "));
        let wanted = lines.filter(|(_, source)| source.split(' ').next() == Some(kind));
        let points = wanted.filter_map(|(mount, _)| mount.split(' ').nth(4));
        points
            .filter_map(|point| Path::new(point).strip_prefix(ROOT).ok())
            .map(Into::into)
            .collect()
    };
    let mut found = mounted("cgroup");
    if found.is_empty() {
        found = mounted("cgroup2");
    }
    found.sort();
    found.dedup();
    found
}

impl Drop for ControlGroups {
    fn drop(&mut self) {
        for group in &self.groups {
            let deadline = Instant::now() + PATIENCE;
            while !remove(&group.directory) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(5));
            }
            let is_gone = !group.directory.exists();
            assert!(is_gone || thread::panicking(), "{} stays", group.directory.display());
        }
    }
}

/// Removes a group with all below it, as far as it goes; whether it is gone.
fn remove(group: &Path) -> bool {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    match fs::remove_dir(group) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::FileTimes;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn version_2_is_left_out_beside_version_1() {
        let hybrid = "\
            30 25 0:26 / /sys/fs/cgroup ro,nosuid - tmpfs tmpfs ro,mode=755\n\
            31 30 0:27 / /sys/fs/cgroup/unified rw shared:10 - cgroup2 cgroup2 rw\n\
            32 30 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:11 - cgroup cgroup rw,cpu,cpuacct\n";
        assert_eq!(hierarchies(hybrid), [Path::new("cpu,cpuacct")]);
        let unified = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n";
        assert_eq!(hierarchies(unified), [Path::new("")]);
    }

    #[test]
    fn only_groups_that_nobody_needs_are_swept_away() {
        let hierarchy = tempfile::tempdir().expect("a directory");
        let long_ago = SystemTime::now() - 2 * SETTLED;
        let group = |name: &str, made: SystemTime| {
            let directory = hierarchy.path().join(name);
            fs::create_dir_all(directory.join("below")).expect("a directory");
            let file = File::open(&directory).expect("the directory");
            file.set_times(FileTimes::new().set_modified(made)).expect("another time");
            directory
        };
        let left = group("cni-test-1-0", long_ago);
        let needed = group("cni-test-2-0", long_ago);
        let new = group("cni-test-3-0", SystemTime::now());
        let foreign = group("docker", long_ago);
        let locked = lock(&needed).expect("a lock");
        sweep(hierarchy.path());
        assert!(!left.exists());
        assert!(needed.exists() && new.exists() && foreign.exists());
        drop(locked);
    }
}
