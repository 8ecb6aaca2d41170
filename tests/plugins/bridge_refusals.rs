//! bridge: configurations and surroundings it refuses, with nothing left behind.

use cni_testkit::{Host, difference, lacks_release};
use serde_json::{Value, json};

use crate::networks::bridge;

/// Refuses an ADD with exactly this message and an untouched world.
///
/// The reference validates some of it after the bridge has been made, so its world is not looked at.
#[track_caller]
fn refuses(keys: Value, arguments: Option<&str>, msg: &str) {
    let host = Host::new();
    let c1 = host.container("c1");
    let mut net = bridge(&host, keys);
    if let Some(arguments) = arguments {
        net = net.with_args(arguments);
    }
    let before = host.world();
    net.add(&c1, "eth0").fails(999, msg);
    if !cni_testkit::against_reference() {
        assert_eq!(host.world(), before);
        assert_eq!(c1.shown(), "");
    }
}

#[test]
fn vlan_is_between_0_and_4094() {
    for vlan in [-100, -1, 4095, 5000] {
        let msg = format!("invalid VLAN ID {vlan} (must be between 0 and 4094)");
        refuses(json!({ "vlan": vlan }), None, &msg);
    }
}

#[test]
fn vlan_trunk_elements_are_ranges_or_ids() {
    if lacks_release("1.3.0") {
        return;
    }
    let missing = "minID and maxID should be configured simultaneously";
    for (element, msg) in [
        (json!({ "minID": -1, "maxID": 5 }), "incorrect trunk minID parameter".to_owned()),
        (json!({ "minID": 5000, "maxID": 5 }), "incorrect trunk minID parameter".to_owned()),
        (json!({ "minID": 0, "maxID": 5 }), "incorrect trunk minID parameter".to_owned()),
        (json!({ "minID": 1, "maxID": -1 }), "incorrect trunk maxID parameter".to_owned()),
        (json!({ "minID": 1, "maxID": 5000 }), "incorrect trunk maxID parameter".to_owned()),
        (
            json!({ "minID": 9, "maxID": 8 }),
            "minID is greater than maxID in trunk parameter".to_owned(),
        ),
        (json!({ "maxID": 8 }), format!("{missing}, minID is missing")),
        (json!({ "minID": 8 }), format!("{missing}, maxID is missing")),
        (json!({ "id": -1 }), "incorrect trunk id parameter".to_owned()),
        (json!({ "id": 0 }), "incorrect trunk id parameter".to_owned()),
        (json!({ "id": 5000 }), "incorrect trunk id parameter".to_owned()),
        (json!({ "id": 1, "minID": 8 }), format!("{missing}, maxID is missing")),
    ] {
        refuses(json!({ "vlanTrunk": [{ "id": 7 }, element] }), None, &msg);
    }
}

