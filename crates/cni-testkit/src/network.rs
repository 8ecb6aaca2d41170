//! A network as a runtime knows it: a configuration, and the results of its attachments.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::plugins::{self, numeric};
use crate::{Container, Fault, Host, Invocation, Outcome, against_reference};

/// Container ID and interface name: what the spec calls an attachment.
type Attachment = (String, String);

/// One plugin's network on a [`Host`].
///
/// Like a runtime, it keeps the result of each ADD and passes it to later CHECKs and DELs as
/// `prevResult` (from spec version 0.4.0 on). The `with_` methods return a changed copy that
/// shares those results, so a change holds for one call: `net.with_args("IP=…").add(…)`.
#[derive(Debug, Clone)]
pub struct Network<'h> {
    host: &'h Host,
    config: Value,
    plugins: PathBuf,
    environment: Vec<(String, Option<String>)>,
    stdin: Option<Vec<u8>>,
    prev_result: PrevResult,
    results: Arc<Mutex<HashMap<Attachment, Value>>>,
}

#[derive(Debug, Clone)]
enum PrevResult {
    /// What the attachment's ADD answered.
    Kept,
    Given(Value),
    None,
}

impl<'h> Network<'h> {
    #[track_caller]
    pub(crate) fn new(host: &'h Host, config: Value) -> Self {
        assert!(config["type"].is_string(), "a network configuration without type: {config}");
        let mut network = Self {
            host,
            config,
            plugins: plugins::plugin_dir(),
            environment: Vec::new(),
            stdin: None,
            prev_result: PrevResult::Kept,
            results: Arc::default(),
        };
        if against_reference() {
            network.lower_version();
        }
        network
    }

    /// Sets `CNI_ARGS`.
    pub fn with_args(&self, arguments: &str) -> Self {
        self.with_env("CNI_ARGS", arguments)
    }

    /// Sets an environment variable.
    pub fn with_env(&self, name: &str, value: &str) -> Self {
        self.changed(|network| {
            network.environment.push((name.to_owned(), Some(value.to_owned())));
        })
    }

    /// Takes an environment variable away.
    pub fn without_env(&self, name: &str) -> Self {
        self.changed(|network| network.environment.push((name.to_owned(), None)))
    }

    /// Passes this as `prevResult`.
    pub fn with_prev_result(&self, result: Value) -> Self {
        self.changed(|network| network.prev_result = PrevResult::Given(result))
    }

    /// Passes no `prevResult`.
    pub fn without_prev_result(&self) -> Self {
        self.changed(|network| network.prev_result = PrevResult::None)
    }

    /// Passes a key of the configuration with another value, `null` included.
    pub fn with_config(&self, key: &str, value: Value) -> Self {
        self.changed(|network| network.config[key] = value)
    }

    /// Passes these bytes on standard input instead of the configuration.
    pub fn with_stdin(&self, bytes: impl Into<Vec<u8>>) -> Self {
        self.changed(|network| network.stdin = Some(bytes.into()))
    }

    /// Runs the plugins of another directory.
    pub fn with_plugins(&self, directory: &Path) -> Self {
        self.changed(|network| directory.clone_into(&mut network.plugins))
    }

    /// Runs the plugins built for the fault suite, with this fault in one of them.
    pub fn with_fault(&self, fault: &Fault) -> Self {
        self.with_plugins(&fault.plugins)
            .with_env("CNI_FAULT", &fault.setting)
            .with_env("CNI_FAULT_MARK", &fault.mark.to_string_lossy())
    }

    /// The configuration, as it is passed to ADD.
    pub fn config(&self) -> &Value {
        &self.config
    }

    /// Attaches a container.
    #[track_caller]
    pub fn add(&self, container: &Container, ifname: &str) -> Outcome {
        let config = self.config_with(self.given_prev_result());
        let outcome = self.invoke("ADD", &config).attachment(container, ifname).run();
        if let Some(result) = outcome.result() {
            self.results().insert(attachment(container, ifname), result);
        }
        outcome
    }

    /// Checks an attachment.
    #[track_caller]
    pub fn check(&self, container: &Container, ifname: &str) -> Outcome {
        let config = self.config_with(self.prev_result(container, ifname));
        self.invoke("CHECK", &config).attachment(container, ifname).run()
    }

