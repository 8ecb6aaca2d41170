//! Tables: which addresses come of which sources.

use cni_core::spec::json;

use super::*;

/// The addresses in the words of `Display`, or the error's message.
fn plan(cni_version: &str, conf: &str, cni_args: &str) -> Result<Vec<String>, String> {
    let conf = json::from_slice::<Conf>(conf.as_bytes()).expect("mistakes are kept for later");
    let plan = Plan::new(&conf, cni_version, cni_args).map_err(|error| error.msg)?;
    Ok(plan.addresses.iter().map(Address::to_string).collect())
}

#[track_caller]
fn gives(conf: &str, cni_args: &str, addresses: &[&str]) {
    let found = plan("1.1.0", conf, cni_args);
    let wanted = addresses.iter().map(|address| (*address).to_owned()).collect();
    assert_eq!(found, Ok(wanted), "{conf} {cni_args}");
}

#[track_caller]
fn fails(conf: &str, cni_args: &str, message: &str) {
    assert_eq!(plan("1.1.0", conf, cni_args), Err(message.to_owned()), "{conf} {cni_args}");
}

const ONE: &str = r#"{"ipam":{"addresses":[{"address":"10.1.0.5/24"}]}}"#;
const NONE: &str = r#"{"ipam":{}}"#;

#[test]
fn configured_addresses_keep_their_order_host_bits_and_gateways() {
    gives(NONE, "", &[]);
    gives(
        r#"{"ipam":{"addresses":[
            {"address":"3ffe:ffff:0:1ff::1/64","gateway":"3ffe:ffff:0::1"},
            {"address":"10.10.0.1/24","gateway":"10.10.0.254"},
            {"address":"10.10.0.1/24","gateway":""}]}}"#,
        "",
        &[
            "3ffe:ffff:0:1ff::1/64 with gateway 3ffe:ffff::1",
            "10.10.0.1/24 with gateway 10.10.0.254",
            "10.10.0.1/24",
        ],
    );
}

#[test]
fn a_gateway_need_not_be_in_the_subnet() {
    gives(
        r#"{"ipam":{"addresses":[{"address":"10.1.0.5/32","gateway":"2001:db8::1"}]}}"#,
        "",
        &["10.1.0.5/32 with gateway 2001:db8::1"],
    );
}

