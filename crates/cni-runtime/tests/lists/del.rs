//! DEL of a list.

use serde_json::json;

use super::{World, list, parameters};

const RESULT: &str = r#"{"cniVersion":"1.1.0","ips":[{"address":"10.1.2.3/24"}]}"#;

#[test]
fn plugins_are_called_in_reverse_with_the_result_of_add() {
    let world = World::with_plugins(&["a", "b"]);
    world.answers("b", "ADD", RESULT);
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "b"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    world.calls();
    world.runtime().del(&list, &parameters()).unwrap();
    let calls = world.calls();
    let called: Vec<_> = calls.iter().map(|call| call.plugin.as_str()).collect();
    assert_eq!(called, ["b", "a"]);
    for call in &calls {
        assert_eq!(
            call.request()["prevResult"],
            serde_json::from_str::<serde_json::Value>(RESULT).unwrap()
        );
    }
    assert!(!world.cached("net-c1-eth0").exists());
    world.runtime().del(&list, &parameters()).unwrap();
    assert!(world.calls().iter().all(|call| !call.stdin.contains("prevResult")));
}

#[test]
fn every_plugin_is_called_even_after_failures() {
    let world = World::with_plugins(&["a", "b", "c"]);
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "b"}, {"type": "c"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    world.calls();
    world.fails("c", "DEL", 11, "banana");
    world.fails("b", "DEL", 12, "apple");
    let error = world.runtime().del(&list, &parameters()).unwrap_err();
    assert_eq!(error.msg, "plugin type=\"c\" failed (delete): banana");
    assert_eq!(error.code.0, 11);
    assert_eq!(error.details, "plugin type=\"b\" failed (delete): apple");
    assert_eq!(world.called(), ["c DEL", "b DEL", "a DEL"]);
    assert!(world.cached("net-c1-eth0").exists(), "the next attempt needs the result");
}

#[test]
fn versions_before_0_4_0_get_no_result() {
    let world = World::with_plugins(&["a"]);
    for (version, passed) in [("0.3.1", false), ("0.4.0", true)] {
        let list = list(version, json!([{"type": "a"}]));
        world.runtime().add(&list, &parameters()).unwrap();
        world.calls();
        world.runtime().del(&list, &parameters()).unwrap();
        assert_eq!(world.calls()[0].stdin.contains("prevResult"), passed, "{version}");
        assert!(!world.cached("net-c1-eth0").exists());
    }
    let error = world.runtime().del(&list("x", json!([{"type": "a"}])), &parameters()).unwrap_err();
    assert!(error.msg.starts_with("failed to convert major version part"), "{error}");
}

#[test]
fn a_broken_result_is_forgotten_and_does_not_hinder() {
    let world = World::with_plugins(&["a"]);
    let lists = [
        list("1.1.0", json!([{"type": "a"}])),
        cni_runtime::NetworkList::from_single_plugin(
            br#"{"name":"net","cniVersion":"1.1.0","type":"a"}"#,
        )
        .unwrap(),
    ];
    for list in &lists {
        for broken in ["asdf", "", r#"{"cniVersion":"0.4567.0"}"#, r#"{"kind":"cniCacheV1","netw"#]
        {
            world.keep("net-c1-eth0", broken);
            // A plugin that fails shows that the file goes before the plugins are called.
            world.fails("a", "DEL", 11, "banana");
            world.runtime().del(list, &parameters()).unwrap_err();
            assert!(!world.cached("net-c1-eth0").exists(), "{broken}");
            assert!(!world.calls()[0].stdin.contains("prevResult"));
            world.recovers("a", "DEL");
            world.runtime().del(list, &parameters()).unwrap();
            world.calls();
        }
    }
}

#[test]
fn names_that_add_would_refuse_touch_no_files() {
    let world = World::with_plugins(&["a"]);
    world.keep("precious", "x");
    let list = list("1.1.0", json!([{"type": "a"}]));
    let mut parameters = parameters();
    parameters.attachment.container_id = "/../precious".to_owned();
    parameters.attachment.ifname.clear();
    world.runtime().del(&list, &parameters).unwrap();
    assert_eq!(world.called(), ["a DEL"]);
    assert!(world.cached("precious").exists());
}