/// What is wrong in several ways is told in the reference's order.
#[test]
fn the_first_mistake_is_the_one_told() {
    if lacks_release("1.3.0") {
        return;
    }
    let all = json!({ "vlan": 5000, "vlanTrunk": [{ "id": 0 }], "disableContainerInterface": true,
                      "hairpinMode": true, "promiscMode": true });
    let steps = [
        ("vlan", json!(0), "invalid VLAN ID 5000 (must be between 0 and 4094)"),
        ("vlanTrunk", json!([]), "incorrect trunk id parameter"),
    ];
    let mut keys = all;
    for (key, right, msg) in steps {
        refuses(keys.clone(), Some("BAD"), msg);
        keys[key] = right;
    }
    refuses(keys.clone(), Some("BAD"), r#"ARGS: invalid pair "BAD""#);
    let msg = "cannot use IPAM when DisableContainerInterface flag is set";
    refuses(keys.clone(), None, msg);
    keys["disableContainerInterface"] = json!(false);
    refuses(keys, None, "cannot set hairpin mode and promiscuous mode at the same time");
}

#[test]
fn arguments_are_pairs_that_are_known() {
    for (arguments, msg) in [
        ("MAC", r#"ARGS: invalid pair "MAC""#),
        ("MAC=02:00:00:00:00:01;", r#"ARGS: invalid pair """#),
        ("MAC=a=b", r#"ARGS: invalid pair "MAC=a=b""#),
        ("K8S_POD_NAME=x;B=y", r#"ARGS: unknown args ["K8S_POD_NAME=x" "B=y"]"#),
        ("mac=02:00:00:00:00:01", r#"ARGS: unknown args ["mac=02:00:00:00:00:01"]"#),
        ("IgnoreUnknown=0;B=y", r#"ARGS: unknown args ["B=y"]"#),
        (
            "IgnoreUnknown=Yes",
            "ARGS: error parsing value of pair \"IgnoreUnknown=Yes\": \
          boolean unmarshal error: invalid input yes",
        ),
    ] {
        refuses(json!({}), Some(arguments), msg);
    }
}

#[test]
fn hardware_addresses_are_of_a_known_form() {
    for mac in ["nonsense", "02:00:00:00:00", "02:00:00:00:00:0g"] {
        let msg = format!("failed to make veth pair: address {mac}: invalid MAC address");
        refuses(json!({ "runtimeConfig": { "mac": mac } }), None, &msg);
    }
}

#[test]
fn values_are_of_their_type() {
    for (key, value) in [
        ("bridge", json!(7)),
        ("mtu", json!("1400")),
        ("mtu", json!(1400.5)),
        ("isGateway", json!("true")),
        ("vlan", json!([])),
        ("args", json!("x")),
        ("ipam", json!([])),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ key: value }));
        let failure = net.add(&c1, "eth0").fails_with(999, "failed to load netconf: ");
        assert!(host.shown().is_empty(), "{key}: {}", failure.msg);
    }
}

#[test]
fn bridge_names_are_interface_names() {
    let long = "cni0123456789012";
    let msg = format!(
        "failed to create bridge \"{long}\": could not add \"{long}\": numerical result out of range"
    );
    refuses(json!({ "bridge": long }), None, &msg);
    let msg = "failed to create bridge \"\": could not add \"\": LinkAttrs.Name cannot be empty";
    refuses(json!({ "bridge": "" }), None, msg);
    let msg = "failed to create bridge \"a/b\": could not add \"a/b\": invalid argument";
    refuses(json!({ "bridge": "a/b" }), None, msg);
}

#[test]
fn a_bridge_has_to_be_a_bridge() {
    let host = Host::new();
    let c1 = host.container("c1");
    host.sh("ip link add cni0 type veth peer name other; ip link set cni0 up");
    let before = host.world();
    bridge(&host, json!({ "promiscMode": true }))
        .add(&c1, "eth0")
        .fails(999, r#"failed to create bridge "cni0": "cni0" already exists but is not a bridge"#);
    if !cni_testkit::against_reference() {
        assert_eq!(host.world(), before);
    }
}

#[test]
fn a_missing_namespace_is_told_by_its_path() {
    for (path, cause) in [
        ("/run/netns/none", "failed to Statfs \"/run/netns/none\": no such file or directory"),
        ("/run/plain", "unknown FS magic on \"/run/plain\": 1021994"),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        host.exec(&["touch", "/run/plain"]);
        let net = bridge(&host, json!({})).with_env("CNI_NETNS", path);
        let before = host.world();
        let msg = format!("failed to open netns \"{path}\": {cause}");
        net.add(&c1, "eth0").fails(999, &msg);
        difference("bridge-guards-before-effects", || assert_eq!(host.world(), before));
    }
}

/// The interface of the first ADD, its lease and its rules survive the second.
#[test]
fn a_taken_name_leaves_its_owner_alone() {
    let host = Host::new();
    let c1 = host.container("c1");
    let net = bridge(&host, json!({ "isGateway": true, "ipMasq": true }));
    net.add(&c1, "eth0").succeeds();
    let (before, inside) = (host.world(), c1.shown());
    let again = net.add(&c1, "eth0").fails_with(999, "already exists");
    if !lacks_release("1.2.0") {
        let start = "container veth name (\"eth0\") peer provided (\"veth";
        let as_known = again.msg.starts_with(start) && again.msg.ends_with("\") already exists");
        assert!(as_known, "{}", again.msg);
    }
    assert_eq!(host.world(), before);
    assert_eq!(c1.shown(), inside);
    c1.reaches(&host, "10.1.2.1:80");
}

#[test]
fn the_ipam_plugin_has_to_exist() {
    for (name, msg) in [
        ("nowhere", "failed to find plugin \"nowhere\" in path ["),
        ("../host-local", "invalid plugin name: ../host-local"),
    ] {
        let host = Host::new();
        let c1 = host.container("c1");
        let net = bridge(&host, json!({ "ipam": { "type": name } }));
        let before = host.world();
        net.add(&c1, "eth0").fails_with(999, msg);
        difference("bridge-guards-before-effects", || assert_eq!(host.world(), before));
    }
}

/// A network of one usable address, asked for a second one.
#[test]
fn an_exhausted_range_leaves_nothing() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let keys = json!({ "isGateway": true, "ipMasq": true, "macspoofchk": true,
                       "ipam": { "type": "host-local", "subnet": "10.1.2.0/30" } });
    let net = bridge(&host, keys);
    net.add(&c1, "eth0").succeeds();
    let before = host.world();
    net.add(&c2, "eth0")
        .fails_with(999, "no IP addresses available in range set: 10.1.2.1-10.1.2.2");
    difference("bridge-failed-add-leaves-nothing", || {
        assert_eq!(host.world(), before);
        assert_eq!(c2.shown(), "");
    });
    net.check(&c1, "eth0").succeeds();
}

/// A store without room for one more byte.
#[test]
fn a_full_disk_leaves_nothing() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true, "ipMasq": true }));
    host.sh("mkdir -p /var/lib/cni/networks
             mount -t tmpfs -o size=64k tmpfs /var/lib/cni/networks");
    net.add(&c1, "eth0").succeeds();
    host.sh("cat /dev/zero >/var/lib/cni/networks/filler 2>/dev/null || true");
    let before = host.world();
    let failed = net.add(&c2, "eth0").fails_with(999, "no space left on device");
    difference("bridge-failed-add-leaves-nothing", || {
        assert_eq!(host.world(), before, "{}", failed.msg);
        assert_eq!(c2.shown(), "");
    });
    net.check(&c1, "eth0").succeeds();
}

/// An MTU that no veth pair can have is refused by the kernel.
#[test]
fn an_impossible_mtu_leaves_nothing_but_the_bridge() {
    let host = Host::new();
    let (c1, c2) = (host.container("c1"), host.container("c2"));
    let net = bridge(&host, json!({ "isGateway": true }));
    net.add(&c1, "eth0").succeeds();
    let before = host.world();
    net.with_config("mtu", json!(70_000))
        .add(&c2, "eth0")
        .fails(999, "failed to make veth pair: invalid argument");
    assert_eq!(host.world(), before);
}
