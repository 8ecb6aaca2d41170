//! Invocations, outcomes and golden results, with a plugin that is a shell script.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cni_testkit::{Host, Network};
use serde_json::json;

/// Where the script lives.
fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugin"))
}

fn toy(host: &Host) -> Network<'_> {
    let config = json!({ "cniVersion": "1.1.0", "name": "net1", "type": "toy" });
    host.network(config).with_plugins(directory())
}

/// The message of the panic that the body has to end with.
fn complaint(body: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(body)).expect_err("should complain");
    panic.downcast_ref::<String>().cloned().unwrap_or_default()
}

/// ADD, CHECK and DEL as a runtime does them; the world is as before.
#[test]
fn an_attachment_lives_and_leaves_a_clean_world() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = toy(&host);
    let before = host.world();
    let added = net.with_args("A=1").add(&c1, "eth0").succeeds();
    assert_eq!(added.result()["args"], "A=1");
    assert_eq!(added.result()["interfaces"][1]["sandbox"], c1.netns_path());
    assert_ne!(host.world(), before);
    net.check(&c1, "eth0").succeeds().silent();
    net.del(&c1, "eth0").succeeds().silent();
    assert_eq!(host.world(), before);
}

/// The result of ADD is what CHECK gets, unless the test says otherwise.
#[test]
fn failures_are_told_by_code_message_and_details() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = toy(&host);
    let missing = "required prevResult missing";
    net.check(&c1, "eth0").fails(7, missing).details_are("of eth0");
    net.with_prev_result(json!({})).check(&c1, "eth0").succeeds();
    net.add(&c1, "eth0").succeeds();
    net.without_prev_result().check(&c1, "eth0").fails_with(7, "prevResult");
    net.with_config("cniVersion", json!("0.3.1")).check(&c1, "eth0").fails(7, missing);

    let wrong = complaint(|| drop(net.without_prev_result().check(&c1, "eth0").fails(4, missing)));
    assert!(wrong.contains("code 4") && wrong.contains("CNI_COMMAND=CHECK"), "{wrong}");
    let wrong = complaint(|| drop(net.check(&c1, "eth0").fails(7, missing)));
    assert!(wrong.contains("exit status 1"), "{wrong}");
}

/// What is passed to the other commands.
#[test]
fn every_command_gets_what_a_runtime_sends() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = toy(&host);
    let versions = "{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"1.0.0\",\"1.1.0\"]}\n";
    net.version().succeeds().prints(versions);
    net.status().is_killed();
    net.add(&c1, "eth0").succeeds();
    net.with_stdin("{}").add(&c2, "eth1").succeeds();
    net.gc(&[(&c1, "eth0"), (&c2, "eth1")]).succeeds();
    let told = host.exec(&["cat", "/var/lib/cni/toy/gc"]);
    assert!(
        told.contains(
            r#""cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"},{"containerID":"c2","ifname":"eth1"}]"#
        ),
        "{told}"
    );
    assert_eq!(host.exec(&["cat", "/var/lib/cni/toy/c2"]), "{}");
    c1.destroy();
    assert!(!Path::new(c1.netns_path()).exists());
    net.del(&c1, "eth0").succeeds();
    net.del_without_netns(&c2, "eth1").succeeds();
    let run = host.invoke("toy").plugins(directory()).command("DEL").env("CNI_CONTAINERID", "c1");
    run.run().succeeds();
}

/// Golden results name what differs from run to run; a difference shows both.
#[test]
fn a_result_is_compared_with_its_golden_file() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = toy(&host);
    let wrong = complaint(|| drop(net.add(&c1, "eth0").succeeds().result_is("toy/absent")));
    assert!(wrong.contains("golden/toy/absent.json") && wrong.contains("UPDATE_GOLDEN=1"));
}
