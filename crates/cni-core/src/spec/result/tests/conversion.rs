//! From every family to every other; the newest one is the model in between.

use super::super::AddResult;
use super::{compact, converted, example_dns, read};
use crate::spec::json;
use crate::spec::version::SpecVersion::{self, V0_1_0, V0_2_0, V0_4_0, V1_0_0, V1_1_0};

const OLD: &str = r#"{"cniVersion":"0.2.0","dns":{"domain":"d"},"ip4":{"gateway":"10.1.0.1","ip":"10.1.0.5/24","routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.9"}]},"ip6":{"ip":"2001:db8::5/64","routes":[{"dst":"::/0","gw":"2001:db8::1"}]}}"#;

const OLD_IN_0_4_0: &str = r#"{"cniVersion":"0.4.0","dns":{"domain":"d"},"ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1","version":"4"},{"address":"2001:db8::5/64","version":"6"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.9"},{"dst":"::/0","gw":"2001:db8::1"}]}"#;

const OLD_IN_1_1_0: &str = r#"{"cniVersion":"1.1.0","dns":{"domain":"d"},"ips":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"},{"address":"2001:db8::5/64"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"10.9.0.0/16","gw":"10.1.0.9"},{"dst":"::/0","gw":"2001:db8::1"}]}"#;

const NEW: &str = r#"{"cniVersion":"1.1.0","dns":{"domain":"d"},"interfaces":[{"mac":"02:00:00:00:00:01","mtu":1400,"name":"eth0","pciID":"p","sandbox":"/n","socketPath":"/s"}],"ips":[{"address":"2001:db8::5/64","interface":0},{"address":"10.1.0.5/24","gateway":"10.1.0.1","interface":0},{"address":"10.1.0.6/24"}],"routes":[{"advmss":1,"dst":"::/0","gw":"2001:db8::1","mtu":2,"priority":3,"scope":0,"table":0},{"dst":"10.9.0.0/16"}]}"#;

const NEW_IN_0_4_0: &str = r#"{"cniVersion":"0.4.0","dns":{"domain":"d"},"interfaces":[{"mac":"02:00:00:00:00:01","name":"eth0","sandbox":"/n"}],"ips":[{"address":"2001:db8::5/64","interface":0,"version":"6"},{"address":"10.1.0.5/24","gateway":"10.1.0.1","interface":0,"version":"4"},{"address":"10.1.0.6/24","version":"4"}],"routes":[{"advmss":1,"dst":"::/0","gw":"2001:db8::1","mtu":2,"priority":3,"scope":0,"table":0},{"dst":"10.9.0.0/16"}]}"#;

const NEW_IN_0_2_0: &str = r#"{"cniVersion":"0.2.0","dns":{"domain":"d"},"ip4":{"gateway":"10.1.0.1","ip":"10.1.0.5/24","routes":[{"dst":"10.9.0.0/16"}]},"ip6":{"ip":"2001:db8::5/64","routes":[{"dst":"::/0","gw":"2001:db8::1"}]}}"#;

/// Each sample in each version of each family; `from` and `to` may be any of theirs.
#[test]
fn every_family_becomes_every_other() {
    let table = [
        (OLD, [OLD, OLD_IN_0_4_0, OLD_IN_1_1_0]),
        (OLD_IN_0_4_0, [OLD, OLD_IN_0_4_0, OLD_IN_1_1_0]),
        (OLD_IN_1_1_0, [OLD, OLD_IN_0_4_0, OLD_IN_1_1_0]),
        (NEW, [NEW_IN_0_2_0, NEW_IN_0_4_0, NEW]),
    ];
    for (document, [old, middle, new]) in table {
        for from in SpecVersion::ALL.iter().filter(|v| v.family() == version(document).family()) {
            let document = document.replace(version(document).as_str(), from.as_str());
            for &to in SpecVersion::ALL {
                let expected = [old, middle, new]
                    .into_iter()
                    .find(|sample| version(sample).family() == to.family())
                    .expect("one sample of each family");
                assert_eq!(
                    compact(&converted(&document, to)),
                    expected.replace(version(expected).as_str(), to.as_str()),
                    "{from} to {to}"
                );
            }
        }
    }
}

/// The version a sample is written in.
fn version(document: &str) -> SpecVersion {
    let value = json::to_value(document.as_bytes()).expect("a document");
    SpecVersion::find(value["cniVersion"].as_str().expect("a version")).expect("a version")
}

#[test]
fn there_and_back_again_nothing_is_lost() {
    assert_eq!(read(&converted(OLD, V0_4_0)), read(OLD));
    assert_eq!(compact(&converted(&converted(OLD, V0_4_0), V0_2_0)), OLD);
    assert_eq!(compact(&converted(&converted(NEW, V1_0_0), V1_1_0)), NEW);
}

#[test]
fn a_version_left_out_by_the_oldest_family_is_0_1_0() {
    let value = json::to_value(br#"{"ip4":{"ip":"10.1.0.5/24"}}"#).expect("a document");
    let result = AddResult::from_value(&value, V0_2_0).expect("an old result");
    assert_eq!(
        compact(&result.to_document(V0_1_0).expect("an old result")),
        r#"{"cniVersion":"0.1.0","dns":{},"ip4":{"ip":"10.1.0.5/24"}}"#
    );
}

#[test]
fn a_route_without_an_address_of_its_family_is_lost_in_0_2_0() {
    let document = r#"{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.5/24"}],"routes":[{"dst":"::/0"},{"dst":"0.0.0.0/0"}]}"#;
    assert_eq!(
        compact(&converted(document, V0_2_0)),
        r#"{"cniVersion":"0.2.0","dns":{},"ip4":{"ip":"10.1.0.5/24","routes":[{"dst":"0.0.0.0/0"}]}}"#
    );
}

/// An address that is IPv4 inside IPv6 counts as IPv4, and what was called IPv6 by mistake, too.
#[test]
fn the_address_tells_its_family() {
    let mapped = r#"{"cniVersion":"1.1.0","ips":[{"address":"::ffff:10.1.0.5/120"}]}"#;
    assert_eq!(
        compact(&converted(mapped, V0_4_0)),
        r#"{"cniVersion":"0.4.0","dns":{},"ips":[{"address":"10.1.0.5/24","version":"4"}]}"#
    );
    let mislabelled = r#"{"cniVersion":"0.4.0","ips":[{"address":"10.1.0.5/24","version":"6"}]}"#;
    assert!(converted(mislabelled, V0_2_0).contains("\"ip4\""));
}

#[test]
fn name_resolution_survives_every_conversion() {
    let result = AddResult { dns: example_dns(), ..read(OLD) };
    for &version in SpecVersion::ALL {
        let document = result.to_document(version).expect("addresses for every version");
        assert_eq!(read(&document).dns, example_dns(), "{version}");
    }
}
