//! The configuration on standard input, as far as every plugin reads it, and the error document.

use cni_testkit::{Host, difference};
use serde_json::json;

use crate::support::{has_no_link, plugins};

const UNREADABLE: &str = "error unmarshall network config: ";

/// Commands that read a configuration and that every release knows.
const COMMANDS: [&str; 3] = ["ADD", "CHECK", "DEL"];

#[test]
fn what_is_no_configuration_is_refused() {
    let host = Host::new();
    let c1 = host.container("c1");
    let good = r#"{"name":"net1","cniVersion":"0.4.0"}"#;
    let nested = "[".repeat(10 << 20);
    let nested_in_key = format!(r#"{{"name":"net1","x":{nested}"#);
    for plugin in plugins() {
        for command in COMMANDS {
            let call = plugin.call(&host, &c1, command);
            for text in [
                "",
                " \n",
                "{",
                "no configuration",
                "[]",
                "\"net1\"",
                "4",
                r#"{"name":4}"#,
                r#"{"name":["net1"]}"#,
                r#"{"name":"net1",}"#,
                "{'name':'net1'}",
                &format!("{good} x"),
                &format!("{good}{good}"),
                &format!("\u{feff}{good}"),
            ] {
                call.clone().stdin(text).run().fails_with(6, UNREADABLE);
            }
            call.clone()
                .stdin("")
                .run()
                .fails(6, &format!("{UNREADABLE}unexpected end of JSON input"));
        }
        for text in [&nested, &nested_in_key] {
            let outcome = plugin.call(&host, &c1, "ADD").stdin(text.as_str()).run();
            outcome.fails_with(6, UNREADABLE);
        }
    }
    has_no_link(&c1);
}

#[test]
fn a_network_needs_a_name() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        for command in COMMANDS {
            let call = plugin.call(&host, &c1, command);
            for text in ["{}", "null", r#"{"name":""}"#, r#"{"name":null}"#] {
                let failure = call.clone().stdin(text).run().fails(7, "missing network name");
                failure.details_are("");
            }
        }
    }
}

/// Names become names of files and chains, so they cannot leave their folder.
#[test]
fn network_names_are_identifiers() {
    let host = Host::new();
    let c1 = host.container("c1");
    plugins().for_each(|plugin| plugin.prepare(&host));
    let before = host.world();
    for plugin in plugins() {
        for command in COMMANDS {
            for name in ["../net1", "..", "/", "a/b", "-a", ".a", "_a", "a b", "a\n", "é"] {
                let mut config = plugin.config();
                config["name"] = json!(name);
                let failure = plugin.call(&host, &c1, command).config(&config).run();
                failure.fails(7, "invalid characters found in network name").details_are(name);
            }
        }
    }
    assert_eq!(host.world(), before);
}

/// The name is looked at first, and the version only then.
#[test]
fn a_wrong_name_beats_a_wrong_version() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        for command in COMMANDS {
            let call = plugin.call(&host, &c1, command);
            let name = call.clone().stdin(r#"{"name":"a/b","cniVersion":"9.9.9"}"#).run();
            name.fails_with(7, "invalid characters");
            let version = call.stdin(r#"{"name":"a","cniVersion":1.1}"#).run();
            version.fails_with(6, "decoding version from network config: ");
        }
    }
}

/// Spec: the error document has a `cniVersion`.
#[test]
fn errors_tell_their_version() {
    difference("error-document-version", || {
        let host = Host::new();
        let c1 = host.container("c1");
        for plugin in plugins() {
            let call = plugin.call(&host, &c1, "ADD");
            for (stdin, version) in [
                (r#"{"name":"a/b","cniVersion":"1.1.0"}"#, "1.1.0"),
                (r#"{"name":"a/b","cniVersion":"0.3.1"}"#, "0.3.1"),
                (r#"{"name":"a/b"}"#, "0.1.0"),
                (r#"{"name":"a/b","cniVersion":"9.9.9"}"#, "1.1.0"),
                ("no configuration", "1.1.0"),
            ] {
                let outcome = call.clone().stdin(stdin).run().exits(1);
                let document: serde_json::Value =
                    serde_json::from_slice(outcome.stdout()).expect("an error document");
                assert_eq!(document["cniVersion"], version, "{outcome}");
            }
        }
    });
}

/// Four blanks, keys in order, no newline at the end, markup escaped, no empty details.
#[test]
fn errors_have_one_layout() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in plugins() {
        let without_version = |stdin: &str| {
            let outcome = plugin.call(&host, &c1, "ADD").stdin(stdin).run().exits(1);
            assert_eq!(outcome.stderr(), "");
            let text = String::from_utf8(outcome.stdout().to_vec()).expect("text");
            text.replace("    \"cniVersion\": \"0.4.0\",\n", "")
        };
        let stdin =
            json!({ "cniVersion": "0.4.0", "name": "<a> & \"b\" \\ \n\u{1}\u{7f}é\u{2028}" });
        assert_eq!(
            without_version(&stdin.to_string()),
            "{\n    \"code\": 7,\n    \"msg\": \"invalid characters found in network name\",\n    \
             \"details\": \"\\u003ca\\u003e \\u0026 \\\"b\\\" \\\\ \\n\\u0001\u{7f}é\\u2028\"\n}"
        );
        assert_eq!(
            without_version(r#"{"cniVersion":"0.4.0"}"#),
            "{\n    \"code\": 7,\n    \"msg\": \"missing network name\"\n}"
        );
    }
}
