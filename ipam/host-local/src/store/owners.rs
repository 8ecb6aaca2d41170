//! An index of the reservations by container, so that the thousands of others need not be read.
//!
//! It is `<dataDir>/.owners/<network>/`, outside the folder whose files the reference reads: up to
//! 256 buckets of lines `<file name>\t<container ID>`, and `stamp`. It saves time and decides
//! nothing: what it finds is read again from the reservation itself.
//!
//! The stamp holds the modification time that the network's folder was given, on purpose, after
//! the last change that the index knows of. Any other change of the folder, by the reference or by
//! a call that was killed, leaves another time there. The stamp holds for one boot of the machine,
//! because a power failure may lose a bucket and keep the times.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, FileTimes, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::folder::Folder;
use super::record::Record;

/// The index of one network.
pub struct Owners(PathBuf);

impl Owners {
    /// The index that belongs to a folder.
    pub fn of(folder: &Folder) -> Self {
        let path = folder.path();
        Self(path.with_file_name(".owners").join(path.file_name().unwrap_or_default()))
    }

    /// Whether nothing has happened to the folder that the index does not know of.
    pub fn are_current(&self, folder: &Folder) -> bool {
        let current = || -> io::Result<bool> {
            let stamp = std::fs::read_to_string(self.0.join("stamp"))?;
            Ok(stamp == stamp_for(folder.file.metadata()?.modified()?)?)
        };
        current().unwrap_or(false)
    }

    /// Tells that the index knows everything that has happened to the folder.
    ///
    /// # Errors
    ///
    /// When that cannot be told; the index counts as out of date then.
    pub fn stamp(&self, folder: &Folder) -> io::Result<()> {
        let now = SystemTime::now();
        overwrite(&self.0.join("stamp"), &stamp_for(now)?)?;
        fault_point::effect("set the time of the store's folder")?;
        folder.file.set_times(FileTimes::new().set_modified(now))
    }

    /// The names of the files that a container may hold.
    ///
    /// # Errors
    ///
    /// When the bucket is there and cannot be read.
    pub fn names_of(&self, container_id: &str) -> io::Result<Vec<String>> {
        let bucket = read_or_empty(&self.bucket_of(container_id))?;
        let lines = bucket.lines().filter_map(|line| line.split_once('\t'));
        Ok(lines.filter(|(_, id)| *id == container_id).map(|(name, _)| name.to_owned()).collect())
    }

    /// Records what a container holds since now, and what no longer.
    ///
    /// # Errors
    ///
    /// When the bucket cannot be written.
    pub fn update(
        &self,
        container_id: &str,
        added: &[String],
        removed: &[String],
    ) -> io::Result<()> {
        let path = self.bucket_of(container_id);
        let old = read_or_empty(&path)?;
        let mut bucket = String::with_capacity(old.len() + 128);
        for line in old.split_inclusive('\n') {
            let name = line.split_once('\t').map(|(name, _)| name);
            if !removed.iter().any(|removed| name == Some(removed)) {
                bucket.push_str(line);
            }
        }
        for name in added {
            push_line(&mut bucket, name, container_id);
        }
        overwrite(&path, &bucket)
    }

    /// Writes the index anew.
    ///
    /// # Errors
    ///
    /// When any part of it cannot be written.
    pub fn rebuild(&self, records: &[Record]) -> io::Result<()> {
        let mut buckets: BTreeMap<PathBuf, String> = BTreeMap::new();
        for record in records {
            if let Some(container_id) = record.holder.container_id() {
                let bucket = buckets.entry(self.bucket_of(container_id)).or_default();
                push_line(bucket, &record.name, container_id);
            }
        }
        fault_point::effect("remove the old index of the store")?;
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => DirBuilder::new().recursive(true).mode(0o755).create(&self.0)?,
        }
        buckets.iter().try_for_each(|(path, bucket)| overwrite(path, bucket))
    }

    fn bucket_of(&self, container_id: &str) -> PathBuf {
        // FNV-1a; container IDs are hexadecimal digests as a rule, but need not be.
        let hash = container_id
            .bytes()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        self.0.join(format!("{:02x}", hash.to_be_bytes().into_iter().fold(0, |a, b| a ^ b)))
    }
}

fn push_line(bucket: &mut String, name: &str, container_id: &str) {
    bucket.extend([name, "\t", container_id, "\n"]);
}

/// The content of `stamp`: the boot, and nanoseconds since 1970.
fn stamp_for(time: SystemTime) -> io::Result<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let since = time.duration_since(UNIX_EPOCH).map_err(io::Error::other)?;
    Ok(format!("{}\t{}\n", boot.trim_end(), since.as_nanos()))
}

fn read_or_empty(path: &Path) -> io::Result<String> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        outcome => outcome,
    }
}

/// Overwrites a file in place: a crash half way leaves the index out of date, so nothing more
/// careful, and slower, is called for.
fn overwrite(path: &Path, content: &str) -> io::Result<()> {
    fault_point::effect("write the index of the store")?;
    let file =
        OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)?;
    file.write_all_at(content.as_bytes(), 0)?;
    file.set_len(content.len() as u64)
}
