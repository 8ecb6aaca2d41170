//! The files that results are kept in.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use cni_core::Attachment;
use cni_runtime::{Cache, CachedAttachment, Parameters};
use serde_json::{Value, json};

use super::{World, list, list_of, parameters};

#[test]
fn the_file_is_the_one_other_runtimes_read() {
    let world = World::with_plugins(&["a"]);
    world.answers("a", "ADD", r#"{"ips":[{"address":"10.1.2.3/24"}]}"#);
    let list = list_of(json!({"name": "mynet", "cniVersion": "1.1.0", "plugins": [{"type": "a"}]}));
    let mut parameters = parameters();
    parameters.args = vec![("A".to_owned(), "b".to_owned()), ("C".to_owned(), "d".to_owned())];
    parameters.capability_args = json!({"ips": ["1.2.3.4"]}).as_object().cloned().unwrap();
    world.runtime().add(&list, &parameters).unwrap();
    let config =
        "eyJjbmlWZXJzaW9uIjoiMS4xLjAiLCJuYW1lIjoibXluZXQiLCJwbHVnaW5zIjpbeyJ0eXBlIjoiYSJ9XX0=";
    assert_eq!(
        fs::read_to_string(world.cached("mynet-c1-eth0")).unwrap(),
        format!(
            r#"{{"kind":"cniCacheV1","containerId":"c1","config":"{config}","ifName":"eth0","networkName":"mynet","netns":"/run/netns/c1","cniArgs":[["A","b"],["C","d"]],"capabilityArgs":{{"ips":["1.2.3.4"]}},"result":{{"cniVersion":"1.1.0","ips":[{{"address":"10.1.2.3/24"}}]}}}}"#
        )
    );
    let mode = |path: &str| fs::metadata(world.cached(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(""), mode("mynet-c1-eth0")), (0o700, 0o600));
    assert_eq!(fs::read_dir(world.cached("")).unwrap().count(), 1);

    let kept = CachedAttachment {
        network: "mynet".to_owned(),
        parameters: parameters.clone(),
        config: list.bytes.clone(),
    };
    let cache = world.runtime().cache().clone();
    assert_eq!(cache.attachment("mynet", &parameters.attachment).unwrap(), Some(kept.clone()));
    let kept = [kept];
    assert_eq!(cache.attachments().unwrap(), kept);
    assert_eq!(cache.attachments_of_container("c1").unwrap(), kept);
    assert_eq!(cache.attachments_of_network("mynet").unwrap(), kept);
    assert_eq!(cache.attachments_of_container("1").unwrap(), []);
    assert_eq!(cache.attachments_of_network("my").unwrap(), []);
}

#[test]
fn each_interface_has_its_own_file() {
    let world = World::with_plugins(&["a"]);
    let list = list("1.1.0", json!([{"type": "a"}]));
    let mut second = parameters();
    second.attachment.ifname = "eth1".to_owned();
    world.runtime().add(&list, &parameters()).unwrap();
    world.runtime().add(&list, &second).unwrap();
    assert!(world.cached("net-c1-eth0").exists() && world.cached("net-c1-eth1").exists());
    world.runtime().del(&list, &second).unwrap();
    assert!(world.cached("net-c1-eth0").exists() && !world.cached("net-c1-eth1").exists());
}

/// Network `net` with container `a-b` and network `net-a` with container `b` share a file name.
#[test]
fn a_file_of_another_attachment_is_neither_used_nor_removed() {
    let world = World::with_plugins(&["a"]);
    let mut owner = parameters();
    owner.attachment.container_id = "b".to_owned();
    let mut other = parameters();
    other.attachment.container_id = "a-b".to_owned();
    let owners =
        list_of(json!({"name": "net-a", "cniVersion": "1.1.0", "plugins": [{"type": "a"}]}));
    let others = list("1.1.0", json!([{"type": "a"}]));
    world.runtime().add(&owners, &owner).unwrap();
    world.calls();
    world.runtime().check(&others, &other).unwrap();
    world.runtime().del(&others, &other).unwrap();
    for call in world.calls() {
        assert!(!call.stdin.contains("prevResult"), "{call:?}");
    }
    let cache = world.runtime().cache().clone();
    assert_eq!(cache.attachment("net", &other.attachment).unwrap(), None);
    assert_eq!(cache.attachments_of_network("net").unwrap(), []);
    world.runtime().del(&owners, &owner).unwrap();
    assert!(world.calls()[0].stdin.contains("prevResult"));
}

#[test]
fn bare_results_of_the_first_runtimes_are_read() {
    let world = World::with_plugins(&["a"]);
    let passed = |version: &str, kept: &str| {
        world.keep("net-c1-eth0", kept);
        world.runtime().check(&list(version, json!([{"type": "a"}])), &parameters()).unwrap();
        world.calls()[0].request()["prevResult"].clone()
    };
    let old = r#"{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.1.2.3/24"}],"dns":{}}"#;
    let new = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.1.2.3/24"}]});
    assert_eq!(passed("1.1.0", old), new);
    assert_eq!(passed("0.4.0", old)["cniVersion"], "0.4.0");
    assert_eq!(passed("1.1.0", r#"{"ip4":{"ip":"10.1.2.3/24"}}"#), new);
    let mut other_kind = new.clone();
    other_kind["kind"] = Value::from("other");
    assert_eq!(passed("1.1.0", &other_kind.to_string()), new);
    assert_eq!(
        passed(
            "1.1.0",
            r#"{"kind":"cniCacheV1","networkName":"net","containerId":"c1","ifName":"eth0"}"#
        ),
        json!({"cniVersion": "1.1.0"})
    );
}

#[test]
fn the_kept_configuration_has_one_format_only() {
    let world = World::with_plugins(&[]);
    let failure = |kept: &str| {
        world.keep("net-c1-eth0", kept);
        world.runtime().cache().attachment("net", &parameters().attachment).unwrap_err().msg
    };
    assert!(failure("x").starts_with("failed to unmarshal cached network \"net\" config: "));
    assert_eq!(
        failure(r#"{"kind":"other"}"#),
        "read cached network \"net\" config has wrong kind: other"
    );
}

#[test]
fn files_that_are_no_attachments_are_passed_over() {
    let world = World::with_plugins(&["a"]);
    assert_eq!(world.runtime().cache().attachments().unwrap(), []);
    let list = list("1.1.0", json!([{"type": "a"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    let whole = fs::read_to_string(world.cached("net-c1-eth0")).unwrap();
    world.keep("net-c0-eth0", "not JSON");
    world.keep("net-c2-eth0", r#"{"kind":"other"}"#);
    world.keep("net-c3-eth0", r#"{"kind":"cniCacheV1","containerId":"c3"}"#);
    world.keep(".net-c4-eth0", &whole);
    let found = world.runtime().cache().attachments().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].parameters, parameters());
}

#[test]
fn all_three_names_are_needed() {
    let attachment = |container_id: &str, ifname: &str| Attachment {
        container_id: container_id.to_owned(),
        ifname: ifname.to_owned(),
        ..Attachment::default()
    };
    let cache = Cache::in_folder("/nonexistent");
    for (network, container_id, ifname) in [("", "c", "i"), ("n", "", "i"), ("n", "c", "")] {
        let error = cache.attachment(network, &attachment(container_id, ifname)).unwrap_err();
        assert_eq!(
            error.msg,
            format!(
                "cache file path requires network name ({network:?}), container ID ({container_id:?}), and interface name ({ifname:?})"
            )
        );
    }
    assert_eq!(cache.attachment("n", &attachment("c", "i")).unwrap(), None);
}

#[test]
fn a_second_add_replaces_the_file() {
    let world = World::with_plugins(&["a"]);
    let list = list("1.1.0", json!([{"type": "a"}]));
    world.runtime().add(&list, &parameters()).unwrap();
    let moved = Parameters {
        attachment: Attachment { netns: "/run/netns/c2".to_owned(), ..parameters().attachment },
        ..parameters()
    };
    world.runtime().add(&list, &moved).unwrap();
    let found = world.runtime().cache().attachments().unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].parameters, moved);
}
