//! bridge: VLANs of ports and of the gateway, on kernels whose bridges filter VLANs.

use cni_testkit::{Feature, Host, Namespace, difference, lacks, lacks_release};
use expect_test::expect;
use serde_json::{Value, json};

use crate::networks::bridge;

/// The VLANs of a port as `bridge vlan` tells them, `100 pvid untagged; 101`.
fn membership(host: &Namespace, port: &str) -> String {
    let ports: Value =
        serde_json::from_str(&host.exec(&["bridge", "-j", "vlan", "show", "dev", port]))
            .expect("bridge -j prints JSON");
    let vlans = ports[0]["vlans"].as_array().cloned().unwrap_or_default();
    let told = vlans.iter().map(|vlan| {
        let end = vlan["vlanEnd"].as_u64().map(|end| format!("-{end}")).unwrap_or_default();
        let flags = vlan["flags"].as_array().cloned().unwrap_or_default();
        let flags = flags
            .iter()
            .filter_map(Value::as_str)
            .map(|flag| format!(" {}", if flag == "PVID" { "pvid" } else { "untagged" }));
        format!("{}{end}{}", vlan["vlan"], flags.collect::<String>())
    });
    told.collect::<Vec<_>>().join("; ")
}

fn filters_vlans(host: &Namespace) -> bool {
    host.exec(&["ip", "-d", "link", "show", "cni0"]).contains("vlan_filtering 1")
}

fn port_of(result: &Value) -> &str {
    result["interfaces"][1]["name"].as_str().expect("a result lists the port")
}

/// The table of memberships; the bridge itself always keeps VLAN 1.
#[test]
fn uml_a_port_is_in_its_vlans() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let trunk = |elements: Value| json!({ "vlanTrunk": elements });
    let cases = [
        (json!({}), "1 pvid untagged", false),
        (json!({ "vlan": 0, "vlanTrunk": null }), "1 pvid untagged", false),
        (json!({ "vlan": 100 }), "100 pvid untagged", true),
        (json!({ "vlan": 1 }), "1 pvid untagged", true),
        (trunk(json!([])), "1 pvid untagged", true),
        (trunk(json!([{}])), "1 pvid untagged", true),
        (
            trunk(json!([{ "id": 101 }, { "minID": 200, "maxID": 202 }])),
            "1 pvid untagged; 101; 200; 201; 202",
            true,
        ),
        (
            trunk(json!([{ "id": 300, "minID": 200, "maxID": 201 }, { "id": 201 }])),
            "1 pvid untagged; 200; 201; 300",
            true,
        ),
        (trunk(json!([{ "id": 1 }, { "id": 2 }])), "1 pvid untagged; 2", true),
        (json!({ "vlan": 100, "vlanTrunk": [{ "id": 101 }] }), "100 pvid untagged; 101", true),
    ];
    for (number, (keys, expected, filters)) in cases.into_iter().enumerate() {
        let container = host.container(&format!("c{number}"));
        let net = bridge(&host, keys.clone()).with_config("ipam", json!({}));
        let result = net.add(&container, "eth0").succeeds().result();
        assert_eq!(membership(&host, port_of(&result)), expected, "{keys}");
        assert_eq!(membership(&host, "cni0"), "1 pvid untagged");
        assert_eq!(filters_vlans(&host), filters, "{keys}");
        host.exec(&["ip", "link", "del", "cni0"]);
    }
}

#[test]
fn uml_a_port_can_keep_the_default_vlan() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.6.0") {
        return;
    }
    let host = Host::new();
    for (number, (keys, expected)) in [
        (json!({ "vlan": 100 }), "1 untagged; 100 pvid untagged"),
        (json!({ "vlanTrunk": [{ "id": 101 }] }), "1 pvid untagged; 101"),
    ]
    .into_iter()
    .enumerate()
    {
        let container = host.container(&format!("c{number}"));
        let net = bridge(&host, keys).with_config("preserveDefaultVlan", json!(true));
        let result = net.with_config("ipam", json!({})).add(&container, "eth0").succeeds().result();
        assert_eq!(membership(&host, port_of(&result)), expected);
    }
}

/// The reference crashes on it.
#[test]
fn uml_a_null_in_the_trunk_is_an_empty_element() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "vlanTrunk": [null, { "id": 7 }], "ipam": {} }));
    difference("bridge-trunk-null", || {
        let result = net.add(&c1, "eth0").succeeds().result();
        assert_eq!(membership(&host, port_of(&result)), "1 pvid untagged; 7");
    });
}

/// The reference leaves such a port without a VLAN for untagged frames.
#[test]
fn uml_the_native_vlan_stays_native_in_the_trunk() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let keys = json!({ "vlan": 100, "vlanTrunk": [{ "id": 100 }, { "id": 101 }], "ipam": {} });
    let result = bridge(&host, keys).add(&c1, "eth0").succeeds().result();
    difference("bridge-native-vlan-in-trunk", || {
        assert_eq!(membership(&host, port_of(&result)), "100 pvid untagged; 101");
    });
}

