//! What is read, what is refused, and in which words.

use super::super::{AddResult, plugin_output_value};
use super::{compact, converted, read, refusal};
use crate::spec::version::SpecVersion;

#[test]
fn a_result_belongs_to_the_family_that_is_asked_for() {
    use SpecVersion::{V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0};
    let families = [
        (&[V0_1_0, V0_2_0][..], "[ 0.1.0 0.2.0]"),
        (&[V0_3_0, V0_3_1, V0_4_0], "[0.3.0 0.3.1 0.4.0]"),
        (&[V1_0_0, V1_1_0], "[1.0.0 1.1.0]"),
    ];
    for (family, listed) in families {
        for &version in family {
            for written in SpecVersion::ALL.iter().map(|v| v.as_str()).chain(["9.9.9", "", "1.0"]) {
                let document = format!("{{\"cniVersion\":\"{written}\"}}");
                let value = crate::spec::json::to_value(document.as_bytes()).expect("a document");
                let outcome = AddResult::from_value(&value, version);
                let belongs = family.iter().any(|v| v.as_str() == written)
                    || written.is_empty() && version.family() == V0_1_0.family();
                match outcome {
                    Ok(result) => assert!(belongs && result == AddResult::default(), "{document}"),
                    Err(error) => {
                        assert!(!belongs, "{document} as {version}");
                        assert_eq!(
                            error.msg,
                            format!(
                                "result type supports {listed} but unmarshalled CNIVersion is \"{written}\""
                            )
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn keys_match_in_any_case_and_unknown_ones_are_ignored() {
    let result = read(
        r#"{"cniVersion":"1.1.0","IPS":[{"Address":"10.1.0.5/24","version":4,"x":{}}],"ip":[1],"INTERFACES":[{"PCIid":"a"}]}"#,
    );
    assert_eq!(result.ips.len(), 1);
    assert_eq!(result.interfaces[0].pci_id, "a");
}

#[test]
fn wrong_values_are_told_in_the_words_of_the_reference() {
    for (document, version, text) in [
        (r#"{"cniVersion":"1.1.0","ips":[{"address":"x"}]}"#, "1.1.0", "invalid CIDR address: x"),
        (
            r#"{"cniVersion":"1.1.0","ips":[{"address":"1.2.3/45"}]}"#,
            "1.0.0",
            "invalid CIDR address: 1.2.3/45",
        ),
        (r#"{"cniVersion":"0.4.0","ips":[{"address":null}]}"#, "0.4.0", "invalid CIDR address: "),
        (r#"{"cniVersion":"0.4.0","routes":[{"dst":null}]}"#, "0.4.0", "invalid CIDR address: "),
        (r#"{"cniVersion":"0.2.0","ip4":{"ip":null}}"#, "0.2.0", "invalid CIDR address: "),
        (r#"{"ip4":{"ip":"1.2.3.4/99"}}"#, "0.1.0", "invalid CIDR address: 1.2.3.4/99"),
        (
            r#"{"cniVersion":"1.1.0","routes":[{"dst":"::/0","gw":"1.2.3.x"}]}"#,
            "1.1.0",
            "invalid IP address: 1.2.3.x",
        ),
    ] {
        let version = SpecVersion::find(version).expect("a version");
        assert_eq!(refusal(document, version), text, "{document}");
    }
    for document in [
        r#"{"cniVersion":"0.4.0","ips":[{"version":4}]}"#,
        r#"{"cniVersion":"0.4.0","ips":[{"address":5}]}"#,
        r#"{"cniVersion":"0.4.0","ips":{}}"#,
        r#"{"cniVersion":"0.4.0","interfaces":[{"name":1}]}"#,
        r#"{"cniVersion":"0.4.0","dns":[]}"#,
        r#"{"cniVersion":"0.4.0","routes":[{"dst":"::/0","mtu":1.5}]}"#,
    ] {
        assert!(refusal(document, SpecVersion::V0_4_0).starts_with("cannot read "), "{document}");
    }
}

/// The reference crashes on some of these and prints `null` for others.
#[test]
fn null_elements_are_refused() {
    for (version, key) in [
        ("0.2.0", "ip4\":{\"routes"),
        ("0.4.0", "interfaces"),
        ("0.4.0", "ips"),
        ("0.4.0", "routes"),
        ("1.1.0", "interfaces"),
        ("1.1.0", "ips"),
        ("1.1.0", "routes"),
    ] {
        let end = if version == "0.2.0" { "}}" } else { "}" };
        let document = format!("{{\"cniVersion\":\"{version}\",\"{key}\":[null]{end}");
        let version = SpecVersion::find(version).expect("a version");
        assert!(refusal(&document, version).starts_with("a list element is null in key "));
    }
}

#[test]
fn null_and_absent_mean_unset() {
    let nothing =
        read(r#"{"cniVersion":"1.1.0","interfaces":null,"ips":null,"routes":null,"dns":null}"#);
    assert_eq!(nothing, AddResult::default());
    let ip =
        read(r#"{"cniVersion":"1.1.0","ips":[{"gateway":null,"interface":null},{"gateway":""}]}"#);
    assert!(ip.ips.iter().all(|ip| ip.gateway.is_none() && ip.interface.is_none()));
    assert_eq!(read(r#"{"cniVersion":"0.2.0","ip4":null}"#), AddResult::default());
}

#[test]
fn addresses_keep_host_bits_and_are_written_canonically() {
    for (written, printed) in [
        ("10.2.3.1/24", "10.2.3.1/24"),
        ("2001:DB8:0:0::5/064", "2001:db8::5/64"),
        ("::ffff:10.1.0.5/120", "10.1.0.5/24"),
    ] {
        let document =
            format!("{{\"cniVersion\":\"1.1.0\",\"ips\":[{{\"address\":\"{written}\"}}]}}");
        assert_eq!(
            compact(&converted(&document, SpecVersion::V1_1_0)),
            document.replace(written, printed)
        );
    }
}

#[test]
fn integers_stay_exact() {
    let document = r#"{"cniVersion":"1.1.0","routes":[{"dst":"::/0","table":9007199254740993}]}"#;
    assert_eq!(compact(&converted(document, SpecVersion::V1_1_0)), document);
}

#[test]
fn a_plugins_answer_inherits_the_version_of_the_configuration() {
    let version_of = |output: &str, config: &str| {
        plugin_output_value(output.as_bytes(), config)
            .map(|value| value["cniVersion"].as_str().map(str::to_owned))
            .map_err(|error| error.to_string())
    };
    for (output, config, found) in [
        ("{}", "0.4.0", "0.4.0"),
        (r#"{"cniVersion":""}"#, "1.1.0", "1.1.0"),
        (r#"{"cniVersion":4}"#, "1.1.0", "1.1.0"),
        ("null", "1.0.0", "1.0.0"),
        ("{}", "", "0.1.0"),
        (r#"{"cniVersion":"0.3.1"}"#, "1.1.0", "0.3.1"),
    ] {
        assert_eq!(version_of(output, config), Ok(Some(found.to_owned())), "{output}");
    }
    for output in ["", "[]", "\"text\"", "4", "{} {}"] {
        let error = version_of(output, "1.1.0").expect_err(output);
        assert!(error.starts_with("failed to unmarshal raw result: "), "{error}");
    }
    assert_eq!(
        version_of("", "1.1.0"),
        Err("failed to unmarshal raw result: unexpected end of JSON input".to_owned())
    );
    let unknown = AddResult::from_plugin_output(br#"{"cniVersion":"9.9.9"}"#, "1.1.0");
    assert_eq!(
        unknown.expect_err("no such version").msg,
        "unsupported CNI result version \"9.9.9\""
    );
    let older = br#"{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.5/24"}}"#;
    let result = AddResult::from_plugin_output(older, "1.1.0").expect("an older result");
    assert_eq!(result.ips.len(), 1);
}
