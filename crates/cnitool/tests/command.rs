//! The executable: its environment, its words and its exit codes.
//!
//! Only STATUS is run here, because the other verbs use the machine's result cache.
#![expect(clippy::disallowed_methods, reason = "tests start the executable with files of theirs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

use std::fs;
use std::process::Command;

use tempfile::TempDir;

/// Exit code, stdout and stderr.
type Outcome = (i32, String, String);

/// Runs cnitool with a network of one plugin, which is found among the system's programs: `true`
/// and `false` are as good as plugins for STATUS.
fn cnitool(plugin: &str, variables: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    let folder = TempDir::new().unwrap();
    let list =
        format!(r#"{{"name":"net","cniVersion":"1.1.0","plugins":[{{"type":"{plugin}"}}]}}"#);
    fs::write(folder.path().join("net.conflist"), list).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_cnitool"))
        .args(arguments)
        .env_remove("CNI_ARGS")
        .env_remove("CAP_ARGS")
        .env("NETCONFPATH", folder.path())
        .env("CNI_PATH", "/nonexistent:/bin:/usr/bin")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn failure(text: &str) -> Outcome {
    (1, String::new(), format!("Error: {text}\n"))
}

const STATUS: &[&str] = &["status", "net", "/run/netns/x"];

#[test]
fn success_is_silent() {
    assert_eq!(cnitool("true", &[], STATUS), (0, String::new(), String::new()));
}

#[test]
fn a_plugins_failure_is_said_once() {
    assert_eq!(
        cnitool("false", &[], STATUS),
        failure("netplugin failed with no error message: exit status 1")
    );
}

#[test]
fn the_environment_is_looked_at_in_order() {
    let both = [("CAP_ARGS", "{"), ("CNI_ARGS", "A")];
    assert_eq!(cnitool("true", &both, STATUS), failure("unexpected end of JSON input"));
    assert_eq!(cnitool("true", &both[1..], STATUS), failure("invalid CNI_ARGS pair \"A\""));
    let nowhere = [("NETCONFPATH", "/nonexistent"), ("CAP_ARGS", "{")];
    assert_eq!(
        cnitool("true", &nowhere, STATUS),
        failure("no net configurations found in /nonexistent")
    );
    assert_eq!(cnitool("true", &[("CNI_PATH", "")], STATUS), failure("no paths provided"));
}

#[test]
fn mistakes_end_with_1_and_help_with_0() {
    let (code, stdout, stderr) = cnitool("true", &[], &["status", "net"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.starts_with("Error: requires at least 2 arg(s), only received 1\n"), "{stderr}");
    let (code, stdout, stderr) = cnitool("true", &[], &[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(stdout.contains("Usage: cnitool"), "{stdout}");
}
