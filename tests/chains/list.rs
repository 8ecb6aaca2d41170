//! The life of an attachment to a list: ADD, CHECK, DEL, and DEL of what is half gone.

use std::thread;
use std::time::{Duration, Instant};

use cni_testkit::{Container, Host, supported_versions};
use expect_test::expect;
use serde_json::{Value, json};

use crate::tool::{
    Tool, bridge, calls, configure_list, configure_list_of, kept, leases, links_and_addresses,
    order, script, with_both,
};

/// A bridge with masquerade, and loopback behind it.
fn bridge_and_loopback(host: &Host) {
    configure_list(host, json!([bridge(json!({ "ipMasq": true })), { "type": "loopback" }]));
}

/// Demands that nothing but the bridge is left of any attachment.
#[track_caller]
fn is_clean(host: &Host) {
    assert_eq!(links_and_addresses(host), ["link cni0 up", "addr 10.1.2.1/24 dev cni0"]);
    assert_eq!(kept(host), [""; 0]);
    assert_eq!(leases(host, "net1"), [""; 0]);
    assert!(!host.iptables_rules().contains("net1"), "{}", host.iptables_rules());
}

/// Waits for the kernel, which takes a dead namespace apart at its leisure.
#[track_caller]
fn loses_its_ports(host: &Host) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while host.shown().contains("controller cni0") {
        assert!(Instant::now() < deadline, "{}", host.shown());
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_container_is_attached_checked_and_detached() {
    with_both(|host, tool| {
        bridge_and_loopback(host);
        let c1 = host.container("c1");
        let printed = tool.add("net1", &c1, "eth0").succeeds();
        assert!(printed.starts_with("{\n    \"cniVersion\": \"1.0.0\",\n"), "{printed}");
        assert!(printed.ends_with("\n}"), "{printed}");
        c1.shows(expect![[r#"
            link eth0 up
            link lo up mtu 65536
            addr 10.1.2.2/24 dev eth0
            addr 127.0.0.1/8 dev lo
            addr ::1/128 dev lo
            route default via 10.1.2.1 dev eth0
            route 10.1.2.0/24 dev eth0 scope link
        "#]]);
        c1.reaches(host, "10.1.2.1:80");
        assert_eq!(leases(host, "net1"), ["10.1.2.2"]);
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
        assert!(!c1.shown().contains("eth0"), "{}", c1.shown());
        is_clean(host);
        tool.del("net1", &c1, "eth0").silent();
        is_clean(host);
    });
}

/// Every plugin of the list is asked, and the answer is the first plugin's own.
#[test]
fn check_notices_what_has_changed() {
    with_both(|host, tool| {
        bridge_and_loopback(host);
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        c1.sh("ip link set lo down");
        tool.check("net1", &c1, "eth0").fails("loopback interface is down");
        c1.sh("ip link set lo up");
        tool.check("net1", &c1, "eth0").silent();
        host.sh("rm /var/lib/cni/networks/net1/10.1.2.2");
        tool.check("net1", &c1, "eth0").fails_with("host-local: Failed to find address added by");
    });
}

#[test]
fn del_works_when_the_namespace_is_gone() {
    with_both(|host, tool| {
        bridge_and_loopback(host);
        let c1 = host.container("c1");
        tool.add("net1", &c1, "eth0").succeeds();
        c1.destroy();
        tool.del("net1", &c1, "eth0").silent();
        loses_its_ports(host);
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!((kept(host), leases(host, "net1")), (Vec::new(), Vec::new()));
        // Without the namespace the reference's older plugins forget the rules.
        if !cni_testkit::against_reference() {
            is_clean(host);
        }
    });
}

#[test]
fn del_of_what_was_never_added_succeeds() {
    with_both(|host, tool| {
        bridge_and_loopback(host);
        let c1 = host.container("c1");
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!(host.shown(), "");
    });
}

/// Each plugin gets the result of the one before, and DEL goes back.
#[test]
fn plugins_are_called_in_order_and_deleted_in_reverse() {
    with_both(|host, tool| {
        for (name, address) in [("first", "10.1.2.1/24"), ("second", "10.1.2.2/24")] {
            let answer = json!({ "cniVersion": "1.0.0", "ips": [{ "address": address }] });
            script(host, name, &format!("case $CNI_COMMAND in ADD) echo '{answer}'; exit ;; esac"));
        }
        configure_list(host, json!([{ "type": "first" }, { "type": "second" }]));
        let c1 = host.container("c1");
        let result = tool.add("net1", &c1, "eth0").result();
        assert_eq!(result["ips"][0]["address"], "10.1.2.2/24");
        tool.check("net1", &c1, "eth0").silent();
        tool.del("net1", &c1, "eth0").silent();
        assert_eq!(
            order(host),
            ["ADD first", "ADD second", "CHECK first", "CHECK second", "DEL second", "DEL first"]
        );
        let passed = |plugin| -> Vec<Value> {
            let address = |request: Value| request["prevResult"]["ips"][0]["address"].clone();
            calls(host, plugin).into_iter().map(|(_, request)| address(request)).collect()
        };
        assert_eq!(passed("first"), [Value::Null, "10.1.2.2/24".into(), "10.1.2.2/24".into()]);
        assert_eq!(passed("second"), ["10.1.2.1/24", "10.1.2.2/24", "10.1.2.2/24"]);
    });
}

/// On one network and on another; each is checked and deleted by itself.
#[test]
fn a_container_has_several_interfaces() {
    with_both(|host, tool| {
        let plugin = |subnet: &str, name: &str| {
            let ipam = json!({ "type": "host-local", "subnet": subnet });
            // A gateway, so that the bridge keeps its MAC address when ports come and go.
            let keys = json!({ "bridge": name, "isDefaultGateway": false, "isGateway": true, "ipam": ipam });
            json!([bridge(keys)])
        };
        configure_list_of(host, "1.0.0", "net1", plugin("10.1.2.0/24", "cni0"));
        configure_list_of(host, "1.0.0", "net2", plugin("10.1.3.0/24", "cni1"));
        let c1 = host.container("c1");
        let attachments = [("net1", "eth0"), ("net1", "eth1"), ("net2", "eth2")];
        for (network, ifname) in attachments {
            tool.add(network, &c1, ifname).succeeds();
        }
        assert_eq!(kept(host).len(), 3);
        c1.shows(expect![[r#"
            link eth0 up
            link eth1 up
            link eth2 up
            addr 10.1.2.2/24 dev eth0
            addr 10.1.2.3/24 dev eth1
            addr 10.1.3.2/24 dev eth2
            route 10.1.2.0/24 dev eth0 scope link
            route 10.1.2.0/24 dev eth1 scope link
            route 10.1.3.0/24 dev eth2 scope link
        "#]]);
        tool.del("net1", &c1, "eth0").silent();
        tool.check("net1", &c1, "eth1").silent();
        tool.check("net2", &c1, "eth2").silent();
        assert_eq!(leases(host, "net1"), ["10.1.2.3"]);
        tool.del("net2", &c1, "eth2").silent();
        tool.del("net1", &c1, "eth1").silent();
        assert_eq!((kept(host), leases(host, "net2")), (Vec::new(), Vec::new()));
    });
}

/// The life of an attachment in one spec version.
fn lives_in(version: &str, host: &Host, tool: &Tool<'_>, c1: &Container) {
    configure_list_of(host, version, "net1", json!([bridge(json!({})), { "type": "loopback" }]));
    let result = tool.add("net1", c1, "eth0").result();
    assert_eq!(result["cniVersion"], version);
    let (old, address) = (result["ip4"]["ip"].as_str(), result["ips"][0]["address"].as_str());
    let is_old = matches!(version, "0.1.0" | "0.2.0");
    assert_eq!(old.or(address), Some("10.1.2.2/24"), "{version}: {result}");
    assert_eq!(old.is_some(), is_old, "{version}: {result}");
    let has_family = result["ips"][0]["version"] == "4";
    assert_eq!(has_family, version.starts_with("0.") && !is_old, "{version}: {result}");
    if matches!(version, "0.1.0" | "0.2.0" | "0.3.0" | "0.3.1") {
        tool.check("net1", c1, "eth0").fails(&format!(
            "configuration version \"{version}\" does not support the CHECK command"
        ));
    } else {
        tool.check("net1", c1, "eth0").silent();
    }
    tool.del("net1", c1, "eth0").silent();
    assert_eq!(kept(host), [""; 0], "{version}");
    assert!(!c1.shown().contains("eth0"), "{version}");
    host.sh("rm -r /var/lib/cni/networks");
}

#[test]
fn every_spec_version_works() {
    with_both(|host, tool| {
        let c1 = host.container("c1");
        let known = supported_versions("bridge");
        assert!(known.len() >= 6, "{known:?}");
        // 1.1.0 is younger than the packaged library.
        for version in known.iter().filter(|&version| version != "1.1.0") {
            lives_in(version, host, &tool, &c1);
        }
    });
    let host = Host::new();
    let c1 = host.container("c1");
    if !cni_testkit::lacks_version("bridge", "1.1.0") {
        lives_in("1.1.0", &host, &Tool::ours(&host), &c1);
    }
}
