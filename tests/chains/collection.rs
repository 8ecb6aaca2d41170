//! GC and STATUS of a list, which the packaged library is too old for.

use cni_testkit::{Host, lacks_version};
use serde_json::{Value, json};

use crate::tool::{
    RESULTS, Tool, bridge, calls, configure_list_of, kept, leases, script, with_both, write,
};

/// Networks `net1` and `net1-b`, whose results have names that begin alike, on a bridge each, with a
/// script behind the bridge plugin.
fn configure(host: &Host) {
    for (network, name, subnet) in
        [("net1", "cni0", "10.1.2.0/24"), ("net1-b", "cni1", "10.1.3.0/24")]
    {
        let ipam = json!({ "type": "host-local", "subnet": subnet });
        let keys =
            json!({ "bridge": name, "isDefaultGateway": false, "ipMasq": true, "ipam": ipam });
        configure_list_of(host, "1.1.0", network, json!([bridge(keys), { "type": "asks" }]));
    }
}

fn commands(calls: &[(String, Value)]) -> Vec<&str> {
    calls.iter().map(|(command, _)| command.as_str()).collect()
}

#[test]
fn gc_deletes_every_attachment_of_the_network() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    configure(&host);
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    tool.with_env("CNI_ARGS", "IgnoreUnknown=1;IP=10.1.2.50").add("net1", &c1, "eth0").succeeds();
    tool.add("net1", &c2, "eth0").succeeds();
    tool.add("net1-b", &c2, "eth1").succeeds();
    c1.destroy();
    tool.gc("net1").silent();
    assert!(!c2.shown().contains("eth0"), "{}", c2.shown());
    assert!(c2.shown().contains("eth1"), "{}", c2.shown());
    assert_eq!((leases(&host, "net1"), leases(&host, "net1-b").len()), (Vec::new(), 1));
    assert!(
        matches!(kept(&host).as_slice(), [one] if one.starts_with("net1-b-")),
        "{:?}",
        kept(&host)
    );
    let rules = host.iptables_rules();
    assert!(!rules.contains("net1\\\"") && rules.contains("net1-b\\\""), "{rules}");
    tool.check("net1-b", &c2, "eth1").silent();
    assert_eq!(commands(&calls(&host, "asks")), ["ADD", "ADD", "ADD", "DEL", "DEL", "GC", "CHECK"]);
    // Without anything to collect the plugins are asked nevertheless.
    tool.gc("net1").silent();
    let calls = calls(&host, "asks");
    let (_, request) = calls.last().expect("there were calls");
    assert_eq!(*request, json!({ "cniVersion": "1.1.0", "name": "net1", "type": "asks" }));
}

/// The rules of a stale attachment can only be found with what ADD was given and answered.
#[test]
fn gc_deletes_with_what_add_was_given() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    script(&host, "asks", "printf '%s %s %s\\n' $CNI_COMMAND $CNI_IFNAME $CNI_ARGS >> /run/given");
    let plugin = json!({ "type": "asks", "capabilities": { "mac": true } });
    configure_list_of(&host, "1.0.0", "net1", json!([plugin]));
    let c1 = host.container("c1");
    tool.with_env("CNI_ARGS", "A=b")
        .with_env("CAP_ARGS", r#"{"mac":"02:00:00:00:00:01"}"#)
        .add("net1", &c1, "eth3")
        .succeeds();
    tool.gc("net1").silent();
    // Before 1.1.0 plugins have no GC.
    assert_eq!(host.exec(&["cat", "/run/given"]), "ADD eth3 A=b\nDEL eth3 A=b\n");
    let deleted = &calls(&host, "asks")[1].1;
    assert_eq!(deleted["runtimeConfig"], json!({ "mac": "02:00:00:00:00:01" }));
    assert_eq!(deleted["prevResult"], json!({ "cniVersion": "1.0.0" }));
}

