//! A list that fails half way.

use cni_testkit::Host;
use serde_json::json;

use crate::tool::{
    bridge, calls, configure_list, container_id, kept, leases, order, script, with_both,
    with_ours_alone,
};

/// A script's refusal of a command.
fn refuses(command: &str) -> String {
    let refusal = r#"printf '{"cniVersion":"1.0.0","code":11,"msg":"not now"}'; exit 1"#;
    format!("case $CNI_COMMAND in {command}) {refusal} ;; esac")
}

/// A bridge with masquerade, a script that passes on what it gets, and one that may refuse.
fn bridge_and_scripts(host: &Host) {
    let keys = json!({ "ipMasq": true });
    configure_list(host, json!([bridge(keys), { "type": "passes" }, { "type": "refuses" }]));
    script(host, "passes", "");
}

#[test]
fn a_failed_add_names_the_plugin_and_keeps_nothing() {
    with_both(|host, tool| {
        bridge_and_scripts(host);
        script(host, "refuses", &refuses("ADD"));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").fails("plugin type=\"refuses\" failed (add): not now");
        assert_eq!(kept(host), [""; 0]);
        // A runtime calls DEL all the same.
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!((leases(host, "net1"), c1.shown().as_str()), (Vec::new(), ""));
    });
}

/// The reference leaves interface, address and rules to a DEL that gets no result.
#[test]
fn a_failed_add_leaves_nothing() {
    with_ours_alone("runtime-failed-add-leaves-nothing", |host, tool| {
        bridge_and_scripts(host);
        let (c0, c1) = (host.container("c0"), host.container("c1"));
        script(host, "refuses", "");
        tool.add("net1", &c0, "eth0").succeeds();
        let before = host.world();
        script(host, "refuses", &refuses("ADD"));
        tool.add("net1", &c1, "eth0").fails("plugin type=\"refuses\" failed (add): not now");
        assert_eq!((host.world(), c1.shown().as_str()), (before, ""));
        tool.check("net1", &c0, "eth0").silent();
    });
}

/// In reverse, the failing one included, with the last result there was.
#[test]
fn a_failed_add_is_followed_by_del() {
    with_ours_alone("runtime-failed-add-is-followed-by-del", |host, tool| {
        bridge_and_scripts(host);
        script(host, "refuses", &refuses("ADD"));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").fails("plugin type=\"refuses\" failed (add): not now");
        for plugin in ["refuses", "passes"] {
            let calls = calls(host, plugin);
            let [(add, added), (del, deleted)] = calls.as_slice() else { panic!("{calls:?}") };
            assert_eq!((add.as_str(), del.as_str()), ("ADD", "DEL"));
            assert_eq!(added["prevResult"], deleted["prevResult"], "{plugin}");
            assert_eq!(deleted["prevResult"]["ips"][0]["address"], "10.1.2.2/24");
        }
        assert_eq!(order(host), ["ADD passes", "ADD refuses", "DEL refuses", "DEL passes"]);
    });
}

/// The reference stops at the first failure, and the plugins before it are never called.
#[test]
fn del_goes_on_after_a_failure() {
    with_ours_alone("runtime-del-goes-on", |host, tool| {
        bridge_and_scripts(host);
        script(host, "refuses", &refuses("DEL"));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        tool.del("net1", &c1, "eth0").fails("plugin type=\"refuses\" failed (delete): not now");
        assert_eq!((leases(host, "net1"), c1.shown().as_str()), (Vec::new(), ""));
        assert!(!host.iptables_rules().contains("net1"), "{}", host.iptables_rules());
    });
}

/// What DEL could not finish it must be able to try again, with the result.
#[test]
fn a_failed_del_keeps_the_result() {
    with_both(|host, tool| {
        bridge_and_scripts(host);
        script(host, "refuses", &refuses("DEL"));
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        let name = format!("net1-{}-eth0", container_id(host, &c1));
        tool.del("net1", &c1, "eth0").fails("plugin type=\"refuses\" failed (delete): not now");
        assert_eq!(kept(host), [name]);
        script(host, "refuses", "");
        tool.del("net1", &c1, "eth0").silent();
        let calls = calls(host, "refuses");
        assert_eq!(calls[1].1["prevResult"], calls[2].1["prevResult"]);
        assert_eq!((kept(host), leases(host, "net1")), (Vec::new(), Vec::new()));
        assert_eq!(c1.shown(), "");
    });
}
