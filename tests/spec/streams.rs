//! Standard input and output: what is read, and that a result nobody reads is taken back.

use std::path::Path;

use cni_testkit::{Container, Host, Outcome, difference, plugin_dir};

use crate::support::{Plugin, attaching, has_no_link};

/// What was given to a plugin that needs no configuration is still there afterwards.
#[test]
fn standard_input_is_left_alone_where_it_is_not_needed() {
    let host = Host::new();
    for plugin in attaching() {
        let executable = plugin_dir().join(plugin.name);
        for command in ["VERSION", ""] {
            let script = format!(
                "printf untouched | {{ CNI_COMMAND={command} {} >/dev/null 2>&1; cat; }}",
                executable.display()
            );
            assert_eq!(host.sh(&script), "untouched", "{} {command}", plugin.name);
        }
    }
}

/// A configuration that arrives in pieces is read to its end before anything is done.
#[test]
fn standard_input_is_read_to_its_end() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in attaching() {
        let script = "{ head -c 20; sleep 0.05; cat; } | \"$1\"";
        let outcome = from_script(plugin, &host, &c1, script);
        assert!(outcome.is_success(), "{outcome}");
        let deleted = from_script(plugin, &host, &c1, "CNI_COMMAND=DEL \"$1\"");
        assert!(deleted.is_success(), "{deleted}");
    }
}

#[test]
fn standard_input_that_cannot_be_read_is_an_error() {
    let host = Host::new();
    let c1 = host.container("c1");
    for plugin in attaching() {
        let outcome = from_script(plugin, &host, &c1, "\"$1\" </run");
        outcome.fails_with(5, "error reading from stdin: ");
    }
}

/// The runtime that would have to delete the attachment has never heard of it.
#[test]
fn a_result_nobody_reads_is_taken_back() {
    let no_reader = "mkfifo /run/unread; exec 3<>/run/unread 4>/run/unread 3<&-; \"$1\" >&4";
    difference("unread-result", || {
        for plugin in attaching() {
            for script in [no_reader, "\"$1\" >/dev/full"] {
                let host = Host::new();
                let (c1, c2) = (host.container("c1"), host.container("c2"));
                // What containers share, a bridge for example, stays.
                let net = plugin.network(&host);
                net.add(&c2, "eth0").succeeds();
                net.del(&c2, "eth0").succeeds();
                let before = host.world();
                let outcome = from_script(plugin, &host, &c1, script).exits(1);
                assert!(outcome.stderr().starts_with("Error writing error JSON to stdout: "));
                assert_eq!(host.world(), before);
                has_no_link(&c1);
            }
        }
    });
}

/// Calls ADD from a shell script, in which the plugin is `$1`.
fn from_script(plugin: &Plugin, host: &Host, container: &Container, script: &str) -> Outcome {
    plugin.prepare(host);
    let executable = plugin_dir().join(plugin.name);
    host.invoke("sh")
        .plugins(Path::new("/bin"))
        .args(&["-c", script, "sh", &executable.to_string_lossy()])
        .env("CNI_PATH", &plugin_dir().to_string_lossy())
        .command("ADD")
        .attachment(container, "eth0")
        .config(&plugin.config())
        .run()
}