    /// Deletes an attachment.
    #[track_caller]
    pub fn del(&self, container: &Container, ifname: &str) -> Outcome {
        let config = self.config_with(self.prev_result(container, ifname));
        self.invoke("DEL", &config).attachment(container, ifname).run()
    }

    /// Deletes an attachment of a container whose namespace the runtime no longer knows.
    #[track_caller]
    pub fn del_without_netns(&self, container: &Container, ifname: &str) -> Outcome {
        self.without_env("CNI_NETNS").del(container, ifname)
    }

    /// Collects the garbage of every attachment but these.
    #[track_caller]
    pub fn gc(&self, valid: &[(&Container, &str)]) -> Outcome {
        let valid: Vec<Value> = valid
            .iter()
            .map(|(container, ifname)| json!({ "containerID": container.id(), "ifname": ifname }))
            .collect();
        let mut config = self.config.clone();
        config["cni.dev/valid-attachments"] = json!(valid);
        // A misspelling once in the SPEC; libcni sends both.
        config["cni.dev/attachments"] = json!(valid);
        self.invoke("GC", &config).run()
    }

    /// Asks whether ADD could work now.
    #[track_caller]
    pub fn status(&self) -> Outcome {
        self.invoke("STATUS", &self.config).run()
    }

    /// Asks for the supported versions.
    #[track_caller]
    pub fn version(&self) -> Outcome {
        self.invoke("VERSION", &json!({ "cniVersion": self.config["cniVersion"] })).run()
    }

    fn invoke(&self, command: &str, config: &Value) -> Configured<'h> {
        let invocation = Invocation::new(self.host, &self.plugins, self.plugin()).command(command);
        let invocation = match &self.stdin {
            Some(bytes) => invocation.stdin(bytes.clone()),
            None => invocation.config(config),
        };
        Configured { invocation, environment: self.environment.clone() }
    }

    fn plugin(&self) -> &str {
        self.config["type"].as_str().expect("a network has a type")
    }

    fn given_prev_result(&self) -> Option<Value> {
        match &self.prev_result {
            PrevResult::Given(result) => Some(result.clone()),
            PrevResult::Kept | PrevResult::None => None,
        }
    }

    fn prev_result(&self, container: &Container, ifname: &str) -> Option<Value> {
        let kept = matches!(self.prev_result, PrevResult::Kept) && self.version_at_least("0.4.0");
        if kept {
            self.results().get(&attachment(container, ifname)).cloned()
        } else {
            self.given_prev_result()
        }
    }

    fn config_with(&self, prev_result: Option<Value>) -> Value {
        let mut config = self.config.clone();
        if let Some(result) = prev_result {
            config["prevResult"] = result;
        }
        config
    }

    fn version_at_least(&self, version: &str) -> bool {
        let own = self.config["cniVersion"].as_str().unwrap_or("0.1.0");
        numeric(own) >= numeric(version)
    }

    /// Lets tests that write the newest version run on an older set, too.
    fn lower_version(&mut self) {
        if let Some(newest) = plugins::supported_versions(self.plugin()).pop()
            && self.version_at_least(&newest)
        {
            self.config["cniVersion"] = newest.into();
        }
    }

    fn changed(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut network = self.clone();
        change(&mut network);
        network
    }

    fn results(&self) -> MutexGuard<'_, HashMap<Attachment, Value>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An invocation on which the test's own variables have the last word.
struct Configured<'h> {
    invocation: Invocation<'h>,
    environment: Vec<(String, Option<String>)>,
}

impl Configured<'_> {
    fn attachment(mut self, container: &Container, ifname: &str) -> Self {
        self.invocation = self.invocation.attachment(container, ifname);
        self
    }

    #[track_caller]
    fn run(self) -> Outcome {
        let mut invocation = self.invocation;
        for (name, value) in &self.environment {
            invocation = match value {
                Some(value) => invocation.env(name, value),
                None => invocation.without_env(name),
            };
        }
        invocation.run()
    }
}

fn attachment(container: &Container, ifname: &str) -> Attachment {
    (container.id().to_owned(), ifname.to_owned())
}
