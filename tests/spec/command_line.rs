//! A plugin as a command for people: the reference ignores arguments and says what it is.

use cni_testkit::{Host, Outcome, difference};
use serde_json::Value;

use crate::support::{Plugin, attaching, has_no_link, plugins};

/// Runs a plugin as it is typed.
fn typed(host: &Host, plugin: &Plugin, arguments: &[&str]) -> Outcome {
    plugin.prepare(host);
    host.invoke(plugin.name).without_env("CNI_PATH").args(arguments).run()
}

fn text(outcome: &Outcome) -> String {
    String::from_utf8_lossy(outcome.stdout()).into_owned()
}

#[test]
fn arguments_mean_nothing_to_a_runtime() {
    let host = Host::new();
    for plugin in plugins() {
        let call = host.invoke(plugin.name).command("VERSION");
        let answer = String::from_utf8_lossy(call.run().succeeds().stdout()).into_owned();
        for arguments in [&["--help"][..], &["add", "c1", "1"], &["nonsense"]] {
            call.clone().args(arguments).run().succeeds().prints(&answer);
        }
    }
}

/// Nothing has to be configured, and the result is for people.
#[test]
fn a_container_is_attached_without_any_configuration() {
    difference("command-line", || {
        for plugin in attaching() {
            let host = Host::new();
            let c1 = host.container("c1");
            let added = typed(&host, plugin, &["add", "c1", c1.netns_path()]).exits(0);
            assert_eq!(added.stderr(), "", "{added}");
            let lines = text(&added);
            assert!(lines.lines().any(|line| line.starts_with("address ")), "{added}");
            assert!(lines.ends_with('\n') && !lines.contains('{'), "{added}");
            for _ in 0..2 {
                let deleted = typed(&host, plugin, &["del", "c1", c1.netns_path()]).exits(0);
                assert_eq!(text(&deleted) + &deleted.stderr(), "", "{deleted}");
            }
            has_no_link(&c1);
        }
    });
}

#[test]
fn a_namespace_is_a_path_a_name_or_a_process() {
    difference("command-line", || {
        for plugin in attaching() {
            let host = Host::new();
            let c1 = host.container("c1");
            host.sh(&format!(
                "touch /run/netns/blue; mount --bind {} /run/netns/blue",
                c1.netns_path()
            ));
            let process = c1.daemon(&["sleep", "60"]);
            for (netns, path) in [
                (c1.netns_path().to_owned(), c1.netns_path().to_owned()),
                ("blue".to_owned(), "/run/netns/blue".to_owned()),
                (process.id().to_string(), format!("/proc/{}/ns/net", process.id())),
            ] {
                let arguments = ["add", "c1", &netns, "--ifname", "net7", "--json"];
                let added = typed(&host, plugin, &arguments).exits(0);
                let printed = text(&added);
                assert!(printed.ends_with("}\n"), "{added}");
                let result: Value = serde_json::from_str(&printed).expect("a document");
                assert_eq!(result["cniVersion"], "1.1.0", "{added}");
                let interfaces = result["interfaces"].as_array().cloned().unwrap_or_default();
                let inside = interfaces.iter().filter(|interface| interface["sandbox"].is_string());
                assert!(
                    inside.into_iter().all(|interface| interface["sandbox"] == path),
                    "{added}"
                );
                typed(&host, plugin, &["del", "c1", &netns, "--ifname", "net7"]).succeeds();
            }
        }
    });
}

/// The printed configuration is the one that is used, to be saved and edited.
#[test]
fn the_configuration_can_be_printed_and_given() {
    difference("command-line", || {
        for plugin in attaching() {
            let host = Host::new();
            let c1 = host.container("c1");
            let printed = typed(&host, plugin, &["config"]).exits(0);
            let mut config: Value =
                serde_json::from_slice(printed.stdout()).expect("a configuration");
            assert_eq!(config["type"], plugin.name);
            config["cniVersion"] = "0.4.0".into();
            let add = ["add", "c1", c1.netns_path(), "--json", "--config"];
            let call = host.invoke(plugin.name).args(&add).args(&["-"]).config(&config);
            let added = call.run().exits(0);
            assert!(text(&added).starts_with("{\n    \"cniVersion\": \"0.4.0\""), "{added}");
            typed(&host, plugin, &["del", "c1"]).succeeds();
            host.sh(&format!("echo '{config}' >/run/net.conf"));
            typed(&host, plugin, &["del", "c1", c1.netns_path(), "--config", "/run/net.conf"])
                .succeeds();
            has_no_link(&c1);
        }
    });
}

#[test]
fn versions_and_help_are_printed() {
    difference("command-line", || {
        let host = Host::new();
        for plugin in plugins() {
            let answer = host.invoke(plugin.name).command("VERSION").run().succeeds();
            let version = typed(&host, plugin, &["version"]).exits(0);
            assert_eq!(version.stdout(), answer.stdout());
            for arguments in [&["--help"][..], &["-h"], &["add", "--help"]] {
                let help = typed(&host, plugin, arguments).exits(0);
                let usage = format!("Usage: {}", plugin.name);
                assert!(text(&help).contains(&usage) && help.stderr().is_empty(), "{help}");
            }
            if plugin.is_ready() {
                typed(&host, plugin, &["status"]).succeeds();
            }
            typed(&host, plugin, &["gc"]).succeeds();
        }
    });
}

/// What fails is told on standard error, and standard output stays empty.
#[test]
fn failures_are_told_in_words() {
    difference("command-line", || {
        for plugin in plugins() {
            let host = Host::new();
            let c1 = host.container("c1");
            let own = typed(&host, plugin, &["add", "c1", host.netns_path()]).exits(1);
            assert_eq!(
                own.stderr().lines().next(),
                Some(&*format!(
                    "{}: plugin's netns and netns from CNI_NETNS should not be the same",
                    plugin.name
                ))
            );
            assert_eq!(text(&own), "");
            has_no_link(&c1);
        }
    });
}

#[test]
fn wrong_usage_is_told_with_the_right_one() {
    difference("command-line", || {
        let host = Host::new();
        let c1 = host.container("c1");
        let netns = c1.netns_path();
        for plugin in plugins() {
            for (arguments, about) in [
                (&["nonsense"][..], "nonsense"),
                (&["--nonsense"], "--nonsense"),
                (&["add"], "<container-id>"),
                (&["add", "c1"], "<netns>"),
                (&["add", "c1", netns, "more"], "more"),
                (&["add", "a/b", netns], "invalid characters in containerID"),
                (&["add", "c1", netns, "--ifname", "eth/0"], "interface name contains"),
                (&["add", "c1", netns, "--config", "/run/absent"], "/run/absent"),
                (&["version", "more"], "more"),
            ] {
                let outcome = typed(&host, plugin, arguments).exits(2);
                let told = outcome.stderr();
                assert_eq!(text(&outcome), "", "{outcome}");
                assert!(told.contains(about), "should be about {about}: {outcome}");
                assert!(told.contains(&format!("Usage: {}", plugin.name)), "{outcome}");
                assert!(told.lines().count() <= 10, "{outcome}");
            }
        }
        has_no_link(&c1);
    });
}
