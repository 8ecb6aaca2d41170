//! Which executables are under test.

use std::collections::HashMap;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::Value;

use crate::skip;

/// The directory of the plugins under test: `CNI_TEST_PLUGINS`, or else where cargo builds them.
pub fn plugin_dir() -> PathBuf {
    match env::var_os("CNI_TEST_PLUGINS") {
        Some(directory) => directory.into(),
        None => {
            let test = env::current_exe().expect("a process knows its executable");
            // A test executable is target/<profile>/deps/<name>.
            let profile = test.ancestors().nth(2).expect("cargo puts tests two levels deep");
            profile.to_owned()
        }
    }
}

/// The directory of the plugins built for the fault suite (`CNI_TEST_FAULT_PLUGINS`), if any.
pub fn fault_plugin_dir() -> Option<PathBuf> {
    env::var_os("CNI_TEST_FAULT_PLUGINS").map(PathBuf::from)
}

/// The folder with what `cargo xtask dist` has made (`CNI_TEST_DIST`). Where there is none the test
/// is recorded as skipped.
#[must_use = "a test that is skipped has to return"]
pub fn dist_dir() -> Option<PathBuf> {
    given("CNI_TEST_DIST", "nothing is packed: `cargo xtask test` does it")
}

/// A freshly installed Debian (`CNI_TEST_DEBIAN`), not to be written to. Where there is none the
/// test is recorded as skipped.
#[must_use = "a test that is skipped has to return"]
pub fn debian_dir() -> Option<PathBuf> {
    given("CNI_TEST_DEBIAN", "there is no Debian to install in: it takes root and a network")
}

fn given(variable: &str, without: &str) -> Option<PathBuf> {
    let folder = env::var_os(variable).map(PathBuf::from);
    if folder.is_none() {
        skip::record(without);
    }
    folder
}

/// The spec versions a plugin of the set under test says it supports, oldest first.
///
/// Empty for a plugin that is not there.
pub fn supported_versions(plugin: &str) -> Vec<String> {
    static KNOWN: LazyLock<Mutex<HashMap<String, Vec<String>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(plugin.to_owned()).or_insert_with(|| ask_versions(plugin)).clone()
}

fn ask_versions(plugin: &str) -> Vec<String> {
    let output = Command::new(plugin_dir().join(plugin))
        .env_clear()
        .env("CNI_COMMAND", "VERSION")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        return Vec::new();
    };
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let versions = answer["supportedVersions"].as_array().cloned().unwrap_or_default();
    versions.iter().filter_map(|version| version.as_str().map(str::to_owned)).collect()
}

/// A dotted version as numbers, so that it can be compared; what is no number counts as zero.
pub(crate) fn numeric(version: &str) -> Vec<u32> {
    version.trim_start_matches('v').split('.').map(|part| part.parse().unwrap_or(0)).collect()
}