#[test]
fn mapped_addresses_are_ipv4() {
    gives(r#"{"ipam":{"addresses":[{"address":"::ffff:10.1.0.5/120"}]}}"#, "", &["10.1.0.5/24"]);
    gives(NONE, "IP=::ffff:10.1.0.5/64", &["10.1.0.5/0"]);
    gives(
        NONE,
        "IP=::ffff:10.1.0.5/120;GATEWAY=::ffff:10.1.0.1",
        &["10.1.0.5/24 with gateway 10.1.0.1"],
    );
}

#[test]
fn cni_args_append_and_their_gateways_go_to_their_own_addresses() {
    gives(
        ONE,
        "IP=10.2.0.1/24, 10.3.0.1/24;GATEWAY=10.2.0.254,10.3.0.254,10.1.0.1",
        &[
            "10.1.0.5/24",
            "10.2.0.1/24 with gateway 10.2.0.254",
            "10.3.0.1/24 with gateway 10.3.0.254",
        ],
    );
    gives(
        NONE,
        "GATEWAY=10.2.0.1, 10.2.0.2 ,::1;IP= 10.2.0.5/24 ,10.2.0.6/24",
        &["10.2.0.5/24 with gateway 10.2.0.2", "10.2.0.6/24 with gateway 10.2.0.2"],
    );
    gives(NONE, "IP=;GATEWAY=", &[]);
    gives(NONE, "IgnoreUnknown=1;K8S_POD_NAME=x;IP=10.2.0.5/24", &["10.2.0.5/24"]);
}

#[test]
fn the_runtime_replaces_args_which_replace_the_rest() {
    let args = r#""args":{"cni":{"ips":["10.8.0.1/24"]}}"#;
    let runtime = r#""RuntimeConfig":{"ips":["10.9.0.1/24","2001:db8::9/64"]}"#;
    let ipam = r#""ipam":{"addresses":[{"address":"10.1.0.5/24","gateway":"10.1.0.1"}]}"#;
    let cni_args = "IP=10.2.0.1/24;GATEWAY=10.2.0.254";
    gives(&format!("{{{ipam},{args}}}"), cni_args, &["10.8.0.1/24"]);
    gives(&format!("{{{ipam},{args},{runtime}}}"), cni_args, &["10.9.0.1/24", "2001:db8::9/64"]);
    let empty = r#""runtimeConfig":{"ips":[]},"args":{"cni":{"ips":null}}"#;
    gives(&format!("{{{ipam},{empty}}}"), "", &["10.1.0.5/24 with gateway 10.1.0.1"]);
}

#[test]
fn replaced_addresses_of_the_configuration_may_be_wrong_and_no_others() {
    let bad = r#""ipam":{"addresses":[{"address":"bad"}]}"#;
    gives(&format!(r#"{{{bad},"runtimeConfig":{{"ips":["10.0.0.1/8"]}}}}"#), "", &["10.0.0.1/8"]);
    fails(
        r#"{"ipam":{},"args":{"cni":{"ips":["x"]}},"runtimeConfig":{"ips":["10.0.0.1/8"]}}"#,
        "",
        "an entry in the 'ips' field is NOT in CIDR notation, got: 'x'",
    );
    fails(
        r#"{"ipam":{},"runtimeConfig":{"ips":["10.0.0.1/8"]}}"#,
        "IP=10.1.0.1",
        "the 'ip' field is expected to be in CIDR notation, got: '10.1.0.1'",
    );
}

#[test]
fn each_source_has_its_own_words_for_what_is_no_address() {
    let field = "the 'address' field is expected to be in CIDR notation, got:";
    fails(r#"{"ipam":{"addresses":[{"address":"10.1.0.5"}]}}"#, "", &format!("{field} '10.1.0.5'"));
    for nothing in ["null", "{}", r#"{"address":null}"#] {
        let conf = format!(r#"{{"ipam":{{"addresses":[{nothing}]}}}}"#);
        fails(&conf, "", &format!("{field} ''"));
    }
    let ip = "the 'ip' field is expected to be in CIDR notation, got:";
    fails(NONE, "IP=10.1.0.5/24, x ", &format!("{ip} 'x'"));
    fails(NONE, "IP=10.1.0.5/24,", &format!("{ip} ''"));
    fails(NONE, "IP=10.1.0.5/24;GATEWAY=10.1.0.1, y", "invalid gateway address:  y");
    let ips = "an entry in the 'ips' field is NOT in CIDR notation, got:";
    for (list, shown) in
        [(r#"["10.1.0.5"]"#, "10.1.0.5"), (r#"[" ::1/8"]"#, " ::1/8"), ("[null]", "")]
    {
        let message = format!("{ips} '{shown}'");
        fails(&format!(r#"{{"ipam":{{}},"runtimeConfig":{{"ips":{list}}}}}"#), "", &message);
        fails(&format!(r#"{{"ipam":{{}},"args":{{"cni":{{"ips":{list}}}}}}}"#), "", &message);
    }
}

#[test]
fn mistakes_are_told_in_the_order_of_the_sources() {
    let missing = "IPAM config missing 'ipam' key";
    fails("{}", "IP=bad", missing);
    fails(r#"{"ipam":null,"runtimeConfig":{"ips":["bad"]}}"#, "", missing);
    let all_bad = r#"{"ipam":{"addresses":[{}]},"args":{"cni":{"ips":["a"]}},
        "runtimeConfig":{"ips":["r"]}}"#;
    fails(all_bad, "IP", "ARGS: invalid pair \"IP\"");
    fails(all_bad, "X=1", "ARGS: unknown args [\"X=1\"]");
    fails(all_bad, "GATEWAY=g;IP=i", "the 'ip' field is expected to be in CIDR notation, got: 'i'");
    fails(all_bad, "GATEWAY=g", "invalid gateway address: g");
    fails(all_bad, "", "an entry in the 'ips' field is NOT in CIDR notation, got: 'a'");
}

#[test]
fn old_versions_take_one_address_of_each_family() {
    let two = "IP=10.10.0.1/24,11.11.0.1/24";
    let one_each = "IP=10.10.0.1/24,2001:db8::1/64";
    let mapped = "IP=10.10.0.1/24,::ffff:10.10.0.2/120";
    let refused = |version: &str| {
        Err(format!("CNI version {version} does not support more than 1 address per family"))
    };
    for version in ["", "0.1.0", "0.2.0"] {
        assert_eq!(plan(version, NONE, two), refused(version));
        assert_eq!(plan(version, NONE, "IP=::1/64,::2/64"), refused(version));
        assert_eq!(plan(version, NONE, mapped), refused(version));
        assert_eq!(plan(version, NONE, one_each).map(|found| found.len()), Ok(2));
    }
    for version in ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"] {
        assert_eq!(plan(version, NONE, two).map(|found| found.len()), Ok(2));
    }
}
