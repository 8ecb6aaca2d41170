//! Running lists with plugins that only write down how they were called.
#![expect(clippy::disallowed_methods, reason = "tests prepare files that nobody else reads")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

mod add;
mod cache;
mod check;
mod del;
mod gc;
mod load;
mod versions;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cni_core::Attachment;
use cni_runtime::{NetworkList, Parameters, Runtime};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Folders for plugins, configurations and results.
struct World {
    folder: TempDir,
}

/// One call of a plugin.
#[derive(Debug, PartialEq)]
struct Call {
    plugin: String,
    verb: String,
    container_id: String,
    netns: String,
    args: String,
    ifname: String,
    path: String,
    trace_parent: String,
    stdin: String,
}

impl Call {
    fn request(&self) -> Value {
        serde_json::from_str(&self.stdin).unwrap()
    }
}

impl World {
    /// A world with plugins of these types. Each answers ADD with an empty result.
    fn with_plugins(types: &[&str]) -> Self {
        let world = Self { folder: TempDir::new().unwrap() };
        fs::create_dir(world.plugins()).unwrap();
        fs::create_dir(world.configurations()).unwrap();
        for plugin in types {
            // A link, because a file just written may not be executable while another test's
            // child still has it open for writing.
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lists/plugin.sh");
            symlink(script, world.plugins().join(plugin)).unwrap();
            world.answers(plugin, "ADD", "{}");
        }
        world
    }

    fn plugins(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    fn configurations(&self) -> PathBuf {
        self.folder.path().join("net.d")
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn runtime(&self) -> Runtime {
        Runtime::new(self.plugins().display().to_string()).with_cache_folder(self.cache())
    }

    fn answers(&self, plugin: &str, verb: &str, stdout: &str) {
        self.set(plugin, verb, "stdout", stdout);
    }

    fn fails(&self, plugin: &str, verb: &str, code: u64, msg: &str) {
        self.answers(plugin, verb, &json!({"code": code, "msg": msg}).to_string());
        self.set(plugin, verb, "exit", "1");
    }

    fn recovers(&self, plugin: &str, verb: &str) {
        fs::remove_file(self.plugins().join(format!("{plugin}.{verb}.exit"))).unwrap();
    }

    fn set(&self, plugin: &str, verb: &str, what: &str, text: &str) {
        fs::write(self.plugins().join(format!("{plugin}.{verb}.{what}")), text).unwrap();
    }

    /// Writes a file of the configuration folder, or below it.
    fn configure(&self, file: &str, text: &str) -> PathBuf {
        let file = self.configurations().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
        file
    }

    fn cached(&self, name: &str) -> PathBuf {
        self.cache().join("results").join(name)
    }

    fn keep(&self, name: &str, text: &str) {
        fs::create_dir_all(self.cached("")).unwrap();
        fs::write(self.cached(name), text).unwrap();
    }

    /// The calls since the last time.
    fn calls(&self) -> Vec<Call> {
        let file = self.plugins().join("calls");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(file);
        let call = |line: &str| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().unwrap();
            Call {
                plugin: next(),
                verb: next(),
                container_id: next(),
                netns: next(),
                args: next(),
                ifname: next(),
                path: next(),
                trace_parent: next(),
                stdin: next(),
            }
        };
        text.lines().map(call).collect()
    }

    /// The calls since the last time as `<plugin> <verb>`.
    fn called(&self) -> Vec<String> {
        self.calls().iter().map(|call| format!("{} {}", call.plugin, call.verb)).collect()
    }
}

/// A list called `net`.
fn list(version: &str, plugins: Value) -> NetworkList {
    list_of(json!({"name": "net", "cniVersion": version, "plugins": plugins}))
}

fn list_of(document: Value) -> NetworkList {
    NetworkList::from_bytes(document.to_string().as_bytes()).unwrap()
}

/// Container `c1` with interface `eth0`.
fn parameters() -> Parameters {
    Parameters {
        attachment: Attachment {
            container_id: "c1".to_owned(),
            netns: "/run/netns/c1".to_owned(),
            ifname: "eth0".to_owned(),
        },
        ..Parameters::default()
    }
}