/// All 4094 VLANs take a moment, not 4094 requests.
#[test]
fn uml_a_trunk_can_have_every_vlan() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let keys = json!({ "vlanTrunk": [{ "minID": 1, "maxID": 4094 }], "ipam": {} });
    let result = bridge(&host, keys).add(&c1, "eth0").succeeds().result();
    let vlans = membership(&host, port_of(&result));
    assert!(vlans.starts_with("1 pvid untagged; 2; 3; "), "{vlans}");
    assert_eq!(vlans.split("; ").count(), 4094);
}

/// Frames stay in their VLAN.
#[test]
fn uml_containers_reach_their_own_vlan_only() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2, c3) = (host.container("c1"), host.container("c2"), host.container("c3"));
    let net = bridge(&host, json!({ "vlan": 100 }));
    net.add(&c1, "eth0").succeeds();
    net.add(&c2, "eth0").succeeds();
    net.with_config("vlan", json!(200)).add(&c3, "eth0").succeeds();
    c1.reaches(&c2, "10.1.2.3:80");
    c1.cannot_reach(&c3, "10.1.2.4:80", cni_testkit::Blocked::Silently);
}

/// The gateway of a VLAN is a device of its own, whose other end is a port in the VLAN.
#[test]
fn uml_a_vlan_has_its_own_gateway() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(
        &host,
        json!({ "vlan": 100, "isDefaultGateway": true,
                                    "vlanTrunk": [{ "id": 101 }] }),
    );
    let result = net.add(&c1, "eth0").succeeds().result();
    let interfaces = result["interfaces"].as_array().cloned().unwrap_or_default();
    assert_eq!(interfaces.len(), 4, "{result}");
    assert_eq!(
        (&interfaces[0]["name"], &interfaces[3]["name"]),
        (&json!("cni0"), &json!("cni0.100"))
    );
    assert_eq!(host.exec(&["ip", "-o", "link"]).lines().count(), 5);
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link <veth:2> up controller cni0
        link cni0 up
        link cni0.100 up
        addr 10.1.2.1/24 dev cni0.100
        route 10.1.2.0/24 dev cni0.100 scope link
    "#]]);
    c1.reaches(&host, "10.1.2.1:80");

    // Its peer is in the same VLAN, without the trunk.
    let links: Value = serde_json::from_str(&host.exec(&["ip", "-j", "-d", "link"])).expect("JSON");
    let links = links.as_array().expect("a list");
    let gateway = links.iter().find(|l| l["ifname"] == "cni0.100").expect("the gateway device");
    assert_eq!(gateway["linkinfo"]["info_kind"], "veth");
    let peer = gateway["link"].as_str().expect("its peer is here");
    assert_eq!(membership(&host, peer), "100 pvid untagged");

    // The second container uses the same device; DEL leaves it, like the bridge.
    net.add(&c2, "eth0").succeeds();
    net.check(&c2, "eth0").succeeds();
    net.del(&c1, "eth0").succeeds();
    net.del(&c2, "eth0").succeeds();
    host.shows(expect![[r#"
        link <veth:1> up controller cni0
        link cni0 up
        link cni0.100 up
        addr 10.1.2.1/24 dev cni0.100
        route 10.1.2.0/24 dev cni0.100 scope link
    "#]]);
}

/// Several VLANs on one bridge have gateways beside each other.
#[test]
fn uml_every_vlan_has_a_gateway() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "vlan": 100, "isDefaultGateway": true }));
    let keys = json!({ "name": "net2", "vlan": 200, "isDefaultGateway": true,
                       "ipam": { "type": "host-local", "subnet": "10.1.3.0/24" } });
    net.add(&c1, "eth0").succeeds();
    bridge(&host, keys).add(&c2, "eth0").succeeds();
    c1.reaches(&host, "10.1.2.1:80");
    c2.reaches(&host, "10.1.3.1:80");
    // Through the host, which forwards.
    c1.reaches(&c2, "10.1.3.2:80");
}

/// The gateway's name has to fit, and the attempt leaves nothing but the bridge.
#[test]
fn uml_a_gateway_name_can_be_too_long() {
    if lacks(Feature::BridgeVlanFiltering) || lacks_release("1.3.0") {
        return;
    }
    let host = Host::new();
    let c1 = host.container("c1");
    let keys = json!({ "bridge": "bridge-of-a-node", "vlan": 4000, "isGateway": true });
    let net = bridge(&host, keys).with_config("bridge", json!("bridge-of-node"));
    net.add(&c1, "eth0").fails_with(
        999,
        r#"failed to create vlan interface: faild to create vlan gateway "bridge-of-node.4000": "#,
    );
    difference("bridge-failed-add-leaves-nothing", || {
        c1.shows(expect![[""]]);
        host.shows(expect![["link bridge-of-node up\n"]]);
    });
}
