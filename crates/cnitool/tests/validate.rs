//! `cnitool validate`: its words for people and machines, its exit codes, and the machine.
#![expect(clippy::disallowed_methods, reason = "tests start the executable with files of theirs")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be prepared has failed")]

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A folder with files, in which cnitool is run.
struct Folder(TempDir);

/// Exit code, stdout and stderr.
type Outcome = (i32, String, String);

impl Folder {
    fn with(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }

    fn validate(&self, arguments: &[&str]) -> Outcome {
        let output = Command::new(env!("CARGO_BIN_EXE_cnitool"))
            .arg("validate")
            .args(arguments)
            .current_dir(self.0.path())
            .env("CNI_PATH", "/nonexistent")
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }
}

const RIGHT: &str = r#"{ "cniVersion": "1.1.0", "name": "right", "type": "bridge" }"#;
const STRANGE: &str = r#"{ "cniVersion": "1.1.0", "name": "strange", "type": "bridge", "x": 1 }"#;
const WRONG: &str = "{\n  \"cniVersion\": \"1.1.0\",\n  \"name\": \"wrong\",\n  \"type\": \"bridge\",\n  \"mtu\": \"big\"\n}";

#[test]
fn the_exit_code_tells_errors_from_warnings() {
    let folder = Folder::with(&[("a.conf", RIGHT), ("b.conf", STRANGE), ("c.conf", WRONG)]);
    assert_eq!(
        folder.validate(&["--any-machine", "a.conf"]),
        (0, "1 file: nothing found\n".to_owned(), String::new())
    );
    let strange = "b.conf:1:63: warning: bridge has no key \"x\"; it is ignored [unknown-key]\n";
    let counted = format!("{strange}2 files: 0 errors, 1 warning\n");
    for (arguments, code) in [
        (["--any-machine", "a.conf", "b.conf"].as_slice(), 0),
        (&["--any-machine", "--strict", "a.conf", "b.conf"], 1),
    ] {
        assert_eq!(folder.validate(arguments), (code, counted.clone(), String::new()));
    }
    assert_eq!(
        folder.validate(&["--any-machine", "c.conf"]),
        (
            1,
            "c.conf:5:10: error: cannot read \"big\" as integer in key mtu [wrong-type]\n\
             1 file: 1 error, 0 warnings\n"
                .to_owned(),
            String::new()
        )
    );
    let (code, stdout, _) = folder.validate(&["--any-machine", "nowhere.conf", "a.conf"]);
    assert_eq!(code, 1);
    assert!(stdout.starts_with("nowhere.conf: error: no such file or directory [unreadable]\n"));
}

#[test]
fn machines_get_a_list() {
    let folder = Folder::with(&[("c.conf", WRONG), ("a.conf", RIGHT)]);
    let (code, stdout, _) =
        folder.validate(&["--json", "--any-machine", "c.conf", "none", "a.conf"]);
    assert_eq!(code, 1);
    assert_eq!(
        serde_json::from_str::<Value>(&stdout).unwrap(),
        json!([
            { "file": "c.conf", "line": 5, "column": 10, "severity": "error", "rule": "wrong-type",
              "message": "cannot read \"big\" as integer in key mtu" },
            { "file": "none", "line": null, "column": null, "severity": "error",
              "rule": "unreadable", "message": "no such file or directory" }
        ])
    );
    let (code, stdout, _) = folder.validate(&["--json", "--any-machine", "a.conf"]);
    assert_eq!((code, stdout.as_str()), (0, "[]\n"));
}

#[test]
fn what_the_machine_lacks_is_an_error() {
    let folder = Folder::with(&[
        ("bridge", "#!/bin/false"),
        ("good.conf", r#"{ "cniVersion": "1.1.0", "name": "a", "type": "bridge" }"#),
        (
            "bad.conf",
            r#"{ "cniVersion": "1.1.0", "name": "b", "type": "macvlan", "master": "no-such-link",
                 "ipam": { "type": "host-local", "subnet": "10.0.0.0/8", "resolvConf": "/no/file" } }"#,
        ),
        ("lo.conf", r#"{ "cniVersion": "1.1.0", "name": "c", "type": "macvlan", "master": "lo" }"#),
        (
            "inside.conf",
            r#"{ "cniVersion": "1.1.0", "name": "d", "type": "macvlan", "master": "no-such-link",
                 "linkInContainer": true }"#,
        ),
    ]);
    let rules = |arguments: &[&str]| {
        let (code, stdout, _) = folder.validate(&[&["--json"], arguments].concat());
        let findings: Vec<Value> = serde_json::from_str(&stdout).unwrap();
        assert_eq!(code, i32::from(!findings.is_empty()));
        let told = |it: &Value| {
            format!("{}:{} {}", it["line"], it["column"], it["rule"].as_str().unwrap())
        };
        findings.iter().map(told).collect::<Vec<_>>()
    };
    assert_eq!(rules(&["--cni-path", ".", "good.conf"]), [] as [&str; 0]);
    assert_eq!(rules(&["good.conf"]), ["1:47 missing-executable"]);
    assert_eq!(
        rules(&["--cni-path", ".", "bad.conf"]),
        [
            "1:47 missing-executable",
            "1:68 missing-master",
            "2:36 missing-executable",
            "2:88 missing-file"
        ]
    );
    assert_eq!(rules(&["lo.conf", "inside.conf"]).len(), 2, "only executables");
    assert_eq!(rules(&["--any-machine", "bad.conf"]), [] as [&str; 0]);
}

