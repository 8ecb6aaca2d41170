//! Tables of configurations and plans.

use cni_core::runtime::Command;
use cni_core::{Attachment, Invocation};
use serde_json::{Value, json};

use super::*;

/// The eight mappings of the reference's own vectors.
pub(crate) fn mappings() -> Value {
    let mapping = |host: u16, container: u16, protocol: &str, ip: &str| json!({ "hostPort": host, "containerPort": container, "protocol": protocol, "hostIP": ip });
    json!([
        mapping(8080, 80, "tcp", ""),
        mapping(8081, 80, "tcp", ""),
        mapping(8080, 81, "udp", ""),
        mapping(8082, 82, "udp", ""),
        mapping(8083, 83, "tcp", "192.168.0.2"),
        mapping(8084, 84, "tcp", "0.0.0.0"),
        mapping(8085, 85, "tcp", "2001:db8:a::1"),
        mapping(8086, 86, "tcp", "::")
    ])
}

/// The request for the container `icee6giejonei6so` on the network `test` with these keys.
pub(crate) fn request(keys: Value) -> Request<Conf> {
    let mut conf = json!({
        "cniVersion": "1.0.0", "name": "test", "type": "portmap",
        "runtimeConfig": { "portMappings": mappings() },
        "prevResult": {
            "interfaces": [{ "name": "host" }, { "name": "eth0", "sandbox": "/netns" }],
            "ips": [
                { "interface": 1, "address": "2001:db8::2/64" },
                { "interface": 0, "address": "10.0.0.1/24" },
                { "interface": 1, "address": "10.0.0.2/24" },
                { "interface": 1, "address": "10.0.0.3/24" }
            ]
        }
    });
    for (key, value) in keys.as_object().expect("keys are an object") {
        conf[key] = value.clone();
    }
    let invocation = Invocation {
        command: Command::Add,
        attachment: Attachment {
            container_id: "icee6giejonei6so".to_owned(),
            ifname: "eth0".to_owned(),
            ..Attachment::default()
        },
        args: String::new(),
        path: String::new(),
        own_netns_allowed: false,
        stdin: conf.to_string().into_bytes().into(),
    };
    Request::load(&invocation, "").expect("a configuration")
}

/// The plan for these keys on a host where iptables works.
pub(crate) fn plan(keys: Value) -> Plan {
    Plan::new(&request(keys), || Backend::Iptables).expect("a plan")
}

fn refused(keys: Value, probed: Backend) -> String {
    let shown = keys.to_string();
    match Plan::new(&request(keys), || probed) {
        Ok(_) => panic!("{shown} was accepted"),
        Err(error) => error.msg,
    }
}

#[test]
fn the_first_address_of_each_family_that_is_the_containers_is_taken() {
    let containers = |keys| {
        let targets = plan(keys).targets;
        targets.iter().map(|target| target.container.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(containers(json!({})), ["10.0.0.2/24", "2001:db8::2/64"]);
    let ips =
        |ips: Value| json!({ "prevResult": { "interfaces": [{ "name": "eth0" }], "ips": ips } });
    assert_eq!(containers(ips(json!([{ "address": "10.0.0.2/24", "interface": 0 }]))), [""; 0]);
    for index in [json!(null), json!(-1), json!(7)] {
        let ip = json!([{ "address": "10.0.0.2/24", "interface": index }]);
        assert_eq!(containers(ips(ip)), ["10.0.0.2/24"]);
    }
    let mapped = ips(json!([{ "address": "::ffff:10.0.0.2/120" }]));
    assert_eq!(containers(mapped), ["10.0.0.2/24"]);
    assert_eq!(containers(json!({ "prevResult": null })), [""; 0]);
}

#[test]
fn senders_are_replaced_unless_told_otherwise() {
    let replaced = |always, mark| Source::Replaced { always, mark };
    for (keys, source) in [
        (json!({}), replaced(false, Mark::Bits(0x2000))),
        (json!({ "snat": null, "masqAll": true }), replaced(true, Mark::Bits(0x2000))),
        (json!({ "markMasqBit": 0 }), replaced(false, Mark::Bits(1))),
        (json!({ "MarkMasqBit": 31 }), replaced(false, Mark::Bits(0x8000_0000))),
        (json!({ "externalSetMarkChain": "EXT" }), replaced(false, Mark::By("EXT".to_owned()))),
        (json!({ "snat": false, "masqAll": true }), Source::Kept),
    ] {
        assert_eq!(plan(keys).source, source);
    }
}

#[test]
fn the_backend_is_probed_only_where_options_make_it_matter() {
    let never = || panic!("nothing to find out");
    for (backend, chosen) in [
        (json!(null), Backend::Preferred),
        (json!("iptables"), Backend::Iptables),
        (json!("nftables"), Backend::Nftables),
    ] {
        let request = request(json!({ "backend": backend, "conditionsV4": [""] }));
        assert_eq!(Plan::new(&request, never).expect("a plan").backend, chosen);
    }
    let nftables = json!({ "conditionsV6": ["ip6", "daddr", "fd00::/8"] });
    let probed = Plan::new(&request(nftables.clone()), || Backend::Nftables);
    assert_eq!(probed.expect("a plan").backend, Backend::Nftables);
    assert_eq!(
        refused(nftables, Backend::Iptables),
        "iptables backend was requested but configuration contains nftables-specific options \
         [conditionsV6]"
    );
    assert_eq!(
        refused(json!({ "externalSetMarkChain": "EXT" }), Backend::Nftables),
        "nftables backend was requested but configuration contains iptables-specific options \
         [externalSetMarkChain]"
    );
}

#[test]
fn the_first_mistake_is_told() {
    let wrong = json!({ "portMappings": [{ "hostPort": 0, "containerPort": 0 }] });
    for (keys, msg) in [
        (
            json!({ "markMasqBit": 99, "externalSetMarkChain": "EXT", "backend": "pf" }),
            "Cannot specify externalSetMarkChain and markMasqBit",
        ),
        (json!({ "markMasqBit": 99, "backend": "pf" }), "MasqMarkBit must be between 0 and 31"),
        (json!({ "backend": "pf", "runtimeConfig": wrong }), "unrecognized backend \"pf\""),
        (json!({ "runtimeConfig": wrong }), "Invalid container port number: 0"),
    ] {
        assert_eq!(refused(keys, Backend::Iptables), msg);
    }
}
