//! Documents byte for byte.

use super::super::{AddResult, Dns, Interface, IpConfig, Route};
use super::example_dns;
use crate::spec::address::{Cidr, parse_ip};
use crate::spec::version::SpecVersion;

fn cidr(text: &str) -> Option<Cidr> {
    Some(text.parse().expect("an address"))
}

/// Two addresses, one route with everything and one with nothing.
fn example() -> AddResult {
    let ip = |address, gateway| IpConfig {
        interface: None,
        address: cidr(address),
        gateway: parse_ip(gateway).ok(),
    };
    AddResult {
        ips: vec![ip("10.1.0.5/24", "10.1.0.1"), ip("2001:db8::5/64", "2001:db8::1")],
        routes: vec![
            Route {
                dst: cidr("10.9.8.7/16"),
                gw: parse_ip("10.1.0.9").ok(),
                mtu: 1400,
                advmss: 1300,
                priority: 5,
                table: Some(0),
                scope: Some(253),
            },
            Route { dst: cidr("::/0"), ..Route::default() },
        ],
        ..AddResult::default()
    }
}

fn written(result: &AddResult, version: SpecVersion) -> String {
    result.to_document(version).expect("a document")
}

const IN_0_4_0: &str = r#"{
    "cniVersion": "0.4.0",
    "ips": [
        {
            "version": "4",
            "address": "10.1.0.5/24",
            "gateway": "10.1.0.1"
        },
        {
            "version": "6",
            "address": "2001:db8::5/64",
            "gateway": "2001:db8::1"
        }
    ],
    "routes": [
        {
            "dst": "10.9.8.7/16",
            "gw": "10.1.0.9",
            "mtu": 1400,
            "advmss": 1300,
            "priority": 5,
            "table": 0,
            "scope": 253
        },
        {
            "dst": "::/0"
        }
    ],
    "dns": {}
}"#;

const IN_1_1_0: &str = r#"{
    "cniVersion": "1.1.0",
    "ips": [
        {
            "address": "10.1.0.5/24",
            "gateway": "10.1.0.1"
        },
        {
            "address": "2001:db8::5/64",
            "gateway": "2001:db8::1"
        }
    ],
    "routes": [
        {
            "advmss": 1300,
            "dst": "10.9.8.7/16",
            "gw": "10.1.0.9",
            "mtu": 1400,
            "priority": 5,
            "scope": 253,
            "table": 0
        },
        {
            "dst": "::/0"
        }
    ]
}"#;

const IN_0_2_0: &str = r#"{
    "cniVersion": "0.2.0",
    "ip4": {
        "ip": "10.1.0.5/24",
        "gateway": "10.1.0.1",
        "routes": [
            {
                "dst": "10.9.8.7/16",
                "gw": "10.1.0.9"
            }
        ]
    },
    "ip6": {
        "ip": "2001:db8::5/64",
        "gateway": "2001:db8::1",
        "routes": [
            {
                "dst": "::/0"
            }
        ]
    },
    "dns": {}
}"#;

#[test]
fn every_version_has_the_layout_of_its_family() {
    for &version in SpecVersion::ALL {
        let (sample, of) = match version {
            SpecVersion::V0_1_0 | SpecVersion::V0_2_0 => (IN_0_2_0, "0.2.0"),
            SpecVersion::V0_3_0 | SpecVersion::V0_3_1 | SpecVersion::V0_4_0 => (IN_0_4_0, "0.4.0"),
            SpecVersion::V1_0_0 | SpecVersion::V1_1_0 => (IN_1_1_0, "1.1.0"),
        };
        assert_eq!(written(&example(), version), sample.replace(of, version.as_str()));
    }
}

#[test]
fn name_resolution_comes_last_or_in_alphabetical_order() {
    let result = AddResult { dns: example_dns(), ..example() };
    let ordered = r#"
    "dns": {
        "nameservers": [
            "10.1.0.1"
        ],
        "domain": "example.org",
        "search": [
            "a.example.org"
        ],
        "options": [
            "ndots:2"
        ]
    }
}"#;
    for version in [SpecVersion::V0_2_0, SpecVersion::V0_4_0] {
        let document = written(&result, version);
        assert!(document.ends_with(ordered), "{document}");
    }
    let sorted = r#"{
    "cniVersion": "1.1.0",
    "dns": {
        "domain": "example.org",
        "nameservers": [
            "10.1.0.1"
        ],
        "options": [
            "ndots:2"
        ],
        "search": [
            "a.example.org"
        ]
    },
    "ips": ["#;
    let document = written(&result, SpecVersion::V1_1_0);
    assert!(document.starts_with(sorted), "{document}");
}

