//! ADD of a list.

use std::fs;
use std::time::{Duration, Instant};

use cni_core::Code;
use cni_runtime::TraceContext;
use serde_json::json;

use super::{World, list, parameters};

const RESULT_A: &str =
    r#"{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24"}],"dns":{},"unknown":1}"#;
const RESULT_B: &str = r#"{"ips":[{"address":"10.1.2.4/24"}]}"#;

#[test]
fn each_plugin_gets_the_result_of_the_one_before() {
    let world = World::with_plugins(&["a", "b"]);
    world.answers("a", "ADD", RESULT_A);
    world.answers("b", "ADD", RESULT_B);
    let list = list(
        "1.1.0",
        json!([{"type": "a", "capabilities": {"mac": true, "ips": false}}, {"type": "b", "x": 1}]),
    );
    let mut parameters = parameters();
    parameters.args = vec![("A".to_owned(), "b".to_owned())];
    parameters.capability_args =
        json!({"mac": "m", "ips": [], "other": 1}).as_object().cloned().unwrap();
    let result = world.runtime().add(&list, &parameters).unwrap();
    assert_eq!(
        result.value(),
        &json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.4/24"}]})
    );
    assert!(result.to_document().starts_with("{\n    \"cniVersion\": \"1.1.0\",\n    \"ips\": ["));

    let calls = world.calls();
    let [a, b] = calls.as_slice() else { panic!("{calls:?}") };
    assert_eq!((a.verb.as_str(), b.verb.as_str()), ("ADD", "ADD"));
    assert_eq!(
        [&a.container_id, &a.netns, &a.args, &a.ifname, &a.path],
        ["c1", "/run/netns/c1", "A=b", "eth0", &world.plugins().display().to_string()]
    );
    assert_eq!(
        a.stdin,
        r#"{"capabilities":{"ips":false,"mac":true},"cniVersion":"1.1.0","name":"net","runtimeConfig":{"mac":"m"},"type":"a"}"#
    );
    assert_eq!(
        b.stdin,
        r#"{"cniVersion":"1.1.0","name":"net","prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24"}]},"type":"b","x":1}"#
    );
}

#[test]
fn a_failed_add_is_taken_back() {
    let world = World::with_plugins(&["a", "b", "c"]);
    world.answers("a", "ADD", RESULT_A);
    world.fails("b", "ADD", 11, "banana");
    world.fails("a", "DEL", 7, "apple");
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "b", "name": "x"}, {"type": "c"}]));
    let error = world.runtime().add(&list, &parameters()).unwrap_err();
    assert_eq!(error.msg, r#"plugin type="b" name="x" failed (add): banana"#);
    assert_eq!(error.code, Code(11));
    assert_eq!(error.details, r#"could not undo: plugin type="a" failed (delete): apple"#);
    let calls = world.calls();
    let called: Vec<_> =
        calls.iter().map(|call| (call.plugin.as_str(), call.verb.as_str())).collect();
    assert_eq!(called, [("a", "ADD"), ("b", "ADD"), ("b", "DEL"), ("a", "DEL")]);
    assert_eq!(calls[3].request()["prevResult"]["ips"][0]["address"], "10.1.2.3/24");
    assert!(!world.cached("net-c1-eth0").exists());
}

#[test]
fn a_plugin_that_is_not_there_was_not_called() {
    let world = World::with_plugins(&["a"]);
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "gone"}]));
    let error = world.runtime().add(&list, &parameters()).unwrap_err();
    assert_eq!(
        error.msg,
        format!(
            "plugin type=\"gone\" failed (add): failed to find plugin \"gone\" in path [{}]",
            world.plugins().display()
        )
    );
    assert_eq!(world.called(), ["a ADD", "a DEL"]);
}

#[test]
fn names_are_looked_at_before_anything_is_called() {
    let world = World::with_plugins(&["a"]);
    let good = list("1.1.0", json!([{"type": "a"}]));
    let refused = |list: &_, change: fn(&mut cni_core::Attachment)| {
        let mut parameters = parameters();
        change(&mut parameters.attachment);
        let error = world.runtime().add(list, &parameters).unwrap_err();
        (error.code.0, error.to_string().replace("plugin type=\"a\" failed (add): ", ""))
    };
    let text = |code, text: &str| (code, text.to_owned());
    assert_eq!(refused(&good, |a| a.container_id.clear()), text(3, "missing containerID"));
    assert_eq!(
        refused(&good, |a| a.container_id = "../c".to_owned()),
        text(4, "invalid characters in containerID; ../c")
    );
    assert_eq!(refused(&good, |a| a.ifname.clear()), text(4, "interface name is empty"));
    let mut bad = good.clone();
    bad.name.clear();
    assert_eq!(refused(&bad, |_| ()), text(7, "missing network name:"));
    assert!(world.calls().is_empty());
}

