//! A cnitool on a host, and what became of a run.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Output;

use cni_testkit::{Container, Host, plugin_dir};
use serde_json::{Value, json};

use crate::reference;

/// The folder of configurations, inside the host.
const CONFIGURATIONS: &str = "/run/net.d";

/// The folder of the plugins a test writes itself, inside the host.
const SCRIPTS: &str = "/run/scripts";

/// The folder where runtimes keep results, inside the host.
pub const RESULTS: &str = "/var/lib/cni/results";

/// A cnitool on a host, with its environment. The `with_` methods return a changed copy.
#[derive(Clone)]
pub struct Tool<'h> {
    host: &'h Host,
    executable: PathBuf,
    environment: BTreeMap<String, String>,
}

impl<'h> Tool<'h> {
    /// Our cnitool with the plugins under test.
    pub fn ours(host: &'h Host) -> Self {
        Self::new(host, cargo_folder("").join("cnitool"))
    }

    /// A runtime on the reference's library with the plugins under test; `None`, and recorded as
    /// skipped, where it cannot be built.
    pub fn reference(host: &'h Host) -> Option<Self> {
        Some(Self::new(host, reference::tool()?.to_owned()))
    }

    fn new(host: &'h Host, executable: PathBuf) -> Self {
        host.sh(&format!("mkdir -p {CONFIGURATIONS} {SCRIPTS}"));
        let environment = BTreeMap::new();
        Self { host, executable, environment }
            .with_env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .with_env("NETCONFPATH", CONFIGURATIONS)
            .with_plugins(&plugin_dir())
    }

    /// Whether the runtime is the reference's.
    pub fn is_reference(&self) -> bool {
        self.executable.ends_with("reference-cnitool")
    }

    /// Looks for plugins in this folder, after those the test has written.
    pub fn with_plugins(&self, folder: &Path) -> Self {
        self.with_env("CNI_PATH", &format!("{SCRIPTS}:{}", folder.display()))
    }

    /// Sets an environment variable.
    pub fn with_env(&self, name: &str, value: &str) -> Self {
        let mut tool = self.clone();
        tool.environment.insert(name.to_owned(), value.to_owned());
        tool
    }

    /// Attaches an interface of a container.
    #[track_caller]
    pub fn add(&self, network: &str, container: &Container, ifname: &str) -> Answer {
        self.run(&["add", network, container.netns_path(), "--ifname", ifname])
    }

    /// Checks an attachment.
    #[track_caller]
    pub fn check(&self, network: &str, container: &Container, ifname: &str) -> Answer {
        self.run(&["check", network, container.netns_path(), "--ifname", ifname])
    }

    /// Deletes an attachment.
    #[track_caller]
    pub fn del(&self, network: &str, container: &Container, ifname: &str) -> Answer {
        self.run(&["del", network, container.netns_path(), "--ifname", ifname])
    }

    /// Deletes every attachment of a network.
    #[track_caller]
    pub fn gc(&self, network: &str) -> Answer {
        self.run(&["gc", network, "/run/netns/none"])
    }

    /// Asks whether a network can be attached to.
    #[track_caller]
    pub fn status(&self, network: &str) -> Answer {
        self.run(&["status", network, "/run/netns/none"])
    }

    /// Runs the tool with these arguments.
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Answer {
        let variables = self.environment.iter().map(|(name, value)| format!("{name}={value}"));
        // `env -i`, so that the environment is the one the test gives.
        let mut line = vec!["env".to_owned(), "-i".to_owned()];
        line.extend(variables);
        line.push(self.executable.display().to_string());
        line.extend(arguments.iter().map(|&argument| argument.to_owned()));
        let words: Vec<&str> = line.iter().map(String::as_str).collect();
        Answer { output: self.host.output(&words), title: line.join(" ") }
    }
}

/// A finished run; a test must say what it expects of it.
#[must_use = "say whether the run had to succeed or to fail"]
pub struct Answer {
    title: String,
    output: Output,
}

impl Answer {
    /// Leaves out what was written to standard error by a run that succeeded: some plugins of the
    /// reference log there.
    pub fn without_log(mut self) -> Self {
        if self.output.status.success() {
            self.output.stderr.clear();
        }
        self
    }

    /// Demands success and returns what was printed.
    #[track_caller]
    pub fn succeeds(self) -> String {
        assert!(self.output.status.success(), "should succeed:\n{self}");
        assert!(self.output.stderr.is_empty(), "should not complain:\n{self}");
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Demands success and returns the result document.
    #[track_caller]
    pub fn result(self) -> Value {
        let text = self.succeeds();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What was printed, however the run ended.
    pub fn printed(self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// Demands success without a word.
    #[track_caller]
    pub fn silent(self) {
        assert!(self.output.stdout.is_empty(), "should be silent:\n{self}");
        self.succeeds();
    }

    /// Demands exit status 1 and exactly this error, printed once.
    #[track_caller]
    pub fn fails(self, message: &str) {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        assert!(stderr == format!("Error: {message}\n"), "should fail with {message:?}:\n{self}");
        assert!(self.output.status.code() == Some(1), "should exit with 1:\n{self}");
        assert!(self.output.stdout.is_empty(), "should print no result:\n{self}");
    }

    /// Demands exit status 1 and an error that contains this.
    #[track_caller]
    pub fn fails_with(self, part: &str) {
        let stderr = String::from_utf8_lossy(&self.output.stderr);
        assert!(stderr.contains(part), "should fail with a message about {part:?}:\n{self}");
        assert!(self.output.status.code() == Some(1), "should exit with 1:\n{self}");
    }
}

impl std::fmt::Display for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output { status, stdout, stderr } = &self.output;
        let [stdout, stderr] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(bytes));
        write!(f, "{}\n{status}\nstdout: {stdout}\nstderr: {stderr}", self.title)
    }
}