/// Everything is tried, and everything that failed is told.
#[test]
fn gc_goes_on_after_failures() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    let refusal = r#"printf '{"code":11,"msg":"not now"}'; exit 1"#;
    script(&host, "asks", &format!("case $CNI_COMMAND in DEL|GC) {refusal} ;; esac"));
    configure_list_of(&host, "1.1.0", "net1", json!([{ "type": "asks" }, { "type": "asks" }]));
    let c1 = host.container("c1");
    tool.add("net1", &c1, "eth0").succeeds();
    tool.add("net1", &c1, "eth1").succeeds();
    let answer = tool.gc("net1");
    for part in ["eth0: plugin", "eth1: plugin", "failed to GC plugin type=\"asks\": not now"] {
        assert!(answer.to_string().contains(part), "{part}: {answer}");
    }
    answer.fails_with("failed to delete stale attachment");
    assert_eq!(commands(&calls(&host, "asks"))[4..], ["DEL", "DEL", "DEL", "DEL", "GC", "GC"]);
    assert_eq!(kept(&host).len(), 2, "for the next attempt");
}

/// The reference takes a folder that cannot be read for an empty one.
#[test]
fn gc_tells_that_the_results_cannot_be_read() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    configure_list_of(&host, "1.1.0", "net1", json!([{ "type": "asks" }]));
    write(&host, RESULTS, "no folder");
    tool.gc("net1").fails(&format!("open {RESULTS}: not a directory"));
    assert_eq!(commands(&calls(&host, "asks")), ["GC"], "plugins know what else is stale");
}

/// A broken file hides no other attachment.
#[test]
fn gc_passes_over_broken_files() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    script(&host, "asks", "");
    configure_list_of(&host, "1.1.0", "net1", json!([{ "type": "asks" }]));
    let c1 = host.container("c1");
    tool.add("net1", &c1, "eth0").succeeds();
    write(&host, &format!("{RESULTS}/net1-a-eth0"), "{");
    tool.gc("net1").silent();
    assert_eq!(kept(&host), ["net1-a-eth0"]);
}

#[test]
fn status_asks_plugins_until_one_objects() {
    let host = Host::new();
    let tool = Tool::ours(&host);
    let objection = r#"printf '{"code":50,"msg":"still starting"}'; exit 1"#;
    script(&host, "first", "");
    script(&host, "second", objection);
    script(&host, "third", "");
    let plugins = json!([{ "type": "first" }, { "type": "second" }, { "type": "third" }]);
    configure_list_of(&host, "1.1.0", "net1", plugins.clone());
    tool.status("net1").fails("still starting");
    assert_eq!(commands(&calls(&host, "first")), ["STATUS"]);
    assert_eq!(calls(&host, "third"), []);
    configure_list_of(&host, "1.0.0", "net1", plugins);
    tool.status("net1").silent();
    assert_eq!(calls(&host, "first").len(), 1, "before 1.1.0 nobody is asked");
}

#[test]
fn status_knows_whether_an_address_is_free() {
    if lacks_version("bridge", "1.1.0") {
        return;
    }
    let host = Host::new();
    let tool = Tool::ours(&host);
    let ipam = json!({ "type": "host-local", "subnet": "10.1.2.0/30" });
    configure_list_of(&host, "1.1.0", "net1", json!([bridge(json!({ "ipam": ipam }))]));
    tool.status("net1").silent();
    let c1 = host.container("c1");
    tool.add("net1", &c1, "eth0").succeeds();
    tool.status("net1").fails("no IP addresses available in range set: 10.1.2.1-10.1.2.2");
    tool.del("net1", &c1, "eth0").silent();
    tool.status("net1").silent();
}

/// A network can refuse both.
#[test]
fn check_can_be_disabled() {
    with_both(|host, tool| {
        script(host, "asks", "");
        let list = json!({ "cniVersion": "1.0.0", "name": "net1", "disableCheck": true,
            "disableGC": true, "plugins": [{ "type": "asks" }] });
        crate::tool::configure(host, "net1.conflist", &list);
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        tool.check("net1", &c1, "eth0").silent();
        assert_eq!(commands(&calls(host, "asks")), ["ADD"]);
    });
}
