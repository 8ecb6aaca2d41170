//! flannel: states that outlive failures, repeated commands, CHECK, GC and STATUS.

use cni_testkit::{Container, Host, lacks_plugin};
use serde_json::{Value, json};

use crate::flannel::{STATES, USUAL, WORKING, calls, input, network, put, scripted, states};

/// The error of the delegate is the error, and the attachment is taken back.
#[test]
fn a_failed_add_of_the_delegate_is_taken_back() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let failing = r#"[ $CNI_COMMAND = ADD ] || exit 0
echo '{"code":1234,"msg":"why","details":"more"}'; exit 1"#;
    let net = scripted(&host, json!({}), failing);
    net.add(&c1, "eth0").fails(1234, "why").details_are("more");
    assert_eq!(calls(&host), ["ADD eth0", "DEL eth0"]);
    assert_eq!(states(&host), [""; 0]);
    let net = scripted(&host, json!({}), "echo '{\"code\":7,\"msg\":\"busy\"}'; exit 1");
    net.add(&c1, "eth0").fails(7, "busy").details_mention("could not undo attachment by scripted");
    assert_eq!(states(&host), ["c1", "c1:mynet:eth0"], "for the DEL that follows");
}

/// The reference forgets the attachment although its DEL failed.
#[test]
fn the_state_is_kept_until_the_delegates_del_succeeded() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let broken = "[ -e /run/broken ] && { echo '{\"code\":11,\"msg\":\"later\"}'; exit 1; }";
    let net = scripted(&host, json!({}), &format!("{broken}\n{WORKING}"));
    net.add(&c1, "eth0").succeeds();
    put(&host, "/run/broken", "");
    for _ in 0..2 {
        net.del(&c1, "eth0").fails(11, "later");
    }
    let nowhere = net.with_env("CNI_PATH", "/run");
    nowhere.del(&c1, "eth0").fails(999, r#"failed to find plugin "scripted" in path [/run]"#);
    host.sh("rm /run/broken");
    for _ in 0..2 {
        net.del(&c1, "eth0").succeeds().silent();
    }
    assert_eq!(calls(&host), ["ADD eth0", "DEL eth0", "DEL eth0", "DEL eth0", "DEL eth0"]);
    assert_eq!(states(&host), [""; 0]);
}

/// The reference detaches the second interface only.
#[test]
fn each_interface_of_a_container_has_its_own_state() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, USUAL, json!({}));
    let other = net
        .with_config("name", json!("other"))
        .with_config("delegate", json!({ "bridge": "cni1", "type": "bridge" }));
    let cycle = |dies: bool| {
        net.add(&c1, "eth0").succeeds();
        net.add(&c1, "eth1").succeeds();
        other.add(&c1, "eth2").succeeds();
        if dies {
            c1.destroy();
        }
        for (net, ifname) in [(&net, "eth0"), (&other, "eth2"), (&net, "eth1")] {
            for _ in 0..2 {
                net.del(&c1, ifname).succeeds();
            }
        }
        assert_eq!(states(&host), [""; 0]);
    };
    cycle(false);
    assert_eq!(c1.shown(), "");
    let before = host.world();
    cycle(true);
    host.returns_to(&before);
}

/// What the reference has attached is detached, and the other way round.
#[test]
fn states_of_the_reference_are_understood() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = scripted(&host, json!({}), WORKING);
    let stored = r#"{"name":"mynet","type":"scripted","x":1}"#;
    let put_state = |text: &str| put(&host, &format!("{STATES}/c1"), text);
    put_state(stored);
    net.check(&c1, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    assert_eq!(calls(&host), ["CHECK eth0", "DEL eth0"]);
    assert_eq!(input(&host), serde_json::from_str::<Value>(stored).expect("JSON"));
    put_state(r#"{"name":"another","type":"scripted"}"#);
    net.del(&c1, "eth0").succeeds();
    assert_eq!(calls(&host), ["DEL eth0"]);
    assert_eq!(input(&host)["name"], "mynet");
    assert_eq!(states(&host), ["c1"]);
}

/// The reference loses states, and one DEL may not have known the namespace.
#[test]
fn without_a_state_the_delegate_is_asked_where_there_can_be_one() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, USUAL, json!({}));
    net.add(&c1, "eth0").succeeds();
    net.del_without_netns(&c1, "eth0").succeeds();
    assert_eq!(states(&host), [""; 0]);
    net.del(&c1, "eth0").succeeds();
    assert_eq!(c1.shown(), "");
    for delegate in [json!({ "name": "x" }), json!({ "type": "absent" })] {
        net.with_config("delegate", delegate).del(&c1, "eth0").succeeds().silent();
    }
    host.sh("rm /run/flannel/subnet.env");
    net.del(&c1, "eth0").succeeds().silent();
    net.with_config("dataDir", json!("")).del(&c1, "eth0").succeeds().silent();
}

/// A crash of the reference leaves it so; its DEL then does nothing for ever.
#[test]
fn a_broken_state_is_made_anew() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = scripted(&host, json!({}), WORKING);
    for (text, has_subnet) in [("", true), ("{", true), ("{}", false)] {
        put(&host, &format!("{STATES}/c1"), text);
        if !has_subnet {
            host.sh("rm /run/flannel/subnet.env");
        }
        net.del(&c1, "eth0").succeeds().silent();
        assert_eq!(calls(&host), ["DEL eth0"]);
        let input = input(&host);
        assert_eq!((&input["name"], &input["type"]), (&json!("mynet"), &json!("scripted")));
        let ranges = if has_subnet { json!([[{ "subnet": "10.1.17.0/24" }]]) } else { json!([]) };
        assert_eq!(input["ipam"]["ranges"], ranges);
        assert_eq!(states(&host), [""; 0]);
    }
}