/// Runs the body with our cnitool and with the reference's, each on a host of its own.
pub fn with_both(body: impl Fn(&Host, Tool<'_>)) {
    let host = Host::new();
    body(&host, Tool::ours(&host));
    let host = Host::new();
    if let Some(tool) = Tool::reference(&host) {
        body(&host, tool);
    }
}

/// The same for a difference, a row of `tests/conformance.toml`: our cnitool has to pass, and the
/// reference's has to fail.
pub fn with_ours_alone(id: &str, body: impl Fn(&Host, Tool<'_>)) {
    let host = Host::new();
    body(&host, Tool::ours(&host));
    let host = Host::new();
    if let Some(tool) = Tool::reference(&host) {
        let passed = catch_unwind(AssertUnwindSafe(|| body(&host, tool))).is_ok();
        assert!(!passed, "difference {id:?} has gone: the reference's runtime passes, too");
    }
}

/// Writes a configuration file.
pub fn configure(host: &Host, file: &str, content: &Value) {
    write(host, &format!("{CONFIGURATIONS}/{file}"), &content.to_string());
}

/// Writes the list of network `net1`, in the version the oldest reference runtime knows.
pub fn configure_list(host: &Host, plugins: Value) {
    configure_list_of(host, "1.0.0", "net1", plugins);
}

/// Writes a list of plugins.
pub fn configure_list_of(host: &Host, version: &str, network: &str, plugins: Value) {
    let list = json!({ "cniVersion": version, "name": network, "plugins": plugins });
    configure(host, &format!("{network}.conflist"), &list);
}

/// A bridge `cni0` that is the gateway of 10.1.2.0/24, with these keys added or replaced.
pub fn bridge(keys: Value) -> Value {
    let mut plugin = json!({
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": true,
        "ipam": { "type": "host-local", "subnet": "10.1.2.0/24" }
    });
    for (key, value) in keys.as_object().expect("keys are an object") {
        plugin[key] = value.clone();
    }
    plugin
}

/// Writes a plugin that appends each command with its request to a log, and then runs the lines of
/// shell, which find the command in `CNI_COMMAND`. Unless they end it, it succeeds and answers ADD
/// with the result of the plugin before.
pub fn script(host: &Host, name: &str, lines: &str) {
    let script = format!(
        r#"#!/bin/sh
request=$(cat)
printf '%s %s\n' "$CNI_COMMAND" "$request" >> /run/{name}.log
echo "$CNI_COMMAND {name}" >> /run/order
{lines}
case $CNI_COMMAND$request in
ADD*'"prevResult":'*) printf %s "$request" | sed 's/.*"prevResult"://; s/,"\(runtimeConfig\|type\)":.*//' ;;
ADD*) printf '{{}}' ;;
esac
"#
    );
    // Copied, so that it was never open for writing in this process, whose other threads start
    // processes all the time: the kernel runs no file that somebody could still write.
    let draft = format!("/run/{name}.draft");
    write(host, &draft, &script);
    host.sh(&format!("install -m 755 {draft} {SCRIPTS}/{name}"));
}

/// The calls a script plugin has logged: the command, and the request.
pub fn calls(host: &Host, name: &str) -> Vec<(String, Value)> {
    host.sh(&format!("cat /run/{name}.log 2>/dev/null || true"))
        .lines()
        .map(|line| {
            let (command, request) = line.split_once(' ').expect("a command and a request");
            (command.to_owned(), serde_json::from_str(request).expect("a request is JSON"))
        })
        .collect()
}

/// Writes a file inside a host.
#[expect(clippy::disallowed_methods, reason = "a file of a test's private host")]
#[track_caller]
pub fn write(host: &Host, path: &str, content: &str) {
    let (path, content) = (path.to_owned(), content.to_owned());
    host.run(move || fs::write(&path, content).unwrap_or_else(|error| panic!("{path}: {error}")));
}

/// The calls of all script plugins, each as the command and the plugin.
pub fn order(host: &Host) -> Vec<String> {
    host.exec(&["cat", "/run/order"]).lines().map(str::to_owned).collect()
}

/// The container ID cnitool gives to a namespace.
pub fn container_id(host: &Host, container: &Container) -> String {
    let digest = host.sh(&format!("printf %s {} | sha512sum", container.netns_path()));
    format!("cnitool-{}", &digest[..20])
}

/// The names of the kept results.
pub fn kept(host: &Host) -> Vec<String> {
    let names = host.sh(&format!("ls -A {RESULTS} 2>/dev/null || true"));
    names.lines().map(str::to_owned).collect()
}

/// What a host shows, without the routes: the kernel takes those of a bridge that has lost its last
/// port away a moment later.
pub fn links_and_addresses(host: &Host) -> Vec<String> {
    host.shown().lines().filter(|line| !line.starts_with("route")).map(str::to_owned).collect()
}

/// The addresses of 10.0.0.0/8 that host-local has given, in order.
pub fn leases(host: &Host, network: &str) -> Vec<String> {
    let names = host.sh(&format!("ls /var/lib/cni/networks/{network} 2>/dev/null || true"));
    names.lines().filter(|name| name.starts_with("10.")).map(str::to_owned).collect()
}

/// A folder or file below the folder where cargo builds this profile.
pub fn cargo_folder(below: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a process knows its executable");
    // A test executable is target/<profile>/deps/<name>.
    test.ancestors().nth(2).expect("cargo puts tests two levels deep").join(below)
}
