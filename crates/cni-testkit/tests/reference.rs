//! Tests that know whose executables they run; each is run again with the environment changed.

use std::env;

use cni_testkit::{Host, difference, lacks_plugin, lacks_release, lacks_version};
use serde_json::json;

/// Runs one test of this file as `cargo xtask test --against` would, and returns what it printed.
fn against(test: &str, variables: &[&str]) -> (bool, String) {
    let own = env::current_exe().expect("a process knows its executable");
    let own = own.to_string_lossy();
    let plugins = concat!("CNI_TEST_PLUGINS=", env!("CARGO_MANIFEST_DIR"), "/tests/plugin");
    let command = ["env", "CNI_TEST_AGAINST=1", plugins];
    let command = [&command, variables, &[&own, "--exact", test]].concat();
    let output = Host::new().output(&command);
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[test]
fn difference_that_exists() {
    difference("row", || assert!(!cni_testkit::against_reference()));
}

#[test]
fn difference_that_is_none() {
    difference("row", || ());
}

#[test]
fn differences_have_to_differ() {
    assert!(against("difference_that_exists", &[]).0);
    let (passed, text) = against("difference_that_is_none", &[]);
    assert!(!passed && text.contains(r#"difference "row" has gone"#), "{text}");
}

#[test]
fn what_older_sets_lack() {
    let lacking = [
        lacks_plugin("toy"),
        lacks_plugin("bridge"),
        lacks_version("toy", "1.1.0"),
        lacks_version("toy", "2.0.0"),
        lacks_release("1.4.0"),
        lacks_release("1.5.0"),
    ];
    assert_eq!(lacking.contains(&true), cni_testkit::against_reference());
}

/// A skip is printed although the test passes, and kept in the file for skips.
#[test]
fn skips_are_seen_and_recorded() {
    let directory = tempfile::tempdir().expect("make a directory");
    let file = directory.path().join("skips");
    let skips = format!("CNI_TEST_SKIPS={}", file.display());
    let (passed, text) = against("what_older_sets_lack", &[&skips, "CNI_TEST_RELEASE=v1.4.1"]);
    assert!(passed, "{text}");
    let recorded = std::fs::read_to_string(&file).expect("read the recorded skips");
    assert_eq!(
        recorded,
        "skipped: what_older_sets_lack: the set under test has no bridge\n\
         skipped: what_older_sets_lack: the toy under test does not know version 2.0.0\n\
         skipped: what_older_sets_lack: the set under test is older than release 1.5.0\n"
    );
    assert!(recorded.lines().all(|line| text.contains(line)), "{text}");
}

#[test]
fn newest_version_is_lowered_for_older_sets() {
    let (passed, text) = against("older_version_is_asked_for", &[]);
    assert!(passed, "{text}");
}

#[test]
fn older_version_is_asked_for() {
    let host = Host::new();
    let net = host.network(json!({ "cniVersion": "1.2.0", "name": "net1", "type": "toy" }));
    let expected = if cni_testkit::against_reference() { "1.1.0" } else { "1.2.0" };
    assert_eq!(net.config()["cniVersion"], expected);
}