#[test]
fn a_repeated_add_that_fails_leaves_the_first_one_alone() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = network(&host, USUAL, json!({}));
    net.add(&c2, "eth0").succeeds();
    net.del(&c2, "eth0").succeeds();
    let base = host.world();
    net.add(&c1, "eth0").succeeds();
    let before = (host.world(), c1.shown());
    let changed = net.with_config("delegate", json!({ "bridge": "cni0", "mtu": 1300 }));
    changed.add(&c1, "eth0").fails_with(999, "eth0");
    assert_eq!((host.world(), c1.shown()), before);
    net.check(&c1, "eth0").succeeds();
    c1.reaches(&host, "10.1.17.1:80");
    net.del(&c1, "eth0").succeeds();
    host.returns_to(&base);
}

#[test]
fn check_finds_what_is_missing() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = network(&host, USUAL, json!({}));
    net.add(&c1, "eth0").succeeds();
    net.check(&c1, "eth0").succeeds();
    c1.sh("ip addr del 10.1.17.2/24 dev eth0");
    net.check(&c1, "eth0").fails_with(999, "Failed to match addr 10.1.17.2/24 on interface eth0");
    host.sh(&format!("rm {STATES}/c1*"));
    let msg = r#"failed to find the state of "c1" in "/var/lib/cni/flannel""#;
    net.check(&c1, "eth0").fails(999, msg);
}

#[test]
fn status_asks_daemon_and_delegate() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let net = scripted(&host, json!({}), "echo '{\"code\":51,\"msg\":\"full\"}'; exit 1");
    net.status().fails(51, "full");
    let absent = net.with_config("delegate", json!({ "type": "absent" }));
    absent.status().fails_with(50, "failed to find plugin \"absent\"");
    net.with_config("delegate", json!({ "name": "x" })).status().fails_with(999, "'name'");
    host.sh("rm /run/flannel/subnet.env");
    net.status().fails_with(50, "failed to load flannel 'subnet.env' file: open /run/flannel/");
    let net = network(&host, USUAL, json!({}));
    net.status().succeeds().silent();
}

/// Nothing is left of attachments that are not valid, and nothing else is touched.
#[test]
fn garbage_is_the_delegates_and_the_states() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let containers: Vec<Container> =
        ["c1", "c2", "c3"].iter().map(|name| host.container(name)).collect();
    let [c1, c2, c3] = &containers[..] else { panic!("three containers") };
    let net = network(&host, USUAL, json!({}));
    let other = net
        .with_config("name", json!("other"))
        .with_config("delegate", json!({ "bridge": "cni1", "type": "bridge" }));
    for container in &containers {
        net.add(container, "eth0").succeeds();
        other.add(container, "eth1").succeeds();
    }
    c2.destroy();
    c3.destroy();
    let leases = || host.sh("cd /var/lib/cni/networks/mynet; ls 10.*");
    net.gc(&[(c1, "eth0"), (c2, "eth0")]).succeeds().silent();
    assert_eq!(leases(), "10.1.17.2\n10.1.17.3\n");
    // Without a subnet file there are still the states.
    host.sh("rm /run/flannel/subnet.env");
    net.gc(&[(c1, "eth0")]).fails_with(999, "failed to load flannel 'subnet.env' file");
    assert_eq!(leases(), "10.1.17.2\n");
    assert_eq!(
        states(&host),
        ["c1", "c1:mynet:eth0", "c1:other:eth1", "c2:other:eth1", "c3:other:eth1"]
    );
    put(&host, "/run/flannel/subnet.env", USUAL);
    net.check(c1, "eth0").succeeds();
    other.gc(&[]).succeeds();
    assert_eq!(states(&host), ["c1", "c1:mynet:eth0"]);
    net.del(c1, "eth0").succeeds();
    assert_eq!(states(&host), [""; 0]);
}

/// A state is forgotten only when the delegate could clean up after it.
#[test]
fn a_failed_gc_of_the_delegate_keeps_the_states() {
    if lacks_plugin("flannel") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let keys = json!({ "runtimeConfig": { "ips": [] } });
    let broken = "[ -e /run/broken ] && { echo '{\"code\":11,\"msg\":\"later\"}'; exit 1; }";
    let net = scripted(&host, keys, &format!("{broken}\n{WORKING}"));
    let older = net.with_config("cniVersion", json!("0.4.0"));
    older.add(&c1, "eth0").succeeds();
    put(&host, "/run/broken", "");
    net.gc(&[]).fails(11, "later");
    assert_eq!(states(&host), ["c1", "c1:mynet:eth0"]);
    host.sh("rm /run/broken");
    calls(&host);
    net.gc(&[]).succeeds();
    assert_eq!(calls(&host), ["GC"], "one configuration, one call");
    let told = input(&host);
    assert_eq!(told["cniVersion"], "1.1.0");
    assert_eq!(told["cni.dev/valid-attachments"], json!([]));
    assert_eq!(told["runtimeConfig"], Value::Null);
    assert_eq!(states(&host), [""; 0]);
}
