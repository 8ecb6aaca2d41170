//! Configurations and what is found in them, on no machine in particular.

use expect_test::{Expect, expect};

use crate::validate::finding::Finding;
use crate::validate::network::Networks;

/// What is found in files, one finding a line.
fn found(files: &[(&str, &str)]) -> String {
    let mut networks = Networks::new(None);
    for (path, text) in files {
        networks.check_bytes(path, text.as_bytes());
    }
    networks.finish().iter().map(|finding: &Finding| format!("{finding}\n")).collect()
}

/// Checks a bridge with these keys, which begin in the second line.
fn bridge(keys: &str, expected: Expect) {
    let text = format!(r#"{{ "cniVersion": "1.1.0", "name": "n", "type": "bridge",{keys}}}"#);
    expected.assert_eq(&found(&[("a.conf", &text)]));
}

/// Checks a list of these plugins, which begin in the second line.
fn list(plugins: &str, expected: Expect) {
    let text = format!(r#"{{ "cniVersion": "1.1.0", "name": "n", "plugins": [{plugins}]}}"#);
    expected.assert_eq(&found(&[("a.conflist", &text)]));
}

#[test]
fn unknown_keys_are_told_with_what_was_probably_meant() {
    bridge(
        r#"
        "isGatway": true, "subnet": "10.0.0.0/8", "x-mine": 1, "args": { "labels": [] },
        "ipam": { "type": "host-local", "subnet": "10.0.0.0/8", "isGateway": 1, "rangestart": null },
        "dns": { "servers": [] }"#,
        expect![[r#"
            a.conf:2:9: error: bridge has no key "isGatway"; is "isGateway" meant? [misspelt-key]
            a.conf:2:27: error: bridge has no key "subnet" here, but "ipam.subnet" [misplaced-key]
            a.conf:2:51: warning: bridge has no key "x-mine"; it is ignored [unknown-key]
            a.conf:3:65: error: bridge has no key "isGateway"; is "gateway" meant? [misspelt-key]
            a.conf:3:81: warning: the key "rangestart" is read as "rangeStart" [key-case]
            a.conf:3:95: warning: null is as if "rangeStart" was not written [null]
            a.conf:4:18: warning: bridge has no key "servers"; it is ignored [unknown-key]
        "#]],
    );
    // What others read is not known.
    list(
        r#"
        { "type": "my-plugin", "anything": 1, "ipam": { "anything": 2 }, "capabilities": { "mac": 1 } },
        { "type": "bridge", "brigde": "x", "ipam": { "type": "my-ipam", "anything": 3 } }"#,
        expect![[r#"
            a.conflist:2:99: error: cannot read 1 as boolean in key capabilities.mac [wrong-type]
            a.conflist:3:29: error: bridge has no key "brigde"; is "bridge" meant? [misspelt-key]
        "#]],
    );
}

#[test]
fn leniency_is_pointed_out() {
    bridge(
        r#"
        "MTU": 1400, "vlan": 1, "VLAN": 2, "bridge": null,
        "IPAM": { "Type": "host-local", "subnet": "10.0.0.0/8" }"#,
        expect![[r#"
            a.conf:2:9: warning: the key "MTU" is read as "mtu" [key-case]
            a.conf:2:33: warning: the key "VLAN" is read as "vlan" [key-case]
            a.conf:2:33: warning: "vlan" is written more than once; the last one counts [duplicate-key]
            a.conf:2:54: warning: null is as if "bridge" was not written [null]
            a.conf:3:9: warning: the key "IPAM" is read as "ipam" [key-case]
            a.conf:3:19: warning: the key "Type" is read as "type" [key-case]
        "#]],
    );
}

#[test]
fn every_wrong_type_is_told_and_does_not_hide_the_rest() {
    bridge(
        r#"
        "mtu": "1500", "isGateway": 1, "vlanTrunk": [{ "id": 1.5 }, 7], "capabilities": { "mac": "yes" },
        "vlan": 5000, "ipam": { "type": "host-local", "ranges": [{ "subnet": "10.0.0.0/8" }], "subnet": "x" }"#,
        expect![[r#"
            a.conf:2:16: error: cannot read "1500" as integer in key mtu [wrong-type]
            a.conf:2:37: error: cannot read 1 as boolean in key isGateway [wrong-type]
            a.conf:2:62: error: cannot read 1.5 as integer in key vlanTrunk.0.id [wrong-type]
            a.conf:2:69: error: cannot read 7 as object in key vlanTrunk.1 [wrong-type]
            a.conf:2:98: error: cannot read "yes" as boolean in key capabilities.mac [wrong-type]
            a.conf:3:17: error: bridge: invalid VLAN ID 5000 (must be between 0 and 4094) [refused]
            a.conf:3:66: error: cannot read object as array in key ipam.ranges.0 [wrong-type]
            a.conf:3:105: error: host-local: invalid CIDR address: x [refused]
        "#]],
    );
}

#[test]
fn contradictions_are_the_plugins_own_words_in_their_places() {
    bridge(
        r#"
        "hairpinMode": true, "promiscMode": true,
        "vlanTrunk": [{ "minID": 5, "maxID": 3 }, { "minID": 4 }],
        "ipMasq": true, "ipMasqBackend": "nft", "disableContainerInterface": true,
        "ipam": { "type": "static", "addresses": [{ "address": "10.0.0.1" }, { "address": "10.0.0.2/33" }] }"#,
        expect![[r#"
            a.conf:2:45: error: bridge: cannot set hairpin mode and promiscuous mode at the same time [refused]
            a.conf:3:46: error: bridge: minID is greater than maxID in trunk parameter [refused]
            a.conf:3:62: error: bridge: minID and maxID should be configured simultaneously, maxID is missing [refused]
            a.conf:4:42: warning: "nft" is none of iptables, nftables [unknown-word]
            a.conf:5:27: error: bridge: cannot use IPAM when DisableContainerInterface flag is set [refused]
            a.conf:5:64: error: static: the 'address' field is expected to be in CIDR notation, got: '10.0.0.1' [refused]
            a.conf:5:91: error: static: the 'address' field is expected to be in CIDR notation, got: '10.0.0.2/33' [refused]
        "#]],
    );
}

#[test]
fn each_plugin_judges_its_configuration() {
    list(
        r#"
        { "type": "bridge" },
        { "type": "ptp" },
        { "type": "ptp" },
        { "type": "dummy" },
        { "type": "macvlan", "mode": "brige", "mac": "02:00" },
        { "type": "ipvlan", "mode": "l4" },
        { "type": "vlan" },
        { "type": "vlan", "master": "eth0", "vlanId": 4095 },
        { "type": "tap", "mtu": -1 },
        { "type": "host-device" },
        { "type": "host-device", "capabilities": { "deviceID": true } },
        { "type": "loopback" },
        { "type": "bandwidth", "ingressRate": 8, "egressBurst": 8 },
        { "type": "firewall", "ingressPolicy": "closed", "iptablesAdminChainName": "a b" },
        { "type": "portmap", "capabilities": { "portMappings": true }, "markMasqBit": 32, "backend": "x" },
        { "type": "portmap", "capabilities": { "portMappings": true }, "conditionsV4": ["ip", ";"] },
        { "type": "sbr", "gateways": ["10.0.0.1", "10.0.0.2"] },
        { "type": "tuning", "sysctl": { "net.ipv4.ip_forward": "1", "kernel.x": "2" } },
        { "type": "tuning", "sysctl": { "net.x": "1", "net.x": "2" }, "txQLen": -1 },
        { "type": "vrf", "vrfname": "a/b" },
        { "type": "macvlan", "ipam": { "type": "dhcp", "provide": [{ "option": "hostname" }] } },
        { "type": "flannel", "delegate": { "hairpinMode": true, "promiscMode": true } }"#,
        expect![[r#"
            a.conflist:3:19: error: ptp: no plugin name provided [refused]
            a.conflist:4:19: error: ptp: no plugin name provided [refused]
            a.conflist:5:19: error: dummy: dummy interface requires an IPAM configuration [refused]
            a.conflist:6:38: error: macvlan: unknown macvlan mode: "brige" [refused]
            a.conflist:6:54: error: macvlan: invalid args 02:00 for MAC addr: address 02:00: invalid MAC address [refused]
            a.conflist:7:37: error: ipvlan: unknown ipvlan mode: "l4" [refused]
            a.conflist:8:19: error: vlan: "master" field is required. It specifies the host interface name to create the VLAN for [refused]
            a.conflist:9:55: error: vlan: invalid VLAN ID 4095 (must be between 0 and 4095 inclusive) (vlanId is 0 to 4094; 4095 is reserved) [refused]
            a.conflist:10:33: error: tap: invalid MTU -1: it cannot be negative or so large [refused]
            a.conflist:11:19: error: host-device: specify either "device", "hwaddr", "kernelpath" or "pciBusID" [refused]
            a.conflist:14:47: error: bandwidth: if rate is set, burst must also be set (ingressRate is 8 and ingressBurst is 0) [refused]
            a.conflist:14:65: error: bandwidth: if burst is set, rate must also be set (egressRate is 0 and egressBurst is 8) [refused]
            a.conflist:15:48: error: firewall: unknown ingress policy: "closed" [refused]
            a.conflist:15:84: error: firewall: iptablesAdminChainName "a b" cannot be the name of a chain [refused]
            a.conflist:16:87: error: portmap: MasqMarkBit must be between 0 and 31 [refused]
            a.conflist:16:102: error: portmap: unrecognized backend "x" [refused]
            a.conflist:17:95: error: portmap: invalid conditionsV4 ";": ";" in it [refused]
            a.conflist:18:51: error: sbr: gateways list contains multiple IPv4 addresses: 10.0.0.1 and 10.0.0.2 [refused]
            a.conflist:19:81: error: tuning: invalid net sysctl key: "kernel/x" [refused]
            a.conflist:20:64: error: tuning: duplicated sysctl keys are not allowed (the key "net.x" occurs more than once in sysctl) [refused]
            a.conflist:20:81: error: tuning: txQLen -1 is out of range [refused]
            a.conflist:21:37: error: vrf: cmdAdd failed: could not add VRF a/b: invalid argument (invalid interface name "a/b": it contains '/', ':' or white space) [refused]
            a.conflist:22:80: error: dhcp: error calling DHCP.Allocate: Can not parse option "hostname": Can not parse option: strconv.ParseUint: parsing "hostname": invalid syntax [refused]
            a.conflist:23:80: error: bridge: cannot set hairpin mode and promiscuous mode at the same time [refused]
        "#]],
    );
}

#[test]
fn ranges_are_judged_and_compared() {
    bridge(
        r#"
        "ipam": { "type": "host-local", "ranges": [
            [{ "subnet": "10.1.2.3/24" }, { "subnet": "10.2.0.0/24", "rangeStart": "10.2.0.9", "rangeEnd": "10.2.0.3" }],
            [{ "subnet": "10.3.0.0/31" }]
        ] }"#,
        expect![[r#"
            a.conf:3:26: error: host-local: invalid range set 0: Network has host bits set. For a subnet mask of length 24 the network address is 10.1.2.0 [refused]
            a.conf:3:84: error: host-local: invalid range set 0: RangeStart 10.2.0.9 not in network 10.2.0.0/24 [refused]
            a.conf:4:26: error: host-local: invalid range set 1: Network 10.3.0.0/31 too small to allocate from [refused]
        "#]],
    );
    bridge(
        r#"
        "ipam": { "type": "host-local", "ranges": [
            [{ "subnet": "10.1.0.0/16", "gateway": "10.2.0.1" }],
            [{ "subnet": "10.1.2.0/24" }]
        ] }"#,
        expect![[r#"
            a.conf:3:52: warning: gateway 10.2.0.1 is outside of 10.1.0.0/16 [gateway]
            a.conf:4:13: error: host-local: range set 0 overlaps with 1 [refused]
        "#]],
    );
    bridge(
        r#""ipam": { "type": "host-local" }"#,
        expect![[r#"
        a.conf:1:64: error: host-local: no IP ranges specified [refused]
    "#]],
    );
    bridge(
        r#""capabilities": { "ipRanges": true }, "ipam": { "type": "host-local" }"#,
        expect![""],
    );
    // Plugins of one network know what the others have given out.
    let ptp = r#"{ "type": "ptp", "ipam": { "type": "host-local", "subnet": "10.0.0.0/8" } }"#;
    list(&format!("{ptp}, {ptp}"), expect![""]);
    let network = |name: &str, subnet: &str, folder: &str| {
        format!(
            r#"{{ "cniVersion": "1.1.0", "name": "{name}", "type": "ptp",
            "ipam": {{ "type": "host-local", "dataDir": "{folder}", "ranges": [[{{ "subnet": "{subnet}" }}]] }} }}"#
        )
    };
    expect![[r#"
        b.conf:2:86: warning: 10.1.2.1-10.1.2.254 overlaps with 10.1.0.1-10.1.255.254 of network "a" in a.conf:2:86, and neither knows what the other has given out [overlapping-ranges]
        d.conf:1:34: error: network "a" is also in a.conf:1:34 [duplicate-name]
    "#]].assert_eq(&found(&[
        ("a.conf", &network("a", "10.1.0.0/16", "/x")),
        ("b.conf", &network("b", "10.1.2.0/24", "/x")),
        ("c.conf", &network("c", "10.2.0.0/16", "/x")),
        ("d.conf", &network("a", "fd00::/64", "/x")),
    ]));
}

#[test]
fn lists_have_rules_of_their_own() {
    let lists = [
        r#"{ "name": "a", "plugins": [] }"#,
        r#"{ "cniVersion": "1.2.3", "plugins": [{ "type": "bridge" }] }"#,
        r#"{ "cniVersion": "1.0.0", "name": "a/b", "disableCheck": 1, "plugins": [{ "type": "bridge" }] }"#,
        r#"{ "cniVersion": "1.0.0", "name": "b", "disablegc": true, "args": {}, "x": 1, "plugins": [{}] }"#,
        r#"{ "cniVersion": "1.0.0", "name": "c", "cniVersions": ["one"], "plugins": { "type": "bridge" } }"#,
        r#"{ "cniVersion": 1, "name": 5, "plugins": [{ "type": 7 }] }"#,
        r#"{ "cniVersion": "1.0.0", "name": "d" }"#,
        r#"{ "cniVersion": "1.0.0", "name": "e", "type": "bridge" }"#,
        r#"{ "cniVersion": "0.3.0", "name": "f", "name": "g", "plugins": [{ "type": "ptp", "ipam": { "type": "static" } }, { "type": "vrf", "vrfname": "v" }] }"#,
    ];
    let named: Vec<(String, &str)> =
        lists.iter().enumerate().map(|(i, text)| (format!("{i}.conflist"), *text)).collect();
    let files: Vec<(&str, &str)> =
        named.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    expect![[r#"
        0.conflist:1:1: warning: without "cniVersion" it is 0.1.0, which knows no CHECK and no lists of addresses [version]
        0.conflist:1:27: error: error parsing configuration list: no plugins in list [list]
        1.conflist:1:1: error: error parsing configuration list: no name [list]
        1.conflist:1:17: error: "1.2.3" is no version of the specification; there are 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0 [version]
        2.conflist:1:34: error: invalid characters found in network name [name]
        2.conflist:1:57: error: error parsing configuration list: invalid type float64 for disableCheck [list]
        3.conflist:1:39: error: a list has no key "disablegc"; is "disableGC" meant? [misspelt-key]
        3.conflist:1:70: warning: a list has no key "x"; it is ignored [unknown-key]
        3.conflist:1:89: error: failed to parse plugin config 0: error parsing configuration: missing 'type' [list]
        4.conflist:1:55: error: error parsing configuration list: invalid cniVersions entry one at index 0: failed to convert major version part "one": strconv.Atoi: parsing "one": invalid syntax [list]
        4.conflist:1:74: error: error parsing configuration list: invalid 'plugins' type map[string]interface {} [list]
        5.conflist:1:17: error: cannot read 1 as string in key cniVersion [wrong-type]
        5.conflist:1:28: error: error parsing configuration list: invalid name type float64 [list]
        6.conflist:1:1: error: no plugin configs found [list]
        7.conflist:1:1: error: the configuration of a single plugin belongs into a file that ends with .conf [file-name]
        8.conflist:1:17: error: incompatible CNI versions: config is "0.3.0", vrf supports 0.3.1, 0.4.0, 1.0.0, 1.1.0 [version]
        8.conflist:1:39: warning: "name" is written more than once; the last one counts [duplicate-key]
    "#]].assert_eq(&found(&files));
    expect![[r#"
        a.conf:1:1: error: a list of plugins belongs into a file that ends with .conflist [file-name]
        b.json:1:1: error: missing 'type' [list]
        c.json:1:1: error: missing network name [name]
        c.json:1:17: error: "0.9" is no version of the specification; there are 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0 [version]
    "#]].assert_eq(&found(&[
        ("a.conf", r#"{ "cniVersion": "1.0.0", "name": "a", "plugins": [{ "type": "bridge" }] }"#),
        ("b.json", r#"{ "cniVersion": "1.0.0", "name": "b" }"#),
        ("c.json", r#"{ "cniVersion": "0.9", "type": "bridge" }"#),
    ]));
}

#[test]
fn plugins_are_in_their_order_and_of_use() {
    list(
        r#"
        { "type": "portmap" },
        { "type": "bandwidth" },
        { "type": "host-local", "ipam": { "subnet": "10.0.0.0/8" } },
        { "type": "bridge", "ipam": { "type": "ptp" } },
        { "type": "bridge", "ipam": { "type": "host-locl", "subnet": "10.0.0.0/8" } },
        { "type": "bridge", "ipam": { "subnet": "10.0.0.0/8" }, "capabilities": { "mac": true, "ips": true } },
        { "type": "brigde" },
        { "type": "firewall", "backend": "firewal", "ipam": {}, "dns": {} },
        { "type": "tuning", "mtu": 20 }"#,
        expect![[r#"
            a.conflist:2:19: error: portmap has to follow a plugin that makes an interface [plugin-order]
            a.conflist:2:19: warning: without "capabilities": {"portMappings": true} the runtime tells portmap nothing, and it does nothing [missing-capability]
            a.conflist:3:19: warning: without "capabilities": {"bandwidth": true} the runtime tells bandwidth nothing, and it does nothing [missing-capability]
            a.conflist:4:19: warning: host-local makes no interface; it is for the key "ipam" of others [plugin-order]
            a.conflist:5:47: error: ptp hands out no addresses [plugin-order]
            a.conflist:6:47: warning: "host-locl" is not a plugin of this set; is "host-local" meant? [unknown-plugin]
            a.conflist:7:37: warning: without "type" no addresses are handed out [no-ipam-type]
            a.conflist:7:96: warning: bridge makes nothing of capability "ips" [unused-capability]
            a.conflist:8:19: warning: "brigde" is not a plugin of this set; is "bridge" meant? [unknown-plugin]
            a.conflist:9:42: warning: "firewal" is none of iptables, nftables, firewalld [unknown-word]
            a.conflist:9:61: warning: firewall has no use for "ipam" [unused-key]
            a.conflist:9:72: warning: firewall has no use for "dns" [unused-key]
            a.conflist:10:36: warning: an MTU is 68 to 65535 bytes, or 0 for the kernel's choice [mtu]
        "#]],
    );
    // On top of what another plugin answered.
    let text = r#"{ "cniVersion": "1.1.0", "name": "n", "type": "sbr", "prevResult": {} }"#;
    expect![""].assert_eq(&found(&[("a.conf", text)]));
}

#[test]
fn mistakes_of_syntax_have_line_and_column() {
    for (text, expected) in [
        (
            "{\n  \"name\": \"x\"\n  \"type\": \"bridge\"\n}",
            expect![[r#"
            a.conf:3:3: error: expected `,` or `}` [syntax]
        "#]],
        ),
        (
            "{ // mine\n}",
            expect![[r#"
                a.conf:1:3: error: key must be a string; JSON has no comments [syntax]
            "#]],
        ),
        (
            "\u{feff}{}",
            expect![[r#"
            a.conf:1:1: error: expected value; the file begins with a byte order mark [syntax]
        "#]],
        ),
        (
            "[]",
            expect![[r#"
            a.conf:1:1: error: a configuration is an object [syntax]
        "#]],
        ),
        (
            "",
            expect![[r#"
            a.conf:1:1: error: EOF while parsing a value [syntax]
        "#]],
        ),
    ] {
        expected.assert_eq(&found(&[("a.conf", text)]));
    }
    let mut networks = Networks::new(None);
    networks.check_bytes("a.conf", b"{\"name\":\"n\",\"type\":\"bridge\",\"bridge\":\"\xff\"}");
    assert_eq!(networks.finish()[0].rule, "encoding");
}