#[test]
fn a_folder_beside_the_list_may_have_its_plugins() {
    let list = r#"{ "cniVersion": "0.4.0", "name": "a" }"#;
    let folder = Folder::with(&[("a.conflist", list)]);
    let validate = || folder.validate(&["--any-machine", "a.conflist"]);
    assert!(validate().1.starts_with("a.conflist:1:1: error: no plugin configs found [list]\n"));
    fs::create_dir(folder.0.path().join("a")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.0.path().join(name), text).unwrap();
    write("a/1.conf", r#"{ "type": "bridge" }"#);
    write("a/2.conf", r#"{ "type": "tuning" }"#);
    assert_eq!(validate(), (0, "1 file: nothing found\n".to_owned(), String::new()));
    write("a/1.conf", r#"{ "type": "bridge", "vlan": -1 }"#);
    write("a/3.conf", r#"{ "typ": "bridge" }"#);
    let (code, stdout, _) = validate();
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(
        (code, &lines[..]),
        (
            1,
            [
                "a/1.conf:1:29: error: bridge: invalid VLAN ID -1 (must be between 0 and 4094) [refused]",
                "a/3.conf:1:1: error: missing 'type' [list]",
                "1 file: 2 errors, 0 warnings"
            ]
            .as_slice()
        )
    );
    write(
        "a.conflist",
        r#"{ "cniVersion": "0.4.0", "name": "a", "loadOnlyInlinedPlugins": true,
        "plugins": [{ "type": "bridge" }] }"#,
    );
    assert_eq!(validate().0, 0, "the folder is not looked at");
}

#[test]
fn of_a_folder_the_configurations_are_checked() {
    let folder = Folder::with(&[("b.conf", RIGHT), ("a.conflist", "{}"), ("notes.txt", "?")]);
    let (code, stdout, _) = folder.validate(&["--any-machine", "."]);
    assert_eq!(code, 1);
    assert!(stdout.starts_with("./a.conflist:1:1: error: "), "{stdout}");
    assert!(stdout.contains("\n2 files: "), "{stdout}");
    let empty = Folder::with(&[]);
    assert_eq!(empty.validate(&["."]), (0, "0 files: nothing found\n".to_owned(), String::new()));
}

#[test]
fn schemas_are_written_for_one_plugin_or_for_all() {
    let folder = Folder::with(&[]);
    let title = |argument: &str| {
        let (code, stdout, _) = folder.validate(&[argument]);
        assert_eq!(code, 0);
        serde_json::from_str::<Value>(&stdout).unwrap()["title"].clone()
    };
    assert_eq!(title("--schema"), "CNI network configuration");
    assert_eq!(title("--schema=host-local"), "host-local");
    let (code, stdout, stderr) = folder.validate(&["--schema=nothing"]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert_eq!(stderr, "Error: no plugin \"nothing\" in this set\n");
}

#[test]
fn mistakes_on_the_command_line_end_with_2() {
    let folder = Folder::with(&[]);
    for arguments in [[].as_slice(), &["--frob", "a.conf"], &["--schema", "a.conf"]] {
        let (code, stdout, stderr) = folder.validate(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(stderr.starts_with("Error: "), "{stderr}");
    }
}

/// What runtimes write, and what their documentation has people write.
#[test]
fn nothing_is_found_in_the_usual_networks_of_the_field() {
    let folder = Folder::with(&[]);
    let field = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/field");
    assert_eq!(
        folder.validate(&["--any-machine", "--strict", field]),
        (0, "12 files: nothing found\n".to_owned(), String::new())
    );
}
