//! GC of a list.

use std::fs;

use cni_runtime::{Parameters, ValidAttachment};
use serde_json::json;

use super::{World, list, list_of, parameters};

fn valid() -> ValidAttachment {
    ValidAttachment { container_id: "c1".to_owned(), ifname: "eth0".to_owned() }
}

#[test]
fn stale_attachments_are_deleted_before_plugins_collect() {
    let world = World::with_plugins(&["a", "b"]);
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "b"}]));
    let mut parameters = parameters();
    parameters.args = vec![("A".to_owned(), "b".to_owned())];
    world.runtime().add(&list, &parameters).unwrap();
    world.calls();

    world.runtime().gc(&list, Some(&[valid()])).unwrap();
    let calls = world.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        calls[0].stdin,
        r#"{"cni.dev/attachments":[{"containerID":"c1","ifname":"eth0"}],"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}],"cniVersion":"1.1.0","name":"net","type":"a"}"#
    );
    assert_eq!([&calls[0].verb, &calls[0].container_id, &calls[0].netns], ["GC", "", ""]);

    let other_interface = ValidAttachment { ifname: "eth1".to_owned(), ..valid() };
    world.runtime().gc(&list, Some(&[other_interface])).unwrap();
    let calls = world.calls();
    let called: Vec<_> = calls.iter().map(|c| (c.plugin.as_str(), c.verb.as_str())).collect();
    assert_eq!(called, [("b", "DEL"), ("a", "DEL"), ("a", "GC"), ("b", "GC")]);
    assert_eq!([&calls[0].netns, &calls[0].args], ["/run/netns/c1", "A=b"]);
    assert!(calls[0].stdin.contains("prevResult"));
    assert!(!world.cached("net-c1-eth0").exists());
}

#[test]
fn without_a_list_none_is_valid_and_plugins_are_not_told() {
    let world = World::with_plugins(&["a"]);
    let list = list("1.1.0", json!([{"type": "a"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    world.calls();
    world.runtime().gc(&list, None).unwrap();
    let calls = world.calls();
    assert_eq!((calls.len(), calls[0].verb.as_str()), (2, "DEL"));
    assert!(!calls[1].stdin.contains("cni.dev"));
}

#[test]
fn other_networks_are_left_alone() {
    let world = World::with_plugins(&["a"]);
    let other =
        list_of(json!({"name": "net-2", "cniVersion": "1.1.0", "plugins": [{"type": "a"}]}));
    world.runtime().add(&other, &parameters()).unwrap();
    world.calls();
    world.runtime().gc(&list("1.1.0", json!([{"type": "a"}])), Some(&[])).unwrap();
    assert_eq!(world.called(), ["a GC"]);
    assert!(world.cached("net-2-c1-eth0").exists());
}

#[test]
fn gc_can_be_disabled_and_older_versions_only_delete() {
    let world = World::with_plugins(&["a"]);
    let disabled = list_of(json!(
        {"name": "net", "cniVersion": "1.1.0", "disableGC": true, "plugins": [{"type": "a"}]}
    ));
    world.runtime().add(&disabled, &parameters()).unwrap();
    world.calls();
    world.runtime().gc(&disabled, Some(&[])).unwrap();
    assert!(world.calls().is_empty());
    world.runtime().gc(&list("1.0.0", json!([{"type": "a"}])), Some(&[])).unwrap();
    assert_eq!(world.called(), ["a DEL"]);
}

#[test]
fn everything_is_tried_and_every_failure_told() {
    let world = World::with_plugins(&["a", "b"]);
    let list = list("1.1.0", json!([{"type": "a"}, {"type": "b"}]));
    for container_id in ["c1", "c2"] {
        let mut parameters: Parameters = parameters();
        parameters.attachment.container_id = container_id.to_owned();
        world.runtime().add(&list, &parameters).unwrap();
    }
    world.calls();
    world.fails("a", "DEL", 11, "banana");
    world.fails("a", "GC", 11, "apple");
    let error = world.runtime().gc(&list, Some(&[])).unwrap_err();
    assert_eq!(
        error.msg,
        "failed to delete stale attachment c1 eth0: plugin type=\"a\" failed (delete): banana\n\
         failed to delete stale attachment c2 eth0: plugin type=\"a\" failed (delete): banana\n\
         failed to GC plugin type=\"a\": apple"
    );
    assert_eq!(world.called(), ["b DEL", "a DEL", "b DEL", "a DEL", "a GC", "b GC"]);
}

#[test]
fn broken_files_hinder_nobody_and_a_broken_folder_is_told() {
    let world = World::with_plugins(&["a"]);
    let list = list("1.1.0", json!([{"type": "a"}]));
    world.keep("net-c1-eth0", "asdf");
    world.runtime().gc(&list, Some(&[])).unwrap();
    assert_eq!(world.called(), ["a GC"]);

    // A whole entry around a result that cannot be read: DEL goes on without it.
    world.keep(
        "net-c1-eth0",
        r#"{"kind":"cniCacheV1","networkName":"net","containerId":"c1","ifName":"eth0","result":{"cniVersion":"0.4567.0"}}"#,
    );
    world.runtime().gc(&list, Some(&[])).unwrap();
    assert_eq!(world.called(), ["a DEL", "a GC"]);

    fs::remove_dir_all(world.cache()).unwrap();
    fs::create_dir(world.cache()).unwrap();
    fs::write(world.cache().join("results"), "").unwrap();
    let error = world.runtime().gc(&list, Some(&[])).unwrap_err();
    assert!(error.msg.ends_with("results: not a directory"), "{error}");
    assert_eq!(world.called(), ["a GC"]);
}
