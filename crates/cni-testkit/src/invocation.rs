//! One run of a plugin executable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use crate::{Container, Namespace, Outcome, namespace::TOOL_PATH};

/// A plugin run being prepared: environment, standard input and command line.
#[derive(Debug, Clone)]
#[must_use = "nothing runs before `run`"]
pub struct Invocation<'h> {
    place: &'h Namespace,
    executable: PathBuf,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    stdin: Vec<u8>,
}

impl<'h> Invocation<'h> {
    pub(crate) fn new(place: &'h Namespace, directory: &Path, plugin: &str) -> Self {
        Self {
            place,
            executable: PathBuf::from(plugin),
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            stdin: Vec::new(),
        }
        .env("PATH", TOOL_PATH)
        .plugins(directory)
    }

    /// Runs the plugin of another directory, which becomes `CNI_PATH`, too.
    pub fn plugins(mut self, directory: &Path) -> Self {
        let plugin = self.executable.file_name().expect("a plugin has a name");
        self.executable = directory.join(plugin);
        self.env("CNI_PATH", &directory.to_string_lossy())
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Takes an environment variable away.
    pub fn without_env(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Sets `CNI_COMMAND`.
    pub fn command(self, command: &str) -> Self {
        self.env("CNI_COMMAND", command)
    }

    /// Sets `CNI_CONTAINERID`, `CNI_NETNS` and `CNI_IFNAME`.
    pub fn attachment(self, container: &Container, ifname: &str) -> Self {
        self.env("CNI_CONTAINERID", container.id())
            .env("CNI_NETNS", container.netns_path())
            .env("CNI_IFNAME", ifname)
    }

    /// Passes a configuration on standard input.
    pub fn config(self, config: &Value) -> Self {
        self.stdin(config.to_string())
    }

    /// Passes these bytes on standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Adds command line arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    /// Runs the plugin on its host and waits for it.
    #[track_caller]
    pub fn run(&self) -> Outcome {
        let mut command = Command::new(&self.executable);
        command.args(&self.arguments).env_clear().envs(&self.environment);
        let started = Instant::now();
        let output = self.place.feed(command, &self.stdin);
        Outcome {
            elapsed: started.elapsed(),
            title: self.title(),
            command: self.variable("CNI_COMMAND"),
            sandbox: self.variable("CNI_NETNS"),
            output,
        }
    }

    /// The run as one would type it.
    fn title(&self) -> String {
        let variables = self
            .environment
            .iter()
            .filter(|(name, _)| name.starts_with("CNI_") && *name != "CNI_PATH")
            .map(|(name, value)| format!("{name}={value} "));
        let arguments = self.arguments.iter().map(|argument| format!(" {argument}"));
        variables
            .chain([self.executable.display().to_string()])
            .chain(arguments)
            .chain([format!(" <<< '{}'", String::from_utf8_lossy(&self.stdin))])
            .collect()
    }

    fn variable(&self, name: &str) -> String {
        self.environment.get(name).cloned().unwrap_or_default()
    }
}
