//! CHECK and STATUS of a list.

use serde_json::json;

use super::{World, list, list_of, parameters};

#[test]
fn plugins_are_called_in_order_with_the_result_of_add() {
    let world = World::with_plugins(&["a", "b"]);
    world.answers("b", "ADD", r#"{"ips":[{"version":"4","address":"10.1.2.3/24"}]}"#);
    let list = list("0.4.0", json!([{"type": "a"}, {"type": "b"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    world.calls();
    world.runtime().check(&list, &parameters()).unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    for (call, plugin) in calls.iter().zip(["a", "b"]) {
        assert_eq!((call.plugin.as_str(), call.verb.as_str()), (plugin, "CHECK"));
        assert_eq!(call.request()["prevResult"]["ips"][0]["version"], "4");
    }
    world.fails("a", "CHECK", 11, "banana");
    let error = world.runtime().check(&list, &parameters()).unwrap_err();
    assert_eq!((error.code.0, error.msg.as_str()), (11, "banana"));
    assert_eq!(world.called(), ["a CHECK"]);
}

#[test]
fn check_needs_0_4_0_and_can_be_disabled() {
    let world = World::with_plugins(&["a"]);
    let error =
        world.runtime().check(&list("0.3.1", json!([{"type": "a"}])), &parameters()).unwrap_err();
    assert_eq!(error.msg, "configuration version \"0.3.1\" does not support the CHECK command");
    let disabled = list_of(json!(
        {"name": "net", "cniVersion": "1.1.0", "disableCheck": "True", "plugins": [{"type": "a"}]}
    ));
    world.runtime().check(&disabled, &parameters()).unwrap();
    assert!(world.calls().is_empty());
}

#[test]
fn a_broken_result_fails_check_and_a_missing_one_does_not() {
    let world = World::with_plugins(&["a"]);
    let list = list("0.4.0", json!([{"type": "a"}]));
    let failure = |kept: &str| {
        world.keep("net-c1-eth0", kept);
        world.runtime().check(&list, &parameters()).unwrap_err().msg
    };
    let prefix = "failed to get network \"net\" cached result: ";
    assert!(
        failure("adfadfsaf")
            .starts_with(&format!("{prefix}decoding version from network config: "))
    );
    assert_eq!(
        failure(r#"{"cniVersion":"0.4567.0"}"#),
        format!("{prefix}unsupported CNI result version \"0.4567.0\"")
    );
    assert!(world.calls().is_empty());
    std::fs::remove_file(world.cached("net-c1-eth0")).unwrap();
    world.runtime().check(&list, &parameters()).unwrap();
    assert!(!world.calls()[0].stdin.contains("prevResult"));
}

#[test]
fn status_stops_at_the_first_failure_and_keeps_its_code() {
    let world = World::with_plugins(&["a", "b"]);
    let plugins = json!([{"type": "a", "capabilities": {"mac": true}}, {"type": "b"}]);
    world.runtime().status(&list("1.0.0", plugins.clone())).unwrap();
    world.runtime().status(&list("x", plugins.clone())).unwrap();
    assert!(world.calls().is_empty());
    let list = list("1.1.0", plugins);
    world.runtime().status(&list).unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!([&calls[0].container_id, &calls[0].netns, &calls[0].ifname], ["", "", ""]);
    assert_eq!(
        calls[0].stdin,
        r#"{"capabilities":{"mac":true},"cniVersion":"1.1.0","name":"net","type":"a"}"#
    );
    world.fails("a", "STATUS", 50, "not now");
    let error = world.runtime().status(&list).unwrap_err();
    assert_eq!((error.code.0, error.msg.as_str()), (50, "not now"));
    assert_eq!(world.called(), ["a STATUS"]);
}
