//! Calling another plugin on behalf of this one (specification section 4).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exec::{self, Wording};
use super::invocation::{Command, Invocation};
use crate::spec::error::{Error, Result, quote};
use crate::spec::json;
use crate::spec::result::AddResult;

/// Finds the executable of a plugin in `path`, folders separated by colons.
///
/// # Errors
///
/// Code 999: `no plugin name provided`, `invalid plugin name: …`, `no paths provided`,
/// `failed to find plugin … in path […]`.
pub fn find_plugin(plugin_type: &str, path: &str) -> Result<PathBuf> {
    if plugin_type.is_empty() {
        return Err(Error::internal("no plugin name provided"));
    }
    if plugin_type.contains('/') {
        return Err(Error::internal(format!("invalid plugin name: {plugin_type}")));
    }
    if path.is_empty() {
        return Err(Error::internal("no paths provided"));
    }
    path.split(':')
        .map(|folder| Path::new(folder).join(plugin_type))
        .find(|file| file.is_file())
        .ok_or_else(|| {
            Error::internal(format!(
                "failed to find plugin {} in path [{}]",
                quote(plugin_type),
                path.replace(':', " ")
            ))
        })
}

/// Another plugin, called with this one's configuration and environment.
#[derive(Clone)]
pub struct Delegate {
    plugin_type: String,
    executable: PathBuf,
    invocation: Invocation,
}

impl Delegate {
    pub(super) fn find(plugin_type: &str, invocation: &Invocation) -> Result<Self> {
        Ok(Self {
            plugin_type: plugin_type.to_owned(),
            executable: find_plugin(plugin_type, &invocation.path)?,
            invocation: invocation.clone(),
        })
    }

    /// The same delegate with another configuration.
    #[must_use]
    pub fn with_configuration(mut self, bytes: Vec<u8>) -> Self {
        self.invocation.stdin = Arc::from(bytes);
        self
    }

    /// Runs ADD. When it fails, its DEL is run, as the specification wants.
    ///
    /// # Errors
    ///
    /// The delegate's own error, or that its result cannot be read.
    pub fn add(&self) -> Result<AddResult> {
        let added = self.run(Command::Add).and_then(|output| self.result(&output));
        if added.is_err() {
            // The ADD's error is the one to report.
            let _ = self.run(Command::Del);
        }
        added
    }

    /// Runs DEL.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn del(&self) -> Result<()> {
        self.run(Command::Del).map(drop)
    }

    /// Runs CHECK.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn check(&self) -> Result<()> {
        self.run(Command::Check).map(drop)
    }

    /// Runs GC.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn gc(&self) -> Result<()> {
        self.run(Command::Gc).map(drop)
    }

    /// Runs STATUS.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn status(&self) -> Result<()> {
        self.run(Command::Status).map(drop)
    }

    fn run(&self, command: Command) -> Result<Vec<u8>> {
        let variables = self.invocation.environment(command);
        exec::run(&self.executable, &variables, &self.invocation.stdin, Wording::Plugin)
    }

    fn result(&self, output: &[u8]) -> Result<AddResult> {
        #[derive(Default, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Versioned {
            cni_version: String,
        }
        let Versioned { cni_version } = json::from_slice(&self.invocation.stdin)?;
        AddResult::from_plugin_output(output, &cni_version)
    }
}

impl fmt::Display for Delegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plugin_type)
    }
}
