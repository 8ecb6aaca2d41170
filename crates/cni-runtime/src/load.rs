//! Finding network lists in a configuration folder.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use cni_core::spec::error::io_cause;
use cni_core::spec::{json, names};
use cni_core::{Context, Error, Result, quote};
use serde_json::{Map, Value};

use super::list::{NetworkList, PluginConf};

impl NetworkList {
    /// Finds the network called `name` in a folder: first in the lists (`.conflist`), then in the
    /// configurations of single plugins (`.conf` and `.json`), each in the order of file names.
    ///
    /// A broken file matters when it names this network, or when no other file has it; the
    /// reference lets it hide all files that come after it.
    ///
    /// # Errors
    ///
    /// `no net configurations found in …`, `no net configuration with name … in …`, or why a
    /// broken file could not be read, with its path in the details.
    pub fn load(folder: &Path, name: &str) -> Result<Self> {
        let mut broken = None;
        let (lists, singles): (Vec<_>, Vec<_>) =
            Self::configurations(folder)?.into_iter().partition(|file| is_list(file));
        let nothing = lists.is_empty() && singles.is_empty();
        for file in lists.into_iter().chain(singles) {
            match read_configuration(&file) {
                Ok(list) if list.name == name => {
                    return if is_list(&file) { list.complete(folder) } else { Ok(list) };
                }
                Ok(_) => (),
                Err(error) => {
                    let error = error.with_details(file.display().to_string());
                    if names_network(&file, name) {
                        return Err(error);
                    }
                    broken.get_or_insert(error);
                }
            }
        }
        let folder = folder.display();
        Err(broken.unwrap_or_else(|| {
            Error::internal(if nothing {
                format!("no net configurations found in {folder}")
            } else {
                format!("no net configuration with name {} in {folder}", quote(name))
            })
        }))
    }

    /// Reads a list from a file, and its further plugins from the folder beside the file that is
    /// named like the network.
    ///
    /// # Errors
    ///
    /// `error reading …`, those of [`NetworkList::from_bytes`], and `no plugin configs found`.
    pub fn from_file(file: &Path) -> Result<Self> {
        let folder = file.parent().unwrap_or(Path::new(""));
        Self::from_bytes(&read(file)?)?.complete(folder)
    }

    /// The files with further plugins of a network's list in `folder`, in order.
    ///
    /// # Errors
    ///
    /// A name that is none, and `failed to read plugin config files in …`.
    pub fn further_plugins(folder: &Path, name: &str) -> Result<Vec<PathBuf>> {
        // The name becomes a path, and `../x` would leave the folder.
        names::validate_network_name(name)?;
        let folder = folder.join(name);
        files(&folder, &[".conf"])
            .context(|| format!("failed to read plugin config files in {}", folder.display()))
    }

    /// The files of a folder that are lists or configurations, in the order of their names.
    ///
    /// # Errors
    ///
    /// `open …` when it cannot be read.
    pub fn configurations(folder: &Path) -> Result<Vec<PathBuf>> {
        files(folder, &[".conflist", ".conf", ".json"])
    }

    /// Appends the plugins that a folder in `folder` has for this network.
    fn complete(mut self, folder: &Path) -> Result<Self> {
        if !self.load_only_inlined_plugins {
            for file in Self::further_plugins(folder, &self.name)? {
                self.plugins.push(PluginConf::from_bytes(&read(&file)?)?);
            }
        }
        if self.plugins.is_empty() {
            return Err(Error::internal("no plugin configs found"));
        }
        Ok(self)
    }
}

fn is_list(file: &Path) -> bool {
    file.as_os_str().as_encoded_bytes().ends_with(b".conflist")
}

fn read_configuration(file: &Path) -> Result<NetworkList> {
    let bytes = read(file)?;
    if is_list(file) {
        NetworkList::from_bytes(&bytes)
    } else {
        NetworkList::from_single_plugin(&bytes)
    }
}

/// Whether a broken file is nevertheless meant for a network.
fn names_network(file: &Path, name: &str) -> bool {
    fs::read(file)
        .ok()
        .and_then(|bytes| json::from_slice::<Map<String, Value>>(&bytes).ok())
        .is_some_and(|keys| keys.get("name").and_then(Value::as_str) == Some(name))
}

/// The files directly in a folder whose names end so, in bytewise order. A missing folder has
/// none.
fn files(folder: &Path, endings: &[&str]) -> Result<Vec<PathBuf>> {
    let failed =
        |error| Error::internal(format!("open {}: {}", folder.display(), io_cause(&error)));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let wanted = {
            let name = entry.file_name();
            endings.iter().any(|ending| name.as_encoded_bytes().ends_with(ending.as_bytes()))
        };
        // Reference: a link to a folder is taken for a file, and fails when it is read.
        if wanted && !entry.file_type().map_err(failed)?.is_dir() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<Vec<u8>> {
    fs::read(file).map_err(|error| {
        let step = if error.kind() == ErrorKind::IsADirectory { "read" } else { "open" };
        let (file, cause) = (file.display(), io_cause(&error));
        Error::internal(format!("error reading {file}: {step} {file}: {cause}"))
    })
}
