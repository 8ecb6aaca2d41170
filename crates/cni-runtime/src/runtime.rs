//! Running a list: ADD in order, DEL in reverse, and the way back from an ADD that failed.

use std::path::PathBuf;
use std::time::Duration;

use cni_core::runtime::exec::{Running, Wording};
use cni_core::runtime::{Command, find_plugin};
use cni_core::spec::names;
use cni_core::{Context, Error, Result, SpecVersion, quote};
use serde_json::Value;

use super::cache::Cache;
use super::list::{NetworkList, PluginConf};
use super::parameters::{Parameters, TraceContext};
use super::request;
use super::result::VersionedResult;

/// Calls plugins for network lists and keeps the results.
#[derive(Clone, Debug)]
pub struct Runtime {
    path: String,
    cache: Cache,
    time_limit: Option<Duration>,
    trace: Option<TraceContext>,
}

impl Runtime {
    /// Makes a runtime that looks for plugins in `path`, folders separated by colons, and keeps
    /// results in [`Cache::DEFAULT_FOLDER`].
    pub fn new(path: impl Into<String>) -> Self {
        Self { path: path.into(), cache: Cache::default(), time_limit: None, trace: None }
    }

    /// Keeps results in another folder.
    #[must_use]
    pub fn with_cache_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Cache::in_folder(folder);
        self
    }

    /// Kills plugins that take longer, each counted for itself.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = Some(limit);
        self
    }

    /// Has plugins continue a trace.
    #[must_use]
    pub fn with_trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }

    /// Where the results are.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Attaches a container to a network and keeps the last plugin's result.
    ///
    /// When that fails, DEL is called for the plugins called so far, the last one first. The
    /// reference leaves this to its caller, who then has no result to pass to DEL.
    ///
    /// # Errors
    ///
    /// `plugin … failed (add): …` with the plugin's own code and details, or that the result
    /// could not be kept. What could not be undone goes to the details.
    pub fn add(&self, list: &NetworkList, parameters: &Parameters) -> Result<VersionedResult> {
        let mut progress = Progress::default();
        self.add_plugins(list, parameters, &mut progress).map_err(|mut error| {
            let called = &list.plugins[..progress.called];
            let prev_result = passes_result_to_del(list)
                .is_ok_and(|passes| passes)
                .then(|| progress.result.as_ref()?.to_version(&list.cni_version).ok())
                .flatten();
            let prev_result = prev_result.as_ref().map(VersionedResult::value);
            for failure in self.del_plugins(list, called, parameters, prev_result) {
                error.add_detail(&format!("could not undo: {failure}"));
            }
            error
        })
    }

    fn add_plugins(
        &self,
        list: &NetworkList,
        parameters: &Parameters,
        progress: &mut Progress,
    ) -> Result<VersionedResult> {
        for plugin in &list.plugins {
            let result = self
                .add_plugin(list, plugin, parameters, progress)
                .map_err(|error| failed(plugin, "add", error))?;
            progress.result = Some(result);
        }
        let result =
            progress.result.clone().ok_or_else(|| Error::internal("no plugin configs found"))?;
        self.cache
            .store(list, parameters, &result)
            .context(|| format!("failed to set network {} cached result", quote(&list.name)))?;
        Ok(result)
    }

    fn add_plugin(
        &self,
        list: &NetworkList,
        plugin: &PluginConf,
        parameters: &Parameters,
        progress: &mut Progress,
    ) -> Result<VersionedResult> {
        let executable = find_plugin(&plugin.plugin_type, &self.path)?;
        names::validate_container_id(&parameters.attachment.container_id)?;
        names::validate_network_name(&list.name)?;
        names::validate_ifname(&parameters.attachment.ifname)?;
        let prev_result = progress.result.as_ref().map(VersionedResult::value);
        let stdin = request::for_attachment(list, plugin, &parameters.capability_args, prev_result);
        progress.called += 1;
        let variables = self.variables(Command::Add, parameters);
        let output = self.execute(&executable, &variables, &stdin)?;
        VersionedResult::from_plugin_output(&output, &list.cni_version)
    }

    /// Detaches a container from a network and forgets the result.
    ///
    /// Every plugin is called, also after one failed; the reference stops there. A result that
    /// cannot be read is forgotten at once and DEL goes on without it.
    ///
    /// # Errors
    ///
    /// `plugin … failed (delete): …` for the first plugin that failed, the others in its details.
    /// The result is kept then, for the next attempt.
    pub fn del(&self, list: &NetworkList, parameters: &Parameters) -> Result<()> {
        let attachment = &parameters.attachment;
        let cached = if passes_result_to_del(list)? {
            self.cache.result(list, attachment).unwrap_or_else(|_| {
                self.cache.remove(&list.name, attachment);
                None
            })
        } else {
            None
        };
        let prev_result = cached.as_ref().map(VersionedResult::value);
        let mut failures =
            self.del_plugins(list, &list.plugins, parameters, prev_result).into_iter();
        let Some(mut error) = failures.next() else {
            self.cache.remove(&list.name, attachment);
            return Ok(());
        };
        for further in failures {
            error.add_detail(&further.to_string());
        }
        Err(error)
    }

    /// Calls DEL for each plugin, the last one first, and returns what failed.
    fn del_plugins(
        &self,
        list: &NetworkList,
        plugins: &[PluginConf],
        parameters: &Parameters,
        prev_result: Option<&Value>,
    ) -> Vec<Error> {
        let del = |plugin| {
            let stdin =
                request::for_attachment(list, plugin, &parameters.capability_args, prev_result);
            let called = self.call(Command::Del, plugin, parameters, &stdin);
            called.err().map(|error| failed(plugin, "delete", error))
        };
        plugins.iter().rev().filter_map(del).collect()
    }

    /// Finds a plugin and calls it.
    pub(crate) fn call(
        &self,
        command: Command,
        plugin: &PluginConf,
        parameters: &Parameters,
        stdin: &str,
    ) -> Result<Vec<u8>> {
        let executable = self.find(&plugin.plugin_type)?;
        self.execute(&executable, &self.variables(command, parameters), stdin)
    }

    pub(crate) fn find(&self, plugin_type: &str) -> Result<PathBuf> {
        find_plugin(plugin_type, &self.path)
    }

    pub(crate) fn execute(
        &self,
        executable: &std::path::Path,
        variables: &[(&'static str, String)],
        stdin: &str,
    ) -> Result<Vec<u8>> {
        Running::start(executable, variables, stdin.as_bytes())?
            .finish(self.time_limit, Wording::Runtime)
    }

    fn variables(&self, command: Command, parameters: &Parameters) -> Vec<(&'static str, String)> {
        let mut variables = request::environment(command, parameters, &self.path);
        variables.extend(self.trace.iter().flat_map(TraceContext::variables));
        variables
    }
}

/// How far an ADD has come.
#[derive(Default)]
struct Progress {
    /// The number of plugins that were started, the failing one included.
    called: usize,
    /// The result of the last plugin that succeeded.
    result: Option<VersionedResult>,
}

/// Puts the plugin and what it was asked before the message; the code stays the plugin's.
fn failed(plugin: &PluginConf, verb: &str, error: Error) -> Error {
    Error { msg: format!("plugin {plugin} failed ({verb}): {}", error.msg), ..error }
}

/// Spec: since 0.4.0 DEL gets the result of ADD.
fn passes_result_to_del(list: &NetworkList) -> Result<bool> {
    list.is_at_least(SpecVersion::V0_4_0)
}
