//! The files in which runtimes keep results: any runtime must find what another one left.

use cni_testkit::Host;
use serde_json::json;

use crate::tool::{
    RESULTS, Tool, bridge, calls, configure_list, container_id, kept, leases, script, with_both,
    with_ours_alone, write,
};

/// Byte for byte, from either runtime.
#[test]
fn the_kept_file_is_the_one_of_every_runtime() {
    with_both(|host, tool| {
        configure_list(host, json!([bridge(json!({ "capabilities": { "mac": true } }))]));
        let c1 = host.container("c1");
        let result = tool
            .with_env("CNI_ARGS", "IgnoreUnknown=true;K8S_POD_NAME=p")
            .with_env("CAP_ARGS", r#"{"mac":"02:00:00:00:00:01","unused":[1]}"#)
            .add("net1", &c1, "eth0")
            .result();
        let id = container_id(host, &c1);
        let name = format!("net1-{id}-eth0");
        assert_eq!(kept(host), [name.as_str()]);
        let file = format!("{RESULTS}/{name}");
        let config = host.sh("base64 -w0 /run/net.d/net1.conflist");
        let netns = c1.netns_path();
        let expected = format!(
            r#"{{"kind":"cniCacheV1","containerId":"{id}","config":"{config}","ifName":"eth0","networkName":"net1","netns":"{netns}","cniArgs":[["IgnoreUnknown","true"],["K8S_POD_NAME","p"]],"capabilityArgs":{{"mac":"02:00:00:00:00:01","unused":[1]}},"result":{result}}}"#
        );
        // The packaged library is older than the key.
        let without_netns = expected.replace(&format!(r#""netns":"{netns}","#), "");
        let found = host.exec(&["cat", &file]);
        let is_older = tool.is_reference() && found == without_netns;
        assert!(found == expected || is_older, "{found}\nis not\n{expected}");
        assert_eq!(host.sh(&format!("stat -c %a {RESULTS} {file}")), "700\n600\n");
    });
}

/// CHECK cannot do without the result, DEL can. The packaged library still refuses both.
#[test]
fn a_corrupt_file_hinders_check_but_not_del() {
    for content in ["", "a", "{\"kind\":\"cniCacheV1\"", "{\"cniVersion\":\"0.4567.0\"}"] {
        let host = Host::new();
        let tool = Tool::ours(&host);
        configure_list(&host, json!([bridge(json!({})), { "type": "loopback" }]));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        write(&host, &format!("{RESULTS}/{}", kept(&host)[0]), content);
        tool.check("net1", &c1, "eth0").fails_with("failed to get network \"net1\" cached result");
        tool.del("net1", &c1, "eth0").silent();
        assert!(!c1.shown().contains("eth0"), "{}", c1.shown());
        assert_eq!(leases(&host, "net1"), [""; 0]);
        assert_eq!(kept(&host), [""; 0], "{content:?}");
    }
}

/// The first runtimes kept the bare result.
#[test]
fn a_bare_result_is_passed_on() {
    with_both(|host, tool| {
        script(host, "asks", "");
        configure_list(host, json!([{ "type": "asks" }]));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        let bare =
            json!({ "cniVersion": "0.4.0", "ips": [{ "version": "4", "address": "10.1.2.3/24" }] });
        write(host, &format!("{RESULTS}/{}", kept(host)[0]), &bare.to_string());
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
        for (command, request) in calls(host, "asks").into_iter().skip(1) {
            let passed = &request["prevResult"];
            assert_eq!(passed["ips"], json!([{ "address": "10.1.2.3/24" }]), "{command}");
            assert_eq!(passed["cniVersion"], "1.0.0", "{command}");
        }
    });
}

/// A container `b` of network `net1-a` has the same file as a container `a-b` of `net1`. The
/// reference takes one for the other.
#[test]
fn a_file_of_another_attachment_is_left_alone() {
    with_ours_alone("runtime-ambiguous-result-file", |host, tool| {
        script(host, "asks", "");
        configure_list(host, json!([{ "type": "asks" }]));
        let c1 = host.container("c1");
        let id = container_id(host, &c1);
        let foreign = id.strip_prefix("cnitool-").expect("an ID of cnitool");
        let entry = json!({
            "kind": "cniCacheV1",
            "containerId": foreign,
            "config": "",
            "ifName": "eth0",
            "networkName": "net1-cnitool",
            "result": { "cniVersion": "1.0.0", "ips": [{ "address": "10.1.2.3/24" }] }
        });
        host.sh(&format!("mkdir -p {RESULTS}"));
        let file = format!("{RESULTS}/net1-{id}-eth0");
        write(host, &file, &entry.to_string());
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!(calls(host, "asks")[0].1.get("prevResult"), None);
        assert_eq!(host.exec(&["cat", &file]), entry.to_string());
    });
}

/// A second name of the old file still shows the old content: a crash leaves one or the other.
#[test]
fn a_file_is_replaced_and_never_rewritten() {
    with_ours_alone("runtime-atomic-result-file", |host, tool| {
        script(host, "asks", "");
        configure_list(host, json!([{ "type": "asks" }]));
        let c1 = host.container("c1");
        tool.with_env("CNI_ARGS", "A=old").add("net1", &c1, "eth0").succeeds();
        let file = format!("{RESULTS}/{}", kept(host)[0]);
        host.sh(&format!("ln {file} /var/lib/cni/old"));
        tool.with_env("CNI_ARGS", "A=new").add("net1", &c1, "eth0").succeeds();
        assert!(host.exec(&["cat", &file]).contains(r#"["A","new"]"#));
        assert!(host.exec(&["cat", "/var/lib/cni/old"]).contains(r#"["A","old"]"#));
        assert_eq!(kept(host).len(), 1);
    });
}

/// An attachment that could not be found again would never be deleted.
#[test]
fn an_add_that_cannot_be_kept_is_undone() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    configure_list(&host, json!([bridge(json!({}))]));
    let (c0, c1) = (host.container("c0"), host.container("c1"));
    tool.add("net1", &c0, "eth0").succeeds();
    host.sh(&format!("rm -r {RESULTS}; echo > {RESULTS}"));
    let before = host.world();
    tool.add("net1", &c1, "eth0").fails_with("failed to set network \"net1\" cached result");
    assert_eq!((host.world(), c1.shown().as_str()), (before, ""));
}
