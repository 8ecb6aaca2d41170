//! The results that are kept between ADD and DEL, in the files other runtimes use too.

mod entry;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::spec::json;
use cni_core::{Attachment, Context, Error, Result, quote};

use super::list::NetworkList;
use super::parameters::Parameters;
use super::result::VersionedResult;
use entry::Entry;

/// A folder of kept results.
#[derive(Clone, Debug)]
pub struct Cache {
    results: PathBuf,
}

/// An attachment as it was when ADD succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedAttachment {
    /// The network's name.
    pub network: String,
    /// What ADD was given.
    pub parameters: Parameters,
    /// The configuration, byte for byte.
    pub config: Vec<u8>,
}

impl Default for Cache {
    fn default() -> Self {
        Self::in_folder(Self::DEFAULT_FOLDER)
    }
}

impl Cache {
    /// Where runtimes keep results.
    pub const DEFAULT_FOLDER: &str = "/var/lib/cni";

    /// Keeps results in `results` under `folder`; both are made when the first one is kept.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self { results: folder.into().join("results") }
    }

    /// Keeps a result and what led to it.
    pub(crate) fn store(
        &self,
        list: &NetworkList,
        parameters: &Parameters,
        result: &VersionedResult,
    ) -> Result<()> {
        let file = self.file(&list.name, &parameters.attachment)?;
        let entry = Entry::new(list, parameters, result);
        let failed = |step: &str, path: &Path, error: &io::Error| {
            Error::internal(format!("{step} {}: {}", path.display(), io_cause(error)))
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.results)
            .map_err(|error| failed("mkdir", &self.results, &error))?;
        replace(&file, json::to_compact(&entry).as_bytes())
            .map_err(|error| failed("open", &file, &error))
    }

    /// The result of an attachment in the list's version. A file that belongs to another
    /// attachment of the same file name, or that cannot be opened, is no result.
    pub(crate) fn result(
        &self,
        list: &NetworkList,
        attachment: &Attachment,
    ) -> Result<Option<VersionedResult>> {
        let Ok(bytes) = fs::read(self.file(&list.name, attachment)?) else {
            return Ok(None);
        };
        let value = match Entry::read(&bytes) {
            Some(entry) if entry.belongs_to(&list.name, attachment) => entry.into_result(),
            Some(_) => return Ok(None),
            // The first runtimes kept the bare result.
            None => json::to_value(&bytes).context(|| "decoding version from network config")?,
        };
        let result = VersionedResult::from_value(value)?;
        let converted = result.to_version(&list.cni_version).context(|| {
            let version = quote(&list.cni_version);
            format!("failed to convert cached result to config version {version}")
        })?;
        Ok(Some(converted))
    }

    /// The attachment as ADD was given it; `None` when nothing is kept.
    ///
    /// # Errors
    ///
    /// That the file is not one of today's runtimes.
    pub fn attachment(
        &self,
        network: &str,
        attachment: &Attachment,
    ) -> Result<Option<CachedAttachment>> {
        let Ok(bytes) = fs::read(self.file(network, attachment)?) else {
            return Ok(None);
        };
        let name = quote(network);
        let entry: Entry = json::from_slice(&bytes)
            .context(|| format!("failed to unmarshal cached network {name} config"))?;
        if !entry.is_current() {
            return Err(Error::internal(format!(
                "read cached network {name} config has wrong kind: {}",
                entry.kind()
            )));
        }
        if !entry.belongs_to(network, attachment) {
            return Ok(None);
        }
        entry
            .into_attachment()
            .map(Some)
            .context(|| format!("failed to unmarshal cached network {name} config"))
    }

    /// Forgets an attachment. What is not there, or belongs to another one, is left alone; and
    /// what cannot be removed does no harm to anyone but the next CHECK.
    pub(crate) fn remove(&self, network: &str, attachment: &Attachment) {
        let Ok(file) = self.file(network, attachment) else {
            return;
        };
        let kept = fs::read(&file).ok().as_deref().and_then(Entry::read);
        if kept.is_none_or(|entry| entry.belongs_to(network, attachment)) {
            let _ = fs::remove_file(&file);
        }
    }

    /// All attachments, in the order of file names; files that are none are passed over.
    ///
    /// # Errors
    ///
    /// That the folder exists but cannot be read.
    pub fn attachments(&self) -> Result<Vec<CachedAttachment>> {
        self.attachments_in(|_| true)
    }

    /// The attachments of one container.
    ///
    /// # Errors
    ///
    /// See [`Cache::attachments`].
    pub fn attachments_of_container(&self, container_id: &str) -> Result<Vec<CachedAttachment>> {
        let part = format!("-{container_id}-");
        let mut found = self.attachments_in(|file_name| file_name.contains(&part))?;
        found.retain(|cached| cached.parameters.attachment.container_id == container_id);
        Ok(found)
    }

    /// The attachments to one network.
    ///
    /// # Errors
    ///
    /// See [`Cache::attachments`].
    pub fn attachments_of_network(&self, network: &str) -> Result<Vec<CachedAttachment>> {
        let start = format!("{network}-");
        let mut found = self.attachments_in(|file_name| file_name.starts_with(&start))?;
        found.retain(|cached| cached.network == network);
        Ok(found)
    }

    /// Opens only the files whose names can be meant.
    fn attachments_in(&self, meant: impl Fn(&str) -> bool) -> Result<Vec<CachedAttachment>> {
        let failed = |error| {
            let folder = self.results.display();
            Error::internal(format!("open {folder}: {}", io_cause(&error)))
        };
        let entries = match fs::read_dir(&self.results) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            names.extend(
                name.to_str().filter(|name| is_kept(name) && meant(name)).map(str::to_owned),
            );
        }
        names.sort();
        Ok(names
            .iter()
            .filter_map(|name| Entry::read(&fs::read(self.results.join(name)).ok()?))
            .filter(Entry::is_complete)
            .filter_map(|entry| entry.into_attachment().ok())
            .collect())
    }

    /// The file of an attachment. Its name is ambiguous, since each part may contain the dash; but
    /// it is the one other runtimes look for.
    fn file(&self, network: &str, attachment: &Attachment) -> Result<PathBuf> {
        let Attachment { container_id, ifname, .. } = attachment;
        let parts = [network, container_id, ifname];
        // ADD accepts no slash in a part, so nothing can be kept under such a name.
        if parts.iter().any(|part| part.is_empty() || part.contains('/')) {
            let [network, container_id, ifname] = parts.map(quote);
            return Err(Error::internal(format!(
                "cache file path requires network name ({network}), container ID ({container_id}), and interface name ({ifname})"
            )));
        }
        Ok(self.results.join(parts.join("-")))
    }
}

/// Names of kept files start with a network's name, which never starts with a dot.
fn is_kept(file_name: &str) -> bool {
    !file_name.starts_with('.')
}

/// Writes a file so that at any moment either the old or the new one is there, whole.
fn replace(file: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = file.file_name().expect("the path of an attachment ends in its name");
    let mut hidden = std::ffi::OsString::from(".");
    hidden.push(name);
    let new = file.with_file_name(hidden);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut open| {
            open.write_all(bytes)?;
            open.sync_all()
        })
        .and_then(|()| fs::rename(&new, file));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = fs::remove_file(&new);
    }
    written
}
