//! VERSION and validation.

use serde_json::json;

use super::{World, list};

#[test]
fn the_request_is_one_that_all_plugins_understand() {
    let world = World::with_plugins(&["a"]);
    world.answers(
        "a",
        "VERSION",
        r#"{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}"#,
    );
    assert_eq!(world.runtime().supported_versions("a").unwrap(), ["1.0.0", "1.1.0"]);
    let calls = world.calls();
    let call = &calls[0];
    assert_eq!(
        [&call.verb, &call.container_id, &call.netns, &call.args, &call.ifname, &call.path],
        ["VERSION", "", "dummy", "", "dummy", "dummy"]
    );
    assert_eq!(call.stdin, r#"{"cniVersion":"1.1.0"}"#);
}

#[test]
fn plugins_without_the_verb_are_of_0_1_0() {
    let world = World::with_plugins(&["a"]);
    world.fails("a", "VERSION", 4, "unknown CNI_COMMAND: VERSION");
    assert_eq!(world.runtime().supported_versions("a").unwrap(), ["0.1.0"]);
    world.fails("a", "VERSION", 4, "banana");
    assert_eq!(world.runtime().supported_versions("a").unwrap_err().msg, "banana");
}

#[test]
fn validation_names_everything_that_is_wrong() {
    let world = World::with_plugins(&["a", "b"]);
    for plugin in ["a", "b"] {
        let answer = r#"{"cniVersion":"1.1.0","supportedVersions":["0.1.0","1.1.0"]}"#;
        world.answers(plugin, "VERSION", answer);
    }
    let good = json!([
        {"type": "a", "capabilities": {"mac": true, "ips": false}},
        {"type": "b", "capabilities": {"portMappings": true, "mac": true}},
    ]);
    let capabilities = |version| {
        let found = world.runtime().validate(&list(version, good.clone())).unwrap();
        found.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(capabilities("1.1.0"), "mac portMappings");
    assert_eq!(capabilities(""), "mac portMappings");
    assert_eq!(
        world.runtime().validate(&list("0.4.0", good.clone())).unwrap_err().msg,
        "[plugin a does not support config version \"0.4.0\" plugin b does not support config version \"0.4.0\"]"
    );
    let gone = json!([{"type": "gone"}, {"type": "gone"}]);
    let missing = format!("failed to find plugin \"gone\" in path [{}]", world.plugins().display());
    assert_eq!(
        world.runtime().validate(&list("1.1.0", gone)).unwrap_err().msg,
        format!("[{missing} {missing}]")
    );
}