/// What 1.1.0 added to interfaces is told by 1.0.0, too, and by no older version.
#[test]
fn interfaces_lose_their_newer_keys_in_0_4_0() {
    let result = AddResult {
        interfaces: vec![
            Interface {
                name: "eth0".to_owned(),
                mac: "02:00:00:00:00:01".to_owned(),
                mtu: 1400,
                sandbox: "/run/netns/c1".to_owned(),
                socket_path: "/run/vhost".to_owned(),
                pci_id: "0000:00:1f.6".to_owned(),
            },
            Interface::default(),
        ],
        ips: vec![IpConfig { interface: Some(0), address: cidr("10.1.0.5/24"), gateway: None }],
        ..AddResult::default()
    };
    let newer = r#"{
    "cniVersion": "1.0.0",
    "interfaces": [
        {
            "mac": "02:00:00:00:00:01",
            "mtu": 1400,
            "name": "eth0",
            "pciID": "0000:00:1f.6",
            "sandbox": "/run/netns/c1",
            "socketPath": "/run/vhost"
        },
        {
            "name": ""
        }
    ],
    "ips": [
        {
            "address": "10.1.0.5/24",
            "interface": 0
        }
    ]
}"#;
    assert_eq!(written(&result, SpecVersion::V1_0_0), newer);
    assert_eq!(written(&result, SpecVersion::V1_1_0), newer.replace("1.0.0", "1.1.0"));
    let older = r#"{
    "cniVersion": "0.3.1",
    "interfaces": [
        {
            "name": "eth0",
            "mac": "02:00:00:00:00:01",
            "sandbox": "/run/netns/c1"
        },
        {
            "name": ""
        }
    ],
    "ips": [
        {
            "version": "4",
            "interface": 0,
            "address": "10.1.0.5/24"
        }
    ],
    "dns": {}
}"#;
    assert_eq!(written(&result, SpecVersion::V0_3_1), older);
}

#[test]
fn empty_results_need_0_3_0() {
    let empty = AddResult::default();
    assert_eq!(written(&empty, SpecVersion::V1_1_0), "{\n    \"cniVersion\": \"1.1.0\"\n}");
    assert_eq!(
        written(&empty, SpecVersion::V0_3_0),
        "{\n    \"cniVersion\": \"0.3.0\",\n    \"dns\": {}\n}"
    );
    let only_interfaces =
        AddResult { interfaces: vec![Interface::default()], ..AddResult::default() };
    for version in [SpecVersion::V0_1_0, SpecVersion::V0_2_0] {
        for result in [&empty, &only_interfaces] {
            let error = result.to_document(version).expect_err("nothing to say");
            assert_eq!(
                (error.code.0, error.to_string().as_str()),
                (999, "cannot convert: no valid IP addresses")
            );
        }
    }
}

#[test]
fn indexes_are_written_as_they_are_and_unset_addresses_as_nil() {
    let ip = |interface| IpConfig { interface, ..IpConfig::default() };
    let result =
        AddResult { ips: vec![ip(Some(0)), ip(Some(-1)), ip(None)], ..AddResult::default() };
    let newer = r#"{
    "cniVersion": "1.1.0",
    "ips": [
        {
            "address": "\u003cnil\u003e",
            "interface": 0
        },
        {
            "address": "\u003cnil\u003e",
            "interface": -1
        },
        {
            "address": "\u003cnil\u003e"
        }
    ]
}"#;
    assert_eq!(written(&result, SpecVersion::V1_1_0), newer);
    let older = written(&result, SpecVersion::V0_4_0);
    assert!(older.contains("\"version\": \"6\",\n            \"interface\": 0,"), "{older}");
}

#[test]
fn text_is_escaped_as_inside_html() {
    let text = "<a> & \"b\" \\ / \n\r\t\u{8}\u{c}\u{1}\u{1f}\u{7f}é\u{2028}\u{2029}";
    let result = AddResult {
        dns: Dns { domain: text.to_owned(), ..Dns::default() },
        ..AddResult::default()
    };
    let escaped = r#""domain": "\u003ca\u003e \u0026 \"b\" \\ / \n\r\t\b\f\u0001\u001f"#.to_owned()
        + "\u{7f}é"
        + r#"\u2028\u2029""#;
    for version in [SpecVersion::V0_4_0, SpecVersion::V1_1_0] {
        let document = written(&result, version);
        assert!(document.contains(&escaped), "{document}");
    }
}
