//! Plugins that call plugins: what the runtime is told when the delegate fails, and what is left.

use cni_testkit::{Host, difference};
use serde_json::json;

use crate::delegate::{WORKING, calls, install, network};
use crate::support::{delegating, has_no_link, undoing};

/// Runs ADD with a delegate of this script, whose DEL works, and demands this error.
fn fails(script: &str, code: u64, msg: &str, details: &str) {
    for plugin in delegating() {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, &format!("[ $CNI_COMMAND = ADD ] || exit 0\n{script}"));
        net.add(&c1, "eth0").fails(code, msg).details_are(details);
    }
}

#[test]
fn the_error_of_a_delegate_is_the_error() {
    let document = r#"{ "cniVersion": "0.4.0", "CODE": 1234, "msg": "a <b>", "details": "c\nd" }"#;
    fails(&format!("echo noise >&2; printf %s '{document}'; exit 1"), 1234, "a <b>", "c\nd");
    fails("echo '{\"code\":11,\"msg\":\"later\"}'; exit 77", 11, "later", "");
}

#[test]
fn a_delegate_that_says_nothing_is_told_by_its_end() {
    let msg = "netplugin failed with no error message";
    fails("exit 4", 0, &format!("{msg}: exit status 4"), "");
    fails("kill -9 $$", 0, &format!("{msg}: signal: killed"), "");
}

#[test]
fn text_of_a_failing_delegate_is_quoted() {
    fails("echo 'some \"text\"' >&2; exit 1", 0, r#"netplugin failed: "some \"text\"\n""#, "");
    for plugin in delegating() {
        for (printed, quoted) in [("oops", r#""oops\n""#), ("[1]", r#""[1]\n""#)] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = network(plugin, &host, &format!("echo '{printed}'; exit 1"));
            let msg =
                format!("netplugin failed but error parsing its diagnostic message {quoted}: ");
            net.add(&c1, "eth0").fails_with(0, &msg);
        }
    }
}

/// The reference answers with an error of code 0 and no message.
#[test]
fn a_result_before_a_failure_is_no_error_document() {
    difference("result-before-failure", || {
        let msg = "netplugin failed with no error message: exit status 3";
        fails("echo '{\"ips\":[]}'; exit 3", 0, msg, "");
    });
}

#[test]
fn a_result_that_cannot_be_read_is_an_error() {
    for plugin in delegating() {
        for (printed, msg) in [
            ("", "failed to unmarshal raw result: unexpected end of JSON input"),
            ("text", "failed to unmarshal raw result: "),
            ("[]", "failed to unmarshal raw result: "),
            (r#"{"cniVersion":"9.9.9"}"#, r#"unsupported CNI result version "9.9.9""#),
            (r#"{"ips":[{"address":"x"}]}"#, "invalid CIDR address: x"),
            ("{}", "IPAM plugin returned missing IP config"),
        ] {
            let host = Host::new();
            let c1 = host.container("c1");
            let net = network(plugin, &host, &format!("echo '{printed}'"));
            net.add(&c1, "eth0").fails_with(999, msg);
        }
    }
}

/// The reference leaves the interface, so the next ADD fails, too.
#[test]
fn a_failed_delegate_leaves_nothing_behind() {
    difference("failed-delegate-leaves-nothing", || {
        for plugin in delegating() {
            let host = Host::new();
            let (c1, c2) = (host.container("c1"), host.container("c2"));
            let net = network(plugin, &host, WORKING);
            net.add(&c2, "eth0").succeeds();
            net.del(&c2, "eth0").succeeds();
            let before = host.world();
            for script in ["exit 1", "kill -9 $$", "echo text", "echo '{}'"] {
                let net = network(plugin, &host, script);
                assert!(!net.add(&c1, "eth0").is_success());
                has_no_link(&c1);
                assert_eq!(host.world(), before, "{script}");
            }
        }
    });
}

/// The reference crashes on them.
#[test]
fn null_elements_of_a_result_are_refused() {
    difference("null-elements", || {
        for plugin in delegating() {
            let host = Host::new();
            let c1 = host.container("c1");
            for key in ["ips", "routes"] {
                let list = r#""ips":[{"address":"10.1.2.9/24"}]"#;
                let script = format!("echo '{{{list},\"{key}\":[null]}}'");
                let msg = format!("a list element is null in key {key}");
                network(plugin, &host, &script).add(&c1, "eth0").fails(999, &msg);
            }
        }
    });
}

/// Spec: section 4, "Delegated Plugin Execution Procedure"; the reference leaves what the
/// delegate had done.
#[test]
fn a_failed_add_of_a_delegate_is_followed_by_its_del() {
    difference("failed-delegate-is-deleted", || {
        for plugin in delegating() {
            for (answer, code, msg) in [
                ("echo '{\"code\":7,\"msg\":\"no\"}'; exit 1", 7, "no"),
                ("echo text", 999, "failed to unmarshal raw result"),
                ("echo '{\"ips\":[]}'", 999, "IPAM plugin returned missing IP config"),
            ] {
                let host = Host::new();
                let c1 = host.container("c1");
                let script = format!("[ $CNI_COMMAND = DEL ] && exit; {answer}");
                network(plugin, &host, &script).add(&c1, "eth0").fails_with(code, msg);
                assert_eq!(calls(&host), ["ADD", "DEL"], "{answer}");
            }
        }
    });
}

#[test]
fn a_delegate_has_to_be_a_file_of_the_search_path() {
    for plugin in undoing(delegating()) {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = network(plugin, &host, WORKING);
        install(&host, "/run", WORKING);
        // Each ADD with a container of its own: the reference leaves its interface there.
        let of_type = |name: &str| net.with_config("ipam", json!({ "type": name }));
        for name in ["../scripted", "/run/scripted", "./scripted", "a/../scripted"] {
            let msg = format!("invalid plugin name: {name}");
            of_type(name).add(&host.container("new"), "eth0").fails(999, &msg);
            of_type(name).del(&c1, "eth0").fails(999, &msg);
        }
        let msg = "failed to find plugin \"absent\" in path [/run/a /run/b]";
        let absent = of_type("absent").with_env("CNI_PATH", "/run/a:/run/b");
        absent.add(&host.container("new"), "eth0").fails(999, msg);
        absent.del(&c1, "eth0").fails(999, msg);
        host.sh("chmod -x /run/delegates/scripted");
        let msg = "netplugin failed with no error message: fork/exec /run/delegates/scripted: \
                   permission denied";
        net.add(&host.container("new"), "eth0").fails(0, msg);
        assert_eq!(host.sh("cat /run/calls 2>/dev/null || :"), "", "nothing was called");
    }
}

/// A runtime that gives up sends SIGTERM; a half-made attachment has nobody to delete it.
#[test]
fn a_terminated_add_is_taken_back() {
    difference("terminated-add", || {
        for plugin in delegating() {
            let host = Host::new();
            let (c1, c2) = (host.container("c1"), host.container("c2"));
            let net = network(plugin, &host, WORKING);
            net.add(&c2, "eth0").succeeds();
            net.del(&c2, "eth0").succeeds();
            calls(&host);
            let before = host.world();
            for signal in ["TERM", "INT"] {
                let script = format!("[ $CNI_COMMAND = ADD ] && kill -{signal} $PPID\n{WORKING}");
                install(&host, "/run/delegates", &script);
                let msg = "terminated by a signal before ADD was complete";
                net.add(&c1, "eth0").fails(999, msg).details_are("");
                assert_eq!(calls(&host), ["ADD", "DEL"]);
                assert_eq!(host.world(), before);
                has_no_link(&c1);
            }
        }
    });
}
