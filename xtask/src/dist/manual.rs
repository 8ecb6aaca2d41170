//! The man pages and completions, written by the workspace's package for them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process;
use crate::workspace::Workspace;

/// Files by their names, sorted.
pub struct Manual {
    /// Man pages, such as `cni-bridge.8`.
    pub pages: Vec<(String, Vec<u8>)>,
    /// Completions, such as `bash/cnitool`.
    pub completions: Vec<(String, Vec<u8>)>,
}

impl Manual {
    /// Has the files written and reads them.
    ///
    /// # Errors
    ///
    /// When cargo fails.
    pub fn write(workspace: &Workspace) -> Result<Self> {
        let folder = tempfile::tempdir().context("make a folder for the manual")?;
        let mut cargo = workspace.cargo(&["run", "--quiet", "--package", "cni-manual", "--"]);
        process::run(cargo.arg(folder.path()))?;
        let mut completions = Vec::new();
        for shell in ["bash", "fish", "zsh"] {
            let files = read(&folder.path().join("completions").join(shell))?;
            completions
                .extend(files.into_iter().map(|(name, text)| (format!("{shell}/{name}"), text)));
        }
        Ok(Self { pages: read(&folder.path().join("man"))?, completions })
    }
}

/// The files of a folder.
fn read(folder: &Path) -> Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        files.push((name, fs::read(entry.path())?));
    }
    files.sort();
    Ok(files)
}
