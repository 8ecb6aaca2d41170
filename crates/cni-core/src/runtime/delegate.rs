//! Calling another plugin on behalf of this one (specification section 4).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::exec::{Running, Wording};
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

    /// Starts ADD and does not wait for it. Whoever does so owns what it makes from then on: a
    /// failed ADD has to be followed by DEL, as the specification wants.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_add(&self) -> Result<RunningAdd> {
        Ok(RunningAdd { running: self.start(Command::Add)?, invocation: self.invocation.clone() })
    }

    /// Starts DEL and does not wait for it.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn start_del(&self) -> Result<RunningDel> {
        self.start(Command::Del).map(RunningDel)
    }

    /// Runs DEL.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn del(&self) -> Result<()> {
        self.start_del()?.finish()
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
        self.start(command)?.finish(None, Wording::Plugin)
    }

    fn start(&self, command: Command) -> Result<Running> {
        let variables = self.invocation.environment(command);
        Running::start(&self.executable, &variables, &self.invocation.stdin)
    }
}

/// A delegate's ADD on its way.
pub struct RunningAdd {
    running: Running,
    invocation: Invocation,
}

impl RunningAdd {
    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// The delegate's own error, or that its result cannot be read.
    pub fn finish(self) -> Result<AddResult> {
        #[derive(Default, serde::Deserialize)]
        #[serde(default, rename_all = "camelCase")]
        struct Versioned {
            cni_version: String,
        }
        let output = self.running.finish(None, Wording::Plugin)?;
        let Versioned { cni_version } = json::from_slice(&self.invocation.stdin)?;
        AddResult::from_plugin_output(&output, &cni_version)
    }
}

/// A delegate's DEL on its way.
pub struct RunningDel(Running);

impl RunningDel {
    /// Waits for the end.
    ///
    /// # Errors
    ///
    /// The delegate's own error.
    pub fn finish(self) -> Result<()> {
        self.0.finish(None, Wording::Plugin).map(drop)
    }
}

impl fmt::Display for Delegate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.plugin_type)
    }
}