#[test]
fn a_result_that_cannot_be_kept_is_taken_back() {
    let world = World::with_plugins(&["a"]);
    fs::create_dir(world.cache()).unwrap();
    fs::write(world.cache().join("results"), "in the way").unwrap();
    let error =
        world.runtime().add(&list("1.1.0", json!([{"type": "a"}])), &parameters()).unwrap_err();
    assert!(
        error.msg.starts_with("failed to set network \"net\" cached result: mkdir "),
        "{error}"
    );
    assert_eq!(world.called(), ["a ADD", "a DEL"]);
}

#[test]
fn the_oldest_plugins_and_configurations_work_without_versions() {
    let world = World::with_plugins(&["a", "b"]);
    world.answers("a", "ADD", r#"{"dns":{}}"#);
    world.answers("b", "ADD", r#"{"ip4":{"ip":"10.1.2.3/24"}}"#);
    let list = list("", json!([{"type": "a"}, {"type": "b"}]));
    let result = world.runtime().add(&list, &parameters()).unwrap();
    assert_eq!(result.value()["ip4"]["ip"], "10.1.2.3/24");
    let calls = world.calls();
    assert_eq!(calls[0].request()["cniVersion"], "");
    assert_eq!(calls[1].request()["prevResult"], json!({"cniVersion": "0.1.0", "dns": {}}));
}

#[test]
fn answers_that_are_no_results_are_refused() {
    let world = World::with_plugins(&["a"]);
    for (answer, message) in [
        ("", "failed to unmarshal raw result: unexpected end of JSON input"),
        (r#"{"cniVersion":"9.9.9"}"#, "unsupported CNI result version \"9.9.9\""),
    ] {
        world.answers("a", "ADD", answer);
        let error =
            world.runtime().add(&list("1.1.0", json!([{"type": "a"}])), &parameters()).unwrap_err();
        assert_eq!(error.msg, format!("plugin type=\"a\" failed (add): {message}"));
    }
    world.answers("a", "ADD", "");
    world.set("a", "ADD", "stderr", "some stderr message");
    world.set("a", "ADD", "exit", "1");
    let error =
        world.runtime().add(&list("1.1.0", json!([{"type": "a"}])), &parameters()).unwrap_err();
    assert!(
        error.msg.ends_with("netplugin failed: \"some stderr message\": exit status 1"),
        "{error}"
    );
}

#[test]
fn a_plugin_that_takes_too_long_is_killed() {
    let world = World::with_plugins(&["a"]);
    world.set("a", "ADD", "sleep", "20");
    let started = Instant::now();
    let runtime = world.runtime().with_time_limit(Duration::from_millis(300));
    let error = runtime.add(&list("1.1.0", json!([{"type": "a"}])), &parameters()).unwrap_err();
    assert_eq!(
        error.msg,
        "plugin type=\"a\" failed (add): netplugin failed with no error message: signal: killed"
    );
    assert!(started.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_time_limit_does_not_change_the_answer() {
    let world = World::with_plugins(&["a"]);
    let long = json!({"cniVersion": "1.1.0", "dns": {"domain": "d".repeat(300_000)}});
    world.answers("a", "ADD", &long.to_string());
    let runtime = world.runtime().with_time_limit(Duration::from_secs(60));
    let result = runtime.add(&list("1.1.0", json!([{"type": "a"}])), &parameters()).unwrap();
    assert_eq!(result.value(), &long);
}

#[test]
fn a_trace_is_continued_by_plugins() {
    let world = World::with_plugins(&["a"]);
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let trace = TraceContext { parent: parent.to_owned(), ..TraceContext::default() };
    let list = list("1.1.0", json!([{"type": "a"}]));
    world.runtime().with_trace(trace).add(&list, &parameters()).unwrap();
    assert_eq!(world.calls()[0].trace_parent, parent);
}
